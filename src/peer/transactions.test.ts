/** Claims are free, and their work is dear to try: what a neighbour can have this peer try, and whom it costs what. */
import { describe, expect, it } from "vitest";
import { createMempool, hasShownWork } from "../ledger/index.ts";
import { account, Scenario, START_MS } from "../ledger/scenario.suite.ts";
import { LIMITS } from "../protocol/limits.ts";
import type { Transaction } from "../protocol/transaction.ts";
import { encodeTransactionBatch } from "../protocol/wire.ts";
import { LateMachine } from "./late-machine.ts";
import { Outbox } from "./outbox.ts";
import { Transactions } from "./transactions.ts";

/** More work than a nonce has that was not searched for. */
const HARD = { claimBits: 24 };
const EASY = { claimBits: 0 };

function createRig(parameters: { readonly claimBits: number }) {
  const scenario = new Scenario({ parameters }).fund([100], 1000);
  const outbox = new Outbox();
  const mempool = createMempool();
  const offered: Transaction[] = [];
  const add = mempool.add.bind(mempool);
  mempool.add = (transaction, ...rest) => {
    offered.push(transaction);
    return add(transaction, ...rest);
  };
  const transactions = new Transactions({
    chain: scenario.chain,
    account: account(99),
    lane: 0,
    mempool,
    outbox,
    machine: new LateMachine(scenario.deps.machine),
    state: () => scenario.state,
    presentMs: () => START_MS,
    isLinked: () => true,
    onChanged: () => {},
    onVerified: () => {},
  });
  transactions.tick(START_MS);
  /** Every signature holds. */
  const settle = (): readonly string[] => {
    const blamed: string[] = [];
    for (let effects = outbox.drain(); effects.length > 0; effects = outbox.drain()) {
      for (const effect of effects) {
        if (effect.kind === "verify") outbox.settle({ kind: "verified", id: effect.id, results: effect.checks.map(() => true) });
        if (effect.kind === "network" && effect.command.kind === "penalize") blamed.push(effect.command.code);
      }
    }
    return blamed;
  };
  const say = (batch: readonly Transaction[], { from = "mallory", nowMs = START_MS } = {}) => {
    const verdicts: boolean[] = [];
    const before = triedOf(offered);
    const bytes = encodeTransactionBatch(batch.map((transaction) => transaction.bytes));
    transactions.onGossip(from, bytes, nowMs, (accept) => verdicts.push(accept));
    const blamed = settle();
    return { verdicts, blamed, tried: triedOf(offered) - before };
  };
  const claims = (from: number, count: number, reference: Uint8Array = scenario.chain): Transaction[] =>
    Array.from({ length: count }, (_, index) =>
      scenario.transaction(from + index, [["token.claim", { reference, nonce: Uint8Array.of(1) }]], { fee: 0 }),
    );
  return { scenario, mempool, transactions, settle, say, claims };
}

/** Claims whose work was tried, however little it is. */
const triedOf = (offered: readonly Transaction[]): number => new Set(offered.filter((transaction) => hasShownWork(transaction, EASY))).size;

describe("claims of a neighbour", () => {
  it("with too little work are its fault: one is tried, none is passed on, and what else came with them is taken", () => {
    const { scenario, mempool, say, claims } = createRig(HARD);
    const [first, ...others] = claims(1, 20);
    const transfer = scenario.transfer(100, 1, 1);
    expect(say([first!, transfer, ...others])).toEqual({ verdicts: [false], blamed: ["work-too-low"], tried: 1 });
    expect(mempool.all().map(({ id }) => id)).toEqual([transfer.id]);
  });

  it("with too little work are still its fault when a candidate had them fetched before", () => {
    const { transactions, settle, say, claims } = createRig(HARD);
    const [claim] = claims(1, 1);
    transactions.verify("b", [claim!], { keep: true }, () => {});
    expect(settle()).toEqual([]);
    expect(say([claim!])).toEqual({ verdicts: [false], blamed: ["work-too-low"], tried: 1 });
  });

  it("that hold are taken and passed on, and tried once", () => {
    const { mempool, say, claims } = createRig(EASY);
    const batch = claims(1, LIMITS.claimsTriedMax);
    expect(say(batch)).toEqual({ verdicts: [true], blamed: [], tried: batch.length });
    expect(mempool.size).toBe(batch.length);
    expect(say(batch)).toEqual({ verdicts: [true], blamed: [], tried: 0 });
  });

  it("are tried at a bounded rate for each; more are dropped without blame, and taken when they are said again", () => {
    const { mempool, say, claims } = createRig(EASY);
    const max = LIMITS.claimsTriedMax;
    const batch = claims(1, 3 * max);
    expect(say(batch)).toEqual({ verdicts: [false], blamed: [], tried: max });
    expect(say(batch)).toEqual({ verdicts: [false], blamed: [], tried: 0 });
    expect(say(batch, { from: "another" })).toEqual({ verdicts: [false], blamed: [], tried: max });
    const nowMs = START_MS + 1000;
    expect(say(batch, { nowMs })).toEqual({ verdicts: [false], blamed: [], tried: LIMITS.claimsTriedPerSecondMax });
    expect(mempool.size).toBe(2 * max + LIMITS.claimsTriedPerSecondMax);
    expect(say(batch, { nowMs: nowMs + 60_000 })).toEqual({
      verdicts: [true],
      blamed: [],
      tried: max - LIMITS.claimsTriedPerSecondMax,
    });
  });

  it("of a block that is not known here are neither tried nor passed on, until it is", () => {
    const { scenario, mempool, say, claims } = createRig(EASY);
    scenario.block([scenario.transfer(100, 1, 1)]);
    const batch = claims(2, 1, scenario.lastBlock);
    expect(say(batch)).toEqual({ verdicts: [false], blamed: [], tried: 0 });
    scenario.block([scenario.transfer(100, 1, 1)]);
    expect(say(batch)).toEqual({ verdicts: [true], blamed: [], tried: 1 });
    expect(mempool.size).toBe(1);
  });
});
