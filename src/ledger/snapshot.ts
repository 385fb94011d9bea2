/**
 * The state of one block in chunks, each of which proves by itself that it is whole (PROTOCOL, "State" and "Joining and following"): what a newcomer reads
 * instead of all blocks from genesis on. A chunk holds all entries whose paths lie in its range; the ranges follow each other without a gap.
 */
import { digest as sha256 } from "@chainsafe/as-sha256";
import { assert } from "../kit/assert.ts";
import { equalBytes } from "../kit/bytes.ts";
import { decode, encode, type Value } from "../protocol/codec.ts";
import { HASH_BYTES, type Hash } from "../protocol/identifiers.ts";
import { LIMITS } from "../protocol/limits.ts";
import { Refusal, requireThat } from "../protocol/refusal.ts";
import { readBytes, readList, readText } from "../protocol/schema.ts";
import { BaseState } from "./state.ts";
import { comparePaths } from "./tree-hash.ts";
import { verifyRange, type Leaf, type PathRange } from "./tree-range.ts";
import { pathOf } from "./tree.ts";
import type { LedgerState } from "./types.ts";

const CHUNK_VERSION = 1;
const FIRST_PATH = new Uint8Array(HASH_BYTES);

interface Entry {
  readonly path: Uint8Array;
  readonly key: string;
  readonly value: Value;
  readonly bytes: number;
}

/**
 * The chunks of a finalized state, in order: canonical bytes of `[version, from, to or null, [[key, value], …], tokens]`. All must be taken before the state
 * changes. A chunk has about `chunkBytes`, and more only for a single entry that has more.
 */
export function* snapshotChunks(
  state: LedgerState,
  chunkBytes: number = LIMITS.snapshotChunkBytes,
): Generator<Uint8Array, void, undefined> {
  assert(state instanceof BaseState, "a finalized state");
  const entries = [...state.entries()]
    .map(([key, value]): Entry => ({ path: pathOf(key), key, value, bytes: key.length + encode(value).length }))
    .sort((a, b) => comparePaths(a.path, b.path));
  let from: Uint8Array = FIRST_PATH;
  for (let first = 0; first < entries.length || first === 0;) {
    let end = first;
    for (let bytes = 0; end < entries.length; end++) {
      bytes += entries[end]!.bytes;
      if (bytes > chunkBytes && end > first) break;
    }
    const to = entries[end]?.path ?? null;
    const part = entries.slice(first, end);
    yield encode([CHUNK_VERSION, from, to, part.map(({ key, value }): Value => [key, value]), state.proveRange({ from, to })]);
    if (to === null) return;
    from = to;
    first = end;
  }
}

interface Chunk {
  readonly range: PathRange;
  readonly entries: readonly (readonly [key: string, value: Value])[];
  readonly tokens: readonly Value[];
}

function readChunk(bytes: Uint8Array): Chunk {
  const list = readList(decode(bytes, LIMITS.snapshotChunkBytesMax), "chunk", 5);
  requireThat(list[0] === CHUNK_VERSION, "unknown-version", { version: list[0] ?? null });
  const from = readBytes(list[1], "from", HASH_BYTES, HASH_BYTES);
  const to = list[2] === null ? null : readBytes(list[2], "to", HASH_BYTES, HASH_BYTES);
  const entries = readList(list[3], "entries").map((item): readonly [string, Value] => {
    const pair = readList(item, "entry", 2);
    return [readText(pair[0], "key", LIMITS.stateKeyUnitsMax, 1), pair[1]!];
  });
  return { range: { from, to }, entries, tokens: readList(list[4], "tokens") };
}

/**
 * The state that these chunks are of, where they are this peer's own: compare its root with what it should be before use.
 * @throws {Refusal} `encoding-invalid`, `schema-invalid`, `unknown-version`, `snapshot-invalid` when one is missing.
 */
export function stateOfChunks(chunks: readonly Uint8Array[]): LedgerState {
  const entries: (readonly [key: string, value: Value])[] = [];
  let next: Uint8Array | null = FIRST_PATH;
  for (const bytes of chunks) {
    const { range, entries: part } = readChunk(bytes);
    requireThat(next !== null && equalBytes(range.from, next), "snapshot-invalid", { reason: "another part" });
    entries.push(...part);
    next = range.to;
  }
  requireThat(next === null, "snapshot-invalid", { reason: "no end" });
  return new BaseState(entries);
}

/** Puts a state together out of chunks that strangers give, each checked against the root that a finalized header names. */
export class SnapshotReader {
  readonly #root: Hash;
  readonly #entries: (readonly [key: string, value: Value])[] = [];
  #next: Uint8Array | null = FIRST_PATH;
  #bytes = 0;

  constructor(root: Hash) {
    this.#root = root;
  }

  /** Where the next chunk begins; null when all are here. */
  get next(): Uint8Array | null {
    return this.#next;
  }

  /** Of the chunks taken so far. */
  get bytes(): number {
    return this.#bytes;
  }

  /**
   * Takes the next chunk. One that is refused changes nothing, and another peer's may be taken in its place.
   * @throws {Refusal} `encoding-invalid`, `schema-invalid`, `unknown-version`, `too-large`, `snapshot-invalid`.
   */
  add(bytes: Uint8Array): void {
    const { range, entries, tokens } = readChunk(bytes);
    if (this.#next === null || !equalBytes(range.from, this.#next)) throw new Refusal("snapshot-invalid", { reason: "another part" });
    // Every chunk brings the reader on, or a liar could feed it for ever.
    requireThat(range.to === null || (entries.length > 0 && comparePaths(range.from, range.to) < 0), "snapshot-invalid", {
      reason: "empty",
    });
    requireThat(this.#bytes + bytes.length <= LIMITS.stateBytesMax, "too-large", { bytes: this.#bytes + bytes.length });
    const leaves = entries.map(([key, value]): Leaf => ({ path: pathOf(key), valueHash: sha256(encode(value)) }));
    if (!verifyRange(this.#root, range, leaves, tokens)) throw new Refusal("snapshot-invalid", { reason: "proof" });
    this.#entries.push(...entries);
    this.#bytes += bytes.length;
    this.#next = range.to;
  }

  /** The entry of a key, if it is here. */
  get(key: string): Value | undefined {
    return this.#entries.find(([name]) => name === key)?.[1];
  }
}
