import * as fc from "fast-check";
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

describe("the state tree", () => {
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

  it("proves what it has and what it has not, and no proof holds for anything else", () => {
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
      Array.from({ length: 200 }, (_, i) => [pathOf(`here/${i}`), bytesOf(i)] as const),
    );
    const hash = tree.rootHash(root);
    for (let i = 0; i < 200; i++) {
      const proof = tree.prove(root, `absent/${i}`);
      for (let j = 0; j < 200; j++) expect(verifyProof(hash, `here/${j}`, null, proof)).toBe(false);
    }
  });
});
