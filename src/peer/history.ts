/**
 * Which of the old blocks this peer keeps. Those of a ledger that began with a snapshot come in the background, from neighbours who have them (PROTOCOL, "Joining
 * and following"); those that a person wants no more go, and leave behind what others need to believe the epochs that they began and ended.
 */
import { equalBytes } from "../kit/bytes.ts";
import { encode } from "../protocol/codec.ts";
import type { Hash, VotingKey } from "../protocol/identifiers.ts";
import { Refusal } from "../protocol/refusal.ts";
import type { BlockWindow } from "./effects.ts";
import type { FinalBlocks } from "./final-blocks.ts";
import { encodeRows, HistoryPart, type ProvenRows } from "./history-part.ts";
import type { Outbox } from "./outbox.ts";
import type { StorageBatch } from "./ports.ts";
import { Pruner, type PrunedBlocks } from "./pruner.ts";
import { encodeEpochRow, encodeHistory, epochKey, idKey, META, type HistoryEnd, type HistoryRow } from "./rows.ts";
import { encodeSnapshotMessage, type SnapshotMessage } from "./snapshot-wire.ts";
import type { SnapshotServer } from "./snapshot-server.ts";

/** An answer is worked on between votes; then the next is asked for. */
const PACE_MS = 50;
/** Whoever has not answered by then has its turn again later. */
const PATIENCE_MS = 10_000;
/** Nobody has the next block: they are asked again after so long. */
const REST_MS = 30_000;
/** A peer with a bound on bytes asks for old blocks only while it is well below. */
const ROOM_SHARE = 0.9;

type Put = StorageBatch["puts"][number];

export interface HistoryOptions {
  readonly chain: Hash;
  readonly founder: VotingKey;
  readonly outbox: Outbox;
  readonly server: SnapshotServer;
  readonly finalBlocks: FinalBlocks;
  /** Of the newest final block. */
  readonly height: () => number;
  readonly restored: HistoryRow;
  /** Neighbours that may have blocks. */
  readonly members: () => Iterable<string>;
  readonly onHalt: (refusal: Refusal) => void;
}

export class History {
  readonly #options: HistoryOptions;
  readonly #part: HistoryPart;
  readonly #pruner: Pruner;
  #row: HistoryRow;
  #window: BlockWindow = { blocks: null, bytes: null };
  /** The neighbour that was asked, and when; null while nobody is. */
  #asked: { readonly peer: string; readonly from: Hash; readonly atMs: number } | null = null;
  /** Neighbours that have nothing more to give for now. */
  readonly #spent = new Set<string>();
  #isBusy = false;
  /** Whether blocks came that nobody was told of. */
  #hasNews = false;
  #nextMs = 0;

  constructor(options: HistoryOptions) {
    const { chain, founder, outbox, server, restored } = options;
    this.#options = options;
    this.#row = restored;
    this.#part = new HistoryPart(chain, restored.next, founder);
    this.#pruner = new Pruner(outbox, server);
  }

  /** Blocks at and below this height are not in storage. */
  get floor(): number {
    return this.#row.floor;
  }

  get row(): HistoryRow {
    return this.#row;
  }

  setWindow(window: BlockWindow): void {
    this.#window = window;
    this.#nextMs = 0;
  }

  tick(nowMs: number): void {
    if (this.#isBusy || nowMs < this.#nextMs) return;
    const limit = this.#pruneLimit();
    if (limit > this.floor) return this.#prune(limit, nowMs);
    if (this.#mayFetch()) this.#fetch(nowMs);
    else this.#rest();
  }

  // ------------------------------------------------------------ what is not wanted

  /** Blocks up to this height may go. */
  #pruneLimit(): number {
    const { blocks, bytes } = this.#window;
    const { finalBlocks, height } = this.#options;
    const tooMany = bytes !== null && finalBlocks.blocksBytes > bytes;
    const wanted = tooMany ? Infinity : blocks === null ? 0 : height() - blocks;
    return Math.min(wanted, finalBlocks.prunableBelow - 1);
  }

  #prune(limit: number, nowMs: number): void {
    this.#isBusy = true;
    this.#nextMs = nowMs + PACE_MS;
    this.#pruner.prune(limit, (pruned) => {
      if (pruned === null) {
        this.#isBusy = false;
        this.#nextMs = nowMs + REST_MS;
        return;
      }
      this.#leave(pruned);
    });
  }

  #leave({ height, id, bytes, puts, deletes }: PrunedBlocks): void {
    const isAbove = height > this.floor;
    // What lay below a gap is no whole any more.
    this.#row = { ...(isAbove ? { floor: height, next: id } : this.#row), before: null };
    this.#part.reset(this.#row.next);
    this.#options.finalBlocks.onHistory(-bytes);
    this.#store([...puts, ["meta", META.history, encodeHistory(this.#row)]], deletes);
  }

  #store(puts: readonly Put[], deletes: StorageBatch["deletes"]): void {
    const { outbox, onHalt } = this.#options;
    outbox.store({ puts, deletes, strict: false }, (refusal) => {
      this.#isBusy = false;
      if (refusal !== null) onHalt(new Refusal(refusal.code, refusal.data));
    });
  }

  // ------------------------------------------------------------ what is

  #mayFetch(): boolean {
    const { blocks, bytes } = this.#window;
    const { finalBlocks, height } = this.#options;
    if (this.floor === 0 || (blocks !== null && height() - this.floor >= blocks)) return false;
    return bytes === null || finalBlocks.blocksBytes < ROOM_SHARE * bytes;
  }

  #fetch(nowMs: number): void {
    if (this.#asked !== null) {
      if (nowMs - this.#asked.atMs < PATIENCE_MS) return;
      this.#giveUp(this.#asked.peer);
    }
    const peer = [...this.#options.members()].find((other) => !this.#spent.has(other));
    if (peer === undefined) {
      this.#spent.clear();
      this.#nextMs = nowMs + REST_MS;
      return this.#rest();
    }
    this.#asked = { peer, from: this.#part.next, atMs: nowMs };
    const bytes = encodeSnapshotMessage({ kind: "history", from: this.#part.next });
    this.#options.outbox.network({ kind: "send", peer, protocol: "snapshot", bytes });
  }

  /** All that was wanted is here, or nobody has more. */
  #rest(): void {
    if (this.#hasNews) this.#options.outbox.emit({ kind: "history" });
    this.#hasNews = false;
  }

  onUnlinked(peer: string): void {
    this.#spent.delete(peer);
    if (this.#asked?.peer === peer) this.#asked = null;
  }

  onMessage(from: string, message: SnapshotMessage, nowMs: number): void {
    if (message.kind !== "rows" || this.#isBusy) return;
    if (this.#asked === null || this.#asked.peer !== from || !equalBytes(message.from, this.#asked.from)) return;
    this.#asked = null;
    this.#nextMs = nowMs + PACE_MS;
    if (message.rows.length === 0) return this.#giveUp(from);
    let proven: ProvenRows;
    try {
      proven = this.#part.take(message.rows);
    } catch (error) {
      this.#giveUp(from);
      throw error;
    }
    this.#isBusy = true;
    this.#options.outbox.verify(from, proven.checks, (allValid) => {
      if (allValid && proven.rows.length > 0) return this.#write(proven);
      this.#isBusy = false;
      if (!allValid) this.#giveUp(from);
    });
  }

  /** What it said last is of no use: all that is not written is asked for again, of another. */
  #giveUp(peer: string): void {
    this.#asked = null;
    this.#spent.add(peer);
    this.#part.reset(this.#row.next);
  }

  #write({ rows, next }: ProvenRows): void {
    const end = this.#endAt({ floor: rows.at(-1)![1].info.height - 1, next });
    this.#row = { ...end, before: end.floor === 0 ? null : this.#row.before };
    const puts: Put[] = [["meta", META.history, encodeHistory(this.#row)]];
    let bytes = 0;
    for (const [key, row] of encodeRows(rows)) {
      puts.push(["blocks", key, row]);
      bytes += row.length;
    }
    for (const [key, { info, block }] of rows) {
      puts.push(["meta", idKey(info.id), encode(key)]);
      // Whoever asks for the steps between epochs is told by these rows from now on.
      if (info.endsEpoch && block !== null) puts.push(["meta", epochKey(key), encodeEpochRow({ id: info.id, step: null, seats: null })]);
    }
    this.#options.finalBlocks.onHistory(bytes);
    this.#hasNews = true;
    this.#store(puts, []);
  }

  /** Below lie the blocks that were here before the snapshot, if that is where the new ones have come to. */
  #endAt(end: HistoryEnd): HistoryEnd {
    const { before } = this.#row;
    if (before === null || !equalBytes(end.next, before.head)) return end;
    this.#part.reset(before.end.next);
    return before.end;
  }
}
