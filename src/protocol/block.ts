/** Blocks: a header, whose digest is the block's identifier, and the transactions it commits to. PROTOCOL, "Blocks and finality". */
import { concatBytes, equalBytes } from "../kit/bytes.ts";
import { decode, encode } from "./codec.ts";
import { asHash, asVotingKey, digest, type Hash, type VotingKey } from "./identifiers.ts";
import { LIMITS } from "./limits.ts";
import { Refusal, requireThat } from "./refusal.ts";
import { readBytes, readBoolean, readInteger, readList } from "./schema.ts";
import { decodeTransaction, envelopeOf, heldBytesOf, type Transaction } from "./transaction.ts";
import {
  aliveToValue,
  certificateToValue,
  valueToAlive,
  valueToCertificate,
  valueToVote,
  voteToValue,
  type Alive,
  type Certificate,
  type Vote,
} from "./vote.ts";

export const BLOCK_VERSION = 1;

export interface BlockHeader {
  readonly version: number;
  readonly chain: Hash;
  /** Null for an empty candidate, which is never in the ledger. */
  readonly height: number | null;
  /** Digest of the block or recovery that began the epoch; the chain's own digest for the first. */
  readonly epochId: Hash;
  readonly round: number;
  readonly parent: Hash;
  readonly timeMs: number;
  readonly proposer: VotingKey;
  readonly transactionsRoot: Hash;
  readonly receiptsRoot: Hash;
  readonly stateRoot: Hash;
  readonly seatsDigest: Hash;
  readonly endsEpoch: boolean;
  /** Digest of the last recovery below this block, or null. */
  readonly lastRecovery: Hash | null;
  /** A finality certificate of an ancestor (or none) and late votes of earlier rounds: who took part. */
  readonly certificate: Certificate | null;
  readonly lateVotes: readonly Vote[];
  /** Standing promises of current seats in this epoch, which end it and so free their signers. At most one of each seat, by seat. */
  readonly alives: readonly Alive[];
}

export interface Block {
  readonly id: Hash;
  readonly headerBytes: Uint8Array;
  readonly header: BlockHeader;
  readonly transactions: readonly Transaction[];
}

function encodeHeader(header: BlockHeader): Uint8Array {
  return encode([
    header.version,
    header.chain,
    header.height,
    header.epochId,
    header.round,
    header.parent,
    header.timeMs,
    header.proposer,
    header.transactionsRoot,
    header.receiptsRoot,
    header.stateRoot,
    header.seatsDigest,
    header.endsEpoch,
    header.lastRecovery,
    header.certificate === null ? null : certificateToValue(header.certificate),
    header.lateVotes.map(voteToValue),
    header.alives.map(aliveToValue),
  ]);
}

/** @throws {Refusal} `encoding-invalid`, `schema-invalid`, `too-large`, `unknown-version`. */
export function decodeHeader(bytes: Uint8Array): BlockHeader {
  const list = readList(decode(bytes, LIMITS.messageBytesMax), "header", 17);
  if (list[0] !== BLOCK_VERSION) throw new Refusal("unknown-version", { version: list[0] ?? null });
  const lateVotes = readList(list[15], "lateVotes");
  requireThat(lateVotes.length <= LIMITS.lateVotesMax, "schema-invalid", { field: "lateVotes" });
  const alives = readList(list[16], "alives");
  requireThat(alives.length <= LIMITS.seatsMax, "schema-invalid", { field: "alives" });
  return {
    version: BLOCK_VERSION,
    chain: asHash(list[1]),
    height: list[2] === null ? null : readInteger(list[2], "height", 1),
    epochId: asHash(list[3]),
    round: readInteger(list[4], "round", 1),
    parent: asHash(list[5]),
    timeMs: readInteger(list[6], "timeMs"),
    proposer: asVotingKey(list[7]),
    transactionsRoot: asHash(list[8]),
    receiptsRoot: asHash(list[9]),
    stateRoot: asHash(list[10]),
    seatsDigest: asHash(list[11]),
    endsEpoch: readBoolean(list[12], "endsEpoch"),
    lastRecovery: list[13] === null ? null : asHash(list[13]),
    certificate: list[14] === null ? null : valueToCertificate(list[14]),
    lateVotes: lateVotes.map(valueToVote),
    alives: alives.map(valueToAlive),
  };
}

export function createBlock(header: BlockHeader, transactions: readonly Transaction[]): Block {
  const headerBytes = encodeHeader(header);
  return { id: digest(headerBytes), headerBytes, header, transactions };
}

/** Digest over the identifiers of the envelopes, signatures included, in order. */
export function transactionsRootOf(transactions: readonly Transaction[]): Hash {
  return rootOfEnvelopes(transactions.map(envelopeOf));
}

/** The same from the digests of the transactions' bytes. */
export function rootOfEnvelopes(digests: readonly Hash[]): Hash {
  return digest(concatBytes(...digests));
}

/** About what it takes in memory, in bytes. */
export function heldBytesOfBlock({ headerBytes, transactions }: Block): number {
  return transactions.reduce((bytes, transaction) => bytes + heldBytesOf(transaction), headerBytes.length);
}

export function encodeBlock(block: Block): Uint8Array {
  return encode([block.headerBytes, block.transactions.map((transaction) => transaction.bytes)]);
}

/** Decodes a block and checks that its transactions are those the header commits to. @throws {Refusal} as its parts do, `root-mismatch`. */
export function decodeBlock(bytes: Uint8Array): Block {
  const list = readList(decode(bytes, LIMITS.messageBytesMax), "block", 2);
  const headerBytes = readBytes(list[0], "headerBytes", LIMITS.messageBytesMax);
  const items = readList(list[1], "transactions");
  requireThat(items.length <= LIMITS.blockTransactionsMax, "too-large", { transactions: items.length });
  const transactions = items.map((item) => decodeTransaction(readBytes(item, "transaction", LIMITS.transactionBytesMax)));
  const header = decodeHeader(headerBytes);
  requireThat(equalBytes(header.transactionsRoot, transactionsRootOf(transactions)), "root-mismatch", { root: "transactions" });
  return { id: digest(headerBytes), headerBytes, header, transactions };
}

/**
 * What a stored block is and how much it carries, without the work of decoding it. Its row was written whole, so only that it is this block is looked at.
 * @throws {Refusal} when it is no block at all.
 */
export function openBlock(bytes: Uint8Array): { readonly id: Hash; readonly transactions: number; readonly bytes: number } {
  const list = readList(decode(bytes, LIMITS.messageBytesMax), "block", 2);
  const id = digest(readBytes(list[0], "headerBytes", LIMITS.messageBytesMax));
  return { id, transactions: readList(list[1], "transactions").length, bytes: bytes.length };
}
