/**
 * Transactions of this peer and of others: taken in (cheap checks before signatures), shared in batches, followed until they are
 * final. PROTOCOL, "Transactions" and "Wire".
 */
import { BoundedMap } from "../kit/bounded-map.ts";
import { equalBytes } from "../kit/bytes.ts";
import { nextNonceOf, signatureChecksOf, type Mempool, type Receipt, type StateView } from "../ledger/index.ts";
import { digest, toHex, type AccountId, type Hash, type HashHex } from "../protocol/identifiers.ts";
import { LIMITS } from "../protocol/limits.ts";
import { Refusal, requireThat, type RefusalShape } from "../protocol/refusal.ts";
import {
  TRANSACTION_VERSION,
  createTransaction,
  decodeTransaction,
  encodeTransactionBody,
  envelopeKeyOf,
  heldBytesOf,
  idKeyOf,
  type Transaction,
} from "../protocol/transaction.ts";
import { decodeTransactionBatch, encodeTransactionBatch } from "../protocol/wire.ts";
import type { RoadReport, Submission } from "./effects.ts";
import { usesContracts, type LateMachine } from "./late-machine.ts";
import type { Outbox, Verdict } from "./outbox.ts";

/** How long what still waits is not shared again: long enough to cost little, short enough for a tab that was deaf for a moment. */
const SHARE_AGAIN_MS = 3_000;
/** A peer that sends much gathers for this long, since a message costs every tab on its way far more than a transaction in it. */
const SHARE_PACE_MS = 100;

/** Own ones are written when they have waited for so long and neighbours hold them meanwhile; most are final sooner, and cost no write. */
const STORE_PACE_MS = 1_000;

/** Where the road of a submission is told; nobody asks after those of an earlier run. */
export type Reporter = (report: RoadReport) => void;

/** Own transactions are stored by the batch, since IndexedDB costs by the row; a row goes when the last of them is done. */
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
}

interface Queued {
  readonly submission: Submission;
  readonly report: Reporter;
}

export interface TransactionsOptions {
  readonly chain: Hash;
  readonly account: AccountId;
  /** Lane of this peer: each peer of an account has its own. */
  readonly lane: number;
  readonly mempool: Mempool;
  readonly outbox: Outbox;
  readonly machine: LateMachine;
  readonly state: () => StateView;
  /** Whether there is a neighbour that what is shared goes to. */
  readonly isLinked: () => boolean;
  readonly onChanged: () => void;
  /** Signatures of a batch were checked: those that hold are `verified` now. */
  readonly onVerified: () => void;
}

export class Transactions {
  readonly #options: TransactionsOptions;
  /** Verified envelopes by the digest of their bytes: bodies for candidates that name them. */
  readonly #verified = new BoundedMap<HashHex, Transaction>(LIMITS.verifiedTransactionsMax, {
    max: LIMITS.verifiedBytesMax,
    of: heldBytesOf,
  });
  readonly #verifying = new Set<HashHex>();
  readonly #own = new Map<HashHex, Own>();
  /** Submissions that have no number yet. */
  #queue: Queued[] = [];
  /** Numbers of this lane whose transactions are being signed. */
  readonly #signing = new Set<number>();
  #lane: number;
  /** What follows the last number given, while nothing was refused; else it is looked for. */
  #freeNumber: number | null = null;
  #outgoing: Transaction[] = [];
  #outgoingBytes = 0;
  #sharedAgainMs = 0;
  #sharedMs = 0;
  #storedMs = 0;
  /** Own ones that are not stored yet, and rows whose transactions are all done: both wait for the next flush. */
  #unstored: Own[] = [];
  #doneRows: string[] = [];

  constructor(options: TransactionsOptions) {
    this.#options = options;
    this.#lane = options.lane;
  }

  /** A verified envelope by the digest of its bytes. */
  verified(envelope: HashHex): Transaction | undefined {
    return this.#verified.get(envelope);
  }

  /** Whether its signatures are being checked at this moment. */
  isVerifying(envelope: HashHex): boolean {
    return this.#verifying.has(envelope);
  }

  /** When what waits to be shared has waited long enough. */
  get wakeAtMs(): number {
    return this.#outgoing.length > 0 ? this.#sharedMs + SHARE_PACE_MS : Infinity;
  }

  get ownPending(): readonly Transaction[] {
    return [...this.#own.values()].map((own) => own.transaction);
  }

  /**
   * Verifies the signatures of envelopes that a neighbour gave, where they were not seen before. Valid ones count as `verified` if they are to be
   * kept: what came unasked is not, before it was executed. One whose calls cannot even be read is not valid.
   */
  verify(from: string, envelopes: readonly Transaction[], { keep }: { keep: boolean }, then: (allValid: boolean) => void): void {
    const fresh = envelopes.filter((transaction) => !this.#verified.has(envelopeKeyOf(transaction)));
    const counts = checksOf(fresh);
    if (counts === null) return then(false);
    this.#options.outbox.verify(from, counts.flat(), (allValid, results) => {
      let offset = 0;
      for (const [index, transaction] of fresh.entries()) {
        const mine = results.slice(offset, (offset += counts[index]!.length));
        if (keep && mine.every(Boolean)) this.#verified.set(envelopeKeyOf(transaction), transaction);
      }
      then(allValid);
    });
  }

  /** A block with these was executed, and they were verified before: others may ask for them. */
  onExecuted(transactions: readonly Transaction[]): void {
    for (const transaction of transactions) {
      const key = envelopeKeyOf(transaction);
      if (!this.#verified.has(key)) this.#verified.set(key, transaction);
    }
  }

  /** A batch from a neighbour. It is passed on only if all of it was verified, for whoever does so answers for all of it. */
  onGossip(from: string, bytes: Uint8Array, nowMs: number, verdict: Verdict): void {
    try {
      const batch: Transaction[] = [];
      let whole = true;
      for (const item of decodeTransactionBatch(bytes)) {
        const envelope = toHex(digest(item));
        if (this.#verified.has(envelope)) continue;
        const transaction = decodeTransaction(item);
        if (!this.#verifying.has(envelope) && this.#isWorthVerifying(from, transaction, nowMs)) batch.push(transaction);
        else whole = false;
      }
      this.#verifyBatch(from, batch, (allValid) => verdict(whole && allValid));
    } catch (error) {
      verdict(false);
      throw error;
    }
  }

  /** Refusals that depend on state say nothing about the sender, so they cost it nothing. */
  #isWorthVerifying(from: string, transaction: Transaction, nowMs: number): boolean {
    try {
      requireThat(equalBytes(transaction.body.chain, this.#options.chain), "wrong-chain");
      if (!this.#options.machine.isReady && usesContracts([transaction])) {
        // It is shared again while it waits, and by then the machine is there.
        this.#options.outbox.emit({ kind: "need-machine" });
        return false;
      }
      this.#options.mempool.check(transaction, this.#options.state(), nowMs);
      return this.#verifying.size < LIMITS.verifyingMax;
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
      this.#options.outbox.noteRefusal(from, error.code);
      return false;
    }
  }

  #verifyBatch(from: string, batch: readonly Transaction[], verdict: Verdict): void {
    const keys = batch.map((transaction) => envelopeKeyOf(transaction));
    for (const key of keys) this.#verifying.add(key);
    const counts = batch.map((transaction) => signatureChecksOf(transaction));
    this.#options.outbox.verify(from, counts.flat(), (allValid, results) => {
      for (const key of keys) this.#verifying.delete(key);
      let offset = 0;
      let changed = false;
      for (const [index, transaction] of batch.entries()) {
        const mine = results.slice(offset, (offset += counts[index]!.length));
        if (!mine.every(Boolean)) continue;
        this.#verified.set(keys[index]!, transaction);
        changed = this.#add(transaction) || changed;
      }
      verdict(allValid);
      this.#options.onVerified();
      if (!allValid) this.#options.outbox.penalize(from, "signature-invalid");
      if (changed) this.#options.onChanged();
    });
  }

  /** Whether the mempool took it. */
  #add(transaction: Transaction): boolean {
    try {
      this.#options.mempool.add(transaction, this.#options.state(), this.#nowMs);
      return true;
    } catch (error) {
      if (error instanceof Refusal) return false;
      throw error;
    }
  }

  #nowMs = 0;

  /** Shares what is new, and again what has waited; drops what expired. */
  tick(nowMs: number): void {
    this.#nowMs = nowMs;
    for (const expired of this.#options.mempool.expire(nowMs)) this.#refuse(toHex(expired.id), { code: "expired", data: {} });
    if (nowMs - this.#sharedAgainMs >= SHARE_AGAIN_MS) {
      this.#sharedAgainMs = nowMs;
      for (const transaction of this.#options.mempool.executable(this.#options.state(), { bytesMax: LIMITS.shareAgainBytesMax })) {
        if (!this.#outgoing.includes(transaction)) this.#share(transaction);
      }
    }
    if (nowMs >= this.wakeAtMs) this.flush();
    if (nowMs - this.#storedMs >= STORE_PACE_MS) this.#store();
  }

  #share(transaction: Transaction): void {
    this.#outgoing.push(transaction);
    this.#outgoingBytes += transaction.bytes.length;
    if (this.#outgoingBytes >= LIMITS.transactionBatchBytesMax) this.flush();
  }

  /** Own ones that are new, one row for all; and away with the rows of those that are done. */
  #store(): void {
    const { outbox } = this.#options;
    this.#storedMs = this.#nowMs;
    const fresh = this.#unstored.filter(({ transaction }) => this.#own.has(idKeyOf(transaction)));
    const deletes = this.#doneRows.map((key) => ["pool", key] as const);
    this.#unstored = [];
    this.#doneRows = [];
    const puts: (readonly ["pool", string, Uint8Array])[] = [];
    for (let from = 0; from < fresh.length; from += LIMITS.transactionBatchMax) {
      const part = fresh.slice(from, from + LIMITS.transactionBatchMax);
      const row: PoolRow = { key: idKeyOf(part[0]!.transaction), left: part.length };
      for (const own of part) own.row = row;
      puts.push(["pool", row.key, encodeTransactionBatch(part.map(({ transaction }) => transaction.bytes))]);
    }
    if (puts.length + deletes.length === 0) return;
    const written = new Set(puts.map(([, key]) => key));
    outbox.store({ puts, deletes: deletes.filter(([, key]) => !written.has(key)), strict: false }, (refusal) => {
      if (refusal !== null) outbox.log("error", "own transactions not stored", { code: refusal.code });
    });
  }

  /** Publishes what waits to be shared, in batches; what nobody would hear is stored at once. */
  flush(): void {
    this.#sharedMs = this.#nowMs;
    if (!this.#options.isLinked()) this.#store();
    while (this.#outgoing.length > 0) {
      let bytes = 0;
      let count = 0;
      while (count < this.#outgoing.length && count < LIMITS.transactionBatchMax) {
        bytes += this.#outgoing[count]!.bytes.length;
        if (count > 0 && bytes > LIMITS.transactionBatchBytesMax) break;
        count += 1;
      }
      const batch = this.#outgoing.splice(0, count);
      this.#options.outbox.network({
        kind: "publish",
        topic: "transactions",
        bytes: encodeTransactionBatch(batch.map((transaction) => transaction.bytes)),
      });
      for (const transaction of batch) {
        const own = this.#own.get(idKeyOf(transaction));
        if (own !== undefined && !own.inBlock) own.report({ stage: "shared", transaction, height: null });
      }
    }
    this.#outgoingBytes = 0;
  }

  /** Signs, stores and shares calls of this peer's own account; they are numbered in the order they came in. */
  submit(submission: Submission, report: Reporter, nowMs: number): void {
    this.#nowMs = nowMs;
    if (this.#own.size + this.#queue.length >= LIMITS.ownPendingMax) {
      return report({ stage: "refused", transaction: null, refusal: { code: "sender-limit", data: { pending: this.#own.size } } });
    }
    this.#queue.push({ submission, report });
    this.#signQueued();
  }

  /** Numbers are given in the order of the submissions; signatures are made side by side, and may come back in another order. */
  #signQueued(): void {
    while (this.#signing.size < LIMITS.signingMax) {
      const next = this.#queue.shift();
      if (next === undefined) return;
      this.#sign(next);
    }
  }

  #sign({ submission, report }: Queued): void {
    const { account, chain } = this.#options;
    const number = this.#nextNumber();
    try {
      const bodyBytes = encodeTransactionBody({
        version: TRANSACTION_VERSION,
        chain,
        sender: account,
        nonce: [this.#lane, number],
        validUntilMs: this.#nowMs + Math.min(submission.validForMs, LIMITS.validityMsMax - LIMITS.clockAheadMsMax),
        fee: submission.fee,
        calls: submission.calls,
      });
      this.#signing.add(number);
      this.#freeNumber = this.#freeNumber === number ? number + 1 : null;
      this.#options.outbox.sign(account, bodyBytes, (signature) => {
        this.#signing.delete(number);
        try {
          requireThat(signature !== null, "key-missing");
          this.#adopt(createTransaction(bodyBytes, [[account, signature]]), report);
        } catch (error) {
          this.#freeNumber = null;
          reportRefusal(report, error);
        }
        this.#signQueued();
      });
    } catch (error) {
      reportRefusal(report, error);
    }
  }

  /** The lane's lowest free number: what a refused transaction leaves open is filled, or all behind it would wait for ever. */
  #nextNumber(): number {
    const { account, mempool, state } = this.#options;
    const next = nextNonceOf(state(), account, this.#lane);
    if (this.#freeNumber !== null && this.#freeNumber >= next) return this.#freeNumber;
    const taken = new Set(this.#signing);
    for (const transaction of mempool.ofSender(account)) {
      if (transaction.body.nonce[0] === this.#lane) taken.add(transaction.body.nonce[1]);
    }
    let free = next;
    while (taken.has(free)) free += 1;
    this.#freeNumber = [...taken].every((number) => number < free) ? free : null;
    return free;
  }

  #adopt(transaction: Transaction, report: Reporter): void {
    const { mempool, state, onChanged } = this.#options;
    mempool.add(transaction, state(), this.#nowMs);
    const id = idKeyOf(transaction);
    this.#verified.set(envelopeKeyOf(transaction), transaction);
    const own: Own = { report, transaction, inBlock: false, row: null };
    this.#own.set(id, own);
    this.#unstored.push(own);
    report({ stage: "signed", transaction, height: null });
    this.#share(transaction);
    onChanged();
  }

  /** After a restart: own transactions that were stored and not yet final, without those that can no longer hold. They are stored anew. */
  restore(rows: readonly (readonly [key: string, bytes: Uint8Array])[], nowMs: number): void {
    this.#nowMs = nowMs;
    for (const [key, bytes] of rows) {
      this.#doneRows.push(key);
      try {
        for (const envelope of decodeTransactionBatch(bytes)) this.#restoreOne(envelope);
      } catch (error) {
        if (!(error instanceof Refusal)) throw error;
      }
    }
    // In one write, or a crash between two would lose them.
    this.#store();
  }

  #restoreOne(envelope: Uint8Array): void {
    try {
      this.#adopt(decodeTransaction(envelope), () => {});
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
    }
  }

  #forget(id: HashHex, { row }: Own): void {
    this.#own.delete(id);
    if (row !== null && --row.left === 0) this.#doneRows.push(row.key);
  }

  /** A leader could not include it, for a reason that will not go away. */
  onRefused(transaction: Transaction, refusal: RefusalShape): void {
    this.#options.mempool.remove(idKeyOf(transaction));
    this.#refuse(idKeyOf(transaction), refusal);
  }

  #refuse(id: HashHex, refusal: RefusalShape): void {
    const own = this.#own.get(id);
    if (own === undefined) return;
    this.#forget(id, own);
    this.#freeNumber = null;
    own.report({ stage: "refused", transaction: own.transaction, refusal });
  }

  /** A candidate with these was executed: own ones are in a block now, which is not final. */
  onInBlock(transactions: readonly Transaction[], height: number): void {
    if (this.#own.size === 0) return;
    for (const transaction of transactions) {
      const own = this.#own.get(idKeyOf(transaction));
      if (own === undefined || own.inBlock) continue;
      own.inBlock = true;
      own.report({ stage: "in-block", transaction, height });
    }
  }

  /** These became final and are written. */
  onFinal(transactions: readonly Transaction[], receipts: readonly Receipt[], height: number): void {
    const dropped = this.#options.mempool.onFinal(transactions, this.#options.state());
    for (const [index, transaction] of transactions.entries()) {
      const id = idKeyOf(transaction);
      const own = this.#own.get(id);
      if (own === undefined) continue;
      this.#forget(id, own);
      own.report({ stage: "final", transaction, height, receipt: receipts[index]! });
    }
    for (const transaction of dropped) this.#onDropped(transaction);
  }

  /** Another peer of the account used the number first. That transaction can never take effect, so its calls may be signed anew. */
  #onDropped(transaction: Transaction): void {
    const own = this.#own.get(idKeyOf(transaction));
    if (own === undefined) return;
    this.#refuse(idKeyOf(transaction), { code: "nonce-used", data: { lane: transaction.body.nonce[0] } });
    if (transaction.body.nonce[0] === this.#lane) this.#useLane((this.#lane + 1) % LIMITS.lanesMax);
  }

  #useLane(lane: number): void {
    this.#lane = lane;
    this.#freeNumber = null;
  }

  /** Final blocks were undone: what they held waits again, or is reported where it cannot return. */
  onUndone(transactions: readonly Transaction[]): void {
    for (const lost of this.#options.mempool.readd(transactions, this.#options.state(), this.#nowMs)) {
      this.#refuse(toHex(lost.id), { code: "expired", data: { branch: true } });
    }
    this.#options.onChanged();
  }
}

/** The signatures of each; null if one of them cannot be read. */
function checksOf(transactions: readonly Transaction[]): readonly ReturnType<typeof signatureChecksOf>[] | null {
  try {
    return transactions.map((transaction) => signatureChecksOf(transaction));
  } catch (error) {
    if (error instanceof Refusal) return null;
    throw error;
  }
}

function reportRefusal(report: Reporter, error: unknown): void {
  if (!(error instanceof Refusal)) throw error;
  report({ stage: "refused", transaction: null, refusal: { code: error.code, data: error.data } });
}
