/** Identifiers of the last blocks, in state: what must be tied to a recent moment names one. */
import { assert } from "../kit/assert.ts";
import { equalBytes } from "../kit/bytes.ts";
import type { Hash } from "../protocol/identifiers.ts";
import { headOf } from "./seats.ts";
import type { Overlay, StateView } from "./types.ts";

export const RECENT_BLOCKS = 256;

function recentBlockKey(height: number): string {
  return `block/${height % RECENT_BLOCKS}`;
}

type Entry = readonly [height: number, id: Hash];

/** Whether it is one of the last blocks that state knows; the newest is the last one's parent. */
export function isRecentBlock(state: StateView, id: Uint8Array): boolean {
  for (let slot = 0; slot < RECENT_BLOCKS; slot++) {
    const entry = state.get(recentBlockKey(slot)) as Entry | undefined;
    if (entry !== undefined && equalBytes(entry[1], id)) return true;
  }
  return false;
}

/** The newest block that state knows of, which later states will know for some 250 blocks more: what a claim's work is tied to. */
export function latestReferenceOf(state: StateView): Hash {
  const entry = state.get(recentBlockKey(Math.max(0, headOf(state).height - 1))) as Entry | undefined;
  assert(entry !== undefined, "state knows the last block's parent");
  return entry[1];
}

/** A block's identifier is known only to its children, which write it down. */
export function rememberBlock(state: Overlay, height: number, id: Hash): void {
  state.set(recentBlockKey(height), [height, id]);
}
