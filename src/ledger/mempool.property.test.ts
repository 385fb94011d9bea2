import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { toHex } from "../protocol/identifiers.ts";
import { LIMITS } from "../protocol/limits.ts";
import { Refusal } from "../protocol/refusal.ts";
import type { Transaction } from "../protocol/transaction.ts";
import { createMempool } from "./mempool.ts";
import { account, Scenario, START_MS } from "./scenario.suite.ts";

const SEED = 4464;

function codeOf(run: () => unknown): string | null {
  try {
    run();
    return null;
  } catch (error) {
    if (error instanceof Refusal) return error.code;
    throw error;
  }
}

const rate = (transaction: Transaction): number => transaction.body.fee / transaction.bytes.length;
const numbers = (transactions: readonly Transaction[]) => transactions.map(({ body }) => body.nonce[1]);

describe("the mempool", () => {
  const funded = () => new Scenario().fund([1, 2, 3, 4], 100_000);

  it("gives lanes in order, higher fees first, and keeps what waits for an earlier number", () => {
    const scenario = funded();
    const pool = createMempool();
    const add = (transaction: Transaction) => pool.add(transaction, scenario.state, START_MS);
    for (const number of [2, 0, 1, 4]) add(scenario.transfer(1, 2, 1, { number, fee: 10 + number }));
    add(scenario.transfer(2, 1, 1, { fee: 500 }));
    const chosen = pool.executable(scenario.state);
    expect(chosen.map(({ body }) => [toHex(body.sender) === toHex(account(2)), body.nonce[1]])).toEqual([
      [true, 0],
      [false, 0],
      [false, 1],
      [false, 2],
    ]);
    expect(numbers(pool.ofSender(account(1)))).toEqual([0, 1, 2, 4]);
    scenario.block(chosen);
    pool.onFinal(chosen, scenario.state);
    expect(numbers(pool.all())).toEqual([4]);
    expect(pool.hasExecutable(scenario.state)).toBe(false);
    add(scenario.transfer(1, 2, 1, { number: 3 }));
    expect(pool.hasExecutable(scenario.state)).toBe(true);
    expect(numbers(pool.executable(scenario.state))).toEqual([3, 4]);
  });

  it("puts what pays alike in order of age, whatever the sender, and drops the youngest of it first", () => {
    const scenario = new Scenario().fund([1, 2, 3, 4, 5], 100_000);
    // Not in the order of the senders' keys, and one older than all that pays a little less.
    const cheap = scenario.transfer(5, 1, 1, { fee: 49 });
    const alike = [3, 1, 4, 2].map((sender) => scenario.transfer(sender, 5, 1, { fee: 50 }));
    expect(new Set(alike.map(rate)).size).toBe(1);
    for (const order of [alike, [...alike].reverse()]) {
      const pool = createMempool({ transactionsMax: 5 });
      for (const transaction of [cheap, ...order]) pool.add(transaction, scenario.state, START_MS);
      expect(pool.executable(scenario.state)).toEqual([...order, cheap]);
      // A replacement is as old as it is itself.
      const raised = scenario.transfer(5, 2, 1, { fee: 60 });
      pool.add(raised, scenario.state, START_MS);
      expect(pool.executable(scenario.state)).toEqual([raised, ...order]);
      const dear = scenario.transfer(5, 2, 1, { fee: 70, lane: 1 });
      pool.add(dear, scenario.state, START_MS);
      expect(pool.executable(scenario.state)).toEqual([dear, raised, ...order.slice(0, 3)]);
    }
  });

  it("replaces by a tenth more, and gives what lost its number to a block", () => {
    const scenario = funded();
    const pool = createMempool();
    const first = scenario.transfer(1, 2, 1, { fee: 100 });
    pool.add(first, scenario.state, START_MS);
    expect(codeOf(() => pool.add(first, scenario.state, START_MS))).toBe("already-known");
    expect(codeOf(() => pool.add(scenario.transfer(1, 2, 2, { fee: 109 }), scenario.state, START_MS))).toBe("fee-too-low");
    const second = scenario.transfer(1, 2, 2, { fee: 110 });
    pool.add(second, scenario.state, START_MS);
    expect(pool.all()).toEqual([second]);
    scenario.block([first]);
    pool.onFinal([first], scenario.state);
    expect([pool.size, pool.bytes]).toEqual([0, 0]);
  });

  it("refuses what cannot come into a block", () => {
    const scenario = funded();
    const pool = createMempool();
    const attempt = (options: Parameters<Scenario["transfer"]>[3]) =>
      codeOf(() => pool.add(scenario.transfer(1, 2, 1, options), scenario.state, START_MS));
    expect(attempt({ validForMs: -1 })).toBe("expired");
    expect(attempt({ validForMs: 2 * LIMITS.validityMsMax })).toBe("valid-too-long");
    expect(attempt({ number: LIMITS.mempoolSenderMax })).toBe("nonce-gap");
    expect(attempt({ fee: 0 })).toBe("fee-too-low");
    expect(attempt({ fee: 100_001 })).toBe("balance-too-low");
    expect(attempt({ fee: 60_000 })).toBeNull();
    expect(attempt({ fee: 60_000, number: 1 })).toBe("balance-too-low");
    scenario.block(pool.executable(scenario.state));
    expect(attempt({ number: 0 })).toBe("nonce-used");
  });

  it("drops what expires", () => {
    const scenario = funded();
    const pool = createMempool();
    const short = scenario.transfer(1, 2, 1, { validForMs: 1000 });
    const long = scenario.transfer(2, 1, 1);
    for (const transaction of [short, long]) pool.add(transaction, scenario.state, START_MS);
    expect(pool.expire(START_MS + 1000)).toEqual([]);
    expect(pool.expire(START_MS + 1001)).toEqual([short]);
    expect(pool.all()).toEqual([long]);
  });

  it("takes what is free of fee only when it is good now", () => {
    const scenario = new Scenario({ parameters: { claimBits: 24 } });
    const claim = scenario.transaction(7, [["token.claim", { reference: scenario.chain, nonce: new Uint8Array(4) }]], { fee: 0 });
    const pool = createMempool();
    expect(codeOf(() => pool.check(claim, scenario.state, START_MS))).toBeNull();
    expect(codeOf(() => pool.add(claim, scenario.state, START_MS))).toBe("work-too-low");
  });

  it("stays within its bounds: per sender, and in total by dropping what pays least", () => {
    const scenario = new Scenario().fund([1, 2, 3, 4, 5, 6], 1_000_000);
    const bounds = { transactionsMax: 20, senderMax: 6 };
    const pool = createMempool(bounds);
    const add = (...of: Parameters<Scenario["transfer"]>) => codeOf(() => pool.add(scenario.transfer(...of), scenario.state, START_MS));
    for (let number = 0; number < bounds.senderMax; number++) expect(add(1, 2, 1, { number, lane: 1 })).toBeNull();
    expect(add(1, 2, 1, { lane: 2 })).toBe("sender-limit");
    for (let number = 0; number < bounds.senderMax; number++)
      for (const sender of [2, 3, 4]) add(sender, 1, 1, { number, fee: 20 + number });
    expect(pool.size).toBe(bounds.transactionsMax);
    expect(add(5, 1, 1, { fee: 1 })).toBe("mempool-full");
    expect(add(5, 1, 1, { fee: 1000 })).toBeNull();
    expect(pool.size).toBeLessThanOrEqual(bounds.transactionsMax);
    expect(pool.ofSender(account(1)).length).toBeLessThan(bounds.senderMax);
    expect(pool.executable(scenario.state, { countMax: 1 })[0]!.body.fee).toBe(1000);
    const { bytes } = scenario.transfer(1, 2, 1);
    const narrow = createMempool({ bytesMax: 2.5 * bytes.length });
    for (const sender of [1, 2, 3]) codeOf(() => narrow.add(scenario.transfer(sender, 4, 1, { fee: sender }), scenario.state, START_MS));
    expect(narrow.all().map(({ body }) => body.fee)).toEqual([2, 3]);
  });

  it("drops nobody for a newcomer that it then refuses, and for one that it takes only who pays less, also for a larger replacement", () => {
    const scenario = funded();
    const [cheap, dear] = [scenario.transfer(1, 4, 1, { fee: 10 }), scenario.transfer(2, 4, 1, { fee: 1000 })];
    const pool = createMempool({ bytesMax: 2.2 * cheap.bytes.length });
    const add = (transaction: Transaction) => pool.add(transaction, scenario.state, START_MS);
    for (const transaction of [cheap, dear]) add(transaction);
    const large = (sender: number, fee: number): Transaction =>
      scenario.transaction(
        sender,
        [1, 2, 3, 4].map((amount) => ["account.transfer", { to: account(4), amount }] as const),
        { fee },
      );
    expect(large(3, 1).bytes.length).toBeGreaterThan(1.2 * cheap.bytes.length);
    for (let count = 0; count < 2; count++) expect(codeOf(() => add(large(3, 200)))).toBe("mempool-full");
    expect(pool.all()).toEqual([cheap, dear]);
    const replacement = large(2, 2000);
    add(replacement);
    expect(pool.all()).toEqual([replacement]);
    expect(pool.bytes).toBe(replacement.bytes.length);
    const dearest = scenario.transfer(3, 4, 1, { fee: 5000 });
    add(dearest);
    expect(pool.all()).toEqual([dearest]);
  });

  it("always gives what a block can carry, in an order that no lane's turn breaks, best first", () => {
    const item = fc.record({
      sender: fc.integer({ min: 1, max: 4 }),
      lane: fc.integer({ min: 0, max: 1 }),
      number: fc.integer({ min: 0, max: 5 }),
      fee: fc.integer({ min: 1, max: 60 }),
      final: fc.boolean(),
    });
    fc.assert(
      fc.property(fc.array(item, { maxLength: 60 }), (items) => {
        const scenario = funded();
        const pool = createMempool();
        for (const { sender, lane, number, fee, final } of items) {
          codeOf(() => pool.add(scenario.transfer(sender, 1, 1, { lane, number, fee }), scenario.state, scenario.timeMs));
          const chosen = pool.executable(scenario.state);
          expect(chosen.length > 0).toBe(pool.hasExecutable(scenario.state));
          const next = new Map<string, number>();
          const ready = new Map<string, Transaction[]>();
          for (const transaction of chosen) {
            const name = `${toHex(transaction.body.sender)}/${transaction.body.nonce[0]}`;
            ready.set(name, [...(ready.get(name) ?? []), transaction]);
          }
          for (const transaction of chosen) {
            const name = `${toHex(transaction.body.sender)}/${transaction.body.nonce[0]}`;
            expect(transaction.body.nonce[1]).toBe(next.get(name) ?? transaction.body.nonce[1]);
            next.set(name, transaction.body.nonce[1] + 1);
            const heads = [...ready.values()].flatMap((queue) => queue.slice(0, 1));
            expect(rate(transaction)).toBe(Math.max(...heads.map(rate)));
            ready.get(name)!.shift();
          }
          if (final && chosen.length > 0) {
            scenario.block(chosen);
            pool.onFinal(chosen, scenario.state);
          }
          expect(pool.hasExecutable(scenario.state)).toBe(!final && chosen.length > 0);
          expect(pool.all().reduce((sum, { bytes }) => sum + bytes.length, 0)).toBe(pool.bytes);
        }
      }),
      { seed: SEED, numRuns: 60 },
    );
  });
});
