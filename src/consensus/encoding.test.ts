/**
 * Holds `spec/vectors/encoding.json` to the code: the exact bytes and digests of what is signed, hashed, stored and sent. `vitest -u` writes it anew.
 */
import { describe, expect, it } from "vitest";
import { ed25519 } from "@noble/curves/ed25519.js";
import { base58btc } from "multiformats/bases/base58";
import { bytesToHex, compareBytes, concatBytes } from "../kit/bytes.ts";
import { BLOCK_VERSION, createBlock, decodeBlock, encodeBlock, transactionsRootOf } from "../protocol/block.ts";
import { decode, encode } from "../protocol/codec.ts";
import { FrameReader, encodeFrame } from "../protocol/frames.ts";
import { DEFAULT_PARAMETERS, chainOf, decodeGenesis, encodeGenesis, type Genesis } from "../protocol/genesis.ts";
import { accountToDid, asAccountId, asHash, asVotingKey, digest, toHex, type Hash } from "../protocol/identifiers.ts";
import { decodeIntroduction, encodeIntroduction, type Introduction } from "../protocol/introduction.ts";
import { LIMITS } from "../protocol/limits.ts";
import {
  TRANSACTION_VERSION,
  createTransaction,
  decodeTransaction,
  encodeTransactionBody,
  envelopeOf,
  type Transaction,
} from "../protocol/transaction.ts";
import {
  absentBytes,
  aliveBytes,
  certificateToValue,
  quorumOf,
  recoverBytes,
  recoveryBytes,
  statementBytes,
  valueToCertificate,
  type Certificate,
  type Recovery,
  type Statement,
} from "../protocol/vote.ts";
import { decodeFetch, decodeTransactionBatch, encodeFetch, encodeTransactionBatch, type FetchMessage } from "../protocol/wire.ts";
import type { ConsensusMessage } from "./engine.ts";
import { messageChecks } from "./signature-checks.ts";
import { decodeConsensusMessage, encodeConsensusMessage, type WireMessage } from "./wire.ts";

/** 32 equal bytes: a private seed, or a digest whose origin does not matter. */
const fill = (byte: number): Uint8Array => new Uint8Array(32).fill(byte);

type Messages = { readonly [Kind in ConsensusMessage["kind"]]: Extract<ConsensusMessage, { kind: Kind }> };
const KINDS = ["candidate", "vote", "certificate", "alive", "recover", "absent", "hello", "ask", "give"] as const;

/** What does not matter in both blocks. */
const HEADER = {
  version: BLOCK_VERSION,
  height: 1,
  round: 1,
  timeMs: 1_700_000_000_500,
  receiptsRoot: asHash(fill(4)),
  stateRoot: asHash(fill(5)),
  seatsDigest: asHash(fill(6)),
  endsEpoch: false,
  lastRecovery: null,
  certificate: null,
  lateVotes: [],
  alives: [],
} as const;

function transactionVector(chain: Hash, seed: Uint8Array) {
  const sender = asAccountId(ed25519.getPublicKey(seed));
  const bodyBytes = encodeTransactionBody({
    version: TRANSACTION_VERSION,
    chain,
    sender,
    nonce: [3, 7],
    validUntilMs: 1_700_000_600_000,
    fee: 2,
    calls: [["account.transfer", { to: fill(9), amount: 5 }]],
  });
  const transaction = createTransaction(bodyBytes, [[sender, ed25519.sign(bodyBytes, seed)]]);
  return {
    transaction,
    vector: {
      seed: bytesToHex(seed),
      sender: accountToDid(sender),
      body: bytesToHex(bodyBytes),
      id: bytesToHex(transaction.id),
      envelope: bytesToHex(transaction.bytes),
    },
  };
}

const VOTING_SEEDS = [2, 7, 8, 10].map(fill);
/** Four seats, sorted bytewise, with the seeds of their keys. */
const SEATS = VOTING_SEEDS.map((seed) => ({ seed, votingKey: asVotingKey(ed25519.getPublicKey(seed)) })).sort((a, b) =>
  compareBytes(a.votingKey, b.votingKey),
);
/** An epoch of these four; the first epoch of a BoT has one seat. */
const EPOCH = asHash(fill(11));
/** Three of four are a quorum. */
const SIGNERS = [0, 1, 3];

function signedText(signed: Uint8Array, seed: Uint8Array) {
  return { seed: bytesToHex(seed), signed: bytesToHex(signed), signature: bytesToHex(ed25519.sign(signed, seed)) };
}

function signedBy(index: number, bytes: Uint8Array) {
  const { seed, votingKey } = SEATS[index]!;
  return { seat: votingKey, signature: ed25519.sign(bytes, seed) };
}

function certificateOf(statement: Statement): Certificate {
  return { ...statement, signers: SIGNERS, signatures: SIGNERS.map((index) => signedBy(index, statementBytes(statement)).signature) };
}

/** A block of the epoch of four, one message of each kind about it, and what these are made of. */
function makeConsensus(chain: Hash, transaction: Transaction) {
  const before: Statement = { chain, epochId: EPOCH, round: 4, kind: "finalize", candidate: asHash(fill(12)) };
  const block = createBlock(
    {
      ...HEADER,
      chain,
      height: 7,
      epochId: EPOCH,
      round: 5,
      parent: before.candidate!,
      proposer: SEATS[0]!.votingKey,
      transactionsRoot: transactionsRootOf([transaction]),
      certificate: certificateOf(before),
    },
    [transaction],
  );
  const notarize: Statement = { chain, epochId: EPOCH, round: 5, kind: "notarize", candidate: block.id };
  const certificate = certificateOf(notarize);
  const promise = { chain, epochId: EPOCH, lastFinal: before.candidate!, highest: certificate };
  const recovery: Recovery = { chain, epochId: EPOCH, base: block.id, seats: [SEATS[1]!.votingKey, SEATS[3]!.votingKey], sleepers: false };
  const recovers = [1, 3].map((index) => signedBy(index, recoverBytes(digest(recoveryBytes(recovery)))));
  const hint = { chain, epochId: EPOCH, round: 5 };
  const messages: Messages = {
    candidate: {
      kind: "candidate",
      block,
      vote: { ...notarize, ...signedBy(0, statementBytes(notarize)) },
      certificates: [certificateOf({ ...before, kind: "notarize" })],
    },
    vote: { kind: "vote", vote: { ...notarize, ...signedBy(1, statementBytes(notarize)) } },
    certificate: { kind: "certificate", certificate },
    alive: { kind: "alive", alive: { ...promise, ...signedBy(1, aliveBytes(promise)) } },
    recover: { kind: "recover", recover: { recovery, ...recovers[0]! } },
    absent: { kind: "absent", absent: { ...hint, ...signedBy(2, absentBytes(hint)) } },
    hello: { kind: "hello", epochId: EPOCH, lastFinal: block.id, height: 7, known: [block.id, before.candidate!] },
    ask: { kind: "ask", id: block.id },
    give: {
      kind: "give",
      blocks: [block],
      certificates: [certificateOf({ ...notarize, kind: "finalize" })],
      recoveries: [{ recovery, signatures: recovers.map(({ signature }) => signature) }],
      more: true,
    },
  };
  return { block, notarize, certificate, messages };
}

/** Everything that stands in the file, before it is written as text. */
function makeExamples() {
  const seed = fill(1);
  const votingSeed = fill(2);
  const seat = asVotingKey(ed25519.getPublicKey(votingSeed));
  const genesis: Genesis = {
    version: 1,
    kind: "public",
    name: "Vector",
    token: "coal",
    createdMs: 1_700_000_000_000,
    founder: asAccountId(ed25519.getPublicKey(seed)),
    foundingSeat: seat,
    parameters: DEFAULT_PARAMETERS,
    salt: new Uint8Array(16).fill(3),
  };
  const chain = chainOf(encodeGenesis(genesis));
  const { transaction, vector } = transactionVector(chain, seed);
  const block = createBlock(
    { ...HEADER, chain, epochId: chain, parent: chain, proposer: seat, transactionsRoot: transactionsRootOf([transaction]) },
    [transaction],
  );
  return { votingSeed, seat, genesis, chain, transaction, vector, block, consensus: makeConsensus(chain, transaction) };
}

const EXAMPLES = makeExamples();
/** Base58 texts of identity multihashes of Ed25519 keys (libp2p peer-ids specification). */
const PEERS = [13, 14].map((byte) => {
  const key = ed25519.getPublicKey(fill(byte));
  return base58btc.encode(concatBytes(Uint8Array.of(0x00, 0x24, 0x08, 0x01, 0x12, 0x20), key)).slice(1);
});
const INTRODUCTION: Introduction = { chain: toHex(EXAMPLES.chain), peers: PEERS, hears: PEERS.slice(0, 1), left: [] };
const WANTED: FetchMessage = { kind: "wanted", id: 1, envelopes: [envelopeOf(EXAMPLES.transaction)] };
const BODIES: FetchMessage = { kind: "bodies", id: 1, envelopes: [EXAMPLES.transaction.bytes] };

/** What is sent, without the frame that is around it on a stream. */
function wireVectors() {
  const { transaction, consensus } = EXAMPLES;
  const wanted = encodeFetch(WANTED);
  return {
    consensus: Object.fromEntries(KINDS.map((kind) => [kind, bytesToHex(encodeConsensusMessage(consensus.messages[kind]))])),
    transactions: bytesToHex(encodeTransactionBatch([transaction.bytes])),
    fetch: { wanted: bytesToHex(wanted), bodies: bytesToHex(encodeFetch(BODIES)) },
    introduction: bytesToHex(encodeIntroduction(INTRODUCTION)),
    frame: { message: bytesToHex(wanted), bytes: bytesToHex(encodeFrame(wanted)) },
  };
}

/** Members in ascending order of their accounts, the first of them only a reader. */
function otherKinds(genesis: Genesis): readonly Genesis[] {
  const parameters = { ...genesis.parameters, grant: 0, bond: 0, feePerKilobyte: 0, feePerMillionGas: 0 };
  const [owner, reader] = [genesis.founder, asAccountId(fill(1))];
  const others = { ...genesis, parameters, token: null };
  return [
    { ...others, kind: "consortium", members: [[reader, ["read"]] as const, [owner, ["deploy", "transact", "vote"]] as const] },
    { ...others, kind: "private", owner, members: [[reader, ["read"]]] },
  ];
}

/** The file's text. */
function makeEncodingVectors(): string {
  const { votingSeed, seat, genesis, chain, vector, block, consensus } = EXAMPLES;
  const statement = { chain, epochId: chain, round: 1, kind: "notarize", candidate: block.id } as const;
  const recovery = { chain, epochId: chain, base: block.id, seats: [seat], sleepers: false };
  const vectors = {
    genesis: { bytes: bytesToHex(encodeGenesis(genesis)), chain: bytesToHex(chain) },
    ...Object.fromEntries(
      otherKinds(genesis).map((other) => [
        `genesis of a ${other.kind} BoT`,
        { bytes: bytesToHex(encodeGenesis(other)), chain: bytesToHex(chainOf(encodeGenesis(other))) },
      ]),
    ),
    transaction: vector,
    block: { header: bytesToHex(block.headerBytes), id: bytesToHex(block.id), bytes: bytesToHex(encodeBlock(block)) },
    vote: signedText(statementBytes(statement), votingSeed),
    alive: { signed: bytesToHex(aliveBytes({ chain, epochId: chain, lastFinal: chain, highest: null })) },
    recovery: {
      bytes: bytesToHex(recoveryBytes(recovery)),
      digest: bytesToHex(digest(recoveryBytes(recovery))),
      signed: bytesToHex(recoverBytes(digest(recoveryBytes(recovery)))),
    },
    // The ledger's own bytes; `src/ledger/apply-block.test.ts` holds them to this list.
    seat: signedText(encode(["bothy/seat/1", chain, genesis.founder, seat]), votingSeed),
    absent: { signed: bytesToHex(absentBytes({ chain, epochId: chain, round: 1 })) },
    certificate: {
      seats: SEATS.map(({ seed, votingKey }) => ({ seed: bytesToHex(seed), votingKey: bytesToHex(votingKey) })),
      signed: bytesToHex(statementBytes(consensus.notarize)),
      bytes: bytesToHex(encode(certificateToValue(consensus.certificate))),
    },
    wire: wireVectors(),
  };
  return `${JSON.stringify(vectors, null, 2)}\n`;
}

/** A candidate travels without the bodies of its transactions. */
function asReceived(message: ConsensusMessage): WireMessage {
  if (message.kind !== "candidate") return message;
  const { block, ...rest } = message;
  const { id, headerBytes, header } = block;
  return { ...rest, id, headerBytes, header, envelopes: block.transactions.map(envelopeOf) };
}

describe("the published encoding vectors", () => {
  it("are what this code makes", async () => {
    await expect(makeEncodingVectors()).toMatchFileSnapshot("../../spec/vectors/encoding.json");
  });

  it("hold a genesis of each kind, a transaction and blocks that come back as they were", () => {
    const { genesis, transaction, block, consensus } = EXAMPLES;
    for (const one of [genesis, ...otherKinds(genesis)]) expect(decodeGenesis(encodeGenesis(one))).toEqual(one);
    expect(decodeTransaction(transaction.bytes)).toEqual(transaction);
    for (const one of [block, consensus.block]) expect(decodeBlock(encodeBlock(one))).toEqual(one);
  });

  it("hold a certificate of a quorum, whose signatures are over the statement", () => {
    const { certificate, notarize } = EXAMPLES.consensus;
    expect(valueToCertificate(decode(encode(certificateToValue(certificate))))).toEqual(certificate);
    expect(certificate.signers.length).toBe(quorumOf(SEATS.length));
    for (const [at, signer] of certificate.signers.entries())
      expect(ed25519.verify(certificate.signatures[at]!, statementBytes(notarize), SEATS[signer]!.votingKey)).toBe(true);
  });

  it.each(KINDS)("hold a message %s that comes back as it was", (kind) => {
    const message = EXAMPLES.consensus.messages[kind];
    expect(decodeConsensusMessage(encodeConsensusMessage(message))).toEqual(asReceived(message));
  });

  it("hold statements that are signed with the keys of their seats", () => {
    const { messages } = EXAMPLES.consensus;
    const checks = KINDS.flatMap((kind) => {
      const message = decodeConsensusMessage(encodeConsensusMessage(messages[kind]));
      return messageChecks(message, EXAMPLES.chain, { seatsOf: () => SEATS.map(({ votingKey }) => votingKey), sleepersOf: () => [] });
    });
    expect(checks.length).toBeGreaterThan(0);
    for (const { publicKey, message, signature } of checks) expect(ed25519.verify(signature, message, publicKey)).toBe(true);
  });

  it("hold transactions, bodies and introductions that come back as they were", () => {
    const { bytes } = EXAMPLES.transaction;
    expect(decodeTransactionBatch(encodeTransactionBatch([bytes]))).toEqual([bytes]);
    expect(decodeFetch(encodeFetch(WANTED))).toEqual(WANTED);
    expect(decodeFetch(encodeFetch(BODIES))).toEqual(BODIES);
    expect(decodeIntroduction(encodeIntroduction(INTRODUCTION))).toEqual(INTRODUCTION);
    expect(new FrameReader(LIMITS.messageBytesMax).push(encodeFrame(bytes))).toEqual([bytes]);
  });
});
