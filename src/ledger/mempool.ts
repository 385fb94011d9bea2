/**
 * Transactions that wait for a block. Time is a parameter. Each lane of an account is a queue by number; a leader takes the best
 * head of all lanes, again and again, so its work grows with the block and not with the pool. Heaps are lazy: what was removed
 * stays in them until it comes up or makes half of them.
 */
import { equalBytes } from "../kit/bytes.ts";
import type { HashHex } from "../protocol/identifiers.ts";
import { LIMITS } from "../protocol/limits.ts";
import { Refusal, requireThat } from "../protocol/refusal.ts";
import { idKeyOf, type Transaction } from "../protocol/transaction.ts";
import { accountKey, genesisOf, parametersOf, readAccount, settled, type Account } from "./accounts.ts";
import { chainOfState, placeOf } from "./apply-block.ts";
import { feeOf, readTransaction } from "./calls.ts";
import { checkTransaction } from "./execute.ts";
import { Heap } from "./heap.ts";
import { checkRoles } from "./members.ts";
import { checkSigners } from "./policies.ts";
import { headOf } from "./seats.ts";
import type { StateView } from "./types.ts";

export interface MempoolOptions {
  readonly transactionsMax: number;
  readonly bytesMax: number;
  /** Of one sender, and how far a number may be ahead of its lane. */
  readonly senderMax: number;
}

const DEFAULT_OPTIONS: MempoolOptions = {
  transactionsMax: LIMITS.mempoolTransactionsMax,
  bytesMax: LIMITS.mempoolBytesMax,
  senderMax: LIMITS.mempoolSenderMax,
};

export interface ExecutableLimits {
  readonly bytesMax?: number;
  readonly countMax?: number;
  /** Block time, when it is known: what would have expired is left out. */
  readonly timeMs?: number;
}

interface Entry {
  readonly transaction: Transaction;
  readonly id: HashHex;
  readonly sender: Sender;
  readonly lane: Lane;
  readonly number: number;
  /** Fee per byte; what is free of fee comes first, since proofs of work bound it. */
  readonly rate: number;
  /** 0 for what is free. */
  readonly fee: number;
  readonly order: number;
  removed: boolean;
}

interface Lane {
  readonly index: number;
  readonly entries: Map<number, Entry>;
}

interface Sender {
  readonly key: string;
  readonly lanes: Map<number, Lane>;
  size: number;
  fees: number;
}

const isBetter = (a: Entry, b: Entry): boolean => (a.rate === b.rate ? a.order < b.order : a.rate > b.rate);
const isWorse = (a: Entry, b: Entry): boolean => isBetter(b, a);
const endsEarlier = (a: Entry, b: Entry): boolean => a.transaction.body.validUntilMs < b.transaction.body.validUntilMs;

/** A replacement pays a tenth more, so that it cannot be used to make everyone gossip for nothing. */
const REPLACEMENT_TENTHS = 11;
/** Lazy heaps are rebuilt when they hold this many times what is alive. */
const HEAP_SLACK = 2;

export class Mempool {
  readonly #options: MempoolOptions;
  readonly #byId = new Map<HashHex, Entry>();
  readonly #senders = new Map<string, Sender>();
  #bytes = 0;
  #orders = 0;
  /** Of every entry: the lane's head is found from whichever comes up first. */
  #best = new Heap<Entry>(isBetter);
  #worst = new Heap<Entry>(isWorse);
  #expiring = new Heap<Entry>(endsEarlier);
  #version = 0;
  #answered: { readonly state: StateView; readonly timeMs: number; readonly version: number; readonly answer: boolean } | undefined;

  constructor(options: MempoolOptions) {
    this.#options = options;
  }

  /** Number of transactions. */
  get size(): number {
    return this.#byId.size;
  }

  /** Bytes of their envelopes. */
  get bytes(): number {
    return this.#bytes;
  }

  has(id: HashHex): boolean {
    return this.#byId.has(id);
  }

  get(id: HashHex): Transaction | undefined {
    return this.#byId.get(id)?.transaction;
  }

  /**
   * Whether `add` could take a transaction, by what is cheaper than checking its signatures.
   * @throws {Refusal} `already-known`, `expired`, `valid-too-long`, `wrong-chain`, `signature-missing`, `nonce-used`, `nonce-gap`,
   * `fee-too-low`, `balance-too-low`, `sender-limit`, `unknown-operation`, `schema-invalid`.
   */
  check(transaction: Transaction, state: StateView, nowMs: number): void {
    this.#weigh(transaction, state, nowMs);
  }

  /**
   * Takes a transaction whose signatures hold.
   * @throws {Refusal} as `check`, `mempool-full`, and, for one that is free of fee, what its call is refused for.
   */
  add(transaction: Transaction, state: StateView, nowMs: number): void {
    const { id, senderKey, fee, rate, replaced } = this.#weigh(transaction, state, nowMs);
    if (readTransaction(transaction).free) {
      // Nobody pays for it, so it must be good now; its own block time only matters for its validity, checked above.
      const timeMs = Math.max(nowMs, transaction.body.validUntilMs - LIMITS.validityMsMax);
      checkTransaction(state, transaction, placeOf(state, headOf(state).height + 1, timeMs));
    }
    for (const entry of this.#victims(transaction.bytes.length, rate, senderKey, replaced)) this.#remove(entry);
    if (replaced !== undefined) this.#remove(replaced);
    this.#insert(transaction, { id, senderKey, fee, rate });
  }

  #weigh(transaction: Transaction, state: StateView, nowMs: number) {
    const id = idKeyOf(transaction);
    requireThat(!this.#byId.has(id), "already-known");
    const account = this.#checkForm(transaction, state, nowMs);
    const { senderKey, free } = readTransaction(transaction);
    const [laneIndex, number] = transaction.body.nonce;
    const sender = this.#senders.get(senderKey);
    const replaced = sender?.lanes.get(laneIndex)?.entries.get(number);
    const fee = free ? 0 : transaction.body.fee;
    if (replaced !== undefined) {
      const feeMin = Math.max(Math.ceil((replaced.fee * REPLACEMENT_TENTHS) / 10), replaced.fee + 1);
      requireThat(fee >= feeMin, "fee-too-low", { fee, feeMin });
    } else requireThat((sender?.size ?? 0) < this.#options.senderMax, "sender-limit", { max: this.#options.senderMax });
    const owed = (sender?.fees ?? 0) - (replaced?.fee ?? 0) + fee;
    requireThat(account.balance >= owed, "balance-too-low", { balance: account.balance, amount: owed });
    const rate = free ? Number.POSITIVE_INFINITY : fee / transaction.bytes.length;
    return { id, senderKey, fee, rate, replaced };
  }

  #checkForm(transaction: Transaction, state: StateView, nowMs: number): Account {
    const { body, signatures } = transaction;
    requireThat(equalBytes(body.chain, chainOfState(state)), "wrong-chain");
    requireThat(body.validUntilMs >= nowMs, "expired", { validUntilMs: body.validUntilMs, nowMs });
    const latestMs = nowMs + LIMITS.validityMsMax + LIMITS.clockAheadMsMax;
    requireThat(body.validUntilMs <= latestMs, "valid-too-long", { validUntilMs: body.validUntilMs, latestMs });
    checkSigners(state, { account: body.sender, calls: body.calls, signatures }, nowMs);
    checkRoles(state, genesisOf(state), body);
    const { senderKey, free, gasMax } = readTransaction(transaction);
    const account = settled(readAccount(state, senderKey), nowMs);
    const [lane, number] = body.nonce;
    const next = account.lanes[lane] ?? 0;
    requireThat(number >= next, "nonce-used", { next, number });
    requireThat(number < next + this.#options.senderMax, "nonce-gap", { next, number });
    if (!free) {
      const feeMin = feeOf(transaction, gasMax, parametersOf(state));
      requireThat(body.fee >= feeMin, "fee-too-low", { fee: body.fee, feeMin });
    }
    return account;
  }

  /**
   * Who makes room: what pays least, and what waits behind it. All are chosen before one is dropped, since a newcomer that is refused must cost
   * nobody anything. @throws {Refusal} `mempool-full`.
   */
  #victims(bytes: number, rate: number, senderKey: string, replaced: Entry | undefined): ReadonlySet<Entry> {
    const { transactionsMax, bytesMax } = this.#options;
    const victims = new Set<Entry>();
    const looked: Entry[] = [];
    let count = this.#byId.size + 1 - (replaced === undefined ? 0 : 1);
    let held = this.#bytes + bytes - (replaced?.transaction.bytes.length ?? 0);
    while (count > transactionsMax || held > bytesMax) {
      const worst = this.#worst.pop();
      if (worst?.removed) continue;
      if (worst !== undefined) looked.push(worst);
      if (worst !== undefined && victims.has(worst)) continue;
      if (worst === undefined || worst.rate >= rate || worst.sender.key === senderKey) {
        for (const entry of looked) this.#worst.push(entry);
        throw new Refusal("mempool-full", { rate });
      }
      for (const entry of worst.lane.entries.values()) {
        if (entry.number < worst.number || victims.has(entry)) continue;
        victims.add(entry);
        count--;
        held -= entry.transaction.bytes.length;
      }
    }
    return victims;
  }

  #insert(
    transaction: Transaction,
    made: { readonly id: HashHex; readonly senderKey: string; readonly fee: number; readonly rate: number },
  ): void {
    const { id, senderKey, fee, rate } = made;
    let sender = this.#senders.get(senderKey);
    if (sender === undefined) this.#senders.set(senderKey, (sender = { key: senderKey, lanes: new Map(), size: 0, fees: 0 }));
    const [index, number] = transaction.body.nonce;
    let lane = sender.lanes.get(index);
    if (lane === undefined) sender.lanes.set(index, (lane = { index, entries: new Map() }));
    const entry: Entry = { transaction, id, sender, lane, number, rate, fee, order: this.#orders++, removed: false };
    lane.entries.set(number, entry);
    sender.size++;
    sender.fees += fee;
    this.#byId.set(id, entry);
    this.#bytes += transaction.bytes.length;
    this.#version++;
    this.#best.push(entry);
    this.#worst.push(entry);
    this.#expiring.push(entry);
  }

  #remove(entry: Entry): void {
    entry.removed = true;
    entry.lane.entries.delete(entry.number);
    if (entry.lane.entries.size === 0) entry.sender.lanes.delete(entry.lane.index);
    entry.sender.size--;
    entry.sender.fees -= entry.fee;
    if (entry.sender.size === 0) this.#senders.delete(entry.sender.key);
    this.#byId.delete(entry.id);
    this.#bytes -= entry.transaction.bytes.length;
    this.#version++;
    this.#best = this.#compacted(this.#best, isBetter);
    this.#worst = this.#compacted(this.#worst, isWorse);
    this.#expiring = this.#compacted(this.#expiring, endsEarlier);
  }

  #compacted(heap: Heap<Entry>, before: (a: Entry, b: Entry) => boolean): Heap<Entry> {
    if (heap.size < 64 || heap.size <= HEAP_SLACK * this.#byId.size) return heap;
    const fresh = new Heap<Entry>(before);
    for (const entry of heap.items()) if (!entry.removed) fresh.push(entry);
    return fresh;
  }

  /**
   * What a leader would take on this state, in its order: every lane by number, the higher fee per byte first, then the older. What
   * waits for an earlier number, or whose sender could not pay, is left out.
   */
  executable(state: StateView, limits: ExecutableLimits = {}): readonly Transaction[] {
    const { bytesMax = LIMITS.blockBytesMax, countMax = LIMITS.blockTransactionsMax } = limits;
    const timeMs = limits.timeMs ?? headOf(state).timeMs + 1;
    // More claims than a block takes would only be in the way of those who pay.
    let freeLeft = 2 * parametersOf(state).claimsPerBlockMax;
    const chosen: Transaction[] = [];
    const walks = new Map<Lane, Walk>();
    const purses = new Map<Sender, number>();
    const heads = this.#best.copy();
    let bytes = 0;
    for (let entry = heads.pop(); entry !== undefined && chosen.length < countMax; entry = heads.pop()) {
      if (entry.removed) continue;
      const walk = walks.get(entry.lane) ?? this.#beginWalk(walks, entry, state, timeMs);
      if (entry.number !== walk.next || walk.done) {
        // Not its turn: it comes again when its lane reaches it.
        walk.skipped.add(entry.number);
        continue;
      }
      const { transaction, sender, fee } = entry;
      const purse = purses.get(sender) ?? settled(readAccount(state, sender.key), timeMs).balance;
      const isFree = fee === 0 && readTransaction(transaction).free;
      const fits = bytes + transaction.bytes.length <= bytesMax && purse >= fee && (!isFree || freeLeft > 0);
      if (!fits || transaction.body.validUntilMs < timeMs) {
        walk.done = true;
        continue;
      }
      if (isFree) freeLeft--;
      purses.set(sender, purse - fee);
      bytes += transaction.bytes.length;
      chosen.push(transaction);
      walk.next++;
      const following = entry.lane.entries.get(walk.next);
      if (following !== undefined && walk.skipped.delete(walk.next)) heads.push(following);
    }
    return chosen;
  }

  #beginWalk(walks: Map<Lane, Walk>, entry: Entry, state: StateView, timeMs: number): Walk {
    const account = settled(readAccount(state, entry.sender.key), timeMs);
    const walk: Walk = { next: account.lanes[entry.lane.index] ?? 0, done: false, skipped: new Set() };
    walks.set(entry.lane, walk);
    return walk;
  }

  /** Whether something could go into a block on this state. Cheap when asked again. */
  hasExecutable(state: StateView): boolean {
    const known = this.#answered;
    if (this.#byId.size === 0) return false;
    // The finalized state is one object for ever, so its time tells its moments apart.
    const { timeMs } = headOf(state);
    if (known?.state === state && known.timeMs === timeMs && known.version === this.#version) return known.answer;
    const answer = this.#findExecutable(state);
    this.#answered = { state, timeMs, version: this.#version, answer };
    return answer;
  }

  #findExecutable(state: StateView): boolean {
    const { timeMs } = headOf(state);
    for (const sender of this.#senders.values()) {
      const account = settled(readAccount(state, sender.key), timeMs);
      for (const lane of sender.lanes.values()) {
        const entry = lane.entries.get(account.lanes[lane.index] ?? 0);
        if (entry !== undefined && account.balance >= entry.fee && entry.transaction.body.validUntilMs > timeMs) return true;
      }
    }
    return false;
  }

  /** Removes what a final block carried, and what lost its number to that. `state` is the one after the block. */
  onFinal(transactions: readonly Transaction[], state: StateView): void {
    for (const transaction of transactions) {
      const { senderKey } = readTransaction(transaction);
      const [index] = transaction.body.nonce;
      const carried = idKeyOf(transaction);
      const lane = this.#senders.get(senderKey)?.lanes.get(index);
      if (lane === undefined) continue;
      const known = this.#byId.get(carried);
      if (known !== undefined) this.#remove(known);
      const next = readAccount(state, senderKey).lanes[index] ?? 0;
      for (let lowest = lane.entries.get(transaction.body.nonce[1]) ?? null; lowest !== null && lowest.number < next;) {
        this.#remove(lowest);
        lowest = lane.entries.get(lowest.number + 1) ?? null;
      }
    }
  }

  remove(id: HashHex): void {
    const entry = this.#byId.get(id);
    if (entry !== undefined) this.#remove(entry);
  }

  /** Drops what no block may carry any more; gives it. */
  expire(nowMs: number): readonly Transaction[] {
    const expired: Transaction[] = [];
    for (let entry = this.#expiring.peek(); entry !== undefined; entry = this.#expiring.peek()) {
      if (!entry.removed && entry.transaction.body.validUntilMs >= nowMs) break;
      this.#expiring.pop();
      if (entry.removed) continue;
      this.#remove(entry);
      expired.push(entry.transaction);
    }
    return expired;
  }

  /** What waits of one account, by lane and number. */
  ofSender(account: Uint8Array): readonly Transaction[] {
    const lanes = [...(this.#senders.get(accountKey(account))?.lanes.values() ?? [])].sort((a, b) => a.index - b.index);
    return lanes.flatMap((lane) => [...lane.entries.values()].sort((a, b) => a.number - b.number).map(({ transaction }) => transaction));
  }

  /** Every waiting transaction, oldest first. */
  all(): readonly Transaction[] {
    return [...this.#byId.values()].map(({ transaction }) => transaction);
  }
}

/** How far a leader's choice went along one lane. */
interface Walk {
  next: number;
  done: boolean;
  /** Numbers that came up before their turn. */
  readonly skipped: Set<number>;
}

export function createMempool(options: Partial<MempoolOptions> = {}): Mempool {
  return new Mempool({ ...DEFAULT_OPTIONS, ...options });
}
