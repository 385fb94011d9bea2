/** Gossip names nobody but who passed it on: what a peer accepts for passing on must never cost it its standing with the next one. */
import { describe, expect, it } from "vitest";
import { decodeConsensusMessage, encodeConsensusMessage } from "../consensus/wire.ts";
import { createVirtualClock } from "../kit/clock.ts";
import { createRandom } from "../kit/random.ts";
import { machineOf } from "../ledger/scenario.suite.ts";
import type { GossipTopic } from "../peer/ports.ts";
import { decode, encode, type Value } from "../protocol/codec.ts";
import { digest } from "../protocol/identifiers.ts";
import { LIMITS } from "../protocol/limits.ts";
import { encodeTransactionBatch } from "../protocol/wire.ts";
import { clustersOfTests } from "./clusters.suite.ts";
import { MemoryCluster, type ClusterPeer } from "./memory-cluster.ts";
import { mutate, pick } from "./mutations.suite.ts";

const START_MS = 1_750_000_000_000;
const clusters = clustersOfTests();

interface Heard {
  readonly topic: GossipTopic;
  readonly bytes: Uint8Array;
}

async function createRig() {
  const clock = createVirtualClock(START_MS);
  const published: Heard[] = [];
  const verdicts = new Map<number, boolean>();
  let judging = false;
  const cluster = new MemoryCluster({
    clock,
    machine: machineOf({}),
    seed: 34,
    onCommand: (_, command) => {
      if (command.kind === "publish" && !judging) published.push(command);
      if (command.kind === "verdict" && judging) verdicts.set(command.id, command.accept);
    },
  });
  clusters.push(cluster);
  const peers: ClusterPeer[] = [];
  for (const name of ["a", "b", "c"]) peers.push(await cluster.open(name));
  await cluster.runUntil(clock, () => peers.every(({ peer }) => peer.seatWork === "seated"), { what: "all seated" });
  const sent = peers.map((peer) => peer.send([["account.transfer", { to: cluster.accountOf("a"), amount: 1 }]]));
  let done = false;
  void Promise.all(sent).then(() => (done = true));
  await cluster.runUntil(clock, () => done, { what: "transfers final" });
  judging = true;
  let nextId = 1_000_000;

  /** What a peer orders of its network about a message of a stranger. */
  const judge = async (peer: ClusterPeer, { topic, bytes }: Heard): Promise<{ accepted: boolean | undefined; blamed: string[] }> => {
    const id = nextId++;
    const from = `stranger ${id}`;
    peer.runner.input({ kind: "network", event: { kind: "gossip", id, topic, from, bytes } });
    await cluster.settled();
    return { accepted: verdicts.get(id), blamed: peer.penalties.filter((penalty) => penalty.peer === from).map(({ code }) => code) };
  };
  return { clock, cluster, peers, published, judge };
}

describe("the verdict on gossip", () => {
  it("is that sound messages are passed on, at first sight and when they are said again", async () => {
    const { peers, published, judge } = await createRig();
    const newcomer = peers[0]!;
    const kinds = new Map(
      published.map((heard) => [heard.topic === "transactions" ? "transactions" : decodeConsensusMessage(heard.bytes).kind, heard]),
    );
    expect([...kinds.keys()]).toEqual(expect.arrayContaining(["transactions", "vote", "certificate", "candidate"]));
    for (const heard of kinds.values()) expect(await judge(newcomer, heard)).toEqual({ accepted: true, blamed: [] });
  });

  it("is that garbage and changed signatures are not, and cost who sent them", async () => {
    const { peers, published, judge } = await createRig();
    const vote = published.find(({ topic, bytes }) => topic === "consensus" && decodeConsensusMessage(bytes).kind === "vote")!;
    const changed = vote.bytes.slice();
    changed[changed.length - 1]! ^= 1;
    expect(await judge(peers[0]!, { topic: "consensus", bytes: changed })).toEqual({ accepted: false, blamed: ["signature-invalid"] });
    expect(await judge(peers[0]!, { topic: "consensus", bytes: Uint8Array.of(1, 2, 3) })).toMatchObject({ accepted: false });
    expect(await judge(peers[0]!, { topic: "transactions", bytes: encodeTransactionBatch([Uint8Array.of(7)]) })).toMatchObject({
      accepted: false,
      blamed: [expect.any(String)],
    });
  });

  it("is that a candidate with another list of transactions is not, before anybody fetches them", async () => {
    const { peers, published, judge } = await createRig();
    const candidate = published.find(({ topic, bytes }) => {
      const message = topic === "consensus" ? decodeConsensusMessage(bytes) : undefined;
      return message?.kind === "candidate" && message.envelopes.length > 0;
    })!;
    const [kind, header, , ...rest] = decode(candidate.bytes) as Value[];
    const forged = encode([kind!, header!, [new Uint8Array(32).fill(9)], ...rest]);
    expect(await judge(peers[0]!, { topic: "consensus", bytes: forged })).toEqual({ accepted: false, blamed: ["encoding-invalid"] });
  });

  it("waits for messages of an epoch to come, again and again, also when a stranger made the peer drop what it held", async () => {
    const { peers, published, judge } = await createRig();
    const vote = decodeConsensusMessage(
      published.find(({ topic, bytes }) => topic === "consensus" && decodeConsensusMessage(bytes).kind === "vote")!.bytes,
    );
    if (vote.kind !== "vote") throw new Error("it is one");
    const ofEpoch = (number: number): Heard => {
      const epochId = digest(Uint8Array.of(number % 256, number >> 8));
      return { topic: "consensus", bytes: encodeConsensusMessage({ kind: "vote", vote: { ...vote.vote, epochId } }) };
    };
    for (let number = 0; number <= LIMITS.unjudgedMessagesMax; number++)
      expect((await judge(peers[0]!, ofEpoch(number))).accepted).toBeUndefined();
    expect((await judge(peers[0]!, ofEpoch(0))).accepted).toBeUndefined();
  });

  it("never lets pass what would cost the next peer's good opinion, over two thousand changed messages", async () => {
    const { clock, peers, published, judge } = await createRig();
    const random = createRandom(11);
    let accepted = 0;
    let blamed = 0;
    for (let count = 0; count < 2_000; count++) {
      const { topic, bytes } = pick(random, published);
      const heard = { topic, bytes: random.below(8) === 0 ? bytes : mutate(random, bytes) };
      const first = await judge(peers[0]!, heard);
      clock.advance(1);
      const second = await judge(peers[1]!, heard);
      expect([first.accepted, second.blamed]).not.toEqual([true, [expect.anything()]]);
      expect([first.accepted, first.blamed]).not.toEqual([true, [expect.anything()]]);
      accepted += Number(first.accepted === true);
      blamed += second.blamed.length;
    }
    expect(accepted).toBeGreaterThan(100);
    expect(blamed).toBeGreaterThan(500);
  }, 60_000);
});
