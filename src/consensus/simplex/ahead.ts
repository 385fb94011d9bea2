/** Whether this peer knows what others have said they know. */
import type { SimplexState } from "./state.ts";

/** Nobody is ahead any more whose last final block and epoch are here; when that is so of all, this peer is not behind. */
export function endSync(s: SimplexState): void {
  for (const [peer, { lastFinal, epoch }] of s.ahead.entries()) {
    const holdsBlock = lastFinal === null || s.tree.get(lastFinal)?.isFinal === true;
    if (holdsBlock && s.isOnBranch(epoch)) s.ahead.delete(peer);
  }
  if (s.ahead.size === 0) s.behindSinceMs = null;
}
