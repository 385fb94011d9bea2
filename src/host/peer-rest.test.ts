/** A BoT where nobody wants anything. */
import { expect, it } from "vitest";
import { createVirtualClock } from "../kit/clock.ts";
import { machineOf } from "../ledger/scenario.suite.ts";
import { DEFAULT_PARAMETERS } from "../protocol/genesis.ts";
import { clustersOfTests } from "./clusters.suite.ts";
import { MemoryCluster, type ClusterPeer } from "./memory-cluster.ts";

const clusters = clustersOfTests();

it("rests, and makes one empty block with a height at every heartbeat, and none between", async () => {
  const clock = createVirtualClock(1_700_000_000_000);
  const cluster = new MemoryCluster({ clock, machine: machineOf({}) });
  clusters.push(cluster);
  const peers: ClusterPeer[] = [];
  for (const name of ["a", "b", "c", "d"]) peers.push(await cluster.open(name));
  await cluster.runUntil(clock, () => peers.every(({ peer }) => peer.seatWork === "seated" && !peer.consensus.working), { what: "rest" });
  const { heartbeatMs } = DEFAULT_PARAMETERS;
  const [first] = peers as [ClusterPeer];
  for (let beat = 0; beat < 2; beat++) {
    const { height, timeMs } = first.peer.final;
    await cluster.runUntil(clock, () => clock.nowMs() >= timeMs + heartbeatMs - 1000, { what: "nearly a beat", withinMs: 2 * heartbeatMs });
    expect(peers.map(({ peer }) => peer.final.height)).toEqual(peers.map(() => height));
    await cluster.runUntil(clock, () => peers.every(({ peer }) => peer.final.height === height + 1), {
      what: "a heartbeat",
      withinMs: 20_000,
    });
    await cluster.runUntil(clock, () => peers.every(({ peer }) => !peer.consensus.working), { what: "rest again" });
    const last = peers.map(({ committed }) => committed.at(-1)!);
    expect(last.map(({ height: at, block }) => [at, block?.transactions.length])).toEqual(peers.map(() => [height + 1, 0]));
  }
  expect(peers.flatMap(({ halted }) => halted)).toEqual([]);
});
