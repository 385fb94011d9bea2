import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { decode, encode, type Value } from "../protocol/codec.ts";
import type { Hash } from "../protocol/identifiers.ts";
import { shapeOf } from "../protocol/refusal.ts";
import { SnapshotReader, snapshotChunks, stateOfChunks } from "./snapshot.ts";
import { BaseState } from "./state.ts";
import { pathOf } from "./tree.ts";

fc.configureGlobal({ seed: 4464, numRuns: 150 });

const entries = fc.uniqueArray(
  fc.tuple(
    fc.integer({ min: 0, max: 400 }).map((number) => `key/${number}`),
    fc.oneof(fc.integer({ min: 0, max: 9 }), fc.uint8Array({ maxLength: 40 })),
  ),
  { selector: ([key]) => key, maxLength: 120 },
);
const chunkBytes = fc.integer({ min: 1, max: 800 });

const chunksOf = (content: readonly (readonly [string, Value])[], bytes: number): { state: BaseState; chunks: readonly Uint8Array[] } => {
  const state = new BaseState(content);
  return { state, chunks: [...snapshotChunks(state, bytes)] };
};

function readAll(root: Hash, chunks: readonly Uint8Array[]): SnapshotReader {
  const reader = new SnapshotReader(root);
  for (const chunk of chunks) reader.add(chunk);
  return reader;
}

/** It has come to the end, and holds what is in these chunks and nothing else. */
function expectWhole(reader: SnapshotReader, chunks: readonly Uint8Array[]): void {
  expect(reader.next).toBeNull();
  expect(reader.bytes).toBe(chunks.reduce((sum, chunk) => sum + chunk.length, 0));
  for (const [key, value] of (stateOfChunks(chunks) as BaseState).entries()) expect(reader.get(key)).toEqual(value);
}

/** What the reader says to this in the place of chunk `at`; it must go on afterwards as if nothing had been. */
function refusalAt(root: Hash, chunks: readonly Uint8Array[], at: number, changed: Uint8Array): string {
  const reader = readAll(root, chunks.slice(0, at));
  let code = "taken";
  try {
    reader.add(changed);
  } catch (error) {
    ({ code } = shapeOf(error));
  }
  if (code === "taken") return code;
  for (const chunk of chunks.slice(at)) reader.add(chunk);
  expectWhole(reader, chunks);
  return code;
}

const NOT_TAKEN = /^(encoding-invalid|schema-invalid|snapshot-invalid|unknown-version)$/;

describe("a snapshot of the state in chunks", () => {
  it("makes the same state again, whatever is in it and however it is cut", () => {
    fc.assert(
      fc.property(entries, chunkBytes, (content, bytes) => {
        const { state, chunks } = chunksOf(content, bytes);
        const reader = readAll(state.root(), chunks);
        expectWhole(reader, chunks);
        const again = stateOfChunks(chunks);
        expect(again.root()).toEqual(state.root());
        expect([...snapshotChunks(again, bytes)]).toEqual(chunks);
      }),
    );
  });

  it("of nothing is one chunk, and of one entry, too", () => {
    for (const content of [[], [["key", 1] as const]]) {
      const { state, chunks } = chunksOf(content, 1);
      expect(chunks).toHaveLength(1);
      expectWhole(readAll(state.root(), chunks), chunks);
      expect(stateOfChunks(chunks).size).toBe(content.length);
    }
  });

  it("is cut where a chunk would have more than it may, and never within an entry", () => {
    const content = Array.from({ length: 50 }, (_, index): readonly [string, Value] => [
      `key/${index}`,
      new Uint8Array(index === 7 ? 5000 : 90),
    ]);
    const { chunks } = chunksOf(content, 1000);
    expect(chunks.length).toBeGreaterThan(5);
    for (const chunk of chunks) {
      const [, , , list] = decode(chunk, 1_000_000) as readonly [unknown, unknown, unknown, readonly [string, Uint8Array][]];
      const most = Math.max(...list.map(([, value]) => value.length));
      expect(list.reduce((sum, [, value]) => sum + value.length, 0)).toBeLessThanOrEqual(Math.max(1000, most));
    }
  });

  it("is not taken with any one byte changed, and then goes on with the right chunk", () => {
    fc.assert(
      fc.property(entries, chunkBytes, fc.nat(), fc.nat(), fc.integer({ min: 1, max: 255 }), (content, bytes, which, where, flip) => {
        const { state, chunks } = chunksOf(content, bytes);
        const at = which % chunks.length;
        const changed = chunks[at]!.slice();
        changed[where % changed.length]! ^= flip;
        expect(refusalAt(state.root(), chunks, at, changed)).toMatch(NOT_TAKEN);
      }),
    );
  });

  type Parts = [version: Value, from: Value, to: Value, entries: readonly Value[], tokens: readonly Value[]];
  const lies: readonly (readonly [what: string, lie: (parts: Parts) => Parts])[] = [
    ["an entry left out", ([version, from, to, list, tokens]) => [version, from, to, list.slice(1), tokens]],
    ["an entry twice", ([version, from, to, list, tokens]) => [version, from, to, [list[0]!, ...list], tokens]],
    ["entries turned round", ([version, from, to, list, tokens]) => [version, from, to, list.toReversed(), tokens]],
    ["an entry more", ([version, from, to, list, tokens]) => [version, from, to, [...list, ["key/401", 1]], tokens]],
    ["a token less", ([version, from, to, list, tokens]) => [version, from, to, list, tokens.slice(0, -1)]],
    ["a token more", ([version, from, to, list, tokens]) => [version, from, to, list, [...tokens, null]]],
    ["no end", ([version, from, , list, tokens]) => [version, from, null, list, tokens]],
    ["an end that is its beginning", ([version, from, , list, tokens]) => [version, from, from, list, tokens]],
    ["an end one path later", ([version, from, to, list, tokens]) => [version, from, next(to as Uint8Array), list, tokens]],
    ["a part of nothing", ([version, from, , , tokens]) => [version, from, next(from as Uint8Array), [], tokens]],
    ["another version", ([, from, to, list, tokens]) => [2, from, to, list, tokens]],
  ];
  const next = (path: Uint8Array): Uint8Array => path.with(31, (path[31]! + 1) % 256);
  const content = Array.from({ length: 60 }, (_, index): readonly [string, Value] => [`key/${index}`, index]);

  it.each(lies)("is not taken with %s", (_, lie) => {
    const { state, chunks } = chunksOf(content, 100);
    expect(chunks.length).toBeGreaterThan(4);
    for (const at of [0, 1, Math.floor(chunks.length / 2)]) {
      const changed = encode(lie(decode(chunks[at]!, 1_000_000) as unknown as Parts));
      expect(refusalAt(state.root(), chunks, at, changed)).toMatch(NOT_TAKEN);
    }
  });

  it("of one's own is not taken with a chunk missing, twice, or not to the end", () => {
    const { chunks } = chunksOf(content, 100);
    for (const wrong of [[], chunks.slice(1), chunks.slice(0, -1), chunks.toSpliced(2, 1), [...chunks, chunks[0]!]])
      expect(() => stateOfChunks(wrong)).toThrow("snapshot-invalid");
  });

  it("is not taken out of order, twice, or of another state", () => {
    const { state, chunks } = chunksOf(content, 100);
    const other = chunksOf([...content.slice(1), ["key/0", 99]], 100);
    expect(refusalAt(state.root(), chunks, 0, chunks[1]!)).toBe("snapshot-invalid");
    expect(refusalAt(state.root(), chunks, 2, chunks[1]!)).toBe("snapshot-invalid");
    for (const [at, chunk] of other.chunks.slice(0, chunks.length).entries())
      expect(refusalAt(state.root(), chunks, at, chunk)).toBe("snapshot-invalid");
    const whole = readAll(state.root(), chunks);
    expect(() => whole.add(chunks.at(-1)!)).toThrow("snapshot-invalid");
  });

  it("proves also where keys lie close together: paths that share their first bits", () => {
    // As somebody may grind them.
    const close = Array.from({ length: 20_000 }, (_, index) => `k${index}`).filter((key) => pathOf(key)[0] === 0x5a);
    expect(close.length).toBeGreaterThan(50);
    const { state, chunks } = chunksOf([...close.map((key): readonly [string, Value] => [key, 1]), ["far", 2]], 64);
    expect(chunks.length).toBeGreaterThan(5);
    expectWhole(readAll(state.root(), chunks), chunks);
    expect(stateOfChunks(chunks).size).toBe(close.length + 1);
  });
});
