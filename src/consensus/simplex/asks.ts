/** rule 2: missing candidates are asked of random peers, with growing pauses. */
import { toHex, type Hash } from "../../protocol/identifiers.ts";
import type { SimplexState } from "./state.ts";

/** Most blocks that seem missing are on their way: the first question waits this long. */
const FIRST_PAUSE_MS = 100;
const PAUSE_MAX_MS = 8000;

/** Notes that a block is wanted; it is asked of `peer` at once, or of a random one unless it comes by itself. */
export function ask(s: SimplexState, id: Hash, peer: string | null): void {
  const key = toHex(id);
  if (s.tree.has(key) || s.tree.isRefused(key)) return;
  const known = s.asks.get(key);
  if (known !== undefined && (peer === null || s.nowMs < known.atMs)) return;
  if (peer === null) {
    s.asks.set(key, { atMs: s.nowMs + FIRST_PAUSE_MS, gapMs: 2 * FIRST_PAUSE_MS, id });
    s.out.push({ kind: "wake", atMs: s.nowMs + FIRST_PAUSE_MS });
    return;
  }
  s.asks.set(key, { atMs: s.nowMs + 2 * FIRST_PAUSE_MS, gapMs: 2 * FIRST_PAUSE_MS, id });
  s.out.push({ kind: "ask", peer, id });
}

/** Asks for what is due, and forgets what has come. */
export function askDue(s: SimplexState): void {
  for (const [key, wanted] of s.asks.entries()) {
    if (s.tree.has(key) || wanted.gapMs > PAUSE_MAX_MS) s.asks.delete(key);
    else if (s.nowMs >= wanted.atMs) {
      s.out.push({ kind: "ask", peer: null, id: wanted.id });
      wanted.atMs = s.nowMs + wanted.gapMs;
      wanted.gapMs *= 2;
    }
  }
}
