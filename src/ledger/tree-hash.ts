/** What a tree's hashes are made of (spec/ledger.md). */
import { digest as sha256 } from "@chainsafe/as-sha256";
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
