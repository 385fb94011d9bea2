/** How seats change hands: sorting, lapse and sleep, and what a recovery leaves. Used by the ledger and by consensus. PROTOCOL, "Seats and epochs". */
import { compareBytes, equalBytes } from "../kit/bytes.ts";
import type { VotingKey } from "./identifiers.ts";
import { LIMITS } from "./limits.ts";
import type { Recovery } from "./vote.ts";

/** Fewer current seats than this tolerate no faulty one, so those that lapse then only fall asleep. */
const SEATS_WITH_TOLERANCE = 4;

export interface SeatLists {
  /** Sorted bytewise. */
  readonly seats: readonly VotingKey[];
  /** The longest asleep first. */
  readonly sleeping: readonly VotingKey[];
}

export function sortSeats(seats: readonly VotingKey[]): VotingKey[] {
  return [...seats].sort(compareBytes);
}

export function includesSeat(seats: readonly VotingKey[], seat: VotingKey): boolean {
  return seats.some((other) => equalBytes(other, seat));
}

function without(seats: readonly VotingKey[], gone: readonly VotingKey[]): VotingKey[] {
  return seats.filter((seat) => !includesSeat(gone, seat));
}

/**
 * Seats lapse, in the order given. One that lapses when fewer than four would remain falls asleep (the last one out does not kill a
 * BoT); the longest asleep makes room; the last current seat never lapses.
 */
export function lapseSeats(lists: SeatLists, gone: readonly VotingKey[]): SeatLists {
  let { seats, sleeping } = lists;
  for (const seat of gone) {
    if (seats.length <= 1) break;
    if (!includesSeat(seats, seat)) continue;
    seats = without(seats, [seat]);
    if (seats.length < SEATS_WITH_TOLERANCE) sleeping = [...sleeping, seat].slice(-LIMITS.sleepingSeatsMax);
  }
  return { seats, sleeping };
}

/**
 * Seats after a recovery on a base with these. Seats of the recovered epoch that are not named lapse, those the base newly admitted
 * stay; when sleepers take over, the current ones fall asleep.
 */
export function seatsAfterRecovery(lists: SeatLists, recovery: Recovery, epochSeats: readonly VotingKey[]): SeatLists {
  const named = recovery.seats;
  if (!recovery.sleepers) return lapseSeats(lists, without(epochSeats, named));
  return { seats: sortSeats(named), sleeping: [...without(lists.sleeping, named), ...lists.seats].slice(-LIMITS.sleepingSeatsMax) };
}
