/** Storage in memory: for tests, the simulator and benchmarks, and for a browser that refuses to keep anything. */
import { STORAGE_TABLES, type Storage, type StorageBatch, type StorageTable } from "../../peer/ports.ts";
import { Refusal } from "../../protocol/refusal.ts";

interface MemoryTable {
  readonly rows: Map<string, Uint8Array>;
  /** Sorted keys, made when a range is asked for after a change. */
  sortedKeys: readonly string[] | null;
}

/** What outlives a storage that is closed and opened again. */
export type MemoryDisk = Readonly<Record<StorageTable, MemoryTable>>;

export function createMemoryDisk(): MemoryDisk {
  return Object.fromEntries(STORAGE_TABLES.map((table) => [table, { rows: new Map(), sortedKeys: null }])) as unknown as MemoryDisk;
}

export function copyMemoryDisk(disk: MemoryDisk): MemoryDisk {
  const copy = createMemoryDisk();
  for (const table of STORAGE_TABLES) for (const [key, bytes] of disk[table].rows) copy[table].rows.set(key, bytes);
  return copy;
}

function clearMemoryDisk(disk: MemoryDisk): void {
  for (const table of STORAGE_TABLES) {
    disk[table].rows.clear();
    disk[table].sortedKeys = null;
  }
}

/** A batch with bytes of its own, as IndexedDB takes them when it is called. */
export function copyBatch(batch: StorageBatch): StorageBatch {
  return { ...batch, puts: batch.puts.map(([table, key, bytes]) => [table, key, bytes.slice()] as const), deletes: [...batch.deletes] };
}

/** Deletes, then puts, as the real one does. */
export function applyBatch(disk: MemoryDisk, batch: StorageBatch): void {
  for (const [table, key] of batch.deletes) if (disk[table].rows.delete(key)) disk[table].sortedKeys = null;
  for (const [table, key, bytes] of batch.puts) {
    if (!disk[table].rows.has(key)) disk[table].sortedKeys = null;
    disk[table].rows.set(key, bytes);
  }
}

/** The first index whose key is not below the bound. */
function lowerIndex(keys: readonly string[], bound: string): number {
  let low = 0;
  let high = keys.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (keys[middle]! < bound) low = middle + 1;
    else high = middle;
  }
  return low;
}

export function readDisk(disk: MemoryDisk, table: StorageTable, key: string): Uint8Array | undefined {
  return disk[table].rows.get(key)?.slice();
}

export function readDiskRange(
  disk: MemoryDisk,
  table: StorageTable,
  { from, to, limit, reverse = false }: { from: string; to: string; limit: number; reverse?: boolean },
): readonly (readonly [key: string, bytes: Uint8Array])[] {
  if (from >= to || limit <= 0) return [];
  const { rows } = disk[table];
  const keys = (disk[table].sortedKeys ??= [...rows.keys()].sort());
  const first = lowerIndex(keys, from);
  const end = lowerIndex(keys, to);
  const found = reverse ? keys.slice(Math.max(first, end - limit), end).reverse() : keys.slice(first, Math.min(end, first + limit));
  return found.map((key) => [key, rows.get(key)!.slice()] as const);
}

export function createMemoryStorage(disk: MemoryDisk = createMemoryDisk()): Storage {
  let closed = false;
  const assertOpen = (): void => {
    if (closed) throw new Refusal("storage-closed");
  };
  return {
    async read(table, key) {
      assertOpen();
      return readDisk(disk, table, key);
    },
    async range(table, options) {
      assertOpen();
      return readDiskRange(disk, table, options);
    },
    async write(batch) {
      assertOpen();
      applyBatch(disk, copyBatch(batch));
    },
    async estimate() {
      return undefined;
    },
    close() {
      closed = true;
    },
    async destroy() {
      closed = true;
      clearMemoryDisk(disk);
    },
  };
}
