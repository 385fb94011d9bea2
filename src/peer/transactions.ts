/**
 * Transactions of this peer and of others: taken in (cheap checks before signatures), shared in batches, followed until they are
 * final. PROTOCOL, "Transactions" and "Wire".
 */
import { BoundedMap } from "../kit/bounded-map.ts";
import { equalBytes } from "../kit/bytes.ts";
import { TokenBucket } from "../kit/token-bucket.ts";
import {
  hasShownWork,
  isFree,
  nextNonceOf,
  parametersOf,
  signatureChecksOf,
  type Mempool,
  type Receipt,
  type StateView,
} from "../ledger/index.ts";
import type { RejectCode } from "../protocol/codes.ts";
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
import type { Submission } from "./effects.ts";
import { usesContracts, type LateMachine } from "./late-machine.ts";
import type { Outbox, Verdict } from "./outbox.ts";
import { OwnTransactions, type PoolBatch, type Reporter } from "./own-transactions.ts";

/** How long what still waits is not shared again: long enough to cost little, short enough for a tab that was deaf for a moment. */
const SHARE_AGAIN_MS = 3_000;
/** A peer that sends much gathers for this long, since a message costs every tab on its way far more than a transaction in it. */
const SHARE_PACE_MS = 100;

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
  /** Milliseconds since 1970, of the peer's present step; the ledger's own time where a proposer's clock was ahead, since validity counts from there. */
  readonly presentMs: () => number;
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
  /** How many more claims of a neighbour are tried. */
  readonly #claimRates = new BoundedMap<string, TokenBucket>(LIMITS.answeredPeersMax);
  readonly #own: OwnTransactions;
  /** Submissions that have no number yet. */
  #queue: Queued[] = [];
  /** Numbers of this lane whose transactions are being signed. */
  readonly #signing = new Set<number>();
  #lane: number;
  /** What follows the last number given, while nothing was refused; else it is looked for. */
  #freeNumber: number | null = null;
  /** Switches whose undone transactions have not come back yet. */
  #undoing = 0;
  #outgoing: Transaction[] = [];
  #outgoingBytes = 0;
  #sharedAgainMs = 0;
  #sharedMs = 0;

  constructor(options: TransactionsOptions) {
    this.#options = options;
    this.#lane = options.lane;
    const { account, mempool, outbox, state, presentMs } = options;
    this.#own = new OwnTransactions({
      account,
      mempool,
      outbox,
      state,
      presentMs,
      onLost: ({ body }, code) => {
        this.#freeNumber = null;
        // Another peer of the account numbers its transactions in this lane, too.
        if (code === "nonce-used" && body.nonce[0] === this.#lane) this.#lane = (this.#lane + 1) % LIMITS.lanesMax;
      },
    });
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
    return this.#own.pending;
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
        const known = this.#verified.get(envelope);
        if (known !== undefined && !this.#needsWork(known)) continue;
        const transaction = known ?? decodeTransaction(item);
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
      this.#options.mempool.check(transaction, this.#options.state(), this.#options.presentMs());
      return this.#verifying.size < LIMITS.verifyingMax && (!this.#needsWork(transaction) || this.#mayTry(from, nowMs));
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
      this.#options.outbox.noteRefusal(from, error.code);
      return false;
    }
  }

  /** Whether it is a claim whose work was not tried here, or is too little: it must cost nobody who passes on what this peer has accepted. */
  #needsWork(transaction: Transaction): boolean {
    return isFree(transaction) && !hasShownWork(transaction, parametersOf(this.#options.state()));
  }

  #mayTry(from: string, nowMs: number): boolean {
    let rate = this.#claimRates.get(from);
    if (rate === undefined) {
      rate = new TokenBucket({ capacity: LIMITS.claimsTriedMax, perSecond: LIMITS.claimsTriedPerSecondMax, nowMs });
      this.#claimRates.set(from, rate);
    }
    return rate.take(1, nowMs);
  }

  #verifyBatch(from: string, batch: readonly Transaction[], verdict: Verdict): void {
    const keys = batch.map((transaction) => envelopeKeyOf(transaction));
    for (const key of keys) this.#verifying.add(key);
    const counts = batch.map((transaction) => signatureChecksOf(transaction));
    this.#options.outbox.verify(from, counts.flat(), (allValid, results) => {
      for (const key of keys) this.#verifying.delete(key);
      let offset = 0;
      let changed = false;
      let isProven = true;
      let fault: RejectCode | null = allValid ? null : "signature-invalid";
      for (const [index, transaction] of batch.entries()) {
        const mine = results.slice(offset, (offset += counts[index]!.length));
        if (!mine.every(Boolean)) continue;
        this.#verified.set(keys[index]!, transaction);
        // Work is dear to try, and whoever gave one thing that nobody honest gives is not owed it.
        const refusal: RejectCode | null | undefined = fault === null || !this.#needsWork(transaction) ? this.#add(transaction) : undefined;
        if (refusal === "work-too-low") fault = refusal;
        changed = refusal === null || changed;
        isProven &&= !this.#needsWork(transaction);
      }
      verdict(fault === null && isProven);
      this.#options.onVerified();
      if (fault !== null) this.#options.outbox.penalize(from, fault);
      if (changed) this.#options.onChanged();
    });
  }

  /** Why the mempool did not take it, or null. */
  #add(transaction: Transaction): RejectCode | null {
    try {
      this.#options.mempool.add(transaction, this.#options.state(), this.#options.presentMs());
      return null;
    } catch (error) {
      if (error instanceof Refusal) return error.code;
      throw error;
    }
  }

  #nowMs = 0;

  /** Shares what is new, and again what has waited; offers no further what this clock calls expired. */
  tick(nowMs: number): void {
    this.#nowMs = nowMs;
    if (this.#options.mempool.expire(this.#options.presentMs()).length > 0) this.#freeNumber = null;
    if (nowMs - this.#sharedAgainMs >= SHARE_AGAIN_MS) {
      this.#sharedAgainMs = nowMs;
      if (this.#own.offer()) this.#options.onChanged();
      for (const transaction of this.#options.mempool.executable(this.#options.state(), { bytesMax: LIMITS.shareAgainBytesMax })) {
        if (!this.#outgoing.includes(transaction)) this.#share(transaction);
      }
    }
    if (nowMs >= this.wakeAtMs) this.flush();
    this.#own.storeWhenDue(nowMs);
  }

  #share(transaction: Transaction): void {
    this.#outgoing.push(transaction);
    this.#outgoingBytes += transaction.bytes.length;
    if (this.#outgoingBytes >= LIMITS.transactionBatchBytesMax) this.flush();
  }

  /** Publishes what waits to be shared, in batches; what nobody would hear is stored at once. */
  flush(): void {
    this.#sharedMs = this.#nowMs;
    if (!this.#options.isLinked()) this.#own.store(this.#nowMs);
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
      this.#own.onShared(batch);
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
    while (this.#undoing === 0 && this.#signing.size < LIMITS.signingMax) {
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
        validUntilMs: this.#options.presentMs() + Math.min(submission.validForMs, LIMITS.validityMsMax - LIMITS.clockAheadMsMax),
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
    for (const number of this.#own.numbersTaken(this.#lane)) taken.add(number);
    let free = next;
    while (taken.has(free)) free += 1;
    this.#freeNumber = [...taken].every((number) => number < free) ? free : null;
    return free;
  }

  /** @throws {Refusal} when the mempool does not take it: nobody else has heard of it then. */
  #adopt(transaction: Transaction, report: Reporter): void {
    const { mempool, state, onChanged, presentMs } = this.#options;
    requireThat(!this.#own.has(idKeyOf(transaction)), "already-known");
    mempool.add(transaction, state(), presentMs());
    this.#own.follow(transaction, report);
    // Before anybody hears of it: after a reload, a key whose seat nobody asked for is destroyed.
    if (transaction.body.calls.some(([operation]) => operation === "seat.take")) this.#own.store(this.#nowMs);
    this.#verified.set(envelopeKeyOf(transaction), transaction);
    this.#share(transaction);
    onChanged();
  }

  /** The peer ends: what is to be shared goes out, and what is under way is kept. */
  close(): void {
    this.flush();
    this.#own.store(this.#nowMs);
  }

  /** After a restart: own transactions that were stored. */
  restore(rows: readonly (readonly [key: string, bytes: Uint8Array])[], nowMs: number): void {
    this.#nowMs = nowMs;
    for (const transaction of this.#own.restore(rows, nowMs)) {
      this.#verified.set(envelopeKeyOf(transaction), transaction);
      this.#share(transaction);
      this.#options.onChanged();
    }
  }

  /** A leader could not include it, for a reason that will not go away. */
  onRefused(transaction: Transaction, refusal: RefusalShape): void {
    this.#options.mempool.remove(idKeyOf(transaction));
    this.#own.onLeftOut(transaction, refusal);
    this.#freeNumber = null;
  }

  /** A candidate with these was executed. */
  onInBlock(transactions: readonly Transaction[], height: number): void {
    this.#own.onInBlock(transactions, height);
  }

  /** These became final and are written. */
  onFinal(transactions: readonly Transaction[], receipts: readonly Receipt[], height: number): void {
    this.#options.mempool.onFinal(transactions, this.#options.state());
    this.#own.onFinal(transactions, receipts, height);
  }

  /** Final blocks are being undone, and what they held may have to be read: until it is back no number is given that one of these may have. */
  beforeUndone(): void {
    this.#undoing += 1;
  }

  /** What they held waits again where it can. Gives what is to be written with the switch, so that a crash after it loses none of them. */
  onUndone(transactions: readonly Transaction[]): PoolBatch {
    this.#undoing -= 1;
    // Not all of them may come back, and what is signed above a gap would wait for ever.
    this.#freeNumber = null;
    const batch = this.#own.takeBack(transactions);
    this.#options.onChanged();
    this.#signQueued();
    return batch;
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
