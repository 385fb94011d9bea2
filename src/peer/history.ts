/** Old blocks of a ledger that began with a snapshot come in the background, from neighbours who have them (PROTOCOL, "Joining and following"). */
import { equalBytes } from "../kit/bytes.ts";
import { encode } from "../protocol/codec.ts";
import type { Hash, VotingKey } from "../protocol/identifiers.ts";
import { Refusal } from "../protocol/refusal.ts";
import { encodeRows, HistoryPart, type ProvenRows } from "./history-part.ts";
import type { Outbox } from "./outbox.ts";
import type { StorageBatch } from "./ports.ts";
import { encodeEpochRow, encodeJoined, epochKey, idKey, META, type HistoryEnd, type Joined } from "./rows.ts";
import { encodeSnapshotMessage, type SnapshotMessage } from "./snapshot-wire.ts";

/** An answer is worked on between votes; then the next is asked for. */
const PACE_MS = 50;
/** Whoever has not answered by then has its turn again later. */
const PATIENCE_MS = 10_000;
/** Nobody has the next block: they are asked again after so long. */
const REST_MS = 30_000;

type Put = StorageBatch["puts"][number];

export interface HistoryOptions {
  readonly chain: Hash;
  readonly founder: VotingKey;
  readonly outbox: Outbox;
  readonly joined: Joined | null;
  readonly linked: () => Iterable<string>;
  readonly onHalt: (refusal: Refusal) => void;
}

export class History {
  readonly #options: HistoryOptions;
  readonly #part: HistoryPart | null;
  #joined: Joined | null;
  /** The neighbour that was asked, and when; null while nobody is. */
  #asked: { readonly peer: string; readonly from: Hash; readonly atMs: number } | null = null;
  /** Neighbours that have nothing more to give for now. */
  readonly #spent = new Set<string>();
  #isBusy = false;
  #nextMs = 0;

  constructor(options: HistoryOptions) {
    const { chain, founder, joined } = options;
    this.#options = options;
    this.#joined = joined;
    this.#part = joined === null || joined.history.floor === 0 ? null : new HistoryPart(chain, joined.history.next, founder);
  }

  get joined(): Joined | null {
    return this.#joined;
  }

  /** Blocks at and below this height are not in storage. */
  get floor(): number {
    return this.#joined?.history.floor ?? 0;
  }

  tick(nowMs: number): void {
    const part = this.#part;
    if (part === null || this.floor === 0 || this.#isBusy || nowMs < this.#nextMs) return;
    if (this.#asked !== null) {
      if (nowMs - this.#asked.atMs < PATIENCE_MS) return;
      this.#leave(this.#asked.peer);
    }
    const peer = [...this.#options.linked()].find((other) => !this.#spent.has(other));
    if (peer === undefined) {
      this.#spent.clear();
      this.#nextMs = nowMs + REST_MS;
      return;
    }
    this.#asked = { peer, from: part.next, atMs: nowMs };
    const bytes = encodeSnapshotMessage({ kind: "history", from: part.next });
    this.#options.outbox.network({ kind: "send", peer, protocol: "snapshot", bytes });
  }

  onUnlinked(peer: string): void {
    this.#spent.delete(peer);
    if (this.#asked?.peer === peer) this.#asked = null;
  }

  onMessage(from: string, message: SnapshotMessage, nowMs: number): void {
    const part = this.#part;
    if (message.kind !== "rows" || part === null) return;
    if (this.#asked === null || this.#asked.peer !== from || !equalBytes(message.from, this.#asked.from)) return;
    this.#asked = null;
    this.#nextMs = nowMs + PACE_MS;
    if (message.rows.length === 0) return this.#leave(from);
    let proven: ProvenRows;
    try {
      proven = part.take(message.rows);
    } catch (error) {
      this.#leave(from);
      throw error;
    }
    this.#isBusy = true;
    this.#options.outbox.verify(from, proven.checks, (allValid) => {
      if (allValid) return this.#write(proven);
      this.#isBusy = false;
      this.#leave(from);
    });
  }

  /** What it said last is of no use: all that is not written is asked for again, of another. */
  #leave(peer: string): void {
    this.#asked = null;
    this.#spent.add(peer);
    this.#part?.reset(this.#joined!.history.next);
  }

  #write({ rows, next }: ProvenRows): void {
    const lowest = rows.at(-1);
    const joined = this.#joined!;
    if (lowest === undefined) {
      this.#isBusy = false;
      return;
    }
    const history = this.#endAt({ floor: lowest[1].info.height - 1, next });
    this.#joined = { ...joined, history, before: history.floor === 0 ? null : joined.before };
    const puts: Put[] = [["meta", META.joined, encodeJoined(this.#joined)]];
    for (const [key, bytes] of encodeRows(rows)) puts.push(["blocks", key, bytes]);
    for (const [key, { info, block }] of rows) {
      puts.push(["meta", idKey(info.id), encode(key)]);
      // Whoever asks for the steps between epochs is told by these rows from now on.
      if (info.endsEpoch && block !== null) puts.push(["meta", epochKey(key), encodeEpochRow({ id: info.id, step: null, seats: null })]);
    }
    this.#options.outbox.store({ puts, deletes: [], strict: false }, (refusal) => {
      this.#isBusy = false;
      if (refusal !== null) return this.#options.onHalt(new Refusal(refusal.code, refusal.data));
      this.#options.outbox.emit({ kind: "history", floor: history.floor });
    });
  }

  /** Below lie the blocks that were here before the snapshot, if that is where the new ones have come to. */
  #endAt(end: HistoryEnd): HistoryEnd {
    const before = this.#joined?.before ?? null;
    if (before === null || !equalBytes(end.next, before.head)) return end;
    this.#part?.reset(before.history.next);
    return before.history;
  }
}
