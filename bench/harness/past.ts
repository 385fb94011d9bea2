/** A BoT with a past: blocks of one transfer each, made in Node by one peer with one seat, and put into a browser as that peer's database. */
import { MemoryCluster } from "../../src/host/memory-cluster.ts";
import { copyMemoryDisk, type MemoryDisk } from "../../src/host/storage/memory-storage.ts";
import { sealRow } from "../../src/host/storage/row.ts";
import { machineOf } from "../../src/ledger/scenario.suite.ts";
import { createVirtualClock } from "../../src/kit/clock.ts";
import { STORAGE_TABLES } from "../../src/peer/ports.ts";
import type { Tab } from "./browser.ts";

/** All blocks were made before now, so that none is ahead of anybody's clock. */
const PAST_MS = 48 * 3_600_000;
const GRANT = 100_000_000;
/** Of one call into the page. */
const FILL_BYTES = 4_000_000;
/** Dexie counts versions of its own by tens. */
const DATABASE_VERSION = 10;

export interface Past {
  readonly genesis: Uint8Array;
  readonly height: number;
  readonly disk: MemoryDisk;
}

/** The same ledger at each of these heights, ascending. */
export async function makePasts(heights: readonly number[]): Promise<readonly Past[]> {
  const clock = createVirtualClock(Date.now() - PAST_MS);
  const cluster = new MemoryCluster({ clock, machine: machineOf({}), seed: 1, parameters: { grant: GRANT } });
  const peer = await cluster.open("a");
  const final = async (height: number): Promise<void> => {
    await cluster.runUntil(clock, () => peer.peer.final.height >= height, { what: `block ${height}` });
    // It keeps what it told for tests.
    peer.committed.length = 0;
  };
  await cluster.runUntil(clock, () => peer.peer.seatWork === "seated" && peer.peer.caughtUp, { what: "seated" });
  const pasts: Past[] = [];
  for (const height of heights) {
    while (peer.peer.final.height < height) {
      const next = peer.peer.final.height + 1;
      void peer.send([["account.transfer", { to: cluster.accountOf("a"), amount: 1 }]], 2);
      await final(next);
    }
    await cluster.settled();
    pasts.push({ genesis: cluster.genesis, height: peer.peer.final.height, disk: copyMemoryDisk(cluster.diskOf("a")) });
  }
  cluster.closeAll();
  return pasts;
}

/** Puts a ledger into the page's origin, as the database of this name; no peer runs there yet. */
export async function fillDatabase({ page }: Tab, name: string, disk: MemoryDisk): Promise<void> {
  let rows: [table: string, key: string, row: string][] = [];
  let bytes = 0;
  const flush = async (): Promise<void> => {
    await page.evaluate(putRows, { name, version: DATABASE_VERSION, tables: [...STORAGE_TABLES], rows });
    rows = [];
    bytes = 0;
  };
  for (const table of STORAGE_TABLES) {
    // What waits for a block was this peer's own, and another opens the database.
    if (table === "pool") continue;
    for (const [key, row] of disk[table].rows) {
      rows.push([table, key, Buffer.from(sealRow(table, key, row)).toString("base64")]);
      bytes += row.length;
      if (bytes > FILL_BYTES) await flush();
    }
  }
  await flush();
}

interface Rows {
  readonly name: string;
  readonly version: number;
  readonly tables: readonly string[];
  readonly rows: readonly (readonly [table: string, key: string, row: string])[];
}

/** In the page. */
function putRows({ name, version, tables, rows }: Rows): Promise<void> {
  return new Promise((resolve, reject) => {
    const opening = indexedDB.open(name, version);
    opening.onerror = () => reject(new Error(String(opening.error)));
    opening.onupgradeneeded = () => {
      for (const table of tables) opening.result.createObjectStore(table);
    };
    opening.onsuccess = () => {
      const database = opening.result;
      const transaction = database.transaction(tables as string[], "readwrite");
      for (const [table, key, row] of rows) {
        transaction.objectStore(table).put(
          Uint8Array.from(atob(row), (unit) => unit.charCodeAt(0)),
          key,
        );
      }
      transaction.onabort = () => reject(new Error(String(transaction.error)));
      transaction.oncomplete = () => {
        database.close();
        resolve();
      };
    };
  });
}
