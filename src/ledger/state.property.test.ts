import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Value } from "../protocol/codec.ts";
import { utf8, compareBytes } from "../kit/bytes.ts";
import { compareKeys } from "./key-order.ts";
import { snapshotChunks, stateOfChunks } from "./snapshot.ts";
import { BaseState, createOverlay, decodeChanges, encodeChanges } from "./state.ts";
import type { Overlay, StateView } from "./types.ts";

fc.configureGlobal({ seed: 4464, numRuns: 150 });

const key = fc
  .integer({ min: 0, max: 40 })
  .map((number) => `${number % 2 === 0 ? "even" : "odd"}/${number}é${"\u{1f600}".repeat(number % 3)}`);
const writes = fc.array(fc.tuple(key, fc.option(fc.integer({ min: 0, max: 9 }), { nil: undefined })), { maxLength: 30 });
type Writes = readonly (readonly [string, number | undefined])[];

function write(overlay: Overlay, changes: Writes): void {
  for (const [name, value] of changes) {
    if (value === undefined) overlay.delete(name);
    else overlay.set(name, [value]);
  }
}

function expectContent(state: StateView, content: ReadonlyMap<string, Value>): void {
  const sorted = [...content].sort(([a], [b]) => compareBytes(utf8(a), utf8(b)));
  expect(state.list("", undefined, 1000)).toEqual(sorted);
  const even = sorted.filter(([name]) => name.startsWith("even/"));
  expect(state.list("even/", undefined, 3)).toEqual(even.slice(0, 3));
  expect(state.list("even/", even[0]?.[0] ?? "even/", 5)).toEqual(even.slice(1, 6));
  expect(state.root()).toEqual(new BaseState(sorted).root());
}

function modelOf(layers: readonly Writes[]): Map<string, Value> {
  const content = new Map<string, Value>();
  for (const [name, value] of layers.flat()) {
    if (value === undefined) content.delete(name);
    else content.set(name, [value]);
  }
  return content;
}

describe("overlays", () => {
  it("read, list and hash as if every change had been made directly, before and after they are finalized", () => {
    fc.assert(
      fc.property(fc.array(writes, { minLength: 1, maxLength: 6 }), (layers) => {
        const base = new BaseState([]);
        const overlays: Overlay[] = [];
        for (const [index, layer] of layers.entries()) {
          const overlay = createOverlay(overlays.at(-1) ?? base);
          write(overlay, layer);
          expectContent(overlay, modelOf(layers.slice(0, index + 1)));
          overlays.push(overlay);
        }
        for (const [index, overlay] of overlays.entries()) {
          base.finalize(overlay);
          expectContent(base, modelOf(layers.slice(0, index + 1)));
          expectContent(overlays.at(-1)!, modelOf(layers));
        }
      }),
    );
  });

  it("roll back to a mark as if what followed it had never been", () => {
    fc.assert(
      fc.property(writes, writes, writes, (before, undone, after) => {
        const base = new BaseState([["even/0", 1]]);
        const overlay = createOverlay(base);
        write(overlay, before);
        const mark = overlay.mark();
        write(overlay, undone);
        overlay.root();
        overlay.rollback(mark);
        write(overlay, after);
        const content = modelOf([before, after]);
        const touched = [...before, ...after].some(([name]) => name === "even/0");
        if (!touched) content.set("even/0", 1);
        expectContent(overlay, content);
      }),
    );
  });

  it("are undone by what finalizing them gave, through bytes", () => {
    fc.assert(
      fc.property(writes, writes, (first, second) => {
        const base = new BaseState([]);
        const below = createOverlay(base);
        write(below, first);
        base.finalize(below);
        const root = base.root();
        const overlay = createOverlay(base);
        write(overlay, second);
        const changes = decodeChanges(encodeChanges(overlay.changes()));
        const undo = base.finalize(overlay);
        const after = base.root();
        base.apply(decodeChanges(encodeChanges(undo)));
        expect(base.root()).toEqual(root);
        expectContent(base, modelOf([first]));
        base.apply(changes);
        expect(base.root()).toEqual(after);
      }),
    );
  });

  it("come back from a snapshot's bytes with the same root", () => {
    fc.assert(
      fc.property(writes, (changes) => {
        const base = new BaseState([]);
        const overlay = createOverlay(base);
        write(overlay, changes);
        base.finalize(overlay);
        const again = stateOfChunks([...snapshotChunks(base, 64)]);
        expect(again.root()).toEqual(base.root());
        expectContent(again, modelOf([changes]));
      }),
    );
  });

  it("of a dropped branch are never read again, and give their nodes back", () => {
    const base = new BaseState([["a", 1]]);
    const winner = createOverlay(base);
    winner.set("b", 2);
    const loser = createOverlay(base);
    loser.set("c", 3);
    const above = createOverlay(loser);
    above.set("d", 4);
    above.root();
    base.finalize(winner);
    expect(() => loser.get("a")).toThrow("dropped branch");
    expect(() => above.get("a")).toThrow("dropped branch");
    expect(base.tree.nodesUsed).toBe(
      new BaseState([
        ["a", 1],
        ["b", 2],
      ]).tree.nodesUsed,
    );
  });
});

it("keys compare as their UTF-8 bytes do", () => {
  const text = fc.string({ unit: "binary", maxLength: 6 });
  fc.assert(
    fc.property(text, text, (a, b) => {
      expect(Math.sign(compareKeys(a, b))).toBe(Math.sign(compareBytes(utf8(a), utf8(b))));
    }),
  );
});
