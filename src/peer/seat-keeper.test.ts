/** When the keeper of a peer's seat asks for one, and what it says of others' seats. */
import { describe, expect, it } from "vitest";
import { createLedgerState, createOverlay, seatsOf, type LedgerState, type Seat, type Seats } from "../ledger/index.ts";
import { accountKey, readAccount, writeAccount } from "../ledger/accounts.ts";
import { writeSeats } from "../ledger/seats.ts";
import { DEFAULT_PARAMETERS, chainOf, encodeGenesis } from "../protocol/genesis.ts";
import { asAccountId, asHash, asVotingKey, toHex, type AccountId, type VotingKey } from "../protocol/identifiers.ts";
import type { RejectCode } from "../protocol/codes.ts";
import { LIMITS } from "../protocol/limits.ts";
import type { RefusalData } from "../protocol/refusal.ts";
import { createTransaction, encodeTransactionBody, type Call, type Transaction } from "../protocol/transaction.ts";
import { valueToVote, type Vote } from "../protocol/vote.ts";
import type { Value } from "../protocol/codec.ts";
import { Outbox } from "./outbox.ts";
import { SeatKeeper } from "./seat-keeper.ts";
import type { Reporter } from "./own-transactions.ts";

const bytes = (fill: number): Uint8Array => new Uint8Array(32).fill(fill);
const GENESIS = encodeGenesis({
  version: 1,
  kind: "public",
  name: "Test",
  token: "coal",
  createdMs: 1,
  founder: asAccountId(bytes(1)),
  foundingSeat: asVotingKey(bytes(2)),
  parameters: DEFAULT_PARAMETERS,
  salt: new Uint8Array(16),
});
const CHAIN = chainOf(GENESIS);

function vote(seat: number, candidate: number, epoch = 9): Vote {
  const said = { chain: CHAIN, epochId: asHash(bytes(epoch)), round: 1, kind: "notarize" as const, candidate: asHash(bytes(candidate)) };
  return { ...said, seat: asVotingKey(bytes(seat)), signature: new Uint8Array(64) };
}

function createKeeper(): { keeper: SeatKeeper; accused: string[]; refuse: (code: RejectCode) => void } {
  const accused: string[] = [];
  let last: Reporter = () => {};
  const state = createLedgerState(GENESIS);
  const keeper = new SeatKeeper({
    chain: CHAIN,
    account: asAccountId(bytes(1)),
    outbox: new Outbox(),
    transactions: {
      ownPending: [],
      submit: ({ calls }, report) => {
        last = report;
        const [operation, evidence] = calls[0]!;
        const { seat } = valueToVote((evidence as { readonly first: Value }).first);
        accused.push(`${operation} ${toHex(seat).slice(0, 2)}`);
      },
    },
    state: () => state,
    votingKeys: [],
    onKeys: () => {},
    wanted: false,
  });
  return { keeper, accused, refuse: (code) => last({ stage: "refused", transaction: null, refusal: { code, data: {} } }) };
}

describe("seats that contradict themselves", () => {
  it("each is accused, once for each epoch", () => {
    const { keeper, accused } = createKeeper();
    for (const seat of [0x10, 0x11, 0x10, 0x12]) keeper.accuse(vote(seat, 1), vote(seat, 2));
    keeper.accuse(vote(0x10, 1, 8), vote(0x10, 2, 8));
    expect(accused).toEqual(["10", "11", "12", "10"].map((seat) => `seat.evidence ${seat}`));
  });

  it("an accusation that was refused is made again after a pause that grows, until the ledger knows better", () => {
    const { keeper, accused, refuse } = createKeeper();
    keeper.tick(1000, true);
    keeper.accuse(vote(0x10, 1), vote(0x10, 2));
    const count = (nowMs: number): number => {
      keeper.tick(nowMs, true);
      return accused.length;
    };
    expect(count(100_000)).toBe(1);
    refuse("expired");
    expect(count(104_999)).toBe(1);
    expect(count(105_000)).toBe(2);
    refuse("balance-too-low");
    expect(count(114_999)).toBe(2);
    expect(count(115_000)).toBe(3);
    refuse("evidence-invalid");
    expect(count(10_000_000)).toBe(3);
  });
});

const TOKENS = 10_000;
const ACCOUNT = asAccountId(bytes(0x40));

function seat(key: number, account = bytes(key)): Seat {
  return { votingKey: asVotingKey(bytes(key)), account: asAccountId(account), sinceHeight: 1, sinceMs: 1, lastHeight: 1, lastTimeMs: 1 };
}

/** A peer of `ACCOUNT` that wants a seat, and everything that it asks for. */
class TakerRig {
  readonly #outbox = new Outbox();
  readonly #state: LedgerState = createLedgerState(GENESIS);
  /** On their way, though this keeper did not send them: a person did, or it did before a reload. */
  readonly ownPending: Transaction[] = [];
  readonly asked: string[] = [];
  readonly destroyed: string[] = [];
  created = 0;
  readonly keeper: SeatKeeper;
  #last: Reporter = () => {};

  constructor(votingKeys: readonly VotingKey[] = []) {
    const overlay = createOverlay(this.#state);
    writeAccount(overlay, accountKey(ACCOUNT), { ...readAccount(overlay, accountKey(ACCOUNT)), balance: TOKENS, claimed: true });
    this.#state.finalize(overlay);
    this.keeper = new SeatKeeper({
      chain: CHAIN,
      account: ACCOUNT,
      outbox: this.#outbox,
      transactions: {
        ownPending: this.ownPending,
        submit: ({ calls }, report) => {
          const [operation, named] = calls[0]!;
          this.asked.push(`${operation} ${toHex((named as { readonly votingKey: VotingKey }).votingKey).slice(0, 2)}`);
          this.#last = report;
        },
      },
      state: () => this.#state,
      votingKeys,
      onKeys: () => {},
      wanted: true,
    });
  }

  seats(change: (seats: Seats) => Partial<Seats>): void {
    const overlay = createOverlay(this.#state);
    const seats = seatsOf(this.#state);
    writeSeats(overlay, { ...seats, ...change(seats) });
    this.#state.finalize(overlay);
  }

  /** One look, and the effects of it. */
  tick(nowMs: number): void {
    this.keeper.tick(nowMs, true);
    for (let effects = this.#outbox.drain(); effects.length > 0; effects = this.#outbox.drain()) {
      for (const effect of effects) {
        if (effect.kind === "create-voting-key")
          this.#outbox.settle({ kind: "key-created", id: effect.id, publicKey: bytes(0x60 + this.created++) });
        else if (effect.kind === "sign") this.#outbox.settle({ kind: "signed", id: effect.id, signature: new Uint8Array(64) });
        else if (effect.kind === "destroy-voting-key") this.destroyed.push(toHex(effect.publicKey).slice(0, 2));
      }
    }
    this.keeper.forgetEnded();
  }

  refuse(code: RejectCode, data: RefusalData = {}): void {
    this.#last({ stage: "refused", transaction: null, refusal: { code, data } });
  }
}

function takeBy(sender: AccountId, votingKey: VotingKey): Transaction {
  const calls: readonly Call[] = [["seat.take", { votingKey, proof: new Uint8Array(64) }]];
  return createTransaction(
    encodeTransactionBody({ version: 1, chain: CHAIN, sender, nonce: [0, 0], validUntilMs: 120_000, fee: 2, calls }),
    [[sender, new Uint8Array(64)]],
  );
}

describe("a seat that the ledger would refuse", () => {
  it.each(["current", "waiting"] as const)("is not asked for while another peer of the account has one: %s", (list) => {
    const rig = new TakerRig();
    rig.seats((seats) => ({ [list]: [...seats[list], seat(0x41, ACCOUNT)] }));
    for (let nowMs = 0; nowMs < 60_000; nowMs += 500) rig.tick(nowMs);
    expect([rig.asked, rig.created]).toEqual([[], 0]);
    rig.seats((seats) => ({ [list]: seats[list].filter(({ account }) => toHex(account) !== toHex(ACCOUNT)) }));
    rig.tick(60_000);
    expect(rig.asked).toEqual(["seat.take 60"]);
  });

  it("is not asked for while all are taken, neither a new one nor by one that sleeps", () => {
    const others = Array.from({ length: LIMITS.seatsMax }, (_, index) => seat(0x80 + index));
    const sleeper = seat(0x41, ACCOUNT);
    const rigs = [new TakerRig(), new TakerRig([sleeper.votingKey])] as const;
    for (const rig of rigs) rig.seats(() => ({ current: others }));
    rigs[1].seats(() => ({ sleeping: [sleeper] }));
    for (const rig of rigs) {
      for (let nowMs = 0; nowMs < 60_000; nowMs += 500) rig.tick(nowMs);
      expect([rig.asked, rig.created]).toEqual([[], 0]);
      rig.seats((seats) => ({ current: seats.current.slice(1) }));
      rig.tick(60_000);
    }
    expect(rigs.map(({ asked }) => asked)).toEqual([["seat.take 60"], ["seat.present 41"]]);
  });

  it("is not asked for while a try from before a reload is on its way, whose key is kept until its fate is known", () => {
    const votingKey = asVotingKey(bytes(0x41));
    const rig = new TakerRig([votingKey]);
    rig.ownPending.push(takeBy(ACCOUNT, votingKey));
    for (let nowMs = 0; nowMs < 60_000; nowMs += 500) rig.tick(nowMs);
    expect([rig.asked, rig.destroyed]).toEqual([[], []]);
    rig.ownPending.pop();
    rig.tick(60_000);
    rig.refuse("seats-full");
    rig.tick(60_500);
    rig.tick(61_000);
    expect([rig.asked, rig.destroyed]).toEqual([["seat.take 60"], ["41"]]);
  });

  it("is asked for while the account that this peer had before has a try of its own on its way, whose key is kept", () => {
    const votingKey = asVotingKey(bytes(0x41));
    const before = asAccountId(bytes(0x51));
    const rig = new TakerRig([votingKey]);
    rig.ownPending.push(takeBy(before, votingKey));
    for (let nowMs = 0; nowMs < 2000; nowMs += 500) rig.tick(nowMs);
    expect([rig.asked, rig.destroyed]).toEqual([["seat.take 60"], []]);
  });

  it("of another account is not presented, whoever has its key", () => {
    const old = seat(0x41);
    const rig = new TakerRig([old.votingKey]);
    rig.seats(() => ({ sleeping: [old] }));
    rig.tick(0);
    expect(rig.asked).toEqual(["seat.take 60"]);
  });
});

describe("a seat that was refused all the same", () => {
  it("is asked for again with the same key, after a pause that doubles up to its bound, so that a day costs little", () => {
    const rig = new TakerRig();
    const DAY_MS = 86_400_000;
    const at: number[] = [];
    for (let nowMs = 0; nowMs < DAY_MS; nowMs += 500) {
      rig.tick(nowMs);
      if (rig.asked.length === at.length) continue;
      at.push(nowMs);
      rig.refuse("seats-full");
    }
    const pauses = at.slice(1).map((atMs, index) => atMs - at[index]!);
    expect(pauses.slice(0, 9)).toEqual([5, 10, 20, 40, 80, 160, 320, 600, 600].map((seconds) => seconds * 1000));
    expect(Math.max(...pauses)).toBe(LIMITS.seatPauseMsMax);
    expect(rig.asked.length).toBeLessThan(160);
    expect(new Set(rig.asked)).toEqual(new Set(["seat.take 60"]));
    expect([rig.created, rig.destroyed]).toEqual([1, []]);
  });

  it("is asked for with a new key when the ledger knows that one, and the old one is destroyed", () => {
    const rig = new TakerRig();
    rig.tick(0);
    rig.refuse("seat-taken", { reason: "key" });
    rig.tick(1000);
    rig.tick(5000);
    expect(rig.destroyed).toEqual(["60"]);
    expect(rig.asked).toEqual(["seat.take 60", "seat.take 61"]);
  });
});
