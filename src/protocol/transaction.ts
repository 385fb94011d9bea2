/** Transactions: what is signed, how it is encoded, and the checks that need no state. PROTOCOL, "Transactions". */
import { equalBytes } from "../kit/bytes.ts";
import { decode, encode, type Value } from "./codec.ts";
import { asAccountId, asHash, digest, toHex, type AccountId, type Hash, type HashHex } from "./identifiers.ts";
import { LIMITS } from "./limits.ts";
import { Refusal, requireThat } from "./refusal.ts";
import { readBytes, readInteger, readList, readMap, readText } from "./schema.ts";

export const TRANSACTION_VERSION = 1;

/** One operation (`module.verb`) with its arguments. */
export type Call = readonly [operation: string, arguments_: Value];

export interface TransactionBody {
  readonly version: number;
  readonly chain: Hash;
  readonly sender: AccountId;
  /** Lane of the account's peer (below `LIMITS.lanesMax`) and the lane's next number, from 0. */
  readonly nonce: readonly [lane: number, number: number];
  readonly validUntilMs: number;
  /** The most the sender pays, in the smallest unit of the BoT's token. */
  readonly fee: number;
  /** Atomic together. */
  readonly calls: readonly Call[];
}

export type SignaturePair = readonly [publicKey: Uint8Array, signature: Uint8Array];

export interface Transaction {
  /** The whole envelope as received. */
  readonly bytes: Uint8Array;
  /** The bytes that are signed and that `id` is the digest of, as received. */
  readonly bodyBytes: Uint8Array;
  readonly id: Hash;
  readonly body: TransactionBody;
  readonly signatures: readonly SignaturePair[];
}

interface Names {
  readonly id: HashHex;
  readonly envelope: Hash;
  readonly envelopeKey: HashHex;
}

const names = new WeakMap<Transaction, Names>();

function namesOf(transaction: Transaction): Names {
  let known = names.get(transaction);
  if (known === undefined) {
    const envelope = digest(transaction.bytes);
    names.set(transaction, (known = { id: toHex(transaction.id), envelope, envelopeKey: toHex(envelope) }));
  }
  return known;
}

/** The identifier as the key of a map; made once for each transaction, as are the two below. */
export function idKeyOf(transaction: Transaction): HashHex {
  return namesOf(transaction).id;
}

/** Digest of the whole envelope, signatures included: what blocks commit to. */
export function envelopeOf(transaction: Transaction): Hash {
  return namesOf(transaction).envelope;
}

export function envelopeKeyOf(transaction: Transaction): HashHex {
  return namesOf(transaction).envelopeKey;
}

/** About what it takes in memory, in bytes. */
export function heldBytesOf(transaction: Transaction): number {
  return transaction.bytes.length + LIMITS.decodedTransactionBytes;
}

export function encodeTransactionBody(body: TransactionBody): Uint8Array {
  return encode(body as unknown as Value);
}

export function createTransaction(bodyBytes: Uint8Array, signatures: readonly SignaturePair[]): Transaction {
  return decodeTransaction(encode([bodyBytes, signatures as unknown as Value]));
}

function readBody(bodyBytes: Uint8Array): TransactionBody {
  const map = readMap(decode(bodyBytes, LIMITS.transactionBytesMax), "body", [
    "version",
    "chain",
    "sender",
    "nonce",
    "validUntilMs",
    "fee",
    "calls",
  ]);
  if (map["version"] !== TRANSACTION_VERSION) throw new Refusal("unknown-version", { version: map["version"] ?? null });
  const nonce = readList(map["nonce"], "nonce", 2);
  const calls = readList(map["calls"], "calls");
  requireThat(calls.length >= 1 && calls.length <= LIMITS.callsMax, "schema-invalid", {
    field: "calls",
    expected: `1 to ${LIMITS.callsMax}`,
  });
  return {
    version: TRANSACTION_VERSION,
    chain: asHash(map["chain"]),
    sender: asAccountId(map["sender"]),
    nonce: [readInteger(nonce[0], "nonce.lane", 0, LIMITS.lanesMax - 1), readInteger(nonce[1], "nonce.number")],
    validUntilMs: readInteger(map["validUntilMs"], "validUntilMs"),
    fee: readInteger(map["fee"], "fee"),
    calls: calls.map((call): Call => {
      const pair = readList(call, "call", 2);
      return [readText(pair[0], "operation", 64, 3), pair[1]!];
    }),
  };
}

/**
 * Decodes and checks an envelope's form; signatures are not verified here.
 * @throws {Refusal} `too-large`, `encoding-invalid`, `schema-invalid`, `unknown-version`.
 */
export function decodeTransaction(bytes: Uint8Array): Transaction {
  const envelope = readList(decode(bytes, LIMITS.transactionBytesMax), "transaction", 2);
  const bodyBytes = readBytes(envelope[0], "bodyBytes", LIMITS.transactionBytesMax);
  const signatures = readList(envelope[1], "signatures").map((item): SignaturePair => {
    const pair = readList(item, "signature", 2);
    return [readBytes(pair[0], "publicKey", 32, 32), readBytes(pair[1], "signature", 64, 64)];
  });
  requireThat(signatures.length >= 1 && signatures.length <= LIMITS.signaturesMax, "schema-invalid", { field: "signatures" });
  for (let i = 0; i < signatures.length; i++) {
    for (let j = 0; j < i; j++)
      requireThat(!equalBytes(signatures[i]![0], signatures[j]![0]), "schema-invalid", { field: "signatures", expected: "different keys" });
  }
  return { bytes, bodyBytes, id: digest(bodyBytes), body: readBody(bodyBytes), signatures };
}
