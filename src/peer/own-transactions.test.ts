/** What becomes of this peer's own transactions, and when it is said. */
import { describe, expect, it } from "vitest";
import { createMempool, type MempoolOptions } from "../ledger/mempool.ts";
import { account, Scenario, SIGNATURE, START_MS } from "../ledger/scenario.suite.ts";
import type { Transaction } from "../protocol/transaction.ts";
import { LateMachine } from "./late-machine.ts";
import { Outbox } from "./outbox.ts";
import { Transactions } from "./transactions.ts";

const HEARTBEAT_MS = 60_000;
type Rows = readonly (readonly [key: string, bytes: Uint8Array])[];

class Rig {
  readonly scenario = new Scenario().fund([1, 2], 100_000);
  readonly mempool;
  readonly #outbox = new Outbox();
  readonly #stored = new Map<string, Uint8Array>();
  #nowMs = START_MS;
  transactions: Transactions;

  constructor(options: Partial<MempoolOptions> = {}) {
    this.mempool = createMempool(options);
    this.transactions = this.#create();
  }

  #create(mempool = this.mempool, ownAccount = account(1)): Transactions {
    return new Transactions({
      chain: this.scenario.chain,
      account: ownAccount,
      lane: 0,
      mempool,
      outbox: this.#outbox,
      machine: new LateMachine(this.scenario.deps.machine),
      state: () => this.scenario.state,
      presentMs: () => this.#nowMs,
      isLinked: () => true,
      onChanged: () => {},
      onVerified: () => {},
    });
  }

  #perform(): void {
    for (const effect of this.#outbox.drain()) {
      if (effect.kind === "sign") this.#outbox.settle({ kind: "signed", id: effect.id, signature: SIGNATURE });
      if (effect.kind !== "store") continue;
      for (const [, key] of effect.batch.deletes) this.#stored.delete(key);
      for (const [, key, bytes] of effect.batch.puts) this.#stored.set(key, bytes);
    }
  }

  tick(afterMs: number): void {
    this.transactions.tick((this.#nowMs = START_MS + afterMs));
    this.#perform();
  }

  /** Sends a transfer; what is said of its end comes to `said`. */
  send(afterMs: number, validForMs: number, fee = 10): { readonly transaction: Transaction; readonly said: unknown[] } {
    const said: unknown[] = [];
    let transaction: Transaction | undefined;
    this.#nowMs = START_MS + afterMs;
    const calls = [["account.transfer", { to: account(2), amount: 1 }]] as const;
    this.transactions.submit(
      { calls, fee, validForMs },
      (report) => {
        if (report.stage === "signed") transaction = report.transaction;
        else if (report.stage === "final") said.push("final");
        else if (report.stage === "refused") said.push(report.refusal);
      },
      this.#nowMs,
    );
    this.#perform();
    return { transaction: transaction!, said };
  }

  /** A final block after the last one. Without transactions it is a heartbeat. */
  final(transactions: readonly Transaction[], afterMs = HEARTBEAT_MS): void {
    const { receipts } = this.scenario.block(transactions, { afterMs });
    this.transactions.onFinal(transactions, receipts, this.scenario.outcomes.length);
  }

  /** The tab is opened again, with what it stored. */
  reopen(afterMs: number, ownAccount = account(1)): Rows {
    this.transactions.tick((this.#nowMs = START_MS + afterMs));
    this.#perform();
    const rows = [...this.#stored];
    this.transactions = this.#create(createMempool(), ownAccount);
    this.transactions.restore(rows, START_MS + afterMs);
    this.#perform();
    return rows;
  }
}

describe("an own transaction whose validity is over by this peer's clock", () => {
  it("is final when the block that holds it comes only then, as after a sleep", () => {
    const rig = new Rig();
    const { transaction, said } = rig.send(0, 1000);
    rig.tick(600_000);
    expect(rig.mempool.size).toBe(0);
    expect(said).toEqual([]);
    rig.final([transaction], 500);
    expect(said).toEqual(["final"]);
  });

  it("is expired once final block time has reached the end of its validity, by a heartbeat where nothing else happens", () => {
    const rig = new Rig();
    const { transaction, said } = rig.send(0, 2 * HEARTBEAT_MS);
    rig.final([]);
    rig.tick(3 * HEARTBEAT_MS);
    expect(said).toEqual([]);
    expect(rig.transactions.ownPending).toEqual([transaction]);
    rig.final([]);
    expect(said).toEqual([{ code: "expired", data: { validUntilMs: START_MS + 2 * HEARTBEAT_MS } }]);
    expect(rig.transactions.ownPending).toEqual([]);
  });

  it.each([
    ["it", 0],
    ["the next", 1],
  ] as const)("leaves its number to the next one, and only one of the two happens: %s", (_, winner) => {
    const rig = new Rig();
    const sent = [rig.send(0, 1000)];
    rig.tick(2000);
    sent.push(rig.send(2000, 600_000));
    expect(sent.map(({ transaction }) => transaction.body.nonce)).toEqual([
      [0, 0],
      [0, 0],
    ]);
    rig.final([sent[winner]!.transaction], 500);
    expect(sent[winner]!.said).toEqual(["final"]);
    expect(sent[1 - winner]!.said).toEqual([{ code: "replaced", data: { lane: 0 } }]);
    expect(rig.send(2000, 600_000).transaction.body.nonce).toEqual([0, 1]);
  });

  it("is followed over a reload, and forgotten when the ledger has decided meanwhile", () => {
    const rig = new Rig();
    const { transaction } = rig.send(0, 1000);
    expect(rig.reopen(600_000)).toHaveLength(1);
    expect(rig.transactions.ownPending).toEqual([transaction]);
    rig.scenario.block([transaction], { afterMs: 500 });
    rig.reopen(600_000);
    expect(rig.transactions.ownPending).toEqual([]);
    // It was its own: no other peer of the account uses this lane.
    expect(rig.send(600_000, 1000).transaction.body.nonce).toEqual([0, 1]);
  });
});

describe("a transaction of the account that this peer had before it was restarted with another", () => {
  it("goes on, and takes no number of the new one", () => {
    const rig = new Rig();
    const { transaction } = rig.send(0, 600_000);
    rig.reopen(2000, account(2));
    expect(rig.transactions.ownPending).toEqual([transaction]);
    const later = rig.send(2000, 600_000).transaction;
    expect([later.body.sender, later.body.nonce]).toEqual([account(2), [0, 0]]);
    rig.final([transaction], 500);
    expect(rig.transactions.ownPending).toEqual([later]);
  });

  it("is decided by the numbers of its own account, and says nothing of the new one's lane", () => {
    const rig = new Rig();
    const { transaction } = rig.send(0, 600_000);
    const rival = rig.scenario.transfer(1, 2, 7, { fee: 100 });
    rig.reopen(2000, account(2));
    rig.final([rival], 500);
    expect(rig.transactions.ownPending).toEqual([]);
    expect(rig.send(2000, 600_000).transaction.body.nonce).toEqual([0, 0]);
    // A crash may leave the row of one whose fate is known.
    const again = new Rig();
    const done = again.send(0, 600_000).transaction;
    again.reopen(1000);
    again.scenario.block([done], { afterMs: 500 });
    again.reopen(2000, account(2));
    expect(again.transactions.ownPending).toEqual([]);
    expect(transaction.body.nonce).toEqual([0, 0]);
  });
});

describe("an own transaction that this peer offers no more", () => {
  it("is not refused because this peer as leader left it out: another may include it", () => {
    const rig = new Rig();
    const { transaction, said } = rig.send(0, 600_000);
    rig.transactions.onRefused(transaction, { code: "balance-too-low", data: {} });
    rig.tick(10_000);
    expect(rig.mempool.size).toBe(0);
    expect(said).toEqual([]);
    rig.final([transaction], 500);
    expect(said).toEqual(["final"]);
  });

  it("says for what it was left out when it expires, and holds up nothing behind it meanwhile", () => {
    const rig = new Rig();
    const { transaction, said } = rig.send(0, HEARTBEAT_MS);
    rig.transactions.onRefused(transaction, { code: "balance-too-low", data: {} });
    // The very same once more would be one transaction with two to tell of it.
    expect(rig.send(0, HEARTBEAT_MS).said).toEqual([{ code: "already-known", data: {} }]);
    expect(rig.send(0, 600_000).transaction.body.nonce).toEqual([0, 0]);
    rig.final([]);
    expect(said).toEqual([{ code: "expired", data: { validUntilMs: START_MS + HEARTBEAT_MS, leftOut: "balance-too-low" } }]);
  });

  it("waits where something better paid takes its place, and is offered again when there is room", () => {
    const rig = new Rig({ transactionsMax: 1 });
    const { transaction, said } = rig.send(0, 600_000);
    const better = rig.scenario.transfer(2, 1, 1, { fee: 100 });
    rig.mempool.add(better, rig.scenario.state, START_MS);
    rig.tick(3000);
    expect(rig.mempool.all()).toEqual([better]);
    rig.final([better], 500);
    rig.tick(6000);
    expect(rig.mempool.all()).toEqual([transaction]);
    rig.final([transaction], 500);
    expect(said).toEqual(["final"]);
  });

  it("lost its number to another peer of the account: said when that is final, and the lane is left", () => {
    const rig = new Rig();
    const { said } = rig.send(0, 600_000);
    const other = rig.scenario.transfer(1, 2, 7, { fee: 100 });
    rig.mempool.add(other, rig.scenario.state, START_MS);
    rig.tick(3000);
    expect(said).toEqual([]);
    rig.final([other], 500);
    expect(said).toEqual([{ code: "nonce-used", data: { lane: 0 } }]);
    expect(rig.send(3000, 600_000).transaction.body.nonce).toEqual([1, 0]);
  });
});
