import { beforeAll, describe, expect, it } from "vitest";
import { createVirtualClock } from "../kit/clock.ts";
import { machineOf } from "../ledger/scenario.suite.ts";
import type { StorageTable } from "../peer/ports.ts";
import { META, decodeHead } from "../peer/rows.ts";
import { encode } from "../protocol/codec.ts";
import { Refusal } from "../protocol/refusal.ts";
import { loadLedger } from "./load-ledger.ts";
import { MemoryCluster } from "./memory-cluster.ts";
import { copyMemoryDisk, createMemoryDisk, createMemoryStorage, type MemoryDisk } from "./storage/memory-storage.ts";

const BLOCKS = 5;
let disk: MemoryDisk;
let genesis: Uint8Array;
let stateRoot: Uint8Array;

beforeAll(async () => {
  const clock = createVirtualClock(1_750_000_000_000);
  const cluster = new MemoryCluster({ clock, machine: machineOf({}), seed: 3 });
  const founder = await cluster.open("a");
  const { peer, committed } = founder;
  for (let count = 1; count <= BLOCKS; count++) {
    void founder.send([["account.transfer", { to: new Uint8Array(32).fill(count), amount: 1 }]]);
    await cluster.runUntil(clock, () => committed.length >= count, { what: "final" });
  }
  stateRoot = peer.final.stateRoot;
  cluster.closeAll();
  genesis = cluster.genesis;
  disk = cluster.diskOf("a");
});

/** Loads a copy of the disk after something was done to it. */
async function loadAfter(damage: (copy: MemoryDisk) => void): Promise<string> {
  const copy = copyMemoryDisk(disk);
  damage(copy);
  try {
    const { state } = await loadLedger(createMemoryStorage(copy), genesis);
    expect(state.root()).toEqual(stateRoot);
    return "loaded";
  } catch (error) {
    if (error instanceof Refusal) return error.code;
    throw error;
  }
}

/** Keys of the table, of one kind: what stands before the first slash. */
const keysOf = (table: StorageTable, kind?: string): string[] =>
  [...disk[table].rows.keys()].filter((key) => kind === undefined || key.split("/")[0] === kind).sort();
const put = (copy: MemoryDisk, table: StorageTable, key: string, bytes: Uint8Array): void => void copy[table].rows.set(key, bytes);
/** The root is the head in a quiet BoT; without its row all blocks above genesis are steps that a branch could replace. */
const fromGenesis = (copy: MemoryDisk): void => void copy.meta.rows.delete(META.root);

describe("the ledger as stored", () => {
  it("[C5a] comes back at its head with the same state root, from the root's row or from genesis on", async () => {
    expect(await loadAfter(() => {})).toBe("loaded");
    expect(await loadAfter(fromGenesis)).toBe("loaded");
    expect(decodeHead(disk.meta.rows.get(META.head)!).height).toBeGreaterThanOrEqual(BLOCKS);
  });

  it("begins at genesis in an empty database", async () => {
    const { state, steps, root } = await loadLedger(createMemoryStorage(createMemoryDisk()), genesis);
    expect([root.height, steps.length]).toEqual([0, 0]);
    expect(state.root()).not.toEqual(stateRoot);
  });

  it.each([META.genesis, META.root, META.head])("[M1a] is refused with garbage in meta/%s", async (key) => {
    for (const garbage of [new Uint8Array(0), new Uint8Array(40).fill(7), encode([1, 2, 3])]) {
      expect(await loadAfter((copy) => put(copy, "meta", key, garbage))).toBe("storage-broken");
    }
  });

  it("is refused when a snapshot is named that is not there, or is garbage", async () => {
    expect(await loadAfter((copy) => put(copy, "meta", META.snapshots, encode([[3, 1, 100, null]])))).toBe("storage-broken");
    expect(await loadAfter((copy) => put(copy, "meta", META.snapshots, new Uint8Array(3)))).toBe("storage-broken");
  });

  it("is refused with any row of states that is gone or garbage", async () => {
    expect(keysOf("states").length).toBeGreaterThanOrEqual(BLOCKS);
    for (const key of keysOf("states")) {
      const gone = await loadAfter((copy) => void copy.states.rows.delete(key));
      const garbage = await loadAfter((copy) => put(copy, "states", key, new Uint8Array(9)));
      expect([key, gone, garbage]).toEqual([key, "storage-broken", "storage-broken"]);
    }
  });

  it("is refused with any row of blocks above its root that is gone, garbage, or another's", async () => {
    const keys = keysOf("blocks");
    for (const [index, key] of keys.entries()) {
      const another = disk.blocks.rows.get(keys[(index + 1) % keys.length]!)!;
      for (const damage of [
        (copy: MemoryDisk) => void copy.blocks.rows.delete(key),
        (copy: MemoryDisk) => put(copy, "blocks", key, Uint8Array.of(0x80)),
        (copy: MemoryDisk) => put(copy, "blocks", key, another),
      ]) {
        expect([key, await loadAfter((copy) => (fromGenesis(copy), damage(copy)))]).toEqual([key, "storage-broken"]);
      }
    }
  });

  it.each(["own/1", "notarized/1", "body/1", "alive/1", "recovers/1", "recovery/1", "epoch/1", "branch", "nonsense/1"])(
    "is refused with garbage in votes/%s: a peer must not vote by half of its memory",
    async (key) => {
      expect(await loadAfter((copy) => put(copy, "votes", key, new Uint8Array(5).fill(0xff)))).toBe("storage-broken");
    },
  );

  it("is refused when it is of another chain", async () => {
    expect(await loadAfter((copy) => put(copy, "meta", META.genesis, Uint8Array.of(...genesis.slice(0, -1), 1)))).toBe("storage-broken");
  });
});
