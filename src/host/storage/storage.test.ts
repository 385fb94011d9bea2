import "fake-indexeddb/auto";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { describe, expect, it, vi } from "vitest";
import { createRandom } from "../../kit/random.ts";
import type { Storage, StorageBatch } from "../../peer/ports.ts";
import type { Refusal } from "../../protocol/refusal.ts";
import { deleteDexieStorage, openDexieStorage, storageRefusal } from "./dexie-storage.ts";
import { DEFAULT_SETTINGS, openSettings } from "../settings.ts";
import { createFaultyStorage } from "./faulty-storage.ts";
import { createMemoryDisk, createMemoryStorage, readDisk, type MemoryDisk } from "./memory-storage.ts";
import { crc32, openRow, sealRow } from "./row.ts";
import { STORAGE_CASES } from "./storage.suite.ts";

const disks = new Map<string, MemoryDisk>();
const diskOf = (name: string): MemoryDisk => {
  const disk = disks.get(name) ?? createMemoryDisk();
  disks.set(name, disk);
  return disk;
};
const implementations: readonly (readonly [string, (name: string) => Promise<Storage>])[] = [
  ["memory", async (name) => createMemoryStorage(diskOf(`memory ${name}`))],
  ["faulty", async (name) => createFaultyStorage({ disk: diskOf(`faulty ${name}`), random: createRandom(1) })],
  ["Dexie", openDexieStorage],
];

describe.each(implementations)("storage: %s", (_, open) => {
  for (const { name, run } of STORAGE_CASES) it(name, () => run(() => open(name)));
});

it("storage in IndexedDB holds nothing of what was read, once its reader has let it go", async () => {
  setFlagsFromString("--expose-gc");
  const collect = runInNewContext("gc") as () => void;
  const heldBytes = (): number => {
    collect();
    return process.memoryUsage().arrayBuffers;
  };
  const storage = await openDexieStorage("forgets");
  const rowBytes = 1024 * 1024;
  await storage.write({ puts: [["blocks", "a", new Uint8Array(rowBytes)]], deletes: [], strict: false });
  await storage.read("blocks", "a");
  const before = heldBytes();
  for (let reads = 0; reads < 64; reads++) await storage.range("blocks", { from: "a", to: "b", limit: 1 });
  expect(heldBytes() - before).toBeLessThan(16 * rowBytes);
  storage.close();
});

function changeRow(name: string, table: string, key: string, value: unknown): Promise<void> {
  return new Promise((resolve, reject) => {
    const opening = indexedDB.open(name);
    opening.onerror = () => reject(opening.error);
    opening.onsuccess = () => {
      const transaction = opening.result.transaction(table, "readwrite");
      transaction.objectStore(table).put(value, key);
      transaction.oncomplete = () => {
        opening.result.close();
        resolve();
      };
    };
  });
}

describe("storage in IndexedDB says what is wrong", () => {
  it.each([
    ["text"],
    [new Uint8Array(2)],
    [Uint8Array.of(1, 2, 3, 4, 5, 6)],
    [{ length: 9 }],
    [sealRow("votes", "elsewhere", Uint8Array.of(1))],
  ])("a garbage row %s is storage-broken, by read and by range", async (garbage) => {
    const storage = await openDexieStorage("garbage");
    await storage.write({ puts: [["votes", "v", Uint8Array.of(1, 2)]], deletes: [], strict: true });
    await changeRow("garbage", "votes", "v", garbage);
    await expect(storage.read("votes", "v")).rejects.toMatchObject({ code: "storage-broken", data: { table: "votes", key: "v" } });
    await expect(storage.range("votes", { from: "", to: "~", limit: 9 })).rejects.toMatchObject({ code: "storage-broken" });
    await expect(storage.range("votes", { from: "", to: "~", limit: 9, reverse: true })).rejects.toMatchObject({ code: "storage-broken" });
    await storage.destroy();
  });

  it("a database of another program is storage-broken, and can be deleted", async () => {
    await new Promise((resolve) => {
      const opening = indexedDB.open("foreign", 99);
      opening.onsuccess = () => {
        opening.result.close();
        resolve(undefined);
      };
    });
    const opened = openDexieStorage("foreign").then((storage) => storage.read("votes", "v"));
    await expect(opened).rejects.toMatchObject({ code: "storage-broken" });
    await deleteDexieStorage("foreign");
    expect(await (await openDexieStorage("foreign")).read("votes", "v")).toBeUndefined();
  });

  it("one deleted by another tab is storage-closed, and does not block it", async () => {
    const storage = await openDexieStorage("deleted elsewhere");
    await deleteDexieStorage("deleted elsewhere");
    await expect(storage.read("meta", "a")).rejects.toMatchObject({ code: "storage-closed" });
  });

  it("after a write was refused takes none, so that nothing follows a gap", async () => {
    const storage = await openDexieStorage("refused once");
    const put = vi.spyOn(IDBObjectStore.prototype, "put").mockImplementationOnce(() => {
      throw new DOMException("", "QuotaExceededError");
    });
    const batch = (key: string): StorageBatch => ({ puts: [["blocks", key, Uint8Array.of(1)]], deletes: [], strict: false });
    const writes = await Promise.allSettled([storage.write(batch("1")), storage.write(batch("2"))]);
    put.mockRestore();
    expect(writes.map((one) => one.status === "rejected" && (one.reason as Refusal).code)).toEqual(["storage-full", "storage-full"]);
    await expect(storage.write(batch("3"))).rejects.toMatchObject({ code: "storage-full" });
    expect(await storage.range("blocks", { from: "0", to: "9", limit: 9 })).toEqual([]);
    storage.close();
    const again = await openDexieStorage("refused once");
    await again.write(batch("1"));
    expect(await again.range("blocks", { from: "0", to: "9", limit: 9 })).toHaveLength(1);
  });

  it("takes the next write after a refused one where none rests on another: settings are changed again once there is room", async () => {
    const settings = await openSettings(await openDexieStorage("stands alone", { standAlone: true }));
    vi.spyOn(IDBObjectStore.prototype, "put").mockImplementationOnce(() => {
      throw new DOMException("", "QuotaExceededError");
    });
    await expect(settings.change({ windowLimit: 7 })).rejects.toMatchObject({ code: "storage-full" });
    vi.restoreAllMocks();
    await settings.change({ seatWanted: false });
    await settings.refresh();
    expect(settings.current).toEqual({ ...DEFAULT_SETTINGS, seatWanted: false });
  });

  it("names the code of each kind of error", () => {
    expect(storageRefusal(new DOMException("", "QuotaExceededError")).code).toBe("storage-full");
    expect(storageRefusal({ name: "AbortError", inner: { name: "QuotaExceededError" } }).code).toBe("storage-full");
    expect(storageRefusal(new DOMException("", "InvalidStateError")).code).toBe("storage-closed");
    expect(storageRefusal(null).code).toBe("storage-broken");
  });
});

describe("a row's checksum", () => {
  it("is CRC-32: the check value of the catalogue", () => {
    expect(crc32(new TextEncoder().encode("123456789"))).toBe(0xcbf43926);
  });

  it("finds every changed byte", () => {
    const row = sealRow("meta", "k", Uint8Array.of(1, 2, 3));
    for (let i = 0; i < row.length; i++) {
      const changed = row.slice();
      changed[i]! ^= 0x10;
      expect(() => openRow("meta", "k", changed)).toThrow("storage-broken");
    }
    expect(openRow("meta", "k", row)).toEqual(Uint8Array.of(1, 2, 3));
  });
});

describe("faulty storage", () => {
  const batch = (value: number, strict: boolean): StorageBatch => ({
    puts: [
      ["blocks", "left", Uint8Array.of(value)],
      ["votes", "right", Uint8Array.of(value)],
    ],
    deletes: [],
    strict,
  });

  it("after a crash has a prefix of the batches, each whole, and all that was strict and resolved", async () => {
    const kept = new Set<number>();
    for (let seed = 0; seed < 40; seed++) {
      const disk = createMemoryDisk();
      const endings: (() => void)[] = [];
      const storage = createFaultyStorage({ disk, random: createRandom(seed), schedule: (complete) => endings.push(complete) });
      const writes = [1, 2, 3, 4, 5].map((value) => storage.write(batch(value, value === 2 || value === 5)));
      for (const complete of endings.splice(0, 3)) complete();
      await Promise.all(writes.slice(0, 3));
      storage.crash();
      for (const complete of endings) complete();
      const left = readDisk(disk, "blocks", "left")![0]!;
      expect(readDisk(disk, "votes", "right")![0]).toBe(left);
      expect(left).toBeGreaterThanOrEqual(2);
      kept.add(left);
      await expect(storage.read("votes", "right")).rejects.toMatchObject({ code: "storage-closed" });
    }
    expect([...kept].toSorted((a, b) => a - b)).toEqual([2, 3, 4, 5]);
  });

  it("refuses one write as it is told to, and keeps nothing of it", async () => {
    const storage = createFaultyStorage({ disk: createMemoryDisk(), random: createRandom(1) });
    storage.failNextWrite("storage-full");
    await expect(storage.write(batch(1, true))).rejects.toMatchObject({ code: "storage-full" });
    expect(await storage.read("blocks", "left")).toBeUndefined();
    await storage.write(batch(2, true));
    expect(await storage.read("blocks", "left")).toEqual(Uint8Array.of(2));
  });
});
