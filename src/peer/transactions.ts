/**
 * Transactions of this peer and of others: taken in (cheap checks before signatures), shared in batches, followed until they are
 * final. PROTOCOL, "Transactions" and "Wire".
 */
import { BoundedMap } from "../kit/bounded-map.ts";
import { equalBytes } from "../kit/bytes.ts";
import { nextNonceOf, signatureChecksOf, type Mempool, type Receipt, type StateView } from "../ledger/index.ts";
import { OBJECTIVE_FAULTS } from "../protocol/codes.ts";
import { digest, toHex, type AccountId, type Hash, type HashHex } from "../protocol/identifiers.ts";
import { LIMITS } from "../protocol/limits.ts";
import { Refusal, requireThat, type RefusalShape } from "../protocol/refusal.ts";
import {
  TRANSACTION_VERSION,
  createTransaction,
  decodeTransaction,
  encodeTransactionBody,
  type Transaction,
} from "../protocol/transaction.ts";
import { decodeTransactionBatch, encodeTransactionBatch } from "../protocol/wire.ts";
import type { RoadReport, Submission } from "./effects.ts";
import { usesContracts, type LateMachine } from "./late-machine.ts";
import type { Outbox, Verdict } from "./outbox.ts";

/** How long what still waits is not shared again: long enough to cost little, short enough for a tab that was deaf for a moment. */
const SHARE_AGAIN_MS = 3_000;

/** Where the road of a submission is told; nobody asks after those of an earlier run. */
export type Reporter = (report: RoadReport) => void;

/** Signatures of own transactions under way at once. */
const SIGNING_MAX = 64;

interface Own {
  readonly report: Reporter;
  readonly transaction: Transaction;
  inBlock: boolean;
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
  readonly onChanged: () => void;
}

export class Transactions {
  readonly #options: TransactionsOptions;
  /** Verified envelopes by the digest of their bytes: bodies for candidates that name them. */
  readonly #verified = new BoundedMap<HashHex, Transaction>(LIMITS.verifiedTransactionsMax);
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

  constructor(options: TransactionsOptions) {
    this.#options = options;
    this.#lane = options.lane;
  }

  /** A verified envelope by the digest of its bytes. */
  verified(envelope: HashHex): Transaction | undefined {
    return this.#verified.get(envelope);
  }

  get ownPending(): readonly Transaction[] {
    return [...this.#own.values()].map((own) => own.transaction);
  }

  /** Verifies the signatures of envelopes that came with a block, where they were not seen before. Valid ones count as `verified`. */
  verify(envelopes: readonly Transaction[], then: (allValid: boolean) => void): void {
    const fresh = envelopes.filter((transaction) => !this.#verified.has(toHex(digest(transaction.bytes))));
    const counts = fresh.map((transaction) => signatureChecksOf(transaction));
    this.#options.outbox.verify(counts.flat(), (allValid, results) => {
      let offset = 0;
      for (const [index, transaction] of fresh.entries()) {
        const mine = results.slice(offset, (offset += counts[index]!.length));
        if (mine.every(Boolean)) this.#verified.set(toHex(digest(transaction.bytes)), transaction);
      }
      then(allValid);
    });
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
        if (!this.#verifying.has(envelope) && this.#isWorthVerifying(transaction, nowMs)) batch.push(transaction);
        else whole = false;
      }
      this.#verifyBatch(from, batch, (allValid) => verdict(whole && allValid));
    } catch (error) {
      verdict(false);
      if (!(error instanceof Refusal)) throw error;
      if (OBJECTIVE_FAULTS.has(error.code)) this.#options.outbox.penalize(from, error.code);
    }
  }

  /** Refusals that depend on state say nothing about the sender, so they cost it nothing. */
  #isWorthVerifying(transaction: Transaction, nowMs: number): boolean {
    if (!equalBytes(transaction.body.chain, this.#options.chain)) return false;
    if (!this.#options.machine.isReady && usesContracts([transaction])) {
      // It is shared again while it waits, and by then the machine is there.
      this.#options.outbox.emit({ kind: "need-machine" });
      return false;
    }
    try {
      this.#options.mempool.check(transaction, this.#options.state(), nowMs);
      return this.#verifying.size < LIMITS.verifyingMax;
    } catch (error) {
      if (error instanceof Refusal) return false;
      throw error;
    }
  }

  #verifyBatch(from: string, batch: readonly Transaction[], verdict: Verdict): void {
    const keys = batch.map((transaction) => toHex(digest(transaction.bytes)));
    for (const key of keys) this.#verifying.add(key);
    const counts = batch.map((transaction) => signatureChecksOf(transaction));
    this.#options.outbox.verify(counts.flat(), (allValid, results) => {
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
    this.flush();
  }

  #share(transaction: Transaction): void {
    this.#outgoing.push(transaction);
    this.#outgoingBytes += transaction.bytes.length;
    if (this.#outgoingBytes >= LIMITS.transactionBatchBytesMax) this.flush();
  }

  /** Publishes what waits to be shared, in batches. */
  flush(): void {
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
        const own = this.#own.get(toHex(transaction.id));
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
    while (this.#signing.size < SIGNING_MAX) {
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
    const { mempool, outbox, state, onChanged } = this.#options;
    mempool.add(transaction, state(), this.#nowMs);
    const id = toHex(transaction.id);
    this.#verified.set(toHex(digest(transaction.bytes)), transaction);
    this.#own.set(id, { report, transaction, inBlock: false });
    report({ stage: "signed", transaction, height: null });
    outbox.store({ puts: [["pool", id, transaction.bytes]], deletes: [], strict: false }, (refusal) => {
      if (refusal !== null) outbox.log("error", "own transaction not stored", { code: refusal.code });
    });
    this.#share(transaction);
    onChanged();
  }

  /** After a restart: own transactions that were stored and not yet final. Those that can no longer hold are given back to be deleted. */
  restore(rows: readonly (readonly [key: string, bytes: Uint8Array])[], nowMs: number): void {
    this.#nowMs = nowMs;
    for (const [key, bytes] of rows) {
      try {
        this.#adopt(decodeTransaction(bytes), () => {});
      } catch (error) {
        if (!(error instanceof Refusal)) throw error;
        this.#forgetRow(key);
      }
    }
  }

  #forgetRow(id: string): void {
    this.#options.outbox.store({ puts: [], deletes: [["pool", id]], strict: false }, () => {});
  }

  /** A leader could not include it, for a reason that will not go away. */
  onRefused(transaction: Transaction, refusal: RefusalShape): void {
    this.#options.mempool.remove(toHex(transaction.id));
    this.#refuse(toHex(transaction.id), refusal);
  }

  #refuse(id: HashHex, refusal: RefusalShape): void {
    const own = this.#own.get(id);
    if (own === undefined) return;
    this.#own.delete(id);
    this.#forgetRow(id);
    this.#freeNumber = null;
    own.report({ stage: "refused", transaction: own.transaction, refusal });
  }

  /** A candidate with these was executed: own ones are in a block now, which is not final. */
  onInBlock(transactions: readonly Transaction[], height: number): void {
    if (this.#own.size === 0) return;
    for (const transaction of transactions) {
      const own = this.#own.get(toHex(transaction.id));
      if (own === undefined || own.inBlock) continue;
      own.inBlock = true;
      own.report({ stage: "in-block", transaction, height });
    }
  }

  /** These became final and are written. Gives the rows of own ones, to be deleted. */
  onFinal(transactions: readonly Transaction[], receipts: readonly Receipt[], height: number): void {
    const dropped = this.#options.mempool.onFinal(transactions, this.#options.state());
    for (const [index, transaction] of transactions.entries()) {
      const id = toHex(transaction.id);
      const own = this.#own.get(id);
      if (own === undefined) continue;
      this.#own.delete(id);
      this.#forgetRow(id);
      own.report({ stage: "final", transaction, height, receipt: receipts[index]! });
    }
    for (const transaction of dropped) this.#onDropped(transaction);
  }

  /** Another peer of the account used the number first. That transaction can never take effect, so its calls may be signed anew. */
  #onDropped(transaction: Transaction): void {
    const own = this.#own.get(toHex(transaction.id));
    if (own === undefined) return;
    this.#refuse(toHex(transaction.id), { code: "nonce-used", data: { lane: transaction.body.nonce[0] } });
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

function reportRefusal(report: Reporter, error: unknown): void {
  if (!(error instanceof Refusal)) throw error;
  report({ stage: "refused", transaction: null, refusal: { code: error.code, data: error.data } });
}
