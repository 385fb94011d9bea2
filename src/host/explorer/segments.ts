/**
 * A sorted set of short texts, grown at its newest end, in few large rows (a log-structured merge tree: O'Neil and others, 1996). IndexedDB
 * costs by the row, so one row for every account that a block touches would cost more than the block. A segment holds the entries of a
 * span of heights as rows of sorted lines; eight segments of a level become one of the next, streamed, a row at a time.
 */
import type { Storage, StorageBatch } from "../../peer/ports.ts";
import { Refusal } from "../../protocol/refusal.ts";
import { heightOf } from "./entries.ts";

const MANIFEST_KEY = "manifest";
const MANIFEST_VERSION = 1;
/** A row large enough that its cost is its bytes, small enough to be read for one entry. */
const ROW_ENTRIES_MAX = 1500;
/** Merged together; each entry is written once a level. */
const FAN_IN = 8;

/** Entries of the heights `from` to `to`. Rows may still hold entries above `to`, of blocks that were undone: they do not count. */
interface Segment {
  readonly id: number;
  readonly level: number;
  readonly from: number;
  readonly to: number;
  /** Hexadecimal id of the block at `to`, to see after a restart whether the blocks are still those that were indexed. */
  readonly last: string;
}

/** One block's entries, in memory until they are worth a row. */
export interface Run {
  readonly height: number;
  readonly block: string;
  readonly entries: readonly string[];
}

interface Manifest {
  readonly version: number;
  readonly nextId: number;
  readonly segments: readonly Segment[];
}

const utf8Encoder = new TextEncoder();
const utf8Decoder = new TextDecoder();

/** Keys are ASCII; `~` sorts behind every character that an entry has. */
const END = "~";

function rowPrefix(id: number): string {
  return `s${String(id).padStart(10, "0")}/`;
}

function encodeRow(entries: readonly string[]): Uint8Array {
  return utf8Encoder.encode(entries.join("\n"));
}

function decodeRow(bytes: Uint8Array): string[] {
  return utf8Decoder.decode(bytes).split("\n");
}

/** The first index whose entry is not below the bound. */
function lowerIndex(entries: readonly string[], bound: string): number {
  let low = 0;
  let high = entries.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (entries[middle]! < bound) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** Lets other work of this thread go first. */
export function pause(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 0));
}

/** Its changes must come one after another, but for `compact`, which may go on beside all others; so may searches. */
export class Segments {
  readonly #storage: Storage;
  #segments: readonly Segment[] = [];
  #runs: Run[] = [];
  #runEntries = 0;
  #nextId = 0;
  /** Counts changes of the rows on disk, so that a search across them notices and begins anew. */
  #changes = 0;

  constructor(storage: Storage) {
    this.#storage = storage;
  }

  /** The highest height that is indexed; 0 when none is. */
  get to(): number {
    return this.#runs.at(-1)?.height ?? this.#segments.at(-1)?.to ?? 0;
  }

  /** Entries in memory, and blocks that they are of. */
  get waiting(): { readonly entries: number; readonly blocks: number } {
    return { entries: this.#runEntries, blocks: this.#runs.length };
  }

  /** Reads what was written. Segments whose last block is no more (`isBlock` denies it) are dropped, and rows of no segment deleted. */
  async load(isBlock: (height: number, id: string) => Promise<boolean>): Promise<void> {
    const bytes = await this.#storage.read("index", MANIFEST_KEY);
    const manifest = bytes === undefined ? undefined : decodeManifest(bytes);
    if (manifest === undefined) return this.clear();
    const segments = [...manifest.segments];
    while (segments.length > 0 && !(await isBlock(segments.at(-1)!.to, segments.at(-1)!.last))) segments.pop();
    this.#nextId = manifest.nextId;
    this.#segments = segments;
    let from = 0;
    for (const id of segments.map((segment) => segment.id).sort((x, y) => x - y)) {
      await this.#deleteRows(from, id);
      from = id + 1;
    }
    await this.#deleteRows(from, Infinity);
  }

  /** Forgets everything, here and on disk. */
  async clear(): Promise<void> {
    this.#segments = [];
    this.#runs = [];
    this.#runEntries = 0;
    this.#changes++;
    await this.#deleteRows(0, Infinity);
    await this.#storage.write({ puts: [], deletes: [["index", MANIFEST_KEY]], strict: false });
  }

  add(run: Run): void {
    this.#runs.push(run);
    this.#runEntries += run.entries.length;
  }

  /** Takes back everything above a height. */
  async truncate(height: number, last: string): Promise<void> {
    this.#runs = this.#runs.filter((run) => run.height <= height);
    this.#runEntries = this.#runs.reduce((sum, run) => sum + run.entries.length, 0);
    if ((this.#segments.at(-1)?.to ?? 0) <= height) return;
    const gone = this.#segments.filter((segment) => segment.from > height);
    this.#segments = this.#segments
      .filter((segment) => segment.from <= height)
      .map((segment) => (segment.to > height ? { ...segment, to: height, last } : segment));
    this.#changes++;
    await this.#storage.write(this.#batch([]));
    for (const { id } of gone) await this.#deleteRows(id, id + 1);
  }

  /** Writes what is in memory as a segment. */
  async flush(): Promise<void> {
    const runs = this.#runs;
    const [first, last] = [runs[0], runs.at(-1)];
    if (first === undefined || last === undefined) return;
    const entries = runs.flatMap((run) => run.entries).sort();
    const segment: Segment = { id: this.#nextId++, level: 0, from: first.height, to: last.height, last: last.block };
    const puts: [string, Uint8Array][] = [];
    for (let i = 0; i < entries.length; i += ROW_ENTRIES_MAX) {
      puts.push([rowPrefix(segment.id) + entries[i]!, encodeRow(entries.slice(i, i + ROW_ENTRIES_MAX))]);
    }
    await this.#storage.write(this.#batch(puts, [...this.#segments, segment]));
    this.#segments = [...this.#segments, segment];
    this.#runs = this.#runs.slice(runs.length);
    this.#runEntries -= entries.length;
    this.#changes++;
  }

  /** The level that has enough segments to be merged, if any. */
  #crowdedLevel(): number | undefined {
    const counts = new Map<number, number>();
    for (const { level } of this.#segments) counts.set(level, (counts.get(level) ?? 0) + 1);
    return [...counts].find(([, count]) => count >= FAN_IN)?.[0];
  }

  get mustCompact(): boolean {
    return this.#crowdedLevel() !== undefined;
  }

  /** Merges the oldest segments of a level that has enough of them. */
  async compact(): Promise<void> {
    const level = this.#crowdedLevel();
    if (level === undefined) return;
    const sources = this.#segments.filter((segment) => segment.level === level).slice(0, FAN_IN);
    const [first, last] = [sources[0]!, sources.at(-1)!];
    const merged: Segment = { id: this.#nextId++, level: level + 1, from: first.from, to: last.to, last: last.last };
    let row: string[] = [];
    const write = async (): Promise<void> => {
      const key = rowPrefix(merged.id) + row[0]!;
      await this.#storage.write({ puts: [["index", key, encodeRow(row)]], deletes: [], strict: false });
      row = [];
      await pause();
    };
    for await (const entry of this.#merge(sources)) {
      row.push(entry);
      if (row.length === ROW_ENTRIES_MAX) await write();
    }
    if (row.length > 0) await write();
    // Heights were undone meanwhile: the next attempt leaves out what they had.
    if (!sources.every((source) => this.#segments.includes(source))) return this.#deleteRows(merged.id, merged.id + 1);
    this.#segments = this.#segments.flatMap((segment) => (segment === first ? [merged] : sources.includes(segment) ? [] : [segment]));
    this.#changes++;
    await this.#storage.write(this.#batch([]));
    for (const { id } of sources) await this.#deleteRows(id, id + 1);
  }

  /** Entries of several segments in order. */
  async *#merge(sources: readonly Segment[]): AsyncGenerator<string, void, undefined> {
    const heads: { rest: AsyncGenerator<readonly string[], void, undefined>; row: readonly string[]; at: number }[] = [];
    for (const source of sources) {
      const rest = this.#rows(source);
      const row = await rest.next();
      if (!row.done) heads.push({ rest, row: row.value, at: 0 });
    }
    while (heads.length > 0) {
      let least = heads[0]!;
      for (const head of heads) if (head.row[head.at]! < least.row[least.at]!) least = head;
      yield least.row[least.at++]!;
      if (least.at < least.row.length) continue;
      const row = await least.rest.next();
      if (row.done) heads.splice(heads.indexOf(least), 1);
      else Object.assign(least, { row: row.value, at: 0 });
    }
  }

  /** A segment's rows in order, without entries of blocks that were undone. */
  async *#rows(segment: Segment): AsyncGenerator<readonly string[], void, undefined> {
    const prefix = rowPrefix(segment.id);
    for (let from = prefix; ;) {
      const [row] = await this.#storage.range("index", { from, to: prefix + END, limit: 1 });
      if (row === undefined) return;
      const entries = decodeRow(row[1]).filter((entry) => heightOf(entry) <= segment.to);
      if (entries.length > 0) yield entries;
      from = `${row[0]} `;
    }
  }

  /** Entries from `from` (inclusive) to `to` (exclusive), all of one key or of one stream, the newest first, at most `limit`. */
  async newest(from: string, to: string, limit: number): Promise<readonly string[]> {
    return this.#search(limit, (found) => this.#newestOnce(from, to, limit, found));
  }

  /** The same, the oldest first. */
  async oldest(from: string, to: string, limit: number): Promise<readonly string[]> {
    return this.#search(limit, (found) => this.#oldestOnce(from, to, limit, found));
  }

  async #search(limit: number, once: (found: string[]) => Promise<void>): Promise<readonly string[]> {
    for (;;) {
      const before = this.#changes;
      const found: string[] = [];
      await once(found);
      if (before === this.#changes) return found.slice(0, limit);
    }
  }

  async #newestOnce(from: string, to: string, limit: number, found: string[]): Promise<void> {
    for (const { entries } of this.#runs.toReversed()) {
      if (found.length >= limit) return;
      found.push(...entries.slice(lowerIndex(entries, from), lowerIndex(entries, to)).reverse());
    }
    for (const segment of this.#segments.toReversed()) {
      const prefix = rowPrefix(segment.id);
      for (let bound = prefix + to; found.length < limit;) {
        const [row] = await this.#storage.range("index", { from: prefix, to: bound, limit: 1, reverse: true });
        if (row === undefined) break;
        const entries = decodeRow(row[1]);
        const within = entries.slice(lowerIndex(entries, from), lowerIndex(entries, to));
        found.push(...within.filter((entry) => heightOf(entry) <= segment.to).reverse());
        if (entries[0]! < from) break;
        bound = row[0];
      }
    }
  }

  async #oldestOnce(from: string, to: string, limit: number, found: string[]): Promise<void> {
    for (const segment of this.#segments) {
      const prefix = rowPrefix(segment.id);
      const [first] = await this.#storage.range("index", { from: prefix, to: `${prefix}${from} `, limit: 1, reverse: true });
      for (let next = first?.[0] ?? prefix; found.length < limit;) {
        const [row] = await this.#storage.range("index", { from: next, to: prefix + to, limit: 1 });
        if (row === undefined) break;
        const entries = decodeRow(row[1]);
        const within = entries.slice(lowerIndex(entries, from), lowerIndex(entries, to));
        found.push(...within.filter((entry) => heightOf(entry) <= segment.to));
        next = `${row[0]} `;
      }
    }
    for (const { entries } of this.#runs) {
      if (found.length >= limit) return;
      found.push(...entries.slice(lowerIndex(entries, from), lowerIndex(entries, to)));
    }
  }

  #batch(puts: readonly [string, Uint8Array][], segments: readonly Segment[] = this.#segments): StorageBatch {
    const manifest: Manifest = { version: MANIFEST_VERSION, nextId: this.#nextId, segments };
    return {
      puts: [
        ...puts.map(([key, bytes]) => ["index", key, bytes] as const),
        ["index", MANIFEST_KEY, utf8Encoder.encode(JSON.stringify(manifest))] as const,
      ],
      deletes: [],
      strict: false,
    };
  }

  /** Deletes the rows of the segments `fromId` to below `toId`, some at a time. */
  async #deleteRows(fromId: number, toId: number): Promise<void> {
    const to = toId === Infinity ? `s${END}` : rowPrefix(toId);
    for (;;) {
      const rows = await this.#storage.range("index", { from: rowPrefix(fromId), to, limit: 16 });
      if (rows.length === 0) return;
      await this.#storage.write({ puts: [], deletes: rows.map(([key]) => ["index", key] as const), strict: false });
    }
  }
}

/** What was written, or nothing when an earlier version wrote it or it is not readable: then the index is built anew. */
function decodeManifest(bytes: Uint8Array): Manifest | undefined {
  try {
    const manifest = JSON.parse(utf8Decoder.decode(bytes)) as Manifest;
    return manifest.version === MANIFEST_VERSION && Array.isArray(manifest.segments) ? manifest : undefined;
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw new Refusal("storage-broken", { table: "index" });
  }
}
