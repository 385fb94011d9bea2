import { describe, expect, it } from "vitest";
import { NEIGHBOURS } from "./bounds.ts";
import { surplusOf } from "./links.ts";

const SELF = "m";
/** Peers in the order in which they linked, each with so many other neighbours. */
const linked = (names: string, others: number): { peer: string; neighbours: string[] }[] =>
  names.split("").map((peer) => ({ peer, neighbours: Array.from({ length: others }, (_, index) => `${peer}${index}`) }));
const ENOUGH = NEIGHBOURS.wanted;

describe("links above the bound", () => {
  it("are none as long as there are no more than are kept", () => {
    expect(surplusOf(SELF, linked("nopqrstu", ENOUGH))).toEqual([]);
  });

  it("are given up newest first, and only as many as are too many", () => {
    expect(surplusOf(SELF, linked("nopqrstuvw", ENOUGH))).toEqual(["w", "v"]);
  });

  it("stay where the peer would be left with fewer than it wants, or is the one to give up", () => {
    expect(surplusOf(SELF, linked("nopqrstuvw", ENOUGH - 1))).toEqual([]);
    expect(surplusOf(SELF, linked("abcdefghij", ENOUGH))).toEqual([]);
    expect(surplusOf(SELF, [...linked("n", ENOUGH), ...linked("abcdefghij", ENOUGH)])).toEqual(["n"]);
  });
});
