/** Finds the transactions that a candidate names: among those verified, else asked of peers. PROTOCOL, "Joining and following". */
import { digest, toHex, type Hash, type HashHex } from "../protocol/identifiers.ts";
import { LIMITS } from "../protocol/limits.ts";
import { decodeTransaction, heldBytesOf, type Transaction } from "../protocol/transaction.ts";
import { decodeFetch, encodeFetch } from "../protocol/wire.ts";
import type { Outbox } from "./outbox.ts";
import type { Transactions } from "./transactions.ts";

/** An answer that has not come by then is asked of another peer. */
const FETCH_TIMEOUT_MS = 1_000;
/** Bodies that are missing beside others are most likely on their way by gossip: asking at once would send a whole block twice. */
const PATIENCE_MS = 100;

/** A candidate whose transactions are looked for. */
export interface Wanted {
  readonly envelopes: readonly Hash[];
  /** All transactions are there, in order, every signature verified. */
  readonly then: (transactions: readonly Transaction[]) => void;
  /** Whether it is of this very round and of whose turn it is: then others make room. */
  readonly isAwaited: () => boolean;
  /** It was given up for want of room or of an answer: whoever says it again is heard again. */
  readonly onDropped: () => void;
}

interface Fetch extends Wanted {
  readonly keys: readonly HashHex[];
  /** Bodies that came and from whom, decoded, not all verified yet. */
  readonly arrived: Map<HashHex, { readonly transaction: Transaction; readonly from: string }>;
  arrivedBytes: number;
  /** The same with what decoded ones take: counted until they are verified. */
  heldBytes: number;
  peer: string;
  attempts: number;
  /** When it is asked of somebody, for the first time or again. */
  dueMs: number;
}

export interface BodiesOptions {
  readonly outbox: Outbox;
  readonly transactions: Transactions;
  /** A linked peer other than this one, if any. */
  readonly anotherPeer: (than: string) => string | undefined;
}

export class Bodies {
  readonly #options: BodiesOptions;
  /** The oldest first. */
  readonly #fetches = new Map<number, Fetch>();
  #heldBytes = 0;
  #nextId = 1;
  #nowMs = 0;

  constructor(options: BodiesOptions) {
    this.#options = options;
  }

  /** About what bodies that are not verified yet take in memory, in bytes. */
  get heldBytes(): number {
    return this.#heldBytes;
  }

  /** Looks for what a candidate names. */
  resolve(from: string, wanted: Wanted): void {
    const { envelopes, then } = wanted;
    const fetch: Fetch = {
      ...wanted,
      keys: envelopes.map(toHex),
      arrived: new Map(),
      arrivedBytes: 0,
      heldBytes: 0,
      peer: from,
      attempts: 0,
      dueMs: this.#nowMs + PATIENCE_MS,
    };
    const missing = this.#missing(fetch);
    if (missing.length === 0) return then(this.#collect(fetch));
    if (this.#fetches.size >= LIMITS.fetchesMax && !this.#dropAnother(fetch, fetch.isAwaited())) return fetch.onDropped();
    const id = this.#nextId++;
    this.#fetches.set(id, fetch);
    // Who knows none of them does not hear the others' gossip yet.
    if (missing.length === envelopes.length && !missing.some((envelope) => this.#isComing(envelope))) this.#ask(id, fetch);
  }

  /** Gives up the oldest other candidate, of those first that are not awaited. Whether there was one that this may take the place of. */
  #dropAnother(than: Fetch, isAwaited: boolean, mayDrop: (fetch: Fetch) => boolean = () => true): boolean {
    const others = [...this.#fetches].filter(([, fetch]) => fetch !== than && mayDrop(fetch));
    const [id, fetch] = others.find(([, other]) => !other.isAwaited()) ?? (isAwaited ? others[0] : undefined) ?? [];
    if (id === undefined || fetch === undefined) return false;
    this.#drop(id, fetch);
    return true;
  }

  #drop(id: number, fetch: Fetch): void {
    this.#fetches.delete(id);
    this.#letGo(fetch);
    fetch.onDropped();
  }

  #letGo(fetch: Fetch): void {
    this.#heldBytes -= fetch.heldBytes;
    fetch.heldBytes = 0;
  }

  /** Whether so much more may be held for a candidate, after others have made room where they must. */
  #hasRoom(fetch: Fetch, bytes: number): boolean {
    const shared = LIMITS.fetchedBytesMax / 2;
    if (this.#heldBytes + bytes <= shared) return true;
    const isAwaited = fetch.isAwaited();
    const max = isAwaited ? LIMITS.fetchedBytesMax : shared;
    while (this.#heldBytes + bytes > max) if (!this.#dropAnother(fetch, isAwaited, (other) => other.heldBytes > 0)) return false;
    return true;
  }

  #isComing(envelope: Hash): boolean {
    return this.#options.transactions.isVerifying(toHex(envelope));
  }

  /** More transactions were verified: those that some candidates waited for, perhaps. */
  settleAll(): void {
    for (const [id, fetch] of [...this.#fetches.entries()]) this.#settle(id, fetch);
  }

  #missing(fetch: Fetch): readonly Hash[] {
    return fetch.envelopes.filter((_, index) => {
      const key = fetch.keys[index]!;
      return this.#options.transactions.verified(key) === undefined && !fetch.arrived.has(key);
    });
  }

  #collect(fetch: Fetch): readonly Transaction[] {
    return fetch.keys.map((key) => this.#options.transactions.verified(key) ?? fetch.arrived.get(key)!.transaction);
  }

  #ask(id: number, fetch: Fetch): void {
    const envelopes = this.#missing(fetch).filter((envelope) => !this.#isComing(envelope));
    fetch.attempts += 1;
    fetch.dueMs = this.#nowMs + FETCH_TIMEOUT_MS * fetch.attempts;
    if (envelopes.length === 0) return;
    this.#options.outbox.network({
      kind: "send",
      peer: fetch.peer,
      protocol: "fetch",
      bytes: encodeFetch({ kind: "wanted", id, envelopes }),
    });
  }

  /** Asks somebody else where an answer did not come. */
  tick(nowMs: number): void {
    this.#nowMs = nowMs;
    for (const [id, fetch] of [...this.#fetches.entries()]) {
      if (nowMs < fetch.dueMs) continue;
      if (this.#settle(id, fetch)) continue;
      const other = fetch.attempts === 0 ? undefined : this.#options.anotherPeer(fetch.peer);
      if (other !== undefined) fetch.peer = other;
      if (fetch.attempts >= LIMITS.fetchAttemptsMax) this.#drop(id, fetch);
      else this.#ask(id, fetch);
    }
  }

  /** Whether nothing is missing any more; transactions may also have come by gossip meanwhile. */
  #settle(id: number, fetch: Fetch): boolean {
    if (this.#missing(fetch).length > 0) return false;
    this.#fetches.delete(id);
    const transactions = this.#collect(fetch);
    this.#options.transactions.verify(fetch.peer, transactions, { keep: true }, (allValid) => {
      this.#letGo(fetch);
      if (allValid) fetch.then(transactions);
      else this.#blame(fetch);
    });
    return true;
  }

  /** Who gave a body that does not verify; nobody gives one that it has not verified itself. */
  #blame(fetch: Fetch): void {
    const givers = new Set<string>();
    for (const [key, { from }] of fetch.arrived) if (this.#options.transactions.verified(key) === undefined) givers.add(from);
    for (const giver of givers) this.#options.outbox.penalize(giver, "signature-invalid");
  }

  /** A message of the stream `fetch`. @throws {Refusal} when it is malformed. */
  onMessage(from: string, bytes: Uint8Array): void {
    const message = decodeFetch(bytes);
    if (message.kind === "wanted") return this.#serve(from, message.id, message.envelopes);
    const fetch = this.#fetches.get(message.id);
    if (fetch === undefined || fetch.peer !== from) return;
    const wanted = new Set(fetch.keys);
    const before = fetch.arrived.size;
    for (const envelope of message.envelopes) {
      const key = toHex(digest(envelope));
      if (!wanted.has(key) || fetch.arrived.has(key)) continue;
      const transaction = decodeTransaction(envelope);
      const bytes = heldBytesOf(transaction);
      // What finds no room is asked for again, when others are verified or given up.
      if (!this.#hasRoom(fetch, bytes)) break;
      fetch.arrived.set(key, { transaction, from });
      fetch.arrivedBytes += envelope.length;
      fetch.heldBytes += bytes;
      this.#heldBytes += bytes;
    }
    // No block holds so much: whoever proposed it wastes everybody's memory.
    if (fetch.arrivedBytes > LIMITS.blockBytesMax) {
      this.#fetches.delete(message.id);
      return this.#letGo(fetch);
    }
    if (this.#settle(message.id, fetch) || fetch.arrived.size === before) return;
    // A big block comes in several answers: progress keeps the same peer.
    fetch.attempts = 0;
    this.#ask(message.id, fetch);
  }

  #serve(to: string, id: number, envelopes: readonly Hash[]): void {
    const found: Uint8Array[] = [];
    let bytes = 0;
    for (const envelope of envelopes) {
      const transaction = this.#options.transactions.verified(toHex(envelope));
      if (transaction === undefined) continue;
      bytes += transaction.bytes.length;
      if (found.length > 0 && bytes > LIMITS.giveBytesMax) break;
      found.push(transaction.bytes);
    }
    this.#options.outbox.network({
      kind: "send",
      peer: to,
      protocol: "fetch",
      bytes: encodeFetch({ kind: "bodies", id, envelopes: found }),
    });
  }
}
