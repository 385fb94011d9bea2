/** What the keeper of a peer's seat says of others' seats. */
import { describe, expect, it } from "vitest";
import { createLedgerState } from "../ledger/index.ts";
import { DEFAULT_PARAMETERS, chainOf, encodeGenesis } from "../protocol/genesis.ts";
import { asAccountId, asHash, asVotingKey, toHex } from "../protocol/identifiers.ts";
import type { RejectCode } from "../protocol/codes.ts";
import { valueToVote, type Vote } from "../protocol/vote.ts";
import type { Value } from "../protocol/codec.ts";
import { Outbox } from "./outbox.ts";
import { SeatKeeper } from "./seat-keeper.ts";
import type { Reporter } from "./transactions.ts";

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
