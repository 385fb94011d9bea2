/** `seat`: who may vote. One seat an account, for a bond. PROTOCOL, "Seats and epochs" and "Economy of a public BoT". */
import { equalBytes } from "../../kit/bytes.ts";
import { encode } from "../../protocol/codec.ts";
import { asVotingKey, type Hash, type VotingKey } from "../../protocol/identifiers.ts";
import { LIMITS } from "../../protocol/limits.ts";
import { Refusal, requireThat } from "../../protocol/refusal.ts";
import { readBytes, readMap } from "../../protocol/schema.ts";
import { statementBytes, valueToVote, type Vote } from "../../protocol/vote.ts";
import { accountKey, readAccount, writeAccount } from "../accounts.ts";
import { operation, type CallContext, type CheckContext } from "../operation.ts";
import { endSeat, forgetFormerSeat, formerSeat, seatsOf, writeSeats } from "../seats.ts";
import type { Seat, Seats, StateView } from "../types.ts";

const SIGNATURE_BYTES = 64;

/** What the voting key signs to prove that its holder takes the seat: for this account, on this chain. */
export function takeMessage(chain: Hash, account: Uint8Array, votingKey: VotingKey): Uint8Array {
  return encode(["bothy/seat/1", chain, account, votingKey]);
}

/**
 * Whether no honest seat casts both votes (PROTOCOL, rules 4 to 6): two candidates notarized or finalized in one round, one finalized
 * that was not the one notarized, or a round both finalized and skipped.
 */
export function isContradiction(first: Vote, second: Vote): boolean {
  const isOneRound =
    equalBytes(first.chain, second.chain) &&
    equalBytes(first.seat, second.seat) &&
    equalBytes(first.epochId, second.epochId) &&
    first.round === second.round;
  if (!isOneRound) return false;
  if (first.candidate === null || second.candidate === null) return first.kind === "finalize" || second.kind === "finalize";
  return !equalBytes(first.candidate, second.candidate);
}

interface Take {
  readonly votingKey: VotingKey;
  /** The voting key's signature of `takeMessage`. */
  readonly proof: Uint8Array;
}

interface Named {
  readonly seat: VotingKey;
}

interface Evidence {
  readonly first: Vote;
  readonly second: Vote;
}

const without = (seats: readonly Seat[], gone: Seat): readonly Seat[] => seats.filter((seat) => seat !== gone);

function removed(seats: Seats, gone: Seat): Seats {
  return { current: without(seats.current, gone), sleeping: without(seats.sleeping, gone), waiting: without(seats.waiting, gone) };
}

function findSeat(seats: Seats, votingKey: Uint8Array): Seat | undefined {
  return [...seats.current, ...seats.sleeping, ...seats.waiting].find((seat) => equalBytes(seat.votingKey, votingKey));
}

/** Ends every seat of an account at once, as when it is no member any more. */
export function endSeatsOf(context: CallContext, account: Uint8Array): void {
  const { state, block, emit } = context;
  for (;;) {
    const seats = seatsOf(state);
    const own = [...seats.current, ...seats.sleeping, ...seats.waiting].find((seat) => equalBytes(seat.account, account));
    if (own === undefined) return;
    if (seats.current.includes(own)) block.seatsChanged = true;
    const remaining = removed(seats, own);
    writeSeats(state, remaining);
    endSeat(state, own, remaining, context);
    emit("seat.left", { seat: own.votingKey, account });
  }
}

/** @throws {Refusal} `unknown-seat`, `not-owner`. */
function ownSeat(context: CheckContext, among: readonly Seat[], votingKey: VotingKey): Seat {
  const seat = among.find((candidate) => equalBytes(candidate.votingKey, votingKey));
  requireThat(seat !== undefined, "unknown-seat");
  requireThat(equalBytes(seat.account, context.sender), "not-owner");
  return seat;
}

function bondMissing({ state, senderKey, parameters }: CheckContext): number {
  return Math.max(0, parameters.bond - (readAccount(state, senderKey).bond?.amount ?? 0));
}

const takeSeat = operation<Take>({
  read(value) {
    const map = readMap(value, "take", ["votingKey", "proof"]);
    return { votingKey: asVotingKey(map["votingKey"]), proof: readBytes(map["proof"], "proof", SIGNATURE_BYTES, SIGNATURE_BYTES) };
  },
  signatureChecks({ votingKey, proof }, { body }) {
    return [{ publicKey: votingKey, signature: proof, message: takeMessage(body.chain, body.sender, votingKey) }];
  },
  check(context, { votingKey }) {
    const { state, sender, senderKey, timeMs } = context;
    const seats = seatsOf(state);
    // A key that voted before would let its old votes stand against the new seat.
    requireThat(findSeat(seats, votingKey) === undefined && formerSeat(state, votingKey, timeMs) === undefined, "seat-taken", {
      reason: "key",
    });
    const holds = [...seats.current, ...seats.waiting].some(({ account }) => equalBytes(account, sender));
    requireThat(!holds, "seat-taken", { reason: "account" });
    requireThat(seats.current.length + seats.waiting.length < LIMITS.seatsMax, "seats-full", { seatsMax: LIMITS.seatsMax });
    const { balance } = readAccount(state, senderKey);
    const missing = bondMissing(context);
    requireThat(balance >= missing, "bond-required", { balance, missing });
  },
  apply(context, { votingKey }) {
    const { state, sender, senderKey, height, timeMs, parameters, emit } = context;
    const account = readAccount(state, senderKey);
    const missing = bondMissing(context);
    const amount = Math.max(parameters.bond, account.bond?.amount ?? 0);
    writeAccount(state, senderKey, { ...account, balance: account.balance - missing, bond: { amount, freeAtMs: null } });
    const seats = seatsOf(state);
    const seat: Seat = { votingKey, account: sender, sinceHeight: height, sinceMs: timeMs, lastHeight: height, lastTimeMs: timeMs };
    writeSeats(state, { ...seats, waiting: [...seats.waiting, seat] });
    emit("seat.taken", { seat: votingKey, account: sender });
    return null;
  },
});

const readNamed = (value: Parameters<typeof readMap>[0]): Named => ({
  seat: asVotingKey(readMap(value, "seat", ["votingKey"])["votingKey"]),
});

const leaveSeat = operation<Named>({
  read: readNamed,
  check(context, { seat }) {
    const seats = seatsOf(context.state);
    const own = ownSeat(context, [...seats.current, ...seats.sleeping, ...seats.waiting], seat);
    requireThat(!seats.current.includes(own) || seats.current.length > 1, "last-seat");
  },
  apply(context, { seat }) {
    const { state, block, emit } = context;
    const seats = seatsOf(state);
    const own = findSeat(seats, seat)!;
    if (seats.current.includes(own)) block.seatsChanged = true;
    const remaining = removed(seats, own);
    writeSeats(state, remaining);
    endSeat(state, own, remaining, context);
    emit("seat.left", { seat, account: own.account });
    return null;
  },
});

const presentSeat = operation<Named>({
  read: readNamed,
  check(context, { seat }) {
    const seats = seatsOf(context.state);
    ownSeat(context, seats.sleeping, seat);
    requireThat(seats.current.length < LIMITS.seatsMax, "seats-full");
    // One current seat an account: a new one that waits has the turn.
    requireThat(![...seats.current, ...seats.waiting].some(({ account }) => equalBytes(account, context.sender)), "seat-taken", {
      reason: "account",
    });
  },
  apply({ state, height, timeMs, block, emit }, { seat }) {
    const seats = seatsOf(state);
    const own = findSeat(seats, seat)!;
    const awake: Seat = { ...own, sinceHeight: height, sinceMs: timeMs, lastHeight: height, lastTimeMs: timeMs };
    writeSeats(state, { ...seats, current: [...seats.current, awake], sleeping: without(seats.sleeping, own) });
    block.seatsChanged = true;
    emit("seat.presented", { seat, account: own.account });
    return null;
  },
});

function accused(state: StateView, votingKey: VotingKey, timeMs: number): Uint8Array {
  const account = findSeat(seatsOf(state), votingKey)?.account ?? formerSeat(state, votingKey, timeMs)?.account;
  if (account === undefined) throw new Refusal("unknown-seat");
  return account;
}

const giveEvidence = operation<Evidence>({
  read(value) {
    const map = readMap(value, "evidence", ["first", "second"]);
    const evidence = { first: valueToVote(map["first"]), second: valueToVote(map["second"]) };
    requireThat(isContradiction(evidence.first, evidence.second), "evidence-invalid", { reason: "no contradiction" });
    return evidence;
  },
  signatureChecks({ first, second }) {
    return [first, second].map((vote) => ({ publicKey: vote.seat, signature: vote.signature, message: statementBytes(vote) }));
  },
  check({ state, chain, timeMs }, { first }) {
    requireThat(equalBytes(first.chain, chain), "evidence-invalid", { reason: "chain" });
    const { bond } = readAccount(state, accountKey(accused(state, first.seat, timeMs)));
    requireThat(bond !== null, "evidence-invalid", { reason: "punished already" });
  },
  // All that leans on the burnt bond ends with it; only the last current seat goes on, since a BoT without one is dead.
  apply({ state, timeMs, block, emit }, { first }) {
    const account = accused(state, first.seat, timeMs);
    const key = accountKey(account);
    const guilty = readAccount(state, key);
    const amount = guilty.bond!.amount;
    writeAccount(state, key, { ...guilty, bond: null });
    block.burnt += amount;
    forgetFormerSeat(state, first.seat);
    let seats = seatsOf(state);
    for (const seat of [...seats.current, ...seats.sleeping, ...seats.waiting]) {
      if (!equalBytes(seat.account, account)) continue;
      const isCurrent = seats.current.includes(seat);
      if (isCurrent && seats.current.length === 1) continue;
      if (isCurrent) block.seatsChanged = true;
      seats = removed(seats, seat);
    }
    writeSeats(state, seats);
    emit("seat.punished", { seat: first.seat, account, burnt: amount });
    return amount;
  },
});

export const seatOperations = {
  "seat.take": takeSeat,
  "seat.leave": leaveSeat,
  "seat.present": presentSeat,
  "seat.evidence": giveEvidence,
};
