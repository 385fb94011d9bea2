/** What a tree's hashes are made of (spec/ledger.md). */
import { digest as sha256 } from "@chainsafe/as-sha256";
import type { Value } from "../protocol/codec.ts";
import { HASH_BYTES } from "../protocol/identifiers.ts";

export const PATH_BITS = HASH_BYTES * 8;
export const LEAF_MESSAGE_BYTES = 1 + 2 * HASH_BYTES;

/** Bit of a path, which begins at `offset`, from the highest on. */
export function bitOf(bytes: Uint8Array, offset: number, depth: number): number {
  return (bytes[offset + (depth >> 3)]! >> (7 - (depth & 7))) & 1;
}

export function leafHash(path: Uint8Array, valueHash: Uint8Array): Uint8Array {
  const message = new Uint8Array(LEAF_MESSAGE_BYTES);
  message.set(path, 1);
  message.set(valueHash, 1 + HASH_BYTES);
  return sha256(message);
}

export function isHash(value: Value | undefined): value is Uint8Array {
  return value instanceof Uint8Array && value.length === HASH_BYTES;
}

export function comparePaths(a: Uint8Array, b: Uint8Array): number {
  for (let i = 0; i < HASH_BYTES; i++) if (a[i] !== b[i]) return a[i]! - b[i]!;
  return 0;
}
