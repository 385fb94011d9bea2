/** Storage that fails as machines do, for the simulator: slow, full, and dead in the middle of a write. */
import type { Random } from "../../kit/random.ts";
import type { Storage, StorageBatch } from "../../peer/ports.ts";
import type { RejectCode } from "../../protocol/codes.ts";
import { Refusal } from "../../protocol/refusal.ts";
import { applyBatch, copyBatch, copyMemoryDisk, readDisk, readDiskRange, type MemoryDisk } from "./memory-storage.ts";

export interface FaultyStorageOptions {
  /** What a crash leaves; open another storage on it to restart. */
  readonly disk: MemoryDisk;
  readonly random: Random;
  /** Runs the end of a write later; calls must run in the order in which they came. At once by default. */
  readonly schedule?: (complete: () => void) => void;
}

export interface FaultyStorage extends Storage {
  /**
   * The machine dies: of the batches that were not yet promised durable, a prefix chosen by the seed is on disk, each whole or not at all.
   * No promise under way is ever settled, and later calls are refused with `storage-closed`.
   */
  crash(): void;
  /** Refuses the next write with this code; nothing of it is kept. */
  failNextWrite(code: RejectCode): void;
}

export function createFaultyStorage({ disk, random, schedule = queueMicrotask }: FaultyStorageOptions): FaultyStorage {
  /** What the living process sees: the disk and every batch since. */
  const view = copyMemoryDisk(disk);
  /** Batches in order that a crash may lose: relaxed ones, and strict ones whose promise is not resolved. */
  let volatile: StorageBatch[] = [];
  let state: "open" | "closed" | "crashed" = "open";
  let failure: RejectCode | null = null;

  const assertOpen = (): void => {
    if (state !== "open") throw new Refusal("storage-closed");
  };
  /** A strict write flushes all that came before it, as one log does. */
  const flushThrough = (batch: StorageBatch): void => {
    const count = volatile.indexOf(batch) + 1;
    for (const flushed of volatile.slice(0, count)) applyBatch(disk, flushed);
    volatile = volatile.slice(count);
  };

  return {
    async read(table, key) {
      assertOpen();
      return readDisk(view, table, key);
    },
    async range(table, options) {
      assertOpen();
      return readDiskRange(view, table, options);
    },
    write(given) {
      if (state !== "open") return Promise.reject(new Refusal("storage-closed"));
      if (failure) {
        const refusal = new Refusal(failure);
        failure = null;
        return Promise.reject(refusal);
      }
      const batch = copyBatch(given);
      applyBatch(view, batch);
      volatile.push(batch);
      return new Promise((resolve) => {
        schedule(() => {
          if (state === "crashed") return;
          if (batch.strict) flushThrough(batch);
          resolve();
        });
      });
    },
    async estimate() {
      return undefined;
    },
    close() {
      if (state !== "open") return;
      state = "closed";
      for (const batch of volatile) applyBatch(disk, batch);
      volatile = [];
    },
    async destroy() {
      state = "closed";
      volatile = [];
      for (const table of Object.values(disk)) {
        table.rows.clear();
        table.sortedKeys = null;
      }
    },
    crash() {
      if (state !== "open") return;
      state = "crashed";
      const kept = random.below(volatile.length + 1);
      for (const batch of volatile.slice(0, kept)) applyBatch(disk, batch);
      volatile = [];
    },
    failNextWrite(code) {
      failure = code;
    },
  };
}
