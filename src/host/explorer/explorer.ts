/**
 * The explorer's index: which transactions, events, readings and records concern what. Nothing but final blocks goes in, so it can be
 * thrown away and built again; it is written behind the peer's back, in small slices, and says up to which height it is.
 * PROTOCOL, "State": index rows only for what the UI asks, lazily and outside the path of consensus.
 */
import type { LedgerEvent, Receipt } from "../../ledger/index.ts";
import type { CommittedBlock, PeerEffect } from "../../peer/effects.ts";
import type { Storage } from "../../peer/ports.ts";
import { toHex, type Hash } from "../../protocol/identifiers.ts";
import { Refusal, type RefusalShape } from "../../protocol/refusal.ts";
import type { Transaction } from "../../protocol/transaction.ts";
import { equalBytes } from "../../kit/bytes.ts";
import { KEYS, entriesOf, heightOf, positionOf, positionText, sourceOf, type Position } from "./entries.ts";
import { Segments, pause } from "./segments.ts";
import { StoredBlocks, type StoredBlock } from "./stored-blocks.ts";

type CommittedEffect = Extract<PeerEffect, { kind: "committed" }>;

export interface FoundTransaction extends Position {
  readonly transaction: Transaction;
  readonly receipt: Receipt;
  readonly block: StoredBlock;
}

export interface FoundEvent extends Position {
  readonly timeMs: number;
  /** Null when the block itself said it. */
  readonly transaction: Hash | null;
  readonly event: LedgerEvent;
}

export interface Explorer {
  /** Takes new final blocks; returns at once and indexes them later. */
  onCommitted(effect: Pick<CommittedEffect, "blocks" | "undoneAbove">): void;
  /** Reads the index and adds what it lacks. Resolves when it is complete, or rests because of `indexed.refusal`. */
  catchUp(): Promise<void>;
  /** Throws the index away and builds it again. */
  rebuild(): Promise<void>;
  /** Blocks above `height` are not found yet, and why not, if something is wrong. */
  readonly indexed: { readonly height: number; readonly refusal: RefusalShape | null };
  readonly blocks: StoredBlocks;
  blockByDigest(id: Hash): Promise<StoredBlock | undefined>;
  transaction(id: Hash): Promise<FoundTransaction | undefined>;
  /** Newest first, below `before`; of one account, device, stream, contract or seat when given. */
  transactions(about: Uint8Array | undefined, before: Position | undefined, limit: number): Promise<readonly FoundTransaction[]>;
  /** Newest first, below `before`, whose `index` counts a block's events. */
  events(
    filter: { readonly source?: string | undefined; readonly topic?: string | undefined },
    before: Position | undefined,
    limit: number,
  ): Promise<readonly FoundEvent[]>;
  /** Transactions that appended packs to a stream, ascending: those above a sequence number, or the newest. */
  appends(stream: Uint8Array, after: number | undefined, limit: number): Promise<readonly FoundTransaction[]>;
  /** How many transactions called a contract, at most `limit`. */
  countCalls(contract: Uint8Array, limit: number): Promise<number>;
  /** Transactions that wrote records, newest first; about one thing when given. */
  records(about: string | undefined, before: Position | undefined, limit: number): Promise<readonly FoundTransaction[]>;
}

export interface ExplorerOptions {
  /** A segment is written after so many entries or blocks, whichever comes first; a start reads as many blocks again at most. */
  readonly flushEntries: number;
  readonly flushBlocks: number;
}

/** Four full blocks, or as many small ones as are read in a moment. */
const EXPLORER_DEFAULTS: ExplorerOptions = { flushEntries: 16_384, flushBlocks: 256 };
/** Blocks at hand that wait to be indexed; more are read from storage when their turn comes. */
const QUEUE_MAX = 16;
/** Blocks without a hit that one search reads before it gives what it has. */
const SEARCH_BLOCKS_MAX = 400;

const range = (key: string): readonly [from: string, to: string] => [`${key}/`, `${key}0`];

/** Events of a block with their places in it. */
export function eventsOf(block: Pick<CommittedBlock, "height" | "timeMs" | "receipts">): readonly FoundEvent[] {
  const found: FoundEvent[] = [];
  for (const receipt of block.receipts) {
    for (const event of receipt.events) {
      found.push({ height: block.height, index: found.length, timeMs: block.timeMs, transaction: receipt.transaction, event });
    }
  }
  return found;
}

export function createExplorer(storage: Storage, options: Partial<ExplorerOptions> = {}): Explorer {
  return new StoredExplorer(storage, { ...EXPLORER_DEFAULTS, ...options });
}

class StoredExplorer implements Explorer {
  readonly blocks: StoredBlocks;
  readonly #segments: Segments;
  readonly #options: ExplorerOptions;
  #queue: CommittedBlock[] = [];
  #undoAbove: number | null = null;
  /** The highest final height heard of. */
  #target = 0;
  #loaded = false;
  #refusal: RefusalShape | null = null;
  #working: Promise<void> | null = null;
  #compacting: Promise<void> | null = null;
  /** Searches that wait for the last few blocks. */
  #waiting: (() => void)[] = [];

  constructor(storage: Storage, options: ExplorerOptions) {
    this.#options = options;
    this.blocks = new StoredBlocks(storage);
    this.#segments = new Segments(storage);
  }

  get indexed(): Explorer["indexed"] {
    return { height: Math.min(this.#segments.to, this.#undoAbove ?? Infinity), refusal: this.#refusal };
  }

  onCommitted({ blocks, undoneAbove }: Pick<CommittedEffect, "blocks" | "undoneAbove">): void {
    if (undoneAbove !== null) {
      this.#undoAbove = Math.min(undoneAbove, this.#undoAbove ?? Infinity);
      this.#queue = this.#queue.filter((block) => block.height <= undoneAbove);
      this.#target = Math.min(this.#target, undoneAbove);
      this.blocks.forgetAbove(undoneAbove);
    }
    for (const block of blocks) {
      if (block.block?.header.height === null) continue;
      this.#target = Math.max(this.#target, block.height);
      if (this.#queue.length < QUEUE_MAX) this.#queue.push(block);
    }
    void this.#work();
  }

  async catchUp(): Promise<void> {
    this.#refusal = null;
    this.#target = Math.max(this.#target, (await this.blocks.span())?.to ?? 0);
    await this.#work();
    while (this.#compacting !== null) await this.#compacting;
  }

  async rebuild(): Promise<void> {
    await this.#working;
    await this.#compacting;
    await this.#segments.clear();
    return this.catchUp();
  }

  /** One worker at a time; it ends when nothing is left to do, or storage refuses. */
  #work(): Promise<void> {
    if (this.#refusal !== null) return Promise.resolve();
    this.#working ??= this.#workOff().catch((error: unknown) => {
      if (!(error instanceof Refusal)) throw error;
      this.#refusal = { code: error.code, data: error.data };
      this.#working = null;
    });
    return this.#working;
  }

  async #workOff(): Promise<void> {
    // Whoever commits a block goes on at once; what follows takes its turn.
    await pause();
    if (!this.#loaded) {
      await this.#segments.load(async (height, id) => {
        const stored = await this.blocks.at(height);
        return stored !== undefined && toHex(stored.id) === id;
      });
      this.#loaded = true;
    }
    while (this.#hasWork() && (await this.#workOnce())) {
      if (this.#segments.to >= this.#target) this.#release();
      await pause();
    }
    // In the same breath as the last look, so that no block comes in between and waits for the next one.
    this.#working = null;
    this.#release();
    this.#compact();
  }

  /** Merges beside all other work: it may read and write for seconds, and nobody should wait for it. */
  #compact(): void {
    if (this.#compacting !== null || !this.#segments.mustCompact) return;
    this.#compacting = this.#segments
      .compact()
      .then(() => {
        this.#compacting = null;
        this.#compact();
      })
      .catch((error: unknown) => {
        this.#compacting = null;
        if (!(error instanceof Refusal)) throw error;
        this.#refusal = { code: error.code, data: error.data };
      });
  }

  #release(): void {
    for (const release of this.#waiting.splice(0)) release();
  }

  /** Waits for the last few blocks; not for a long way to go. */
  async #fresh(): Promise<void> {
    const isNear = this.#target - this.#segments.to <= QUEUE_MAX;
    if (this.#working === null || this.#segments.to >= this.#target || !isNear) return;
    await new Promise<void>((resolve) => this.#waiting.push(resolve));
  }

  #hasWork(): boolean {
    return this.#undoAbove !== null || this.#segments.to < this.#target || this.#mustFlush();
  }

  #mustFlush(): boolean {
    const { entries, blocks } = this.#segments.waiting;
    return entries >= this.#options.flushEntries || blocks >= this.#options.flushBlocks;
  }

  /** Does the most urgent thing. Says whether to go on. */
  async #workOnce(): Promise<boolean> {
    if (this.#undoAbove !== null) {
      const height = this.#undoAbove;
      const last = await this.blocks.at(height);
      await this.#segments.truncate(height, last === undefined ? "" : toHex(last.id));
      if (this.#undoAbove === height) this.#undoAbove = null;
      return true;
    }
    if (this.#mustFlush()) {
      await this.#segments.flush();
      return true;
    }
    return this.#indexNext();
  }

  async #indexNext(): Promise<boolean> {
    const next = this.#segments.to + 1;
    while (this.#queue[0] !== undefined && this.#queue[0].height < next) this.#queue.shift();
    const block = this.#queue[0]?.height === next ? this.#queue.shift()! : await this.#stored(next);
    // Undone while it was read: first things first.
    if (this.#undoAbove !== null) return true;
    if (block === undefined) return false;
    const { id, height, block: body, receipts } = block;
    this.#segments.add({ height, block: toHex(id), entries: entriesOf({ id, height, block: body, receipts }) });
    return true;
  }

  /** The block of this height, or where blocks are not kept the next one that is. */
  async #stored(height: number): Promise<Pick<CommittedBlock, "id" | "height" | "block" | "receipts"> | undefined> {
    return (await this.blocks.at(height)) ?? (await this.blocks.firstFrom(height));
  }

  async #found(position: Position): Promise<FoundTransaction | undefined> {
    const block = await this.blocks.at(position.height);
    const transaction = block?.transactionAt(position.index);
    const receipt = block?.receipts[position.index];
    if (block === undefined || transaction === undefined || receipt === undefined) return undefined;
    return { ...position, block, transaction, receipt };
  }

  async #foundAll(entries: readonly string[]): Promise<readonly FoundTransaction[]> {
    const found: FoundTransaction[] = [];
    for (const entry of entries) {
      const one = await this.#found(positionOf(entry));
      if (one !== undefined) found.push(one);
    }
    return found;
  }

  async blockByDigest(id: Hash): Promise<StoredBlock | undefined> {
    await this.#fresh();
    const [from, to] = range(KEYS.block(id));
    for (const entry of await this.#segments.newest(from, to, 8)) {
      const stored = await this.blocks.at(heightOf(entry));
      if (stored !== undefined && equalBytes(stored.id, id)) return stored;
    }
    return undefined;
  }

  async transaction(id: Hash): Promise<FoundTransaction | undefined> {
    await this.#fresh();
    const [from, to] = range(KEYS.transaction(id));
    const found = await this.#foundAll(await this.#segments.newest(from, to, 8));
    return found.find(({ transaction }) => equalBytes(transaction.id, id));
  }

  async transactions(about: Uint8Array | undefined, before: Position | undefined, limit: number): Promise<readonly FoundTransaction[]> {
    if (about !== undefined) return this.#below(KEYS.mention(about), before, limit);
    const found: FoundTransaction[] = [];
    // A page may have ended above what is stored.
    let height = Math.min(before?.height ?? Infinity, (await this.blocks.span())?.to ?? 0);
    for (let read = 0; height > 0 && found.length < limit && read < SEARCH_BLOCKS_MAX; height--, read++) {
      const block = await this.blocks.at(height);
      if (block === undefined) break;
      const end = height === before?.height ? before.index : block.transactionCount;
      for (let index = end - 1; index >= 0 && found.length < limit; index--) {
        const transaction = block.transactionAt(index);
        if (transaction !== undefined) found.push({ height, index, block, transaction, receipt: block.receipts[index]! });
      }
    }
    return found;
  }

  async #below(key: string, before: Position | undefined, limit: number): Promise<readonly FoundTransaction[]> {
    await this.#fresh();
    const [from, to] = range(key);
    return this.#foundAll(await this.#segments.newest(from, before === undefined ? to : `${key}/${positionText(before)}`, limit));
  }

  async events(
    { source, topic }: { readonly source?: string | undefined; readonly topic?: string | undefined },
    before: Position | undefined,
    limit: number,
  ): Promise<readonly FoundEvent[]> {
    const found: FoundEvent[] = [];
    const wanted = ({ event }: FoundEvent): boolean => {
      const said = sourceOf(event);
      return (source === undefined || said.source === source) && (topic === undefined || said.topic === topic);
    };
    for await (const block of this.#blocksWithEvents(source, topic, before?.height)) {
      const all = eventsOf(block).filter(wanted);
      const below = before?.height === block.height ? all.filter(({ index }) => index < before.index) : all;
      found.push(...below.reverse());
      if (found.length >= limit) break;
    }
    return found.slice(0, limit);
  }

  /** Blocks downward from a height that have such an event, a few at a time as the index names them. */
  async *#blocksWithEvents(source: string | undefined, topic: string | undefined, height: number | undefined): AsyncGenerator<StoredBlock> {
    if (source === undefined && topic === undefined) {
      const top = height ?? (await this.blocks.span())?.to ?? 0;
      for (let at = top; at > 0 && at > top - SEARCH_BLOCKS_MAX; at--) {
        const block = await this.blocks.at(at);
        if (block === undefined) return;
        yield block;
      }
      return;
    }
    await this.#fresh();
    const key = KEYS.event(source, topic);
    const [from, end] = range(key);
    let to = height === undefined ? end : `${key}/${positionText({ height: height + 1, index: 0 })}`;
    for (;;) {
      const entries = await this.#segments.newest(from, to, 16);
      for (const entry of entries) {
        const block = await this.blocks.at(heightOf(entry));
        if (block !== undefined) yield block;
      }
      if (entries.length < 16) return;
      to = entries.at(-1)!;
    }
  }

  async appends(stream: Uint8Array, after: number | undefined, limit: number): Promise<readonly FoundTransaction[]> {
    await this.#fresh();
    const end = `${KEYS.stream(stream)}~`;
    if (after !== undefined) return this.#foundAll(await this.#segments.oldest(KEYS.pack(stream, after + 1), end, limit));
    const newest = await this.#segments.newest(KEYS.stream(stream), end, limit);
    return this.#foundAll(newest.toReversed());
  }

  async countCalls(contract: Uint8Array, limit: number): Promise<number> {
    await this.#fresh();
    const [from, to] = range(KEYS.calls(contract));
    return (await this.#segments.newest(from, to, limit)).length;
  }

  async records(about: string | undefined, before: Position | undefined, limit: number): Promise<readonly FoundTransaction[]> {
    return this.#below(about === undefined ? KEYS.records : KEYS.recordsAbout(about), before, limit);
  }
}
