import { describe, expect, it } from "vitest";
import { createRandom } from "../../kit/random.ts";
import { encodeReceipts, type Receipt } from "../../ledger/index.ts";
import type { CommittedBlock } from "../../peer/effects.ts";
import type { Storage } from "../../peer/ports.ts";
import { blockKey, encodeBlockRow } from "../../peer/rows.ts";
import { BLOCK_VERSION, createBlock, transactionsRootOf } from "../../protocol/block.ts";
import { asAccountId, asHash, asVotingKey, type Hash } from "../../protocol/identifiers.ts";
import { TRANSACTION_VERSION, createTransaction, encodeTransactionBody, type Call, type Transaction } from "../../protocol/transaction.ts";
import { createMemoryDisk, createMemoryStorage } from "../storage/memory-storage.ts";
import { createExplorer, type Explorer, type FoundTransaction } from "./explorer.ts";

const bytes32 = (seed: number): Uint8Array => Uint8Array.from({ length: 32 }, (_, i) => (seed * 31 + i * (seed + 7)) & 255);
const CHAIN = asHash(bytes32(1));
const SEAT = asVotingKey(bytes32(2));
const STREAM = bytes32(3);
const SIGNATURE = new Uint8Array(64);

function transactionOf(sender: number, number: number, calls: readonly Call[], branch = 0): Transaction {
  const bodyBytes = encodeTransactionBody({
    version: TRANSACTION_VERSION,
    chain: CHAIN,
    sender: asAccountId(bytes32(sender)),
    nonce: [branch, number],
    validUntilMs: 1,
    fee: 1,
    calls,
  });
  return createTransaction(bodyBytes, [[bytes32(sender), SIGNATURE]]);
}

const transferTo = (to: number): Call => ["account.transfer", { to: bytes32(to), amount: 1 }];

function receiptOf(transaction: Transaction): Receipt {
  const events = transaction.body.calls.map(([operation]) => ({ name: `${operation}ed`, data: { from: transaction.body.sender } }));
  return { transaction: transaction.id, refusal: null, feePaid: 1, gasUsed: 0, results: [null], events };
}

/** A block as the peer reports and stores it; `branch` makes another one of the same height. */
function blockOf(height: number, transactions: readonly Transaction[], branch = 0): CommittedBlock & { readonly row: Uint8Array } {
  const block = createBlock(
    {
      version: BLOCK_VERSION,
      chain: CHAIN,
      height,
      epochId: CHAIN,
      round: height,
      parent: CHAIN,
      timeMs: 1000 * height + branch,
      proposer: SEAT,
      transactionsRoot: transactionsRootOf(transactions),
      receiptsRoot: CHAIN,
      stateRoot: CHAIN,
      seatsDigest: CHAIN,
      endsEpoch: false,
      lastRecovery: null,
      certificate: null,
      lateVotes: [],
      alives: [],
    },
    transactions,
  );
  const receipts = transactions.map(receiptOf);
  const info = {
    id: block.id,
    parent: CHAIN,
    epochId: CHAIN,
    round: height,
    height,
    heightedId: block.id,
    timeMs: block.header.timeMs,
    seats: [SEAT],
    sleeping: [],
    endsEpoch: false,
    recovery: null,
    lastRecovery: null,
  };
  const row = encodeBlockRow({ info, block, recovery: null, receipts: encodeReceipts(receipts), certificates: [] });
  return { id: block.id, height, timeMs: block.header.timeMs, block, receipts, events: [], row };
}

class Chain {
  readonly storage: Storage;
  readonly blocks: (CommittedBlock & { readonly row: Uint8Array })[] = [];

  constructor(storage: Storage) {
    this.storage = storage;
  }

  async add(transactions: readonly Transaction[], branch = 0): Promise<CommittedBlock> {
    const block = blockOf(this.blocks.length + 1, transactions, branch);
    this.blocks.push(block);
    await this.storage.write({ puts: [["blocks", blockKey(block.height, 0), block.row]], deletes: [], strict: false });
    return block;
  }

  async cutAbove(height: number): Promise<void> {
    const gone = this.blocks.splice(height);
    await this.storage.write({ puts: [], deletes: gone.map((block) => ["blocks", blockKey(block.height, 0)] as const), strict: false });
  }

  /** What the index should say, by looking at every block. */
  mentions(account: number): string[] {
    const key = String(bytes32(account));
    return this.blocks
      .flatMap(({ block }) => block?.transactions ?? [])
      .filter(
        ({ body }) => String(body.sender) === key || body.calls.some(([, value]) => String((value as { to?: Uint8Array }).to) === key),
      )
      .map(({ id }) => String(id))
      .reverse();
  }
}

const idsOf = (found: readonly FoundTransaction[]): string[] => found.map(({ transaction }) => String(transaction.id));

async function expectRight(explorer: Explorer, chain: Chain, accounts: number): Promise<void> {
  for (let account = 10; account < 10 + accounts; account++) {
    expect(idsOf(await explorer.transactions(bytes32(account), undefined, 100_000))).toEqual(chain.mentions(account));
  }
  for (const { id, height } of chain.blocks.filter((_, index) => index % 37 === 0)) {
    expect((await explorer.blockByDigest(id))?.height).toBe(height);
  }
}

async function indexRows(storage: Storage): Promise<number> {
  return (await storage.range("index", { from: "", to: "~", limit: 100_000 })).length;
}

describe("createExplorer", () => {
  it("[M1b] finds every transaction by its id and by whom it touches, over flushes and merges, and after a restart", async () => {
    const random = createRandom(1);
    const disk = createMemoryDisk();
    const chain = new Chain(createMemoryStorage(disk));
    // Small segments, so that they are merged over two levels.
    const options = { flushEntries: 40 };
    const explorer = createExplorer(chain.storage, options);
    await explorer.catchUp();
    for (let height = 1; height <= 150; height++) {
      const transactions = Array.from({ length: 4 }, (_, i) =>
        transactionOf(10 + random.below(5), height * 1000 + i, [transferTo(10 + random.below(5))]),
      );
      explorer.onCommitted({ blocks: [await chain.add(transactions)], undoneAbove: null });
    }
    await explorer.catchUp();
    expect(explorer.indexed).toEqual({ height: 150, refusal: null });
    await expectRight(explorer, chain, 5);
    const some = chain.blocks[40]!.block!.transactions[3]!;
    expect(await explorer.transaction(some.id)).toMatchObject({ height: 41, index: 3 });
    expect(await explorer.transaction(CHAIN)).toBeUndefined();
    // Some sixty segments were written, and merged into few.
    expect(await indexRows(chain.storage)).toBeLessThan(40);

    const again = createExplorer(createMemoryStorage(disk), options);
    await again.catchUp();
    await expectRight(again, chain, 5);
  });

  it("pages downward without a gap", async () => {
    const chain = new Chain(createMemoryStorage());
    const explorer = createExplorer(chain.storage);
    for (let height = 1; height <= 300; height++)
      await chain.add([transactionOf(10, height, [transferTo(11)]), transactionOf(12, height, [transferTo(13)])]);
    await explorer.catchUp();
    for (const about of [bytes32(11), undefined]) {
      const seen: FoundTransaction[] = [];
      for (;;) {
        const page = await explorer.transactions(about, seen.at(-1), 17);
        seen.push(...page);
        if (page.length < 17) break;
      }
      const expected =
        about === undefined
          ? chain.blocks.flatMap(({ block }) => block!.transactions.map(({ id }) => String(id))).reverse()
          : chain.mentions(11);
      expect(idsOf(seen)).toEqual(expected);
      // A page that held only what is not final yet ended above all of it.
      expect(idsOf(await explorer.transactions(about, { height: 305, index: 0 }, 17))).toEqual(expected.slice(0, 17));
    }
  });

  it("forgets what was undone, also when it learns of it only after a restart", async () => {
    const disk = createMemoryDisk();
    const chain = new Chain(createMemoryStorage(disk));
    const options = { flushEntries: 64, flushBlocks: 16 };
    const explorer = createExplorer(chain.storage, options);
    for (let height = 1; height <= 300; height++)
      explorer.onCommitted({ blocks: [await chain.add([transactionOf(10, height, [transferTo(11)])])], undoneAbove: null });
    await explorer.catchUp();
    const lost = chain.blocks[250]!.block!.transactions[0]!;
    await chain.cutAbove(200);
    const other = await chain.add([transactionOf(12, 1, [transferTo(11)], 1)], 1);
    explorer.onCommitted({ blocks: [other], undoneAbove: 200 });
    await explorer.catchUp();
    expect(await explorer.transaction(lost.id)).toBeUndefined();
    await expectRight(explorer, chain, 3);

    // Killed right after a switch was written, before the index heard of it.
    for (let height = 202; height <= 400; height++)
      explorer.onCommitted({ blocks: [await chain.add([transactionOf(10, height, [transferTo(11)], 1)], 1)], undoneAbove: null });
    await explorer.catchUp();
    await chain.cutAbove(230);
    await chain.add([transactionOf(12, 2, [transferTo(10)], 2)], 2);
    const again = createExplorer(createMemoryStorage(disk), options);
    await again.catchUp();
    expect(again.indexed.height).toBe(231);
    await expectRight(again, chain, 3);
  });

  it("gives a stream's packs in their order, and events by source and topic", async () => {
    const chain = new Chain(createMemoryStorage());
    const explorer = createExplorer(chain.storage);
    const append = (sequence: number): Call => ["stream.append", { stream: STREAM, sequence, pack: Uint8Array.of(1) }];
    for (let height = 1; height <= 520; height++) {
      await chain.add([transactionOf(10, height, height % 2 === 0 ? [append(height / 2 - 1)] : [transferTo(11)])]);
    }
    await explorer.catchUp();
    const sequences = (found: readonly FoundTransaction[]): unknown[] =>
      found.map(({ transaction }) => (transaction.body.calls[0]![1] as { sequence: number }).sequence);
    expect(sequences(await explorer.appends(STREAM, undefined, 3))).toEqual([257, 258, 259]);
    expect(sequences(await explorer.appends(STREAM, 9, 3))).toEqual([10, 11, 12]);
    expect(sequences(await explorer.appends(STREAM, 258, 3))).toEqual([259]);
    expect(await explorer.appends(bytes32(9), undefined, 3)).toEqual([]);
    const appended = await explorer.events({ source: "stream" }, undefined, 100);
    expect(appended.map(({ height }) => height)).toEqual(Array.from({ length: 100 }, (_, i) => 520 - 2 * i));
    const next = await explorer.events({ source: "stream", topic: "appended" }, appended.at(-1), 1000);
    expect(next).toHaveLength(160);
    expect(await explorer.events({ topic: "nothing" }, undefined, 10)).toEqual([]);
    expect(await explorer.events({}, undefined, 10)).toHaveLength(10);
  });

  it("can be built again from the blocks, and is when its rows are not readable", async () => {
    const disk = createMemoryDisk();
    const chain = new Chain(createMemoryStorage(disk));
    for (let height = 1; height <= 60; height++) await chain.add([transactionOf(10, height, [transferTo(11)])]);
    const options = { flushBlocks: 8 };
    const explorer = createExplorer(chain.storage, options);
    await explorer.catchUp();
    await explorer.rebuild();
    await expectRight(explorer, chain, 2);
    await chain.storage.write({ puts: [["index", "manifest", Uint8Array.of(123, 34)]], deletes: [], strict: false });
    const again = createExplorer(createMemoryStorage(disk), options);
    await again.catchUp();
    await expectRight(again, chain, 2);
    expect(again.indexed).toEqual({ height: 60, refusal: null });
  });

  it("rests when storage refuses, and says so", async () => {
    const chain = new Chain(createMemoryStorage());
    await chain.add([transactionOf(10, 1, [transferTo(11)])]);
    const explorer = createExplorer(chain.storage);
    await explorer.catchUp();
    chain.storage.close();
    explorer.onCommitted({ blocks: Array.from({ length: 20 }, (_, i) => blockOf(2 + i, [])), undoneAbove: null });
    await expect.poll(() => explorer.indexed.refusal?.code).toBe("storage-closed");
  });

  it("knows nothing of an empty ledger", async () => {
    const explorer = createExplorer(createMemoryStorage());
    await explorer.catchUp();
    expect(await explorer.transactions(undefined, undefined, 10)).toEqual([]);
    expect(await explorer.events({}, undefined, 10)).toEqual([]);
    expect(await explorer.blockByDigest(CHAIN as Hash)).toBeUndefined();
  });
});
