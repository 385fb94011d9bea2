import { describe, expect, it } from "vitest";
import { LIMITS } from "../protocol/limits.ts";
import type { Hash, VotingKey } from "../protocol/identifiers.ts";
import { digest } from "../protocol/identifiers.ts";
import { recoveryBytes, voteToValue, type Recovery, type Vote } from "../protocol/vote.ts";
import { accountOf, applyRecovery, blockDueAtMs, headOf, heldSupply, isContradiction, parametersOf, seatsOf, supplyOf } from "./index.ts";
import { account, Scenario, SIGNATURE, votingKey } from "./scenario.suite.ts";

const take = (scenario: Scenario, number: number, key = number) =>
  scenario.transaction(number, [["seat.take", { votingKey: votingKey(key), proof: SIGNATURE }]]);
const leave = (scenario: Scenario, number: number, key = number) =>
  scenario.transaction(number, [["seat.leave", { votingKey: votingKey(key) }]]);
const present = (scenario: Scenario, number: number) => scenario.transaction(number, [["seat.present", { votingKey: votingKey(number) }]]);
const hold = (scenario: Scenario) => scenario.transfer(0, 0, 1);

const keysOf = (seats: readonly { readonly votingKey: VotingKey }[]): readonly VotingKey[] => seats.map((seat) => seat.votingKey);
const sorted = (...numbers: readonly number[]): readonly VotingKey[] =>
  numbers.map(votingKey).sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)));

/** Seats of accounts 0 to `count` - 1, admitted one epoch after the other. */
function seated(count: number): Scenario {
  const numbers = Array.from({ length: count - 1 }, (_, i) => i + 1);
  const scenario = new Scenario().fund([0, ...numbers, 90, 91], 10_000);
  for (const number of numbers) scenario.block([take(scenario, number)], { afterMs: 31_000 });
  expect(seatsOf(scenario.state).current).toHaveLength(count);
  return scenario;
}

describe("taking a seat", () => {
  it("locks the bond, ends the epoch and makes the seat current", () => {
    const scenario = new Scenario().fund([1], 1000);
    const { endsEpoch, events } = scenario.block([take(scenario, 1)]);
    expect(endsEpoch).toBe(true);
    expect(events.map(({ name }) => name)).toEqual(["seat.admitted"]);
    expect(keysOf(seatsOf(scenario.state).current)).toEqual(sorted(0, 1));
    expect(accountOf(scenario.state, account(1))).toMatchObject({ balance: 499, bond: 500, bondFreeAtMs: null });
    expect(heldSupply(scenario.state)).toBe(supplyOf(scenario.state).issued - 1);
  });

  it("is refused without the bond, for a second seat, and for a key that sits already", () => {
    const scenario = new Scenario().fund([1], 2000).fund([2], 100).fund([3], 1000);
    scenario.block([take(scenario, 1)]);
    const receipts = (transaction: ReturnType<typeof take>) => scenario.block([transaction]).receipts[0]!.refusal?.code;
    expect(receipts(take(scenario, 2))).toBe("bond-required");
    expect(receipts(take(scenario, 1, 7))).toBe("seat-taken");
    expect(receipts(take(scenario, 3, 1))).toBe("seat-taken");
  });

  it("queues: one an epoch, and from eight seats on at most every 30 s", () => {
    const scenario = seated(8);
    scenario.fund([20, 21], 1000);
    const first = scenario.block([take(scenario, 20), take(scenario, 21)], { afterMs: 31_000 });
    expect(first.endsEpoch).toBe(true);
    expect(seatsOf(scenario.state)).toMatchObject({ current: { length: 9 }, waiting: { length: 1 } });
    const { timeMs } = headOf(scenario.state);
    expect(blockDueAtMs(scenario.state)).toBe(timeMs + 30_000);
    expect(scenario.block([hold(scenario)], { afterMs: 29_999 }).endsEpoch).toBe(false);
    expect(scenario.block([], { afterMs: 1 }).endsEpoch).toBe(true);
    expect(seatsOf(scenario.state)).toMatchObject({ current: { length: 10 }, waiting: { length: 0 } });
  });
});

describe("leaving a seat", () => {
  it("keeps the bond liable for a day, and lets it back the same account's next seat", () => {
    const scenario = seated(3);
    const before = scenario.balance(1);
    expect(scenario.block([leave(scenario, 1)]).endsEpoch).toBe(true);
    const { bondLiableMs } = parametersOf(scenario.state);
    const freeAtMs = scenario.timeMs + bondLiableMs;
    expect(accountOf(scenario.state, account(1))).toMatchObject({ balance: before - 1, bond: 500, bondFreeAtMs: freeAtMs });
    expect(scenario.block([take(scenario, 1)]).receipts[0]!.refusal?.data).toEqual({ reason: "key" });
    scenario.block([take(scenario, 1, 50)]);
    expect(accountOf(scenario.state, account(1))).toMatchObject({ balance: before - 3, bond: 500, bondFreeAtMs: null });
  });

  it("gives the bond back after that day", () => {
    const scenario = seated(2);
    const before = scenario.balance(1);
    scenario.block([leave(scenario, 1)]);
    scenario.block([], { afterMs: parametersOf(scenario.state).bondLiableMs });
    expect(accountOf(scenario.state, account(1))).toMatchObject({ balance: before - 1 + 500, bond: 0 });
    scenario.block([scenario.transfer(1, 2, before + 400)]);
    expect(scenario.balance(2)).toBe(before + 400);
  });

  it("is refused to the last seat and to strangers", () => {
    const scenario = seated(1);
    expect(scenario.block([leave(scenario, 0)]).receipts[0]!.refusal?.code).toBe("last-seat");
    expect(scenario.block([leave(scenario, 90, 0)]).receipts[0]!.refusal?.code).toBe("not-owner");
    expect(scenario.block([leave(scenario, 90, 55)]).receipts[0]!.refusal?.code).toBe("unknown-seat");
  });
});

describe("a seat that takes no part", () => {
  const without = (gone: number, count: number): readonly VotingKey[] =>
    Array.from({ length: count }, (_, i) => i)
      .filter((i) => i !== gone)
      .map(votingKey);

  it("lapses after 30 s and 20 blocks where blocks are many, and not before", () => {
    const scenario = seated(5);
    for (let block = 1; block < 20; block++) {
      expect(scenario.block([hold(scenario)], { afterMs: 1600, participants: without(2, 5) }).endsEpoch).toBe(false);
    }
    const last = scenario.block([hold(scenario)], { afterMs: 1600, participants: without(2, 5) });
    expect(last.endsEpoch).toBe(true);
    expect(last.events).toEqual([{ name: "seat.lapsed", data: { seat: votingKey(2), account: account(2) } }]);
    expect(accountOf(scenario.state, account(2)).bondFreeAtMs).not.toBeNull();
  });

  it("lapses after 180 s and 3 blocks where blocks are few", () => {
    const scenario = seated(5);
    for (const endsEpoch of [false, false, true]) {
      expect(scenario.block([hold(scenario)], { afterMs: 70_000, participants: without(2, 5) }).endsEpoch).toBe(endsEpoch);
    }
  });

  it("falls asleep where fewer than four would remain, keeps its bond, and becomes current by presenting itself", () => {
    const scenario = seated(3);
    for (let i = 0; i < 3; i++) scenario.block([hold(scenario)], { afterMs: 70_000, participants: without(2, 3) });
    expect(keysOf(seatsOf(scenario.state).sleeping)).toEqual([votingKey(2)]);
    expect(accountOf(scenario.state, account(2)).bondFreeAtMs).toBeNull();
    expect(scenario.block([present(scenario, 2)]).endsEpoch).toBe(true);
    expect(keysOf(seatsOf(scenario.state).current)).toEqual(sorted(0, 1, 2));
    expect(scenario.block([present(scenario, 2)]).receipts[0]!.refusal?.code).toBe("unknown-seat");
  });

  it("never is the last one", () => {
    const scenario = seated(2);
    for (let i = 0; i < 4; i++) scenario.block([hold(scenario)], { afterMs: 200_000, participants: [] });
    expect(seatsOf(scenario.state)).toMatchObject({ current: { length: 1 }, sleeping: { length: 1 } });
  });

  it("gives way to a new seat of its account when it sleeps", () => {
    const scenario = seated(2);
    for (let i = 0; i < 3; i++) scenario.block([hold(scenario)], { afterMs: 70_000, participants: [votingKey(0)] });
    scenario.block([take(scenario, 1, 40)]);
    expect(seatsOf(scenario.state)).toMatchObject({ current: { length: 2 }, sleeping: { length: 0 } });
    expect(accountOf(scenario.state, account(1))).toMatchObject({ bond: 500, bondFreeAtMs: null });
  });
});

it("alives of current seats end the epoch, and make a block that needs no transaction", () => {
  const scenario = seated(2);
  const { endsEpoch } = scenario.block([], { alives: [votingKey(1)] });
  expect(endsEpoch).toBe(true);
  expect(headOf(scenario.state).ended).toBe(true);
  expect(() => scenario.block([], { alives: [votingKey(9)] })).toThrow("block-invalid");
});

describe("evidence", () => {
  const vote = (scenario: Scenario, number: number, kind: Vote["kind"], candidate: number | null, round = 1): Vote => ({
    chain: scenario.chain,
    epochId: scenario.chain,
    round,
    kind,
    candidate: candidate === null ? null : digest(Uint8Array.of(candidate)),
    seat: votingKey(number),
    signature: SIGNATURE,
  });
  const accuse = (scenario: Scenario, first: Vote, second: Vote) =>
    scenario.transaction(90, [["seat.evidence", { first: voteToValue(first), second: voteToValue(second) }]]);

  it("is two votes that no honest seat casts both", () => {
    const scenario = new Scenario();
    const cast = (kind: Vote["kind"], candidate: number | null, round = 1) => vote(scenario, 1, kind, candidate, round);
    expect(isContradiction(cast("notarize", 1), cast("notarize", 2))).toBe(true);
    expect(isContradiction(cast("finalize", 1), cast("skip", null))).toBe(true);
    expect(isContradiction(cast("notarize", 1), cast("finalize", 2))).toBe(true);
    expect(isContradiction(cast("notarize", 1), cast("skip", null))).toBe(false);
    expect(isContradiction(cast("notarize", 1), cast("finalize", 1))).toBe(false);
    expect(isContradiction(cast("notarize", 1), cast("notarize", 2, 2))).toBe(false);
    expect(isContradiction(cast("skip", null), cast("skip", null))).toBe(false);
  });

  it("burns the bond and ends the seat, once", () => {
    const scenario = seated(3);
    const transaction = accuse(scenario, vote(scenario, 1, "notarize", 1), vote(scenario, 1, "notarize", 2));
    const burntBefore = supplyOf(scenario.state).burnt;
    expect(scenario.block([transaction]).endsEpoch).toBe(true);
    expect(keysOf(seatsOf(scenario.state).current)).toEqual(sorted(0, 2));
    expect(accountOf(scenario.state, account(1)).bond).toBe(0);
    expect(supplyOf(scenario.state).burnt - burntBefore).toBe(501);
    const again = accuse(scenario, vote(scenario, 1, "notarize", 1), vote(scenario, 1, "notarize", 2));
    expect(scenario.block([again]).receipts[0]!.refusal?.code).toBe("unknown-seat");
  });

  it("reaches a seat that left, while it is liable", () => {
    const scenario = seated(3);
    scenario.block([leave(scenario, 1)]);
    const votes = [vote(scenario, 1, "notarize", 1), vote(scenario, 1, "notarize", 2)] as const;
    expect(scenario.block([accuse(scenario, ...votes)]).receipts[0]!.results).toEqual([500]);
    const late = seated(3);
    late.block([leave(late, 1)]);
    late.block([], { afterMs: parametersOf(late.state).bondLiableMs });
    expect(late.block([accuse(late, ...votes)]).receipts[0]!.refusal?.code).toBe("unknown-seat");
  });

  it("does not kill the BoT: the last seat loses its bond only", () => {
    const scenario = seated(1);
    scenario.block([accuse(scenario, vote(scenario, 0, "notarize", 1), vote(scenario, 0, "notarize", 2))]);
    expect(seatsOf(scenario.state).current).toHaveLength(1);
    expect(accountOf(scenario.state, account(0)).bond).toBe(0);
    // As soon as there is another: a seat without a bond could contradict itself for nothing.
    expect(scenario.block([take(scenario, 90, 1)]).endsEpoch).toBe(true);
    expect(keysOf(seatsOf(scenario.state).current)).toEqual([votingKey(1)]);
  });

  it("ends that last seat, too, when one that slept is here again", () => {
    const scenario = seated(2);
    for (let i = 0; i < 3; i++) scenario.block([hold(scenario)], { afterMs: 70_000, participants: [votingKey(0)] });
    scenario.block([accuse(scenario, vote(scenario, 0, "notarize", 1), vote(scenario, 0, "notarize", 2))]);
    expect(keysOf(seatsOf(scenario.state).current)).toEqual([votingKey(0)]);
    const { endsEpoch, events } = scenario.block([present(scenario, 1)]);
    expect(endsEpoch).toBe(true);
    expect(events.map(({ name }) => name)).toEqual(["seat.lapsed"]);
    expect(keysOf(seatsOf(scenario.state).current)).toEqual([votingKey(1)]);
  });
});

describe("a recovery", () => {
  const recovery = (scenario: Scenario, numbers: readonly number[], sleepers = false): Recovery => ({
    chain: scenario.chain,
    epochId: headOf(scenario.state).ended ? scenario.lastBlock : headOf(scenario.state).epochId,
    base: scenario.lastBlock,
    seats: sorted(...numbers),
    sleepers,
  });
  const epochSeats = (scenario: Scenario) => keysOf(seatsOf(scenario.state).current);

  it("goes on with the seats it names, in an epoch named by its digest", () => {
    const scenario = seated(7);
    const made = recovery(scenario, [0, 1, 2, 3]);
    const { overlay, endsEpoch, lastRecovery, events } = applyRecovery(scenario.state, made, scenario.lastBlock, epochSeats(scenario));
    expect(endsEpoch).toBe(true);
    expect(keysOf(seatsOf(overlay).current)).toEqual(sorted(0, 1, 2, 3));
    expect(lastRecovery).toEqual(digest(recoveryBytes(made)));
    expect(headOf(overlay)).toMatchObject({ height: headOf(scenario.state).height + 1, timeMs: scenario.timeMs + 1, ended: true });
    expect(events.map(({ name }) => name)).toEqual(Array.from({ length: 3 }, () => "seat.lapsed"));
  });

  it("lets those asleep who would leave fewer than four, and sleepers wake among themselves", () => {
    const scenario = seated(3);
    const first = recovery(scenario, [0]);
    const outcome = applyRecovery(scenario.state, first, scenario.lastBlock, epochSeats(scenario));
    expect(seatsOf(outcome.overlay)).toMatchObject({ current: { length: 1 }, sleeping: { length: 2 } });
    scenario.state.finalize(outcome.overlay);
    scenario.lastBlock = outcome.lastRecovery as Hash;
    const second = recovery(scenario, [1, 2], true);
    const woken = applyRecovery(scenario.state, second, scenario.lastBlock, epochSeats(scenario));
    expect(keysOf(seatsOf(woken.overlay).current)).toEqual(sorted(1, 2));
    expect(keysOf(seatsOf(woken.overlay).sleeping)).toEqual([votingKey(0)]);
  });

  it("stands on its base and names seats of the epoch only", () => {
    const scenario = seated(3);
    const attempt = (made: Recovery) => () => applyRecovery(scenario.state, made, scenario.lastBlock, epochSeats(scenario));
    expect(attempt({ ...recovery(scenario, [0]), base: scenario.chain })).toThrow("recovery-invalid");
    expect(attempt(recovery(scenario, [0, 60]))).toThrow("recovery-invalid");
    expect(attempt(recovery(scenario, [1], true))).toThrow("recovery-invalid");
  });
});

it("seats are at most as many as the limit", () => {
  const scenario = seated(2);
  const numbers = Array.from({ length: LIMITS.seatsMax }, (_, i) => 100 + i);
  scenario.fund(numbers, 1000);
  const { receipts } = scenario.block(numbers.map((number) => take(scenario, number)));
  const refused = receipts.filter(({ refusal }) => refusal?.code === "seats-full");
  expect(refused).toHaveLength(2);
});
