/** Peers that run a BoT, and a stranger with the keys of a seat that is gone: what it says to them, right or wrong. */
import { decodeConsensusMessage, encodeConsensusMessage } from "../consensus/wire.ts";
import { equalBytes } from "../kit/bytes.ts";
import { createVirtualClock, type VirtualClock } from "../kit/clock.ts";
import { createRandom, type Random } from "../kit/random.ts";
import { claimWork, latestReferenceOf, leadingZeroBits } from "../ledger/index.ts";
import { machineOf } from "../ledger/scenario.suite.ts";
import type { NetworkCommand, NetworkEvent } from "../peer/ports.ts";
import { createBlock, transactionsRootOf } from "../protocol/block.ts";
import { decode, encode, type Value } from "../protocol/codec.ts";
import { chainOf } from "../protocol/genesis.ts";
import { asAccountId, asVotingKey, digest, type Hash, type VotingKey } from "../protocol/identifiers.ts";
import {
  TRANSACTION_VERSION,
  createTransaction,
  encodeTransactionBody,
  type Call,
  type Transaction,
  type TransactionBody,
} from "../protocol/transaction.ts";
import { aliveBytes, statementBytes, type Certificate, type Statement } from "../protocol/vote.ts";
import { decodeSnapshotMessage, encodeSnapshotMessage, type SnapshotMessage } from "../peer/snapshot-wire.ts";
import { decodeFetch, decodeTransactionBatch, encodeFetch, encodeTransactionBatch } from "../protocol/wire.ts";
import { MemoryCluster, type ClusterPeer } from "./memory-cluster.ts";
import { mutate, pick } from "./mutations.suite.ts";
import { SIGNED_KINDS, signedMessage, type Forger } from "./forged-statements.suite.ts";

export const START_MS = 1_750_000_000_000;
/** Four tries a claim on average: little to find, and three of four that were not searched for have too little. */
const CLAIM_BITS = 2;
const HONEST = ["a", "b", "c", "d"] as const;
/** Kept of each kind, so that late ones are mutated like early ones. */
const SAMPLES_MAX = 60;

export const clusters: MemoryCluster[] = [];
export interface Rig {
  readonly clock: VirtualClock;
  readonly cluster: MemoryCluster;
  readonly honest: readonly ClusterPeer[];
  /** Who had a seat and whose process ended: the test speaks with its keys. */
  readonly forger: Forger;
  /** Messages that honest peers sent, by kind. */
  readonly samples: Map<string, Uint8Array[]>;
  /** Told of every command. */
  readonly heard: ((from: string, command: NetworkCommand) => void)[];
}

/** Before the kinds of such messages: a block is asked for by others, too. */
const SNAPSHOT = "snapshot ";

function kindOf(command: NetworkCommand): string | null {
  if (command.kind === "publish" && command.topic === "transactions") return "transactions";
  if (command.kind !== "publish" && command.kind !== "send") return null;
  if (command.kind === "send" && command.protocol === "fetch") return decodeFetch(command.bytes).kind;
  if (command.kind === "send" && command.protocol === "snapshot") return `${SNAPSHOT}${decodeSnapshotMessage(command.bytes).kind}`;
  return decodeConsensusMessage(command.bytes).kind;
}

export async function createRig(seed: number): Promise<Rig> {
  const clock = createVirtualClock(START_MS);
  const samples = new Map<string, Uint8Array[]>();
  const random = createRandom(seed);
  const heard: Rig["heard"] = [];
  const onCommand = (from: string, command: NetworkCommand): void => {
    for (const listener of heard) listener(from, command);
    const kind = kindOf(command);
    if (kind === null || !("bytes" in command)) return;
    const known = samples.get(kind) ?? [];
    samples.set(kind, known);
    if (known.length < SAMPLES_MAX) known.push(command.bytes);
    else known[random.below(SAMPLES_MAX)] = command.bytes;
  };
  const cluster = new MemoryCluster({ clock, machine: machineOf({}), seed, onCommand, parameters: { claimBits: CLAIM_BITS } });
  clusters.push(cluster);
  const peers: ClusterPeer[] = [];
  for (const name of [...HONEST, "mallory"]) peers.push(await cluster.open(name));
  await cluster.runUntil(clock, () => peers.every(({ peer }) => peer.seatWork === "seated"), { what: "all seated" });
  const mallory = peers.pop()!;
  mallory.runner.input({ kind: "closing" });
  await cluster.settled();
  cluster.close("mallory");
  const votingKey = (await mallory.keys.list("voting"))[0]!;
  for (const { runner } of peers)
    runner.input({ kind: "network", event: { kind: "linked", peer: "mallory", self: "honest", direct: true } });
  const forger: Forger = {
    chain: chainOf(cluster.genesis),
    votingKey,
    account: cluster.accountOf("mallory"),
    keys: mallory.keys,
    finalBlocks: () => peers[0]!.committed.flatMap(({ block }) => block ?? []),
    rivals: [],
    certificates: async (epochId, round) => [
      await certified(peers, { chain: chainOf(cluster.genesis), epochId, round, kind: "skip", candidate: null }),
    ],
  };
  // Bodies and blocks are asked for only where gossip was late, so this asks for some.
  const envelopes = decodeTransactionBatch(samples.get("transactions")![0]!).map(digest);
  const wanted = encodeFetch({ kind: "wanted", id: 1, envelopes });
  const ask = encodeConsensusMessage({ kind: "ask", id: forger.finalBlocks().at(-1)!.id });
  const last = forger.finalBlocks().at(-1)!;
  const [certificate] = await forger.certificates(forger.chain, 1);
  const offer: SnapshotMessage = {
    kind: "offer",
    snapshots: [{ proof: { headers: [last.headerBytes], certificate: certificate! }, chunks: 3, bytes: 1000 }],
  };
  const asked: readonly SnapshotMessage[] = [
    { kind: "blocks" },
    { kind: "epochs", after: forger.chain },
    { kind: "skip", height: 1000 },
    { kind: "chunk", height: 1, chunk: 0 },
    { kind: "history", from: last.id },
  ];
  samples.set(`${SNAPSHOT}offer`, [encodeSnapshotMessage(offer)]);
  for (const [kind, protocol, bytes] of [
    ["wanted", "fetch", wanted],
    ["ask", "sync", ask],
    ...asked.map((message) => [`${SNAPSHOT}${message.kind}`, "snapshot", encodeSnapshotMessage(message)] as const),
  ] as const) {
    samples.set(kind, [bytes]);
    peers[0]!.runner.input({ kind: "network", event: { kind: "message", from: "mallory", protocol, bytes } });
  }
  return { clock, cluster, honest: peers, forger, samples, heard };
}

/** What the seats of these peers say together. */
async function certified(peers: readonly ClusterPeer[], statement: Statement): Promise<Certificate> {
  const signatures = new Map<number, Uint8Array>();
  const { seats } = peers[0]!.peer.consensus;
  for (const { keys } of peers) {
    for (const key of await keys.list("voting")) {
      const index = seats.findIndex((seat) => equalBytes(seat, key));
      if (index >= 0) signatures.set(index, await keys.sign(key, statementBytes(statement)));
    }
  }
  const signers = [...signatures.keys()].sort((a, b) => a - b);
  return { ...statement, signers, signatures: signers.map((signer) => signatures.get(signer)!) };
}

/** A promise by a seat, upon a certificate which proves no block of this epoch that work could go on from. */
export async function promiseUpon(rig: Rig, what: "a skipped round" | "an older epoch"): Promise<Uint8Array> {
  const { chain, votingKey, keys, certificates, finalBlocks } = rig.forger;
  const { epochId, finalId } = rig.honest[0]!.peer.consensus;
  const older = finalBlocks().find(({ header }) => !equalBytes(header.epochId, epochId))!;
  const { header } = older;
  const said = { chain, epochId: header.epochId, round: header.round, kind: "finalize", candidate: older.id } as const;
  const highest = what === "a skipped round" ? (await certificates(epochId, 1))[0]! : await certified(rig.honest, said);
  const alive = { chain, epochId, lastFinal: finalId, highest };
  const signature = await keys.sign(votingKey, aliveBytes(alive));
  return encodeConsensusMessage({ kind: "alive", alive: { ...alive, seat: asVotingKey(votingKey), signature } });
}

/** Every way by which bytes reach a peer. */
export const WAYS = [
  { kind: "gossip", id: 1, topic: "transactions" },
  { kind: "gossip", id: 1, topic: "consensus" },
  { kind: "message", protocol: "hello" },
  { kind: "message", protocol: "sync" },
  { kind: "message", protocol: "fetch" },
  { kind: "message", protocol: "snapshot" },
] as const;

export function eventOf(way: (typeof WAYS)[number], bytes: Uint8Array): NetworkEvent {
  return { ...way, from: "mallory", bytes };
}

function usualWays(kind: string): readonly (typeof WAYS)[number][] {
  if (kind === "transactions") return [WAYS[0]];
  if (kind === "wanted" || kind === "bodies") return [WAYS[4]];
  if (kind.startsWith(SNAPSHOT)) return [WAYS[5]];
  return kind === "hello" ? [WAYS[2], WAYS[1]] : [WAYS[1], WAYS[3]];
}

export async function untrustedEvent(random: Random, rig: Rig, target: ClusterPeer): Promise<NetworkEvent> {
  const kind = pick(random, [...rig.samples.keys()]);
  const sample = pick(random, rig.samples.get(kind)!);
  const ways = random.below(4) === 0 ? WAYS : usualWays(kind);
  switch (random.below(5)) {
    case 0:
      return eventOf(pick(random, ways), sample);
    case 1: {
      // Claims are dear to make and to try: four in a hundred of these are enough.
      const signedKind = random.below(25) === 0 ? "claim" : pick(random, SIGNED_KINDS.slice(0, -1));
      const signed = await signedMessage(random, rig.forger, signedKind, target.peer);
      const usual = signedKind === "claim" || signedKind === "transaction" ? [WAYS[0]] : [WAYS[1], WAYS[3]];
      return eventOf(pick(random, random.below(4) === 0 ? WAYS : usual), signed);
    }
    default:
      return eventOf(pick(random, ways), mutate(random, sample));
  }
}

export async function signedTransaction(rig: Rig, change: Partial<TransactionBody> = {}, signer?: Uint8Array): Promise<Transaction> {
  const { forger, honest } = rig;
  const body = encodeTransactionBody({
    version: TRANSACTION_VERSION,
    chain: forger.chain,
    sender: asAccountId(forger.account),
    nonce: [3, 0],
    validUntilMs: honest[0]!.peer.final.timeMs + 60_000,
    fee: 10,
    calls: [["account.transfer", { to: rig.cluster.accountOf("a"), amount: 1 }]],
    ...change,
  });
  const key = signer ?? forger.account;
  return createTransaction(body, [[key, await forger.keys.sign(key, body)]]);
}

/** Of accounts that nobody knows, signed and tied to a recent block; only their work is not done. */
export async function emptyClaims(rig: Rig, count: number): Promise<readonly Transaction[]> {
  const reference = latestReferenceOf(rig.honest[0]!.peer.state);
  const claims: Transaction[] = [];
  while (claims.length < count) {
    const key = await rig.forger.keys.create("account");
    const nonce = Uint8Array.of(1);
    if (leadingZeroBits(claimWork(key, reference, nonce)) >= CLAIM_BITS) continue;
    const calls: readonly Call[] = [["token.claim", { reference, nonce }]];
    claims.push(await signedTransaction(rig, { sender: asAccountId(key), nonce: [0, 0], fee: 0, calls }, key));
  }
  return claims;
}

/** A candidate of the current epoch with a made-up transaction, by a key that is no seat but signs its vote. */
export async function strangersCandidate(
  rig: Rig,
  change: { epochId?: Hash; proposer?: VotingKey; salt?: number } = {},
): Promise<Uint8Array> {
  const { chain, keys, finalBlocks } = rig.forger;
  const key = await keys.create("voting");
  const { epochId, round } = { ...rig.honest[0]!.peer.consensus, ...change };
  const transactions = [await signedTransaction(rig, { fee: 11 + (change.salt ?? 0) })];
  const { header } = finalBlocks().at(-1)!;
  const block = createBlock(
    {
      ...header,
      epochId,
      round,
      proposer: change.proposer ?? asVotingKey(key),
      transactionsRoot: transactionsRootOf(transactions),
      certificate: null,
      lateVotes: [],
      alives: [],
    },
    transactions,
  );
  const said: Statement = { chain, epochId, round, kind: "notarize", candidate: block.id };
  const vote = { ...said, seat: asVotingKey(key), signature: await keys.sign(key, statementBytes(said)) };
  return encodeConsensusMessage({ kind: "candidate", block, vote, certificates: [] });
}

export const batchOf = (...transactions: readonly Transaction[]): Uint8Array =>
  encodeTransactionBatch(transactions.map(({ bytes }) => bytes));
export const lastSample = (rig: Rig, kind: string): Uint8Array => rig.samples.get(kind)!.at(-1)!;

export async function forgedVote(
  rig: Rig,
  change: Partial<Statement> = {},
  { badSignature = false, votingKey = rig.forger.votingKey }: { badSignature?: boolean; votingKey?: Uint8Array } = {},
): Promise<Uint8Array> {
  const { chain, keys } = rig.forger;
  const { epochId, round } = rig.honest[0]!.peer.consensus;
  const said: Statement = { chain, epochId, round, kind: "skip", candidate: null, ...change };
  const signature = await keys.sign(votingKey, statementBytes(said));
  if (badSignature) signature[5]! ^= 1;
  return encodeConsensusMessage({ kind: "vote", vote: { ...said, seat: asVotingKey(votingKey), signature } });
}

export function changedCertificate(rig: Rig, change: (certificate: Certificate) => Certificate): Uint8Array {
  const message = decodeConsensusMessage(lastSample(rig, "certificate"));
  if (message.kind !== "certificate") throw new Error("not a certificate");
  return encodeConsensusMessage({ kind: "certificate", certificate: change(message.certificate) });
}

export function candidateWith(rig: Rig, envelopes: readonly Uint8Array[]): Uint8Array {
  const list = [...(decode(lastSample(rig, "candidate")) as readonly Value[])];
  list[2] = envelopes;
  return encode(list);
}

export const GOSSIP = WAYS[1];
export const HELLO = WAYS[2];
export const SYNC = WAYS[3];
export const FETCH = WAYS[4];
export const BATCH = WAYS[0];
export type Way = (typeof WAYS)[number];
