import * as fc from "fast-check";
import { createHash } from "node:crypto";
import { describe, expect, it } from "vitest";
import { encode } from "../protocol/codec.ts";
import { HASH_BYTES } from "../protocol/identifiers.ts";
import { pathOf, Tree, verifyProof } from "./tree.ts";

fc.configureGlobal({ seed: 4464, numRuns: 200 });

const key = fc.integer({ min: 0, max: 60 }).map((number) => `key/${number}`);
const change = fc.tuple(key, fc.option(fc.integer({ min: 0, max: 5 }), { nil: undefined }));
type Changes = readonly (readonly [string, number | undefined])[];

const bytesOf = (value: number): Uint8Array => encode(["value", value]);
const toUpdate = (content: ReadonlyMap<string, number | undefined>) =>
  [...content].map(([name, value]) => [pathOf(name), value === undefined ? undefined : bytesOf(value)] as const);

function contentAfter(batches: readonly Changes[]): Map<string, number> {
  const content = new Map<string, number>();
  for (const [name, value] of batches.flat()) {
    if (value === undefined) content.delete(name);
    else content.set(name, value);
  }
  return content;
}

const sha256 = (...parts: readonly Uint8Array[]): Buffer => createHash("sha256").update(Buffer.concat(parts)).digest();
const bitAt = (path: Uint8Array, depth: number): number => (path[depth >> 3]! >> (7 - (depth & 7))) & 1;

/** The rule of spec/ledger.md, word by word. */
function oracle(leaves: readonly { path: Uint8Array; value: Uint8Array }[], depth = 0): Buffer {
  if (leaves.length === 0) return Buffer.alloc(HASH_BYTES);
  if (leaves.length === 1) return sha256(Uint8Array.of(0), leaves[0]!.path, sha256(leaves[0]!.value));
  const [left, right] = [0, 1].map((bit) => leaves.filter(({ path }) => bitAt(path, depth) === bit));
  return sha256(oracle(left!, depth + 1), oracle(right!, depth + 1));
}

describe("the state tree", () => {
  it("[R20][C3] has the root that the specification says", () => {
    fc.assert(
      fc.property(fc.array(change, { maxLength: 50 }), (changes) => {
        const tree = new Tree();
        const content = contentAfter([changes]);
        const leaves = [...content].map(([name, value]) => ({ path: sha256(Buffer.from(name)), value: bytesOf(value) }));
        expect(Buffer.from(tree.rootHash(tree.update(0, toUpdate(content))))).toEqual(oracle(leaves));
      }),
    );
  });

  it("has the root of its content alone, in whatever order keys came and went", () => {
    fc.assert(
      fc.property(fc.array(fc.array(change, { maxLength: 12 }), { maxLength: 12 }), (batches) => {
        const tree = new Tree();
        let root = 0;
        for (const batch of batches) {
          const next = tree.update(root, toUpdate(new Map(batch)));
          tree.release(root);
          root = next;
        }
        const rebuilt = new Tree();
        const content = contentAfter(batches.map((batch) => [...new Map(batch)]));
        const fresh = rebuilt.update(0, toUpdate(content));
        expect(tree.rootHash(root)).toEqual(rebuilt.rootHash(fresh));
        expect(tree.nodesUsed).toBe(rebuilt.nodesUsed);
        tree.release(root);
        expect(tree.nodesUsed).toBe(0);
      }),
    );
  });

  it("keeps every older root as it was while newer ones share its nodes", () => {
    fc.assert(
      fc.property(fc.array(fc.array(change, { maxLength: 8 }), { minLength: 1, maxLength: 8 }), (batches) => {
        const tree = new Tree();
        const roots = [0];
        const hashes = [tree.rootHash(0)];
        for (const batch of batches) {
          roots.push(tree.update(roots.at(-1)!, toUpdate(new Map(batch))));
          hashes.push(tree.rootHash(roots.at(-1)!));
        }
        expect(roots.map((root) => tree.rootHash(root))).toEqual(hashes);
      }),
    );
  });

  it("[M1a] proves what it has and what it has not, and no proof holds for anything else", () => {
    fc.assert(
      fc.property(fc.array(change, { maxLength: 40 }), key, fc.nat(), (changes, asked, noise) => {
        const tree = new Tree();
        const content = contentAfter([changes]);
        const root = tree.update(0, toUpdate(content));
        const hash = tree.rootHash(root);
        const proof = tree.prove(root, asked);
        const value = content.get(asked);
        const bytes = value === undefined ? null : bytesOf(value);
        expect(verifyProof(hash, asked, bytes, proof)).toBe(true);
        expect(verifyProof(hash, asked, bytes === null ? bytesOf(1) : null, proof)).toBe(false);
        expect(verifyProof(hash, asked, bytesOf(99), proof)).toBe(false);
        expect(verifyProof(hash, `${asked}/`, bytes ?? bytesOf(1), proof)).toBe(false);
        const forged = proof.slice();
        forged[noise % forged.length]! ^= 1 + (noise % 255);
        expect(verifyProof(hash, asked, bytes, forged)).toBe(false);
        const otherRoot = hash.slice();
        otherRoot[noise % HASH_BYTES]! ^= 1;
        expect(verifyProof(otherRoot, asked, bytes, proof)).toBe(false);
      }),
    );
  });

  it("is 32 zero bytes when empty, and proves that everything is absent", () => {
    const tree = new Tree();
    expect(tree.rootHash(0)).toEqual(new Uint8Array(HASH_BYTES));
    expect(verifyProof(new Uint8Array(HASH_BYTES), "any", null, tree.prove(0, "any"))).toBe(true);
  });

  it("does not take an absence proof of one key for another that is there", () => {
    const tree = new Tree();
    const root = tree.update(
      0,
      Array.from({ length: 60 }, (_, i) => [pathOf(`here/${i}`), bytesOf(i)] as const),
    );
    const hash = tree.rootHash(root);
    for (let i = 0; i < 60; i++) {
      const proof = tree.prove(root, `absent/${i}`);
      for (let j = 0; j < 60; j++) expect(verifyProof(hash, `here/${j}`, null, proof)).toBe(false);
    }
  });
});
