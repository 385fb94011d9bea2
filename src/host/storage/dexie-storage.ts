/**
 * Storage in IndexedDB. Dexie opens, versions, closes and deletes the database; rows are written by its native handle, because Dexie fixes
 * the durability per database while a vote must be strict and a block need not be, and because one handle keeps the order of all writes.
 */
import Dexie from "dexie";
import { STORAGE_TABLES, type Storage, type StorageBatch } from "../../peer/ports.ts";
import type { RejectCode } from "../../protocol/codes.ts";
import { Refusal } from "../../protocol/refusal.ts";
import { openRow, sealRow } from "./row.ts";

const DATABASE_VERSION = 1;

const CODES_BY_ERROR: Readonly<Record<string, RejectCode>> = {
  QuotaExceededError: "storage-full",
  InvalidStateError: "storage-closed",
  DatabaseClosedError: "storage-closed",
  TransactionInactiveError: "storage-closed",
  MissingAPIError: "not-supported",
  SecurityError: "not-supported",
};

/** The refusal for an error of IndexedDB or Dexie; what is not known is a broken database. */
export function storageRefusal(error: unknown): Refusal {
  if (error instanceof Refusal) return error;
  const { name = "UnknownError", message = "", inner } = (error ?? {}) as { name?: string; message?: string; inner?: { name?: string } };
  const code = CODES_BY_ERROR[name] ?? CODES_BY_ERROR[inner?.name ?? ""] ?? "storage-broken";
  return new Refusal(code, { error: name, message });
}

function requestResult<Result>(request: IDBRequest<Result>): Promise<Result> {
  return new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(storageRefusal(request.error));
  });
}

/** Rows backwards: IndexedDB has no `getAll` with a direction in every engine. */
function readBackwards(store: IDBObjectStore, bounds: IDBKeyRange, limit: number): Promise<[key: string, row: unknown][]> {
  return new Promise((resolve, reject) => {
    const rows: [string, unknown][] = [];
    const request = store.openCursor(bounds, "prev");
    request.onerror = () => reject(storageRefusal(request.error));
    request.onsuccess = () => {
      const cursor = request.result;
      if (!cursor) return resolve(rows);
      rows.push([cursor.key as string, cursor.value]);
      if (rows.length === limit) return resolve(rows);
      cursor.continue();
    };
  });
}

async function readForwards(store: IDBObjectStore, bounds: IDBKeyRange, limit: number): Promise<[key: string, row: unknown][]> {
  const [keys, rows] = await Promise.all([requestResult(store.getAllKeys(bounds, limit)), requestResult(store.getAll(bounds, limit))]);
  return keys.map((key, index) => [key as string, rows[index]]);
}

async function openDatabase(name: string): Promise<Dexie> {
  const database = new Dexie(name, { autoOpen: false });
  // Keys out of line and no index: a row is a blob, and IndexedDB costs per row, not per byte (PROTOCOL, "On disk").
  database.version(DATABASE_VERSION).stores(Object.fromEntries(STORAGE_TABLES.map((table) => [table, ""])));
  try {
    await database.open();
  } catch (error) {
    throw storageRefusal(error);
  }
  // Dexie opens whatever is installed under the name, also a newer version or another program's database.
  const stores = [...database.backendDB().objectStoreNames];
  if (!STORAGE_TABLES.every((table) => stores.includes(table))) {
    database.close();
    throw new Refusal("storage-broken", { stores });
  }
  return database;
}

/** Puts and deletes in one transaction; resolves when it is complete, and as durable as was asked. */
function writeRows(transaction: IDBTransaction, { puts, deletes }: StorageBatch, isClosed: () => boolean): Promise<void> {
  const done = new Promise<void>((resolve, reject) => {
    transaction.oncomplete = () => resolve();
    transaction.onabort = () => reject(isClosed() ? new Refusal("storage-closed") : storageRefusal(transaction.error));
  });
  try {
    for (const [table, key] of deletes) transaction.objectStore(table).delete(key);
    for (const [table, key, row] of puts) transaction.objectStore(table).put(row, key);
    // The strict flush should begin now, not when the event loop comes back to this transaction.
    transaction.commit();
  } catch (error) {
    done.catch(() => undefined);
    transaction.abort();
    throw storageRefusal(error);
  }
  return done;
}

export interface DexieStorageOptions {
  /** No batch rests on another: one that was refused leaves those after it to themselves. False by default. */
  readonly standAlone?: boolean;
}

/**
 * Opens the database of this name, making it if there is none.
 * @throws {Refusal} `storage-broken`, `storage-full`, or `not-supported` where there is no IndexedDB.
 */
export async function openDexieStorage(name: string, { standAlone = false }: DexieStorageOptions = {}): Promise<Storage> {
  const database = await openDatabase(name);
  const native = database.backendDB();
  let closed = false;
  // Dexie closes it, and says so, when another tab deletes or upgrades it and when the person clears the site's data.
  database.on("close", () => {
    closed = true;
  });

  /** All tables, so that transactions of any two batches overlap and run in the order of the calls. */
  const begin = (mode: IDBTransactionMode, durability: IDBTransactionDurability): IDBTransaction => {
    if (closed) throw new Refusal("storage-closed");
    try {
      return native.transaction(STORAGE_TABLES, mode, { durability });
    } catch (error) {
      throw storageRefusal(error);
    }
  };

  /**
   * One write after another, as IndexedDB does it anyway; after one was refused all are, with its refusal, unless they stand alone. Else a block that found
   * room could follow one that found none, and the ledger would have a hole.
   */
  let written: Promise<void> = Promise.resolve();
  /** The reads called so far have begun: what is written after them, they do not see. */
  let begun: Promise<void> = Promise.resolve();

  /** What was written before can be read, what is written later cannot, and reading goes on after a refusal. */
  const reading = async <Result>(work: (transaction: IDBTransaction) => Promise<Result>): Promise<Result> => {
    if (closed) throw new Refusal("storage-closed");
    const opened = written
      .catch(() => undefined)
      .then(() => {
        const result = work(begin("readonly", "default"));
        // In an object, or it would be waited for: a write behind this read needs its beginning only.
        return { result };
      });
    // To nothing: the chain of all reads would hold what each of them has found.
    begun = Promise.all([begun, opened.catch(() => undefined)]).then(() => undefined);
    return (await opened).result;
  };

  return {
    async read(table, key) {
      const row: unknown = await reading((transaction) => requestResult(transaction.objectStore(table).get(key)));
      return row === undefined ? undefined : openRow(table, key, row);
    },
    async range(table, { from, to, limit, reverse = false }) {
      if (closed) throw new Refusal("storage-closed");
      if (from >= to || limit <= 0) return [];
      const bounds = IDBKeyRange.bound(from, to, false, true);
      const read = reverse ? readBackwards : readForwards;
      const rows = await reading((transaction) => read(transaction.objectStore(table), bounds, limit));
      return rows.map(([key, row]) => [key, openRow(table, key, row)] as const);
    },
    write(batch: StorageBatch) {
      const { strict, deletes } = batch;
      const puts = batch.puts.map(([table, key, bytes]) => [table, key, sealRow(table, key, bytes)] as const);
      const done = Promise.all([written, begun]).then(() =>
        writeRows(begin("readwrite", strict ? "strict" : "relaxed"), { puts, deletes, strict }, () => closed),
      );
      written = standAlone ? done.catch(() => undefined) : done;
      // Who called hears of it; here it only keeps what follows from being written.
      written.catch(() => undefined);
      return done;
    },
    async estimate() {
      const { usage, quota } = (await globalThis.navigator?.storage?.estimate?.()) ?? {};
      return usage === undefined || quota === undefined ? undefined : { usedBytes: usage, quotaBytes: quota };
    },
    close: () => database.close(),
    async destroy() {
      try {
        await database.delete();
      } catch (error) {
        throw storageRefusal(error);
      }
    },
  };
}

/** Removes a database that cannot be opened, for "start afresh". @throws {Refusal} as `openDexieStorage`. */
export async function deleteDexieStorage(name: string): Promise<void> {
  try {
    await Dexie.delete(name);
  } catch (error) {
    throw storageRefusal(error);
  }
}
