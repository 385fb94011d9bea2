/** Reads the chunks of one snapshot from all neighbours who have it, side by side; each is proven as it is put to those before. */
import { SnapshotReader } from "../ledger/index.ts";
import type { Value } from "../protocol/codec.ts";
import type { Hash } from "../protocol/identifiers.ts";
import { Refusal } from "../protocol/refusal.ts";

/** Chunks beyond the next one that are asked for: what waits in memory for those before it. */
const WINDOW = 8;
/** Whoever has not answered by then is not asked again. */
const PATIENCE_MS = 8_000;

export interface ChunkQuestion {
  readonly peer: string;
  readonly chunk: number;
}

export class ChunkReader {
  readonly #reader: SnapshotReader;
  readonly #total: number;
  readonly #sources = new Set<string>();
  readonly #asked = new Map<string, { readonly chunk: number; readonly atMs: number }>();
  readonly #waiting = new Map<number, { readonly from: string; readonly bytes: Uint8Array }>();
  readonly #chunks: Uint8Array[] = [];

  constructor(root: Hash, total: number) {
    this.#reader = new SnapshotReader(root);
    this.#total = total;
  }

  /** Proven, in their order. */
  get chunks(): readonly Uint8Array[] {
    return this.#chunks;
  }

  /** Of the proven ones. */
  get bytes(): number {
    return this.#reader.bytes;
  }

  get isWhole(): boolean {
    return this.#reader.next === null;
  }

  /** Whether nobody is left who could go on. */
  get isLost(): boolean {
    return !this.isWhole && (this.#sources.size === 0 || this.#chunks.length >= this.#total);
  }

  /** Of a proven entry of the state. */
  entry(key: string): Value | undefined {
    return this.#reader.get(key);
  }

  addSource(peer: string): void {
    this.#sources.add(peer);
  }

  dropSource(peer: string): void {
    this.#sources.delete(peer);
    this.#asked.delete(peer);
  }

  /** What is to be asked now: one chunk of each neighbour at a time. */
  questions(nowMs: number): readonly ChunkQuestion[] {
    for (const [peer, { atMs }] of this.#asked) if (nowMs - atMs > PATIENCE_MS) this.dropSource(peer);
    if (this.isWhole) return [];
    const asked = new Set([...this.#asked.values()].map(({ chunk }) => chunk));
    const questions: ChunkQuestion[] = [];
    const end = Math.min(this.#total, this.#chunks.length + WINDOW);
    const idle = [...this.#sources].filter((peer) => !this.#asked.has(peer));
    for (let chunk = this.#chunks.length; chunk < end; chunk++) {
      if (asked.has(chunk) || this.#waiting.has(chunk)) continue;
      const peer = idle.shift();
      if (peer === undefined) break;
      this.#asked.set(peer, { chunk, atMs: nowMs });
      questions.push({ peer, chunk });
    }
    return questions;
  }

  /** Null where the neighbour has it no more. @throws {Refusal} of a chunk that is not of this state; whoever gave it is asked no more. */
  onPart(from: string, chunk: number, bytes: Uint8Array | null): void {
    if (this.#asked.get(from)?.chunk !== chunk) return;
    this.#asked.delete(from);
    if (bytes === null) return this.dropSource(from);
    this.#waiting.set(chunk, { from, bytes });
    for (let next = this.#take(); next !== undefined && !this.isWhole; next = this.#take()) {
      try {
        this.#reader.add(next.bytes);
      } catch (error) {
        if (error instanceof Refusal) this.dropSource(next.from);
        throw error;
      }
      this.#chunks.push(next.bytes);
    }
  }

  #take(): { readonly from: string; readonly bytes: Uint8Array } | undefined {
    const next = this.#waiting.get(this.#chunks.length);
    this.#waiting.delete(this.#chunks.length);
    return next;
  }
}
