/** Processes that end in the middle of traffic and of writes, disks that are full, and what a peer says of it. */
import { describe, expect, it } from "vitest";
import { createVirtualClock, type VirtualClock } from "../kit/clock.ts";
import { createRandom, type Random } from "../kit/random.ts";
import { machineOf } from "../ledger/scenario.suite.ts";
import { toHex } from "../protocol/identifiers.ts";
import { clustersOfTests } from "./clusters.suite.ts";
import { MemoryCluster, type ClusterPeer } from "./memory-cluster.ts";
import { Witness } from "./witness.suite.ts";
import { createFaultyStorage, type FaultyStorage } from "./storage/faulty-storage.ts";

const START_MS = 1_750_000_000_000;
const NAMES = ["a", "b", "c", "d"] as const;
const KILLS = 10;
/** A disk under load. */
const WRITE_MS_MAX = 40;

const clusters = clustersOfTests();

interface Rig {
  readonly clock: VirtualClock;
  readonly cluster: MemoryCluster;
  readonly random: Random;
  readonly witness: Witness;
  readonly storages: Map<string, FaultyStorage>;
  /** Ids of final blocks by height, as any peer ever reported or reopened them. */
  readonly finals: Map<number, string>;
  /** Heights that were final with two ids. */
  readonly forks: number[];
}

async function createRig(seed: number): Promise<Rig> {
  const clock = createVirtualClock(START_MS);
  const random = createRandom(seed);
  const witness = new Witness();
  const storages = new Map<string, FaultyStorage>();
  let isSlow = false;
  const cluster = new MemoryCluster({
    clock,
    machine: machineOf({}),
    seed,
    onCommand: (from, command) => witness.hear(from, command),
    storageOf: (name, disk) => {
      let lastMs = 0;
      const schedule = (complete: () => void): void => {
        if (!isSlow) return queueMicrotask(complete);
        lastMs = Math.max(lastMs, clock.nowMs() + random.below(WRITE_MS_MAX));
        clock.setTimer(lastMs - clock.nowMs(), complete);
      };
      const storage = createFaultyStorage({ disk, random, schedule });
      storages.set(name, storage);
      return storage;
    },
  });
  clusters.push(cluster);
  const peers: ClusterPeer[] = [];
  for (const name of NAMES) peers.push(await cluster.open(name));
  await cluster.runUntil(clock, () => peers.every(({ peer }) => peer.seatWork === "seated"), { what: "all seated" });
  isSlow = true;
  return { clock, cluster, random, witness, storages, finals: new Map(), forks: [] };
}

function noteFinal(rig: Rig, height: number, id: string): void {
  const known = rig.finals.get(height);
  if (known === undefined) rig.finals.set(height, id);
  else if (known !== id) rig.forks.push(height);
}

/** Everybody sends, whether anybody reports back or not. */
async function traffic(rig: Rig, forMs: number): Promise<void> {
  const { clock, cluster, random } = rig;
  for (const endMs = clock.nowMs() + forMs; clock.nowMs() < endMs; await cluster.settled()) {
    for (const peer of cluster.running.values()) {
      if (random.below(8) > 0) continue;
      peer.send([["account.transfer", { to: cluster.accountOf("a"), amount: 1 }]]).catch(() => undefined);
    }
    clock.advance(5 + random.below(20));
    for (const { committed } of cluster.running.values()) {
      for (const block of committed.splice(0)) noteFinal(rig, block.height, toHex(block.id));
    }
  }
}

function kill(rig: Rig, name: string): void {
  rig.storages.get(name)!.crash();
  rig.cluster.close(name);
}

/** Opens what is left on disk: `loadLedger` refuses a state whose root is not the head's. */
async function reopen(rig: Rig, name: string): Promise<void> {
  const { peer } = await rig.cluster.open(name);
  if (peer.final.height > 0) noteFinal(rig, peer.final.height, toHex(peer.final.id));
}

async function expectGoesOn(rig: Rig, names: readonly string[]): Promise<void> {
  const { cluster, witness } = rig;
  const before = new Map(names.map((name) => [name, witness.votesOf(name)]));
  const target = Math.max(...[...cluster.running.values()].map(({ peer }) => peer.final.height)) + 3;
  const sender = [...cluster.running.values()][0]!;
  const isDone = (): boolean =>
    [...cluster.running.values()].every(({ peer }) => peer.final.height >= target) &&
    names.every((name) => witness.votesOf(name) > before.get(name)!);
  for (let tries = 0; !isDone(); tries++) {
    expect(tries, `${names.join()} vote again`).toBeLessThan(100);
    sender.send([["account.transfer", { to: cluster.accountOf("b"), amount: 1 }]]).catch(() => undefined);
    await traffic(rig, 200);
  }
}

describe("a peer that is killed in the middle of traffic", () => {
  it.each([1, 2, 3, 4, 5])(
    "[C1d] seed %i: 10 kills, each reopens to a consistent ledger, contradicts nothing, and votes again",
    async (seed) => {
      const rig = await createRig(seed);
      const { cluster, random, witness } = rig;
      for (let count = 0; count < KILLS; count++) {
        await traffic(rig, 100 + random.below(900));
        const victim = NAMES[random.below(NAMES.length)]!;
        const all = random.below(5) === 0;
        const victims = all ? NAMES : [victim];
        for (const name of victims) kill(rig, name);
        await traffic(rig, random.below(1500));
        for (const name of victims) await reopen(rig, name);
        await expectGoesOn(rig, victims);
      }
      const peers = [...cluster.running.values()];
      expect(peers.flatMap(({ halted }) => halted)).toEqual([]);
      expect(witness.faults).toEqual([]);
      expect(rig.forks).toEqual([]);
      expect(rig.finals.size).toBeGreaterThan(KILLS * 3);
      await cluster.runUntil(rig.clock, () => new Set(peers.map(({ peer }) => toHex(peer.final.stateRoot))).size === 1, {
        what: "one state",
      });
    },
    120_000,
  );
});

describe("a disk that is full", () => {
  it.each([1, 2, 3])(
    "seed %i: the peer says so, votes no more, and has said nothing it did not write",
    async (seed) => {
      const rig = await createRig(seed);
      const { cluster, random, storages, witness, clock } = rig;
      await traffic(rig, 200 + random.below(500));
      const victim = cluster.running.get("b")!;
      storages.get("b")!.failNextWrite("storage-full");
      await cluster.runUntil(clock, () => victim.halted.length > 0 || (storages.get("b")!.failNextWrite("storage-full"), false), {
        what: "halted",
      });
      expect(victim.halted.map(({ code }) => code)).toEqual(["storage-full"]);
      expect(victim.peer.halted?.code).toBe("storage-full");
      await cluster.settled();
      const said = witness.votesOf("b");
      // What is said to it is not checked any more, since nobody would take the outcome.
      const heard = { kind: "gossip", id: 7, topic: "consensus", from: "a", bytes: Uint8Array.of(1, 2, 3) } as const;
      expect(victim.peer.step(clock.nowMs(), { kind: "network", event: heard })).toEqual([
        { kind: "network", command: { kind: "verdict", id: 7, accept: false } },
      ]);
      await traffic(rig, 3000);
      expect(witness.votesOf("b")).toBe(said);
      expect(cluster.running.get("a")!.peer.final.height).toBeGreaterThan(victim.peer.final.height);
      // Room was made: it opens again, and goes on where it was.
      kill(rig, "b");
      await reopen(rig, "b");
      await expectGoesOn(rig, ["b"]);
      expect(witness.faults).toEqual([]);
      expect(rig.forks).toEqual([]);
    },
    120_000,
  );
});
