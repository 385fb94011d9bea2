/** Statements with valid signatures that no honest peer would make: what a seat whose owner turned against the others can say. */
import { encodeConsensusMessage } from "../consensus/wire.ts";
import { recoveryDigest } from "../consensus/signature-checks.ts";
import type { ConsensusMessage } from "../consensus/engine.ts";
import { compareBytes } from "../kit/bytes.ts";
import type { Random } from "../kit/random.ts";
import type { Keys } from "../peer/ports.ts";
import type { PeerView } from "../peer/view.ts";
import { createBlock, type Block } from "../protocol/block.ts";
import { digest, asHash, asVotingKey, asAccountId, toHex, type Hash, type VotingKey } from "../protocol/identifiers.ts";
import { createTransaction, encodeTransactionBody, TRANSACTION_VERSION } from "../protocol/transaction.ts";
import { absentBytes, aliveBytes, recoverBytes, statementBytes, VOTE_KINDS, type Certificate, type Recovery } from "../protocol/vote.ts";
import { encodeTransactionBatch } from "../protocol/wire.ts";
import { pick, randomBytes } from "./mutations.suite.ts";

/** What a forger knows of the peer that it lies to. */
export interface Victim extends Pick<PeerView, "account"> {
  readonly consensus: Pick<PeerView["consensus"], "epochId" | "round" | "finalId" | "notarizedId" | "seats">;
  readonly final: Pick<PeerView["final"], "timeMs">;
}

export interface Forger {
  readonly chain: Hash;
  readonly votingKey: Uint8Array;
  readonly account: Uint8Array;
  readonly keys: Keys;
  /** Blocks that are final, oldest first. */
  readonly finalBlocks: () => readonly Block[];
  /** Rivals of final blocks that were given before. */
  readonly rivals: Block[];
  /** Certificates that anybody hears, of this place or another. */
  readonly certificates: (epochId: Hash, round: number) => Promise<readonly Certificate[]>;
}

export const SIGNED_KINDS = ["vote", "alive", "recover", "absent", "stranger", "candidate", "rival", "transaction", "claim"] as const;

const randomHash = (random: Random): Hash => asHash(randomBytes(random, 32));

/** Of this chain and epoch mostly: what is of another is refused early. */
function placeOf(random: Random, forger: Forger, peer: Victim): { chain: Hash; epochId: Hash; round: number } {
  const { epochId, round } = peer.consensus;
  return {
    chain: random.below(8) === 0 ? randomHash(random) : forger.chain,
    epochId: random.below(8) === 0 ? randomHash(random) : epochId,
    round: random.below(4) === 0 ? 1 + random.below(2 ** 40) : Math.max(1, round + random.below(7) - 3),
  };
}

function someBlock(random: Random, forger: Forger, peer: Victim): Hash {
  const { rivals } = forger;
  if (rivals.length > 0 && random.below(2) === 0) return pick(random, rivals).id;
  const some = pick(random, forger.finalBlocks()).id;
  return pick(random, [peer.consensus.finalId, peer.consensus.notarizedId, some, randomHash(random), digest(randomBytes(random, 8))]);
}

/** The same block a moment later: as valid as the other, if only it could be executed where it stands. */
export function rivalOf({ header, transactions }: Block): Block {
  return createBlock({ ...header, timeMs: header.timeMs + 1, certificate: null, lateVotes: [], alives: [] }, transactions);
}

function give(random: Random, forger: Forger): ConsensusMessage {
  const rival = rivalOf(pick(random, forger.finalBlocks()));
  forger.rivals.push(rival);
  return { kind: "give", blocks: [rival], certificates: [], recoveries: [], more: random.below(2) === 0 };
}

/** By a seat or a stranger; sometimes for another block, or in another's name. */
async function candidate(
  random: Random,
  { keys, votingKey, finalBlocks }: Forger,
  place: { readonly chain: Hash; readonly epochId: Hash; readonly round: number },
): Promise<ConsensusMessage> {
  const key = random.below(2) === 0 ? votingKey : await keys.create("voting");
  const old = pick(random, finalBlocks());
  const proposer = random.below(4) === 0 ? old.header.proposer : asVotingKey(key);
  const block = createBlock({ ...old.header, ...place, proposer, certificate: null, lateVotes: [], alives: [] }, old.transactions);
  const said = { ...place, kind: "notarize", candidate: random.below(4) === 0 ? randomHash(random) : block.id } as const;
  const vote = { ...said, seat: asVotingKey(key), signature: await keys.sign(key, statementBytes(said)) };
  return { kind: "candidate", block, vote, certificates: [] };
}

/** Of seats in their order, once each. */
function sorted(seats: readonly VotingKey[]): readonly VotingKey[] {
  const byKey = new Map(seats.map((seat) => [toHex(seat), seat]));
  return [...byKey.values()].sort(compareBytes);
}

async function statement(random: Random, forger: Forger, kind: (typeof SIGNED_KINDS)[number], peer: Victim): Promise<ConsensusMessage> {
  if (kind === "rival") return give(random, forger);
  const { chain, epochId, round } = placeOf(random, forger, peer);
  if (kind === "candidate") return candidate(random, forger, { chain, epochId, round });
  const key = kind === "stranger" ? await forger.keys.create("voting") : forger.votingKey;
  const seat = asVotingKey(key);
  const sign = (bytes: Uint8Array): Promise<Uint8Array> => forger.keys.sign(key, bytes);
  if (kind === "alive") {
    const highest = pick(random, [null, ...(await forger.certificates(peer.consensus.epochId, round))]);
    const alive = { chain, epochId, lastFinal: someBlock(random, forger, peer), highest };
    return { kind, alive: { ...alive, seat, signature: await sign(aliveBytes(alive)) } };
  }
  const asStranger = kind === "stranger" ? random.below(3) : null;
  if (kind === "recover" || asStranger === 0) {
    const others = peer.consensus.seats.filter(() => random.below(2) === 0);
    const seats = pick(random, [[seat], [...others, seat], sorted([...others, seat])]);
    const recovery: Recovery = { chain, epochId, base: someBlock(random, forger, peer), seats, sleepers: random.below(2) === 0 };
    return { kind: "recover", recover: { recovery, seat, signature: await sign(recoverBytes(recoveryDigest(recovery))) } };
  }
  if (kind === "absent" || asStranger === 1) {
    return { kind: "absent", absent: { chain, epochId, round, seat, signature: await sign(absentBytes({ chain, epochId, round })) } };
  }
  const voteKind = pick(random, VOTE_KINDS);
  const said = { chain, epochId, round, kind: voteKind, candidate: voteKind === "skip" ? null : someBlock(random, forger, peer) };
  return { kind: "vote", vote: { ...said, seat, signature: await sign(statementBytes(said)) } };
}

async function transactionBatch(random: Random, forger: Forger, peer: Victim): Promise<Uint8Array> {
  const body = encodeTransactionBody({
    version: TRANSACTION_VERSION,
    chain: random.below(4) === 0 ? randomHash(random) : forger.chain,
    sender: asAccountId(random.below(4) === 0 ? peer.account : forger.account),
    nonce: [random.below(16), random.below(3)],
    validUntilMs: peer.final.timeMs + random.below(100_000),
    fee: random.below(4) === 0 ? 0 : 10,
    calls: [
      pick(random, [
        ["account.transfer", { to: randomHash(random), amount: 2 ** 52 }],
        ["account.transfer", { to: "me", amount: -1 }],
        ["seat.evidence", { first: null, second: [] }],
        ["nothing.at-all", null],
      ] as const),
    ],
  });
  return encodeTransactionBatch([createTransaction(body, [[forger.account, await forger.keys.sign(forger.account, body)]]).bytes]);
}

/** Of accounts that nobody knows; few have done the work. */
async function claimBatch(random: Random, forger: Forger, peer: Victim): Promise<Uint8Array> {
  const blocks = forger.finalBlocks();
  const reference = blocks.at(-1 - random.below(Math.min(3, blocks.length)))!.id;
  const claims: Uint8Array[] = [];
  for (let count = 1 + random.below(12); count > 0; count--) {
    const key = await forger.keys.create("account");
    const body = encodeTransactionBody({
      version: TRANSACTION_VERSION,
      chain: forger.chain,
      sender: asAccountId(key),
      nonce: [0, 0],
      validUntilMs: peer.final.timeMs + 100_000,
      fee: 0,
      calls: [["token.claim", { reference, nonce: randomBytes(random, 8) }]],
    });
    claims.push(createTransaction(body, [[key, await forger.keys.sign(key, body)]]).bytes);
  }
  return encodeTransactionBatch(claims);
}

/** Bytes of one such message. */
export async function signedMessage(
  random: Random,
  forger: Forger,
  kind: (typeof SIGNED_KINDS)[number],
  peer: Victim,
): Promise<Uint8Array> {
  if (kind === "transaction") return transactionBatch(random, forger, peer);
  if (kind === "claim") return claimBatch(random, forger, peer);
  return encodeConsensusMessage(await statement(random, forger, kind, peer));
}
