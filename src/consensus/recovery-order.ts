/** Which of two complete recoveries of one epoch is followed. PROTOCOL, fork choice. */
import { compareBytes } from "../kit/bytes.ts";
import { recoveryBlockId } from "../protocol/vote.ts";
import type { CompleteRecovery } from "./engine.ts";

/** More current seats first, then more signers, then the lower digest; sleepers lose to all current seats. */
export function isBetterRecovery(a: CompleteRecovery, b: CompleteRecovery): boolean {
  if (a.recovery.sleepers !== b.recovery.sleepers) return b.recovery.sleepers;
  const difference = a.recovery.seats.length - b.recovery.seats.length;
  if (difference !== 0) return difference > 0;
  return compareBytes(recoveryBlockId(a.recovery), recoveryBlockId(b.recovery)) < 0;
}
