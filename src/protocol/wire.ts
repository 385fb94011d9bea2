/** What peers tell each other beside consensus: batches of transactions, and bodies asked for by digest. PROTOCOL, "Wire". */
import { decode, encode } from "./codec.ts";
import { asHash, type Hash } from "./identifiers.ts";
import { LIMITS } from "./limits.ts";
import { requireThat } from "./refusal.ts";
import { readBytes, readInteger, readList, readOneOf } from "./schema.ts";

/** Gossip on `transactions`: envelopes as they were signed. */
export function encodeTransactionBatch(envelopes: readonly Uint8Array[]): Uint8Array {
  return encode(envelopes);
}

/** @throws {Refusal} `too-large`, `encoding-invalid`, `schema-invalid`. */
export function decodeTransactionBatch(bytes: Uint8Array): readonly Uint8Array[] {
  const list = readList(decode(bytes, LIMITS.messageBytesMax), "batch");
  requireThat(list.length <= LIMITS.transactionBatchMax, "too-large", { transactions: list.length });
  return list.map((item) => readBytes(item, "transaction", LIMITS.transactionBytesMax));
}

const FETCH_KINDS = ["wanted", "bodies"] as const;

/** On the stream `fetch`: envelopes wanted, named by the digest of their bytes, and what the asked peer has of them. */
export type FetchMessage =
  | { readonly kind: "wanted"; readonly id: number; readonly envelopes: readonly Hash[] }
  | { readonly kind: "bodies"; readonly id: number; readonly envelopes: readonly Uint8Array[] };

export function encodeFetch(message: FetchMessage): Uint8Array {
  return encode([message.kind, message.id, message.envelopes]);
}

/** @throws {Refusal} `too-large`, `encoding-invalid`, `schema-invalid`. */
export function decodeFetch(bytes: Uint8Array): FetchMessage {
  const list = readList(decode(bytes, LIMITS.messageBytesMax), "fetch", 3);
  const kind = readOneOf(list[0], "kind", FETCH_KINDS);
  const id = readInteger(list[1], "id");
  const items = readList(list[2], "envelopes");
  requireThat(items.length <= LIMITS.blockTransactionsMax, "too-large", { envelopes: items.length });
  if (kind === "wanted") return { kind, id, envelopes: items.map(asHash) };
  return { kind, id, envelopes: items.map((item) => readBytes(item, "envelope", LIMITS.transactionBytesMax)) };
}
