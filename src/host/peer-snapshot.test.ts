/** A newcomer reads a late state instead of all blocks, and believes nothing on the way. */
import { afterEach, describe, expect, it } from "vitest";
import { createVirtualClock, type VirtualClock } from "../kit/clock.ts";
import { equalBytes } from "../kit/bytes.ts";
import { machineOf } from "../ledger/scenario.suite.ts";
import { decodeSnapshots, META } from "../peer/rows.ts";
import { toHex } from "../protocol/identifiers.ts";
import { MemoryCluster, type ClusterOptions, type ClusterPeer } from "./memory-cluster.ts";

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
    await until("it takes a seat and votes", () => newcomer.peer.seatWork === "seated");
    expect([...newcomer.halted, ...newcomer.penalties]).toEqual([]);
    expect(newcomer.peer.joined).toMatchObject({ height: newest!.height, weakest: "full" });
  }, 120_000);
});
