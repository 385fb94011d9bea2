/** What a long run of final blocks leaves in memory, and that storage answers for the rest. */
import { afterEach, describe, expect, it } from "vitest";
import { createVirtualClock } from "../kit/clock.ts";
import { accountOf } from "../ledger/index.ts";
import { machineOf } from "../ledger/scenario.suite.ts";
import { heldBytesOfBlock } from "../protocol/block.ts";
import { toHex } from "../protocol/identifiers.ts";
import { LIMITS } from "../protocol/limits.ts";
import { MemoryCluster, type ClusterPeer } from "./memory-cluster.ts";

const START_MS = 1_750_000_000_000;
const BLOCKS = LIMITS.recentBlocksMax + 20;
const rootOf = ({ peer }: ClusterPeer): string => toHex(peer.final.stateRoot);
const to = (side: number): Uint8Array => new Uint8Array(32).fill(side);

const clusters: MemoryCluster[] = [];
afterEach(() => {
  for (const cluster of clusters.splice(0)) cluster.closeAll();
});

describe("many final blocks above a root that a recovery holds back", () => {
  it("leave few bodies in memory; a reload goes on, a newcomer comes up, and what a switch undoes comes back from storage", async () => {
    const clock = createVirtualClock(START_MS);
    const cluster = new MemoryCluster({ clock, machine: machineOf({}), seed: 3, parameters: { recoveryMs: 1000, grant: 1_000_000 } });
    clusters.push(cluster);
    let peers: ClusterPeer[] = [];
    for (const name of ["a", "b", "c"]) peers.push(await cluster.open(name));
    await cluster.runUntil(clock, () => peers.every(({ peer }) => peer.seatWork === "seated"), { what: "all seated" });
    const [alone, ...others] = peers as [ClusterPeer, ClusterPeer, ClusterPeer];
    for (const { name } of others) cluster.cut("a", name);
    const transfer = async (from: ClusterPeer, side: number): Promise<void> => {
      let isFinal = false;
      void from.send([["account.transfer", { to: to(side), amount: 1 }]]).then(() => (isFinal = true));
      await cluster.runUntil(clock, () => isFinal, { what: "a transfer is final" });
    };
    for (let count = 0; count < BLOCKS; count++) await transfer(alone, 1);
    expect(alone.peer.consensus.strength).not.toBe("full");
    await cluster.settled();
    const bodyBytes = heldBytesOfBlock(alone.committed.at(-1)!.block!);
    expect(alone.peer.bodiesBytes).toBeLessThan((LIMITS.recentBlocksMax + 10) * bodyBytes);

    // All that it had above the root is known again, though no body was read.
    const { height } = alone.peer.final;
    const root = rootOf(alone);
    cluster.close("a");
    const again = await cluster.open("a");
    expect([again.peer.final.height, rootOf(again)]).toEqual([height, root]);
    await transfer(again, 1);
    expect(again.peer.bodiesBytes).toBeLessThan(10 * bodyBytes);
    const newcomer = await cluster.open("n", { seatWanted: false });
    for (const { name } of others) cluster.cut("n", name);
    await cluster.runUntil(clock, () => rootOf(newcomer) === rootOf(again), { what: "the newcomer has it all" });
    cluster.close("n");

    // The two have gone on as well, and are the better branch.
    await transfer(others[0]!, 2);
    cluster.heal();
    peers = [again, ...others];
    const paid = (side: number): number[] => peers.map(({ peer }) => accountOf(peer.state, to(side)).balance);
    await cluster.runUntil(clock, () => again.undoneAbove.length > 0, { what: "it leaves its branch", withinMs: 120_000 });
    const all = BLOCKS + 1;
    await cluster.runUntil(clock, () => paid(1).every((balance) => balance === all), { what: "all is final again", withinMs: 240_000 });
    expect(paid(2)).toEqual([1, 1, 1]);
    expect(new Set(peers.map(rootOf)).size).toBe(1);
    expect([...peers, newcomer].flatMap(({ halted }) => halted)).toEqual([]);
    expect([...peers, newcomer].flatMap(({ penalties }) => penalties)).toEqual([]);
  }, 120_000);
});
