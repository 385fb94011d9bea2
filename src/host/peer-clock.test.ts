/** A person, or a time server, sets the clock of a peer while it runs. */
import { describe, expect, it } from "vitest";
import { createVirtualClock, type VirtualClock } from "../kit/clock.ts";
import { machineOf } from "../ledger/scenario.suite.ts";
import { LIMITS } from "../protocol/limits.ts";
import { clustersOfTests } from "./clusters.suite.ts";
import { MemoryCluster, type ClusterPeer } from "./memory-cluster.ts";

const START_MS = 1_750_000_000_000;
const HOUR_MS = 3_600_000;

const clusters = clustersOfTests();

async function openFour(): Promise<{ clock: VirtualClock; cluster: MemoryCluster; peers: readonly ClusterPeer[] }> {
  const clock = createVirtualClock(START_MS);
  const cluster = new MemoryCluster({ clock, machine: machineOf({}) });
  clusters.push(cluster);
  const peers: ClusterPeer[] = [];
  for (const name of ["a", "b", "c", "d"]) peers.push(await cluster.open(name));
  await cluster.runUntil(clock, () => peers.every(({ peer }) => peer.seatWork === "seated"), { what: "all seated" });
  return { clock, cluster, peers };
}

describe("a clock that was an hour ahead and is set right", () => {
  it("says right times at once: its own transactions are final, and the blocks of its turn carry no time that others hold", async () => {
    const { clock, cluster, peers } = await openFour();
    const [a, b] = peers as [ClusterPeer, ClusterPeer, ClusterPeer, ClusterPeer];
    cluster.setClock("b", HOUR_MS);
    // Long enough that it has taken the new time for its pauses.
    const fromMs = clock.nowMs();
    await cluster.runUntil(clock, () => clock.nowMs() - fromMs >= 5_000, { what: "time passes" });
    cluster.setClock("b", 0);
    const before = a.peer.final.height;
    for (let sent = 0; sent < 8; sent++) {
      const done = b.send([["account.transfer", { to: cluster.accountOf("a"), amount: 1 }]]);
      let isFinal = false;
      void done.then(() => (isFinal = true));
      await cluster.runUntil(clock, () => isFinal, { what: `transfer ${sent} is final`, withinMs: 20_000 });
      const { receipt, transaction } = await done;
      expect(receipt.refusal).toBeNull();
      expect(transaction.body.validUntilMs - clock.nowMs()).toBeLessThanOrEqual(LIMITS.validityMsMax);
    }
    await cluster.runUntil(clock, () => peers.every(({ peer }) => peer.final.height === a.peer.final.height), {
      what: "all at one height",
    });
    expect(a.peer.final.height).toBeGreaterThan(before);
    expect(a.peer.final.timeMs).toBeLessThanOrEqual(clock.nowMs());
    // No turn was waited for: each of the four led, and no round above them was skipped for its leader's time.
    expect(peers.flatMap(({ halted }) => halted)).toEqual([]);
    const proposers = new Set(a.committed.slice(-8).map(({ block }) => block?.header.proposer.join()));
    expect(proposers.size).toBe(4);
  });
});

describe("a founder whose clock was an hour ahead", () => {
  it("stops nobody: those with right clocks are seated, and their transactions are final, in a ledger that is ahead of them", async () => {
    const clock = createVirtualClock(START_MS);
    const cluster = new MemoryCluster({ clock, machine: machineOf({}) });
    clusters.push(cluster);
    const a = await cluster.open("a");
    cluster.setClock("a", HOUR_MS);
    await cluster.runUntil(clock, () => a.peer.final.timeMs >= START_MS + HOUR_MS, { what: "the ledger is an hour ahead" });
    cluster.setClock("a", 0);
    const others: ClusterPeer[] = [];
    for (const name of ["b", "c", "d"]) others.push(await cluster.open(name));
    await cluster.runUntil(clock, () => others.every(({ peer }) => peer.seatWork === "seated"), { what: "all seated" });
    const b = others[0]!;
    let isFinal = false;
    const done = b.send([["account.transfer", { to: cluster.accountOf("a"), amount: 1 }]]);
    void done.then(() => (isFinal = true));
    await cluster.runUntil(clock, () => isFinal, { what: "a transfer is final", withinMs: 20_000 });
    expect((await done).receipt.refusal).toBeNull();
    expect(b.peer.final.timeMs).toBeGreaterThan(clock.nowMs() + HOUR_MS / 2);
    expect([a, ...others].flatMap(({ halted }) => halted)).toEqual([]);
  });
});
