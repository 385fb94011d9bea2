/** What comes from the network is a stranger's word: a peer that is fed nonsense goes on, says what was wrong, and blames nobody else. */
import { afterEach, describe, expect, it } from "vitest";
import { decodeConsensusMessage } from "../consensus/wire.ts";
import { createVirtualClock, type VirtualClock } from "../kit/clock.ts";
import { createRandom, type Random } from "../kit/random.ts";
import { machineOf } from "../ledger/scenario.suite.ts";
import type { NetworkCommand, NetworkEvent } from "../peer/ports.ts";
import { OBJECTIVE_FAULTS } from "../protocol/codes.ts";
import { chainOf } from "../protocol/genesis.ts";
import { decodeFetch } from "../protocol/wire.ts";
import { MemoryCluster, type ClusterPeer } from "./memory-cluster.ts";
import { mutate, pick } from "./mutations.suite.ts";
import { SIGNED_KINDS, signedMessage, type Forger } from "./forged-statements.suite.ts";

const START_MS = 1_750_000_000_000;
const HONEST = ["a", "b", "c", "d"] as const;
const MESSAGES = 10_000;
/** Kept of each kind, so that late ones are mutated like early ones. */
const SAMPLES_MAX = 60;

const clusters: MemoryCluster[] = [];
afterEach(() => {
  for (const cluster of clusters.splice(0)) cluster.closeAll();
});

interface Rig {
  readonly clock: VirtualClock;
  readonly cluster: MemoryCluster;
  readonly honest: readonly ClusterPeer[];
  /** Who had a seat and whose process ended: the test speaks with its keys. */
  readonly forger: Forger;
  /** Messages that honest peers sent, by kind. */
  readonly samples: Map<string, Uint8Array[]>;
}

function kindOf(command: NetworkCommand): string | null {
  if (command.kind === "publish" && command.topic === "transactions") return "transactions";
  if (command.kind !== "publish" && command.kind !== "send") return null;
  if (command.kind === "send" && command.protocol === "fetch") return decodeFetch(command.bytes).kind;
  return decodeConsensusMessage(command.bytes).kind;
}

async function createRig(seed: number): Promise<Rig> {
  const clock = createVirtualClock(START_MS);
  const samples = new Map<string, Uint8Array[]>();
  const random = createRandom(seed);
  const onCommand = (_from: string, command: NetworkCommand): void => {
    const kind = kindOf(command);
    if (kind === null || !("bytes" in command)) return;
    const known = samples.get(kind) ?? [];
    samples.set(kind, known);
    if (known.length < SAMPLES_MAX) known.push(command.bytes);
    else known[random.below(SAMPLES_MAX)] = command.bytes;
  };
  const cluster = new MemoryCluster({ clock, machine: machineOf({}), seed, onCommand });
  clusters.push(cluster);
  const peers: ClusterPeer[] = [];
  for (const name of [...HONEST, "mallory"]) peers.push(await cluster.open(name));
  await cluster.runUntil(clock, () => peers.every(({ peer }) => peer.seatWork === "seated"), { what: "all seated" });
  const mallory = peers.pop()!;
  mallory.runner.input({ kind: "closing" });
  await cluster.settled();
  cluster.close("mallory");
  const votingKey = (await mallory.keys.list("voting"))[0]!;
  for (const { runner } of peers) runner.input({ kind: "network", event: { kind: "linked", peer: "mallory", direct: true } });
  const forger: Forger = { chain: chainOf(cluster.genesis), votingKey, account: cluster.accountOf("mallory"), keys: mallory.keys };
  return { clock, cluster, honest: peers, forger, samples };
}

/** Every way by which bytes reach a peer. */
const WAYS = [
  { kind: "gossip", id: 1, topic: "transactions" },
  { kind: "gossip", id: 1, topic: "consensus" },
  { kind: "message", protocol: "hello" },
  { kind: "message", protocol: "sync" },
  { kind: "message", protocol: "fetch" },
] as const;

function eventOf(way: (typeof WAYS)[number], bytes: Uint8Array): NetworkEvent {
  return { ...way, from: "mallory", bytes };
}

function usualWays(kind: string): readonly (typeof WAYS)[number][] {
  if (kind === "transactions") return [WAYS[0]];
  if (kind === "wanted" || kind === "bodies") return [WAYS[4]];
  return kind === "hello" ? [WAYS[2], WAYS[1]] : [WAYS[1], WAYS[3]];
}

async function untrustedEvent(random: Random, rig: Rig, target: ClusterPeer): Promise<NetworkEvent> {
  const kind = pick(random, [...rig.samples.keys()]);
  const sample = pick(random, rig.samples.get(kind)!);
  const ways = random.below(4) === 0 ? WAYS : usualWays(kind);
  switch (random.below(5)) {
    case 0:
      return eventOf(pick(random, ways), sample);
    case 1: {
      const signed = await signedMessage(random, rig.forger, pick(random, SIGNED_KINDS), target.peer);
      return eventOf(pick(random, random.below(4) === 0 ? WAYS : [WAYS[1], WAYS[3]]), signed);
    }
    default:
      return eventOf(pick(random, ways), mutate(random, sample));
  }
}

describe("untrusted input", () => {
  it("10 000 messages of every kind on every stream and topic: nobody halts, nobody honest is blamed, every transfer becomes final", async () => {
    const rig = await createRig(1);
    const { clock, cluster, honest, samples } = rig;
    const random = createRandom(7);
    const target = honest[0]!;
    const transfers: Promise<unknown>[] = [];
    let done = 0;
    for (let count = 0; count < MESSAGES; count++) {
      if (count % 200 === 0) {
        for (const peer of honest) {
          transfers.push(peer.send([["account.transfer", { to: cluster.accountOf("a"), amount: 1 }]]).then(() => (done += 1)));
        }
      }
      target.runner.input({ kind: "network", event: await untrustedEvent(random, rig, target) });
      if (count % 20 !== 0) continue;
      clock.advance(20);
      await cluster.settled();
    }
    await cluster.runUntil(clock, () => done === transfers.length, { what: "every transfer final" });
    await Promise.all(transfers);
    expect([...samples.keys()].sort()).toEqual(
      expect.arrayContaining(["absent", "ask", "bodies", "candidate", "certificate", "give", "hello", "transactions", "vote", "wanted"]),
    );
    expect(honest.flatMap(({ halted }) => halted)).toEqual([]);
    const penalties = honest.flatMap((peer) => peer.penalties);
    expect(penalties.filter(({ peer }) => peer !== "mallory")).toEqual([]);
    expect(penalties.filter(({ code }) => !OBJECTIVE_FAULTS.has(code))).toEqual([]);
    expect(new Set(penalties.map(({ code }) => code))).toEqual(
      new Set(["encoding-invalid", "schema-invalid", "too-large", "signature-invalid", "certificate-invalid"]),
    );
  }, 240_000);
});
