/** Seats and the head in state, and what the end of a block does to them. PROTOCOL, "Seats and epochs". */
import { assert } from "../kit/assert.ts";
import { bytesToHex, compareBytes, equalBytes } from "../kit/bytes.ts";
import { encode, type Value, type ValueMap } from "../protocol/codec.ts";
import type { Parameters } from "../protocol/genesis.ts";
import { asVotingKey, digest, type Hash, type HashHex, type VotingKey } from "../protocol/identifiers.ts";
import { LIMITS } from "../protocol/limits.ts";
import { readList } from "../protocol/schema.ts";
import { lapseSeats, type SeatLists } from "../protocol/seats.ts";
import { accountKey, readAccount, writeAccount } from "./accounts.ts";
import type { Head, Overlay, Seat, Seats, StateView } from "./types.ts";

export const SEATS_KEY = "seats";
const HEAD_KEY = "head";
/** `[account, freeAtMs]` of a seat that ended and is still liable. */
const FORMER_PREFIX = "former/";
/** The same seats by the time at which their liability ends, to be forgotten then. */
const FORMER_DUE_PREFIX = "former-due/";

/** From this many seats on admissions come at most every `ADMISSION_MS`. */
const SEATS_ADMITTED_AT_ONCE = 8;
const ADMISSION_MS = 30_000;
/** A seat lapses when it took no part for this long and this many blocks: the first where many blocks pass, the second where few do. */
const LAPSE_MS = 30_000;
const LAPSE_BLOCKS = 20;
const SLOW_LAPSE_MS = 180_000;
const SLOW_LAPSE_BLOCKS = 3;
/** Former seats forgotten when one is added: more than one, so that they never pile up. */
const FORGOTTEN_MAX = 4;

type SeatValue = readonly [VotingKey, Seat["account"], number, number, number, number];

function seatToValue(seat: Seat): Value {
  return [seat.votingKey, seat.account, seat.sinceHeight, seat.sinceMs, seat.lastHeight, seat.lastTimeMs];
}

function valueToSeat(value: Value): Seat {
  const [votingKey, account, sinceHeight, sinceMs, lastHeight, lastTimeMs] = value as SeatValue;
  return { votingKey, account, sinceHeight, sinceMs, lastHeight, lastTimeMs };
}

export function seatsOf(state: StateView): Seats {
  const value = state.get(SEATS_KEY);
  assert(Array.isArray(value), "state begins with seats");
  const [current, sleeping, waiting] = value as unknown as readonly (readonly Value[])[];
  return { current: current!.map(valueToSeat), sleeping: sleeping!.map(valueToSeat), waiting: waiting!.map(valueToSeat) };
}

/** Keys of current and sleeping seats in such an entry, as somebody gave it. @throws {Refusal} `schema-invalid`. */
export function seatKeysOf(entry: Value): SeatLists {
  const [seats, sleeping] = readList(entry, "seats", 3).map((list) =>
    readList(list, "seats").map((seat) => asVotingKey(readList(seat, "seat", 6)[0])),
  );
  return { seats: seats!, sleeping: sleeping! };
}

export function writeSeats(state: Overlay, seats: Seats): void {
  const current = [...seats.current].sort((a, b) => compareBytes(a.votingKey, b.votingKey));
  state.set(SEATS_KEY, [current.map(seatToValue), seats.sleeping.map(seatToValue), seats.waiting.map(seatToValue)]);
}

export function headOf(state: StateView): Head {
  const value = state.get(HEAD_KEY);
  assert(Array.isArray(value), "state begins with a head");
  const [height, timeMs, epochId, ended, lastAdmissionMs, lastRecovery] = value as unknown as [
    number,
    number,
    Hash,
    boolean,
    number,
    Hash | null,
  ];
  return { height, timeMs, epochId, ended, lastAdmissionMs, lastRecovery };
}

export function writeHead(state: Overlay, head: Head): void {
  state.set(HEAD_KEY, [head.height, head.timeMs, head.epochId, head.ended, head.lastAdmissionMs, head.lastRecovery]);
}

/** What a header commits to: the current seats' voting keys, sorted. */
export function seatsDigestOf(seats: Seats): Hash {
  return digest(encode(seats.current.map(({ votingKey }) => votingKey)));
}

/** When a block is due although no transaction waits: the heartbeat, or the next admission. Block time, in milliseconds. */
export function blockDueAtMs(state: StateView, heartbeatMs: number): number {
  const head = headOf(state);
  const { current, waiting } = seatsOf(state);
  const heartbeat = head.timeMs + heartbeatMs;
  if (waiting.length === 0 || current.length >= LIMITS.seatsMax) return heartbeat;
  return Math.min(heartbeat, Math.max(head.timeMs + 1, admissionAtMs(current.length, head.lastAdmissionMs)));
}

function admissionAtMs(seats: number, lastAdmissionMs: number): number {
  return seats < SEATS_ADMITTED_AT_ONCE ? 0 : lastAdmissionMs + ADMISSION_MS;
}

/** Who must answer for a seat that ended, while it is liable. */
export function formerSeat(state: StateView, votingKey: Uint8Array, timeMs: number): { readonly account: Uint8Array } | undefined {
  const value = state.get(FORMER_PREFIX + bytesToHex(votingKey));
  if (!Array.isArray(value)) return undefined;
  const [account, freeAtMs] = value as unknown as [Uint8Array, number];
  return freeAtMs > timeMs ? { account } : undefined;
}

/** A former seat that was punished answers no more; its place in the queue finds nothing. */
export function forgetFormerSeat(state: Overlay, votingKey: Uint8Array): void {
  state.delete(FORMER_PREFIX + bytesToHex(votingKey));
}

interface Moment {
  readonly height: number;
  readonly timeMs: number;
  readonly parameters: Parameters;
}

/** The seat is over: it stays liable for a while, and so does its bond, unless another seat of the account already leans on it. */
export function endSeat(state: Overlay, seat: Seat, remaining: Seats, moment: Moment): void {
  forgetFormerSeats(state, moment.timeMs);
  const freeAtMs = moment.timeMs + moment.parameters.bondLiableMs;
  const hex = bytesToHex(seat.votingKey);
  state.set(FORMER_PREFIX + hex, [seat.account, freeAtMs]);
  state.set(FORMER_DUE_PREFIX + String(freeAtMs).padStart(16, "0") + "/" + hex, true);
  const leaning = [...remaining.current, ...remaining.sleeping, ...remaining.waiting].some(({ account }) =>
    equalBytes(account, seat.account),
  );
  const key = accountKey(seat.account);
  const account = readAccount(state, key);
  if (!leaning && account.bond !== null) writeAccount(state, key, { ...account, bond: { amount: account.bond.amount, freeAtMs } });
}

function forgetFormerSeats(state: Overlay, timeMs: number): void {
  for (const [key] of state.list(FORMER_DUE_PREFIX, undefined, FORGOTTEN_MAX)) {
    const [due, hex] = key.slice(FORMER_DUE_PREFIX.length).split("/") as [string, string];
    if (Number(due) > timeMs) return;
    state.delete(key);
    const former = state.get(FORMER_PREFIX + hex) as readonly [Uint8Array, number] | undefined;
    if (former !== undefined && former[1] <= timeMs) state.delete(FORMER_PREFIX + hex);
  }
}

function isGone(seat: Seat, seats: number, moment: Moment): boolean {
  const silentMs = moment.timeMs - seat.lastTimeMs;
  const silentBlocks = moment.height - seat.lastHeight;
  if (silentMs >= LAPSE_MS && silentBlocks >= Math.max(LAPSE_BLOCKS, 2 * seats)) return true;
  return silentMs >= SLOW_LAPSE_MS && silentBlocks >= SLOW_LAPSE_BLOCKS;
}

/** Seats by their keys again, after a rule of the protocol moved keys between the lists. Those in neither list any more come third. */
export function rejoinLists(before: Seats, after: SeatLists): { seats: Seats; ended: readonly Seat[]; slept: readonly Seat[] } {
  const byKey = new Map<HashHex, Seat>();
  for (const seat of [...before.current, ...before.sleeping]) byKey.set(bytesToHex(seat.votingKey) as HashHex, seat);
  const sleptBefore = new Set(before.sleeping);
  const take = (key: VotingKey): Seat => {
    const hex = bytesToHex(key) as HashHex;
    const seat = byKey.get(hex);
    assert(seat !== undefined, "a seat is in one list only");
    byKey.delete(hex);
    return seat;
  };
  const current = after.seats.map(take);
  const sleeping = after.sleeping.map(take);
  return {
    seats: { current, sleeping, waiting: before.waiting },
    ended: [...byKey.values()],
    slept: sleeping.filter((seat) => !sleptBefore.has(seat)),
  };
}

export function listsOf(seats: Seats): SeatLists {
  return { seats: seats.current.map(({ votingKey }) => votingKey), sleeping: seats.sleeping.map(({ votingKey }) => votingKey) };
}

type Emit = (name: string, data: ValueMap) => void;

/** After the transactions of a block with a height: takes part, admits, lapses. Whether the current seats changed. */
export function settleSeats(
  state: Overlay,
  moment: Moment & {
    readonly participants: readonly VotingKey[];
    readonly lastAdmissionMs: number;
    /** By a transaction of the block. */
    readonly seatsChanged: boolean;
  },
  emit: Emit,
): { readonly changed: boolean; readonly lastAdmissionMs: number } {
  const { height, timeMs, participants } = moment;
  const present = new Set(participants.map(bytesToHex));
  let seats = seatsOf(state);
  seats = {
    ...seats,
    current: seats.current.map((seat) =>
      present.has(bytesToHex(seat.votingKey)) ? { ...seat, lastHeight: height, lastTimeMs: timeMs } : seat,
    ),
  };
  const admitted = admit(state, seats, moment, emit);
  // It was alone when it lost its bond, so only who joins it now can end it.
  const joined = admitted.count > 0 || moment.seatsChanged;
  seats = joined ? withoutBondless(state, admitted.seats, emit) : admitted.seats;
  const gone = seats.current.filter((seat) => isGone(seat, seats.current.length, moment)).map(({ votingKey }) => votingKey);
  const lapsed = rejoinLists(seats, lapseSeats(listsOf(seats), gone));
  writeSeats(state, lapsed.seats);
  announceLapse(state, lapsed, moment, emit);
  return {
    changed: admitted.count > 0 || lapsed.seats.current.length !== seats.current.length,
    lastAdmissionMs: admitted.count > 0 ? timeMs : moment.lastAdmissionMs,
  };
}

/** The last current seat goes on when its bond is burnt, since a BoT without one is dead; beside others it votes no more. */
function withoutBondless(state: Overlay, seats: Seats, emit: Emit): Seats {
  if (seats.current.length === 1) return seats;
  const isBonded = ({ account }: Seat): boolean => readAccount(state, accountKey(account)).bond !== null;
  for (const { votingKey, account } of seats.current.filter((seat) => !isBonded(seat))) emit("seat.lapsed", { seat: votingKey, account });
  return { ...seats, current: seats.current.filter(isBonded) };
}

function admit(
  state: Overlay,
  seats: Seats,
  moment: Moment & { readonly lastAdmissionMs: number },
  emit: Emit,
): { readonly seats: Seats; readonly count: number } {
  const n = seats.current.length;
  if (seats.waiting.length === 0 || moment.timeMs < admissionAtMs(n, moment.lastAdmissionMs)) return { seats, count: 0 };
  const { height, timeMs } = moment;
  const count = Math.min(seats.waiting.length, Math.max(1, n >> 3), LIMITS.seatsMax - n);
  const admitted = seats.waiting
    .slice(0, count)
    .map((seat) => ({ ...seat, sinceHeight: height, sinceMs: timeMs, lastHeight: height, lastTimeMs: timeMs }));
  // An account's new seat replaces the one it left asleep.
  const replaced = seats.sleeping.filter((old) => admitted.some(({ account }) => equalBytes(account, old.account)));
  const after: Seats = {
    current: [...seats.current, ...admitted],
    sleeping: seats.sleeping.filter((seat) => !replaced.includes(seat)),
    waiting: seats.waiting.slice(count),
  };
  for (const seat of replaced) endSeat(state, seat, after, moment);
  for (const { votingKey, account } of admitted) emit("seat.admitted", { seat: votingKey, account });
  return { seats: after, count };
}

/** Ends the seats that are in no list any more, and says what became of the rest. */
export function announceLapse(state: Overlay, lapsed: ReturnType<typeof rejoinLists>, moment: Moment, emit: Emit): void {
  for (const seat of lapsed.ended) {
    endSeat(state, seat, lapsed.seats, moment);
    emit("seat.lapsed", { seat: seat.votingKey, account: seat.account });
  }
  for (const { votingKey, account } of lapsed.slept) emit("seat.slept", { seat: votingKey, account });
}
