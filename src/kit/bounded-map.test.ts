import { describe, expect, it } from "vitest";
import { BoundedMap } from "./bounded-map.ts";

describe("a bounded map", () => {
  it("lets the oldest go when there are too many", () => {
    const map = new BoundedMap<string, number>(2);
    for (const [index, key] of ["a", "b", "a", "c"].entries()) map.set(key, index);
    expect([...map.entries()]).toEqual([
      ["a", 2],
      ["c", 3],
    ]);
  });

  it("lets the oldest go when they weigh too much, however many they are", () => {
    const map = new BoundedMap<string, number>(10, { max: 100, of: (entry) => entry });
    for (const [key, weight] of [
      ["a", 40],
      ["b", 40],
      ["c", 30],
      ["b", 10],
      ["d", 60],
    ] as const)
      map.set(key, weight);
    expect([...map.entries()]).toEqual([
      ["c", 30],
      ["b", 10],
      ["d", 60],
    ]);
    map.delete("c");
    map.set("e", 30);
    expect(map.size).toBe(3);
    map.clear();
    map.set("f", 100);
    expect([...map.entries()]).toEqual([["f", 100]]);
  });

  it("does not keep what alone weighs too much", () => {
    const map = new BoundedMap<string, number>(10, { max: 100, of: (entry) => entry });
    map.set("a", 101);
    expect(map.size).toBe(0);
  });
});
