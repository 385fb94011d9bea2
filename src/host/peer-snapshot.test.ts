/** A newcomer reads a late state instead of all blocks, and believes nothing on the way. */
import { afterEach, describe, expect, it } from "vitest";
import { createVirtualClock, type VirtualClock } from "../kit/clock.ts";
import { equalBytes } from "../kit/bytes.ts";
import { machineOf } from "../ledger/scenario.suite.ts";
import { decodeBlockRow, decodeSnapshots, META } from "../peer/rows.ts";
import { chainOf } from "../protocol/genesis.ts";
import { digest, toHex } from "../protocol/identifiers.ts";
import { loadLedger } from "./load-ledger.ts";
import { MemoryCluster, type ClusterOptions, type ClusterPeer } from "./memory-cluster.ts";
import { openLedger, readLedgerRows } from "./peer-export.ts";
import { createSignatures } from "./signatures/signatures.ts";
import { createMemoryStorage } from "./storage/memory-storage.ts";

const START_MS = 1_750_000_000_000;

let cluster: MemoryCluster;
let clock: VirtualClock;
afterEach(() => cluster.closeAll());

function createCluster(options: Partial<ClusterOptions> = {}): void {
  clock = createVirtualClock(START_MS);
  cluster = new MemoryCluster({ clock, machine: machineOf({}), seed: 7, parameters: { grant: 1_000_000, recoveryMs: 1000 }, ...options });
}

const until = (what: string, condition: () => boolean, withinMs = 60_000): Promise<void> =>
  cluster.runUntil(clock, condition, { what, withinMs });

/** Payments one after the other, each in a block of its own. */
async function pay(from: ClusterPeer, blocks: number): Promise<void> {
  for (let index = 0; index < blocks; index++) {
    const height = from.peer.final.height;
    void from.send([["account.transfer", { to: cluster.accountOf(from.name), amount: 1 }]]);
    await until("a block", () => from.peer.final.height > height);
  }
}

async function seated(name: string): Promise<ClusterPeer> {
  const peer = await cluster.open(name);
  await until(`${name} is seated`, () => peer.peer.seatWork === "seated");
  return peer;
}

/** What two peers keep of their blocks: bytes that neither has from itself but in another order are left out. */
function blocksOf(name: string): ReadonlyMap<string, string> {
  const rows = new Map<string, string>();
  for (const [key, bytes] of cluster.diskOf(name).blocks.rows) {
    const { info, block, recovery, receipts } = decodeBlockRow(bytes);
    rows.set(key, [toHex(info.id), block?.transactions.length, recovery?.signatures.length, toHex(digest(receipts))].join(" "));
  }
  return rows;
}

async function joined(name: string, like: ClusterPeer): Promise<ClusterPeer> {
  const newcomer = await cluster.open(name, { seatWanted: false });
  await until("it is ready", () => newcomer.peer.caughtUp && equalBytes(newcomer.peer.final.id, like.peer.final.id));
  return newcomer;
}

describe("a newcomer", () => {
  it("[S5] reads the newest snapshot of its neighbours, and stands where they stand", async () => {
    createCluster();
    const a = await seated("a");
    const b = await seated("b");
    await pay(a, 400);
    const [newest] = decodeSnapshots(cluster.diskOf("a").meta.rows.get(META.snapshots)!);
    expect(newest!.height).toBeGreaterThan(128);
    const newcomer = await cluster.open("c");
    await until("it is ready", () => newcomer.peer.caughtUp && equalBytes(newcomer.peer.final.id, a.peer.final.id));
    expect(newcomer.reopened).toEqual([newest!.height]);
    expect(newcomer.committed[0]!.height).toBe(newest!.height + 1);
    expect(toHex(newcomer.peer.final.stateRoot)).toBe(toHex(b.peer.final.stateRoot));
    expect(newcomer.peer.joined).toMatchObject({ height: newest!.height, weakest: "full" });
    await until("it takes a seat and votes", () => newcomer.peer.seatWork === "seated");
    // Old blocks come behind, and are what everybody has.
    await until("all blocks are there", () => newcomer.peer.joined?.history.floor === 0);
    await cluster.settled();
    expect([...blocksOf("c")].sort()).toEqual([...blocksOf("a")].sort());
    expect([...newcomer.halted, ...newcomer.penalties]).toEqual([]);
    // So that another, who insists on blocks from genesis on, has them from it alone.
    for (const name of ["a", "b"]) cluster.close(name);
    const rows = (await readLedgerRows(newcomer.storage, chainOf(cluster.genesis))).map(([, , bytes]) => bytes);
    const deps = {
      signatures: createSignatures(),
      loadMachine: () => Promise.resolve(machineOf({})),
      nowMs: clock.nowMs(),
      pause: async () => {},
    };
    const disk = await openLedger(rows, cluster.genesis, deps);
    const replayed = await loadLedger(createMemoryStorage(disk), cluster.genesis);
    expect(toHex(replayed.state.root())).toBe(toHex(newcomer.peer.final.stateRoot));
  }, 120_000);

  it("is given a snapshot in turn by one who came by a snapshot, whoever made it is gone", async () => {
    createCluster();
    const a = await seated("a");
    await pay(a, 300);
    const second = await joined("b", a);
    cluster.cut("a", "c");
    const third = await joined("c", second);
    expect(third.reopened).toEqual(second.reopened);
    expect(toHex(third.peer.final.stateRoot)).toBe(toHex(a.peer.final.stateRoot));
    await until("the oldest blocks have come by two hands", () => third.peer.joined?.history.floor === 0);
    await cluster.settled();
    expect([...blocksOf("c")].sort()).toEqual([...blocksOf("a")].sort());
  }, 120_000);

  it("[C5b] comes back from a long sleep by the same road, keeps its seat's record and its own blocks", async () => {
    createCluster();
    const a = await seated("a");
    const b = await seated("b");
    await pay(a, 20);
    cluster.close("b");
    // One seat of two is left: it goes on by a recovery, and what it makes final is believed as that.
    await pay(a, 400);
    const held = b.peer.final.height;
    const back = await cluster.open("b");
    await until("it is back", () => back.peer.caughtUp && equalBytes(back.peer.final.id, a.peer.final.id));
    expect(back.reopened).toHaveLength(1);
    expect(back.peer.joined).toMatchObject({ weakest: "provisional", before: { history: { floor: 0 } } });
    expect(back.peer.joined!.history.floor).toBeGreaterThan(held);
    await until("the gap is closed", () => back.peer.joined?.history.floor === 0);
    await cluster.settled();
    expect([...blocksOf("b")].sort()).toEqual([...blocksOf("a")].sort());
    await until("it votes again", () => back.peer.seatWork === "seated");
    expect([...back.halted, ...back.penalties]).toEqual([]);
  }, 120_000);
});
