/** Two halves that go on apart and meet again, and a ledger so large that it is kept as a snapshot. */
import { afterEach, describe, expect, it } from "vitest";
import { utf8 } from "../kit/bytes.ts";
import { createVirtualClock, type VirtualClock } from "../kit/clock.ts";
import { accountOf } from "../ledger/index.ts";
import { machineOf } from "../ledger/scenario.suite.ts";
import { META, decodeSnapshotPointer, heightOfKey } from "../peer/rows.ts";
import { toHex } from "../protocol/identifiers.ts";
import type { Call } from "../protocol/transaction.ts";
import { MemoryCluster, type ClusterPeer } from "./memory-cluster.ts";

const START_MS = 1_750_000_000_000;

const clusters: MemoryCluster[] = [];
afterEach(() => {
  for (const cluster of clusters.splice(0)) cluster.closeAll();
});

function createCluster(options: { seed: number; parameters: ConstructorParameters<typeof MemoryCluster>[0]["parameters"] }): {
  clock: VirtualClock;
  cluster: MemoryCluster;
} {
  const clock = createVirtualClock(START_MS);
  const cluster = new MemoryCluster({ clock, machine: machineOf({}), seed: options.seed, parameters: options.parameters ?? {} });
  clusters.push(cluster);
  return { clock, cluster };
}

const rootsOf = (peers: readonly ClusterPeer[]): Set<string> => new Set(peers.map(({ peer }) => toHex(peer.final.stateRoot)));
const recipient = (side: number, count: number): Uint8Array => new Uint8Array(32).fill(side).fill(count, 16);

describe("a BoT that was cut in two", () => {
  it.each([1, 2, 3])(
    "seed %i: both halves go on, one history is left, nobody's transfer is lost, and a restart keeps it",
    async (seed) => {
      const { clock, cluster } = createCluster({ seed, parameters: { recoveryMs: 1000, grant: 10_000 } });
      const peers: ClusterPeer[] = [];
      for (const name of ["a", "b", "c", "d"]) peers.push(await cluster.open(name));
      await cluster.runUntil(clock, () => peers.every(({ peer }) => peer.seatWork === "seated"), { what: "all seated" });
      const sides = [peers.slice(0, 2), peers.slice(2)] as const;
      for (const one of sides[0]) for (const other of sides[1]) cluster.cut(one.name, other.name);

      const sent: { to: Uint8Array; final: boolean; refused: string | null }[] = [];
      const transfer = (side: 0 | 1, count: number): void => {
        const entry = { to: recipient(side + 1, count), final: false, refused: null as string | null };
        sent.push(entry);
        sides[side][count % 2]!.send([["account.transfer", { to: entry.to, amount: 1 }]]).then(
          () => (entry.final = true),
          (error: unknown) => (entry.refused = (error as Error).message),
        );
      };
      for (let count = 0; count < 6; count++) {
        transfer(0, count);
        transfer(1, count);
      }
      await cluster.runUntil(clock, () => sent.every(({ final }) => final), { what: "both halves make transfers final" });
      expect(rootsOf(peers).size).toBe(2);
      const strengths = peers.map(({ peer }) => peer.consensus.strength);
      expect(strengths).not.toContain("full");

      cluster.heal();
      await cluster.runUntil(clock, () => rootsOf(peers).size === 1 && peers.every(({ peer }) => peer.waiting === 0 && peer.caughtUp), {
        what: "one history",
        withinMs: 120_000,
      });
      expect(peers.flatMap(({ halted }) => halted)).toEqual([]);
      expect(peers.flatMap(({ penalties }) => penalties)).toEqual([]);
      const left = sides.filter((side) => side.every(({ undoneAbove }) => undoneAbove.length > 0));
      expect(left).toHaveLength(1);
      // Final again on the branch that won, or reported: never gone without a word.
      const { state } = peers[0]!.peer;
      const kept = sent.filter(({ refused }) => refused === null);
      expect(kept.map(({ to }) => accountOf(state, to).balance)).toEqual(kept.map(() => 1));

      await cluster.settled();
      const root = [...rootsOf(peers)][0];
      cluster.closeAll();
      const again: ClusterPeer[] = [];
      for (const { name } of peers) again.push(await cluster.open(name));
      expect([...rootsOf(again)]).toEqual([root]);
      let isFinal = false;
      void again[0]!.send([["account.transfer", { to: recipient(9, 9), amount: 1 }]]).then(() => (isFinal = true));
      await cluster.runUntil(clock, () => isFinal && rootsOf(again).size === 1, { what: "it goes on" });
      expect(again.flatMap(({ halted }) => halted)).toEqual([]);
    },
    120_000,
  );
});

describe("tabs that vanish one after the other", () => {
  const T = 4000;
  /** PROTOCOL, "Recovery": over half of the seats after T, over a third after 2T. */
  it.each([
    { seats: 4, gone: 2, afterMs: 2 * T, strength: "provisional" },
    { seats: 5, gone: 2, afterMs: T, strength: "recovered" },
  ])("$gone of $seats: all that are left are named by one recovery soon after $afterMs ms, and it is $strength", async (expected) => {
    const { clock, cluster } = createCluster({ seed: 7, parameters: { recoveryMs: T } });
    const peers: ClusterPeer[] = [];
    for (const name of ["a", "b", "c", "d", "e"].slice(0, expected.seats)) peers.push(await cluster.open(name));
    await cluster.runUntil(clock, () => peers.every(({ peer }) => peer.seatWork === "seated"), { what: "all seated" });
    const send = async (what: string): Promise<number> => {
      const sentMs = clock.nowMs();
      let isFinal = false;
      void peers[0]!.send([["account.transfer", { to: recipient(1, 1), amount: 1 }]]).then(() => (isFinal = true));
      await cluster.runUntil(clock, () => isFinal, { what });
      return clock.nowMs() - sentMs;
    };
    for (let count = 0; count < expected.gone; count++) {
      cluster.close(peers.pop()!.name);
      if (count + 1 < expected.gone) await send("a quorum goes on");
    }
    const tookMs = await send("recovered");
    expect(tookMs).toBeGreaterThan(expected.afterMs);
    expect(tookMs).toBeLessThan(expected.afterMs + T);
    for (const { peer } of peers) {
      expect(peer.consensus.seats).toHaveLength(peers.length);
      expect(peer.consensus.strength).toBe(expected.strength);
    }
    const recoveries = peers.map(({ committed }) => committed.filter(({ block }) => block === null));
    expect(recoveries.map((list) => list.length)).toEqual(peers.map(() => 1));
  });
});

describe("a large ledger", () => {
  it("[C5a] is kept as a snapshot, with the changes since and no older ones, and opens the same", async () => {
    const { clock, cluster } = createCluster({ seed: 5, parameters: { grant: 1_000_000 } });
    const first = await cluster.open("a");
    const description = (count: number): Uint8Array => utf8(JSON.stringify({ title: `Lamp ${count}`, pad: "x".repeat(30_000) }));
    const register = (count: number): Call => [
      "device.register",
      { description: description(count), gateway: null, key: null, properties: [] },
    ];
    const states = (): number[] => [...cluster.diskOf("a").states.rows.keys()].map(heightOfKey).sort((x, y) => x - y);
    const isSnapshot = (): boolean => cluster.diskOf("a").meta.rows.has(META.snapshot);
    let peer = first;
    for (let round = 0; round < 2; round++) {
      for (let count = 0; !isSnapshot() || count < 3; count++) {
        expect(count).toBeLessThan(100);
        let done = false;
        peer
          .send(
            Array.from({ length: 4 }, (_, index) => register(1000 * round + 4 * count + index)),
            200,
          )
          .then(
            ({ receipt }) => (done = receipt.refusal === null),
            () => undefined,
          );
        await cluster.runUntil(clock, () => done, { what: "registered" });
      }
      await cluster.settled();
      const { height } = decodeSnapshotPointer(cluster.diskOf("a").meta.rows.get(META.snapshot)!);
      expect(states().filter((at) => at < height)).toEqual([]);
      const root = toHex(peer.peer.final.stateRoot);
      cluster.close("a");
      peer = await cluster.open("a");
      expect(toHex(peer.peer.final.stateRoot)).toBe(root);
      expect(peer.halted).toEqual([]);
    }
  }, 120_000);
});
