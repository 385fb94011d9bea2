/**
 * Transactions of this peer, from their signature until their fate stands in the final ledger: reported to whoever sent them, stored, and
 * offered to the mempool again. What was shared once others may hold for longer than this peer does, so that neither its clock nor its mempool
 * nor its own turn as leader decides what became of them. What a switch of branches undid goes the same road again, whosever it is (PROTOCOL, "Recovery").
 */
import { accountOf, headOf, type Mempool, type Receipt, type StateView } from "../ledger/index.ts";
import { equalBytes } from "../kit/bytes.ts";
import { toHex, type AccountId, type HashHex } from "../protocol/identifiers.ts";
import type { RejectCode } from "../protocol/codes.ts";
import { LIMITS } from "../protocol/limits.ts";
import { Refusal, type RefusalShape } from "../protocol/refusal.ts";
import { decodeTransaction, idKeyOf, type Transaction } from "../protocol/transaction.ts";
import { decodeTransactionBatch, encodeTransactionBatch } from "../protocol/wire.ts";
import type { RoadReport } from "./effects.ts";
import type { Outbox } from "./outbox.ts";

/** They are written when they have waited for so long and neighbours hold them meanwhile; most are final sooner, and cost no write. */
const STORE_PACE_MS = 1_000;

/** Where the road of a submission is told; nobody asks after those of an earlier run. */
export type Reporter = (report: RoadReport) => void;

/** They are stored by the batch, since IndexedDB costs by the row; a row goes when the last of them is done. */
interface PoolRow {
  readonly key: HashHex;
  left: number;
}

interface Own {
  readonly report: Reporter;
  readonly transaction: Transaction;
  inBlock: boolean;
  /** Null until it is stored. */
  row: PoolRow | null;
  /** Why this peer, as leader, left it out; then it offers it no more. */
  leftOut: RefusalShape | null;
}

/** Why what was undone cannot wait again: the better branch has it, or another in its place, or its time is over. */
const NEVER_AGAIN: ReadonlySet<RejectCode> = new Set(["nonce-used", "expired"]);

/** Rows of the table `pool`, for a write. */
export interface PoolBatch {
  readonly puts: readonly (readonly ["pool", key: string, bytes: Uint8Array])[];
  readonly deletes: readonly (readonly ["pool", key: string])[];
}

/** Why a transaction that is in no final block never will be. */
export type LostCode = "expired" | "nonce-used" | "replaced";

export interface OwnTransactionsOptions {
  readonly account: AccountId;
  readonly mempool: Mempool;
  readonly outbox: Outbox;
  /** The final one. */
  readonly state: () => StateView;
  /** Milliseconds since 1970, of the peer's present step. */
  readonly presentMs: () => number;
  /** One of them will never be in a block, and its number is free or used by another. */
  readonly onLost: (transaction: Transaction, code: LostCode) => void;
}

export class OwnTransactions {
  readonly #options: OwnTransactionsOptions;
  readonly #all = new Map<HashHex, Own>();
  /** How many of them another account signed. */
  #others = 0;
  #storedMs = 0;
  /** Those that are not stored yet, and rows whose transactions are all done: both wait for the next write. */
  #unstored: Own[] = [];
  #doneRows: string[] = [];

  constructor(options: OwnTransactionsOptions) {
    this.#options = options;
  }

  /** Of this peer's account. */
  get size(): number {
    return this.#all.size - this.#others;
  }

  has(id: HashHex): boolean {
    return this.#all.has(id);
  }

  get pending(): readonly Transaction[] {
    return [...this.#all.values()].map((own) => own.transaction);
  }

  /**
   * Numbers of a lane that a new transaction must not use. One that this peer offers no more leaves its number, or all behind it would wait for
   * its fate: if it is in a block after all, the new one cannot be, so that nothing happens twice.
   */
  numbersTaken(lane: number): readonly number[] {
    const presentMs = this.#options.presentMs();
    const offered = [...this.#all.values()].filter(
      ({ transaction, leftOut }) => leftOut === null && transaction.body.validUntilMs >= presentMs && this.#isOfAccount(transaction),
    );
    return offered.map(({ transaction }) => transaction.body.nonce).flatMap(([of, number]) => (of === lane ? [number] : []));
  }

  /** Another account may have been this peer's before it was restarted. Its transactions go on, with the numbers of that account. */
  #isOfAccount({ body }: Transaction): boolean {
    return equalBytes(body.sender, this.#options.account);
  }

  follow(transaction: Transaction, report: Reporter): void {
    const own: Own = { report, transaction, inBlock: false, row: null, leftOut: null };
    this.#all.set(idKeyOf(transaction), own);
    if (!this.#isOfAccount(transaction)) this.#others += 1;
    this.#unstored.push(own);
    report({ stage: "signed", transaction, height: null });
  }

  /** What blocks carried that were undone: it waits again where it still can, and what is to be stored with the switch is given. */
  takeBack(transactions: readonly Transaction[]): PoolBatch {
    const { mempool, state, presentMs } = this.#options;
    for (const transaction of transactions) {
      if (this.#all.has(idKeyOf(transaction))) continue;
      try {
        mempool.add(transaction, state(), presentMs());
      } catch (error) {
        if (!(error instanceof Refusal)) throw error;
        if (NEVER_AGAIN.has(error.code)) continue;
      }
      this.follow(transaction, () => {});
    }
    return this.#batch();
  }

  /** Gives the mempool those that it lacks, since something better paid took their place, say. Whether it took one. */
  offer(): boolean {
    const { mempool, state, presentMs } = this.#options;
    let taken = false;
    for (const [id, { transaction, leftOut }] of this.#all) {
      if (leftOut !== null || mempool.has(id)) continue;
      try {
        mempool.add(transaction, state(), presentMs());
        taken = true;
      } catch (error) {
        if (!(error instanceof Refusal)) throw error;
      }
    }
    return taken;
  }

  // ------------------------------------------------------------ their road

  onShared(transactions: readonly Transaction[]): void {
    for (const transaction of transactions) {
      const own = this.#all.get(idKeyOf(transaction));
      if (own !== undefined && !own.inBlock) own.report({ stage: "shared", transaction, height: null });
    }
  }

  /** A candidate with these was executed: they are in a block now, which is not final. */
  onInBlock(transactions: readonly Transaction[], height: number): void {
    if (this.#all.size === 0) return;
    for (const transaction of transactions) {
      const own = this.#all.get(idKeyOf(transaction));
      if (own === undefined || own.inBlock) continue;
      own.inBlock = true;
      own.report({ stage: "in-block", transaction, height });
    }
  }

  /** This peer, as leader, could not include it. Others still hold it, and may see it otherwise. */
  onLeftOut(transaction: Transaction, refusal: RefusalShape): void {
    const own = this.#all.get(idKeyOf(transaction));
    if (own !== undefined) own.leftOut = refusal;
  }

  /** A block with these became final; `state` is the one after it, so that it says of all others, too, whether they still can. */
  onFinal(transactions: readonly Transaction[], receipts: readonly Receipt[], height: number): void {
    if (this.#all.size === 0) return;
    const won = new Set<string>();
    for (const [index, transaction] of transactions.entries()) {
      const id = idKeyOf(transaction);
      const own = this.#all.get(id);
      if (own === undefined) continue;
      this.#forget(id, own);
      won.add(transaction.body.nonce.join());
      own.report({ stage: "final", transaction, height, receipt: receipts[index]! });
    }
    this.#settle(won);
  }

  /** `won`: numbers that the block gave to others of this peer. */
  #settle(won: ReadonlySet<string>): void {
    const fateOf = this.#judge();
    for (const [id, own] of this.#all) {
      const { transaction, leftOut } = own;
      const fate = fateOf(transaction);
      if (fate === null) continue;
      const { validUntilMs, nonce } = transaction.body;
      const code: LostCode = fate === "nonce-used" && won.has(nonce.join()) ? "replaced" : fate;
      this.#forget(id, own);
      this.#options.mempool.remove(id);
      if (this.#isOfAccount(transaction)) this.#options.onLost(transaction, code);
      const data = code === "expired" ? { validUntilMs, ...(leftOut !== null && { leftOut: leftOut.code }) } : { lane: nonce[0] };
      own.report({ stage: "refused", transaction, refusal: { code, data } });
    }
  }

  /**
   * Why no block on the final one can carry a transaction, null while one may: its number is used, or block time, which only rises, has reached
   * the end of its validity. That is as final as a block is. At rest the heartbeat moves block time on; a peer that is behind learns it by catching up.
   */
  #judge(): (transaction: Transaction) => "expired" | "nonce-used" | null {
    const state = this.#options.state();
    const { timeMs } = headOf(state);
    // After a switch there may be thousands of a few senders.
    const lanesOf = new Map<string, ReturnType<typeof accountOf>["lanes"]>();
    return ({ body }) => {
      const sender = toHex(body.sender);
      const lanes = lanesOf.get(sender) ?? accountOf(state, body.sender).lanes;
      lanesOf.set(sender, lanes);
      const [lane, number] = body.nonce;
      if (number < (lanes[lane] ?? 0)) return "nonce-used";
      return body.validUntilMs <= timeMs ? "expired" : null;
    };
  }

  #forget(id: HashHex, { row, transaction }: Own): void {
    this.#all.delete(id);
    if (!this.#isOfAccount(transaction)) this.#others -= 1;
    if (row !== null && --row.left === 0) this.#doneRows.push(row.key);
  }

  // ------------------------------------------------------------ storage

  /** After a restart: those that were stored and whose fate is open, also where the mempool takes them no more. They are stored anew. */
  restore(rows: readonly (readonly [key: string, bytes: Uint8Array])[], nowMs: number): readonly Transaction[] {
    const fateOf = this.#judge();
    for (const [key, bytes] of rows) {
      this.#doneRows.push(key);
      for (const transaction of decodeRow(bytes)) if (fateOf(transaction) === null) this.follow(transaction, () => {});
    }
    this.offer();
    // In one write, or a crash between two would lose them.
    this.store(nowMs);
    return this.pending;
  }

  storeWhenDue(nowMs: number): void {
    if (nowMs - this.#storedMs >= STORE_PACE_MS) this.store(nowMs);
  }

  /** Those that are new, one row for all; and away with the rows of those that are done. */
  store(nowMs: number): void {
    const { outbox } = this.#options;
    this.#storedMs = nowMs;
    const { puts, deletes } = this.#batch();
    if (puts.length + deletes.length === 0) return;
    outbox.store({ puts, deletes, strict: false }, (refusal) => {
      if (refusal !== null) outbox.log("error", "own transactions not stored", { code: refusal.code });
    });
  }

  #batch(): PoolBatch {
    const fresh = this.#unstored.filter(({ transaction }) => this.#all.has(idKeyOf(transaction)));
    const deletes = this.#doneRows.map((key) => ["pool", key] as const);
    this.#unstored = [];
    this.#doneRows = [];
    const puts: PoolBatch["puts"][number][] = [];
    for (let from = 0; from < fresh.length; from += LIMITS.transactionBatchMax) {
      const part = fresh.slice(from, from + LIMITS.transactionBatchMax);
      const row: PoolRow = { key: idKeyOf(part[0]!.transaction), left: part.length };
      for (const own of part) own.row = row;
      puts.push(["pool", row.key, encodeTransactionBatch(part.map(({ transaction }) => transaction.bytes))]);
    }
    const written = new Set(puts.map(([, key]) => key));
    return { puts, deletes: deletes.filter(([, key]) => !written.has(key)) };
  }
}

/** What a row can still give; a damaged one costs no more than itself. */
function decodeRow(bytes: Uint8Array): readonly Transaction[] {
  const found: Transaction[] = [];
  try {
    for (const envelope of decodeTransactionBatch(bytes)) found.push(decodeTransaction(envelope));
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
  }
  return found;
}
