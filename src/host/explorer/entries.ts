/**
 * What the index says of one block: a sorted list of short texts `key/position`. A key is a letter for its kind and the first 64 bits of an
 * identifier or digest; whoever finds an entry reads the block and compares, so that two things with equal bits do no harm.
 */
import { bytesToHex, utf8 } from "../../kit/bytes.ts";
import { BoundedMap } from "../../kit/bounded-map.ts";
import type { LedgerEvent, Receipt } from "../../ledger/index.ts";
import type { CommittedBlock } from "../../peer/effects.ts";
import type { Value } from "../../protocol/codec.ts";
import { digest } from "../../protocol/identifiers.ts";
import { isValueMap } from "../../protocol/schema.ts";
import type { Transaction } from "../../protocol/transaction.ts";

/** A transaction's place in the ledger. */
export interface Position {
  readonly height: number;
  readonly index: number;
}

/** Base 36 keeps order when padded: heights below 78 thousand million, more transactions than a block may hold. */
const HEIGHT_DIGITS = 7;
const INDEX_DIGITS = 3;
const WHOLE_BLOCK = "zzz";
const KEY_BYTES = 8;
const IDENTIFIER_BYTES = 32;
/** Call arguments name what they touch near their top; deeper values are a contract's own business. */
const MENTION_DEPTH_MAX = 3;

export function positionText({ height, index }: Position): string {
  return height.toString(36).padStart(HEIGHT_DIGITS, "0") + index.toString(36).padStart(INDEX_DIGITS, "0");
}

function blockText(height: number): string {
  return height.toString(36).padStart(HEIGHT_DIGITS, "0") + WHOLE_BLOCK;
}

/** Where an entry points; the index of an entry of a whole block means nothing. */
export function positionOf(entry: string): Position {
  const at = entry.length - HEIGHT_DIGITS - INDEX_DIGITS;
  return { height: heightOf(entry), index: parseInt(entry.slice(at + HEIGHT_DIGITS), 36) };
}

export function heightOf(entry: string): number {
  const at = entry.length - HEIGHT_DIGITS - INDEX_DIGITS;
  return parseInt(entry.slice(at, at + HEIGHT_DIGITS), 36);
}

function bits(identifier: Uint8Array): string {
  return bytesToHex(identifier.subarray(0, KEY_BYTES));
}

const textBits = new BoundedMap<string, string>(1024);

function bitsOfText(text: string): string {
  let known = textBits.get(text);
  if (known === undefined) textBits.set(text, (known = bits(digest(utf8(text)))));
  return known;
}

/** Keys without their positions; an entry begins with one and a slash. */
export const KEYS = {
  transaction: (id: Uint8Array): string => `t${bits(id)}`,
  block: (id: Uint8Array): string => `b${bits(id)}`,
  /** Transactions that were signed by, name or changed this account, device, stream, contract or seat. */
  mention: (identifier: Uint8Array): string => `m${bits(identifier)}`,
  /** Appended packs of a stream, in the order of their sequence numbers. */
  stream: (stream: Uint8Array): string => `r${bits(stream)}`,
  pack: (stream: Uint8Array, sequence: number): string => `r${bits(stream)}${sequence.toString(36).padStart(HEIGHT_DIGITS, "0")}`,
  /** Blocks with an event of a source, of a topic, or of both. */
  event: (source: string | undefined, topic: string | undefined): string => `e${bitsOfText(`${source ?? ""}\n${topic ?? ""}`)}`,
  /** Transactions in which a contract's method took effect. */
  calls: (contract: Uint8Array): string => `c${bits(contract)}`,
  records: "n",
  recordsAbout: (about: string): string => `o${bitsOfText(about)}`,
} as const;

/** Who said an event and what about: the module and its word, or the contract (its digits) and its topic. */
export function sourceOf(event: LedgerEvent): { readonly source: string; readonly topic: string; readonly data: Value } {
  const { contract, topic, data } = event.data;
  if (event.name === "contract.emitted" && contract instanceof Uint8Array && typeof topic === "string") {
    return { source: bytesToHex(contract), topic, data: data ?? null };
  }
  const dot = event.name.indexOf(".");
  return { source: event.name.slice(0, dot), topic: event.name.slice(dot + 1), data: event.data };
}

function collectMentions(value: Value, depth: number, into: Set<string>): void {
  if (value instanceof Uint8Array) {
    if (value.length === IDENTIFIER_BYTES) into.add(KEYS.mention(value));
  } else if (Array.isArray(value)) {
    if (depth < MENTION_DEPTH_MAX) for (const item of value as readonly Value[]) collectMentions(item, depth + 1, into);
  } else if (isValueMap(value) && depth < MENTION_DEPTH_MAX) {
    for (const item of Object.values(value)) collectMentions(item, depth + 1, into);
  }
}

function collectCall(operation: string, arguments_: Value, into: Set<string>): void {
  if (!isValueMap(arguments_)) return;
  const { stream, sequence, about } = arguments_;
  if (operation === "stream.append" && stream instanceof Uint8Array && typeof sequence === "number") into.add(KEYS.pack(stream, sequence));
  if (operation === "record.write" && typeof about === "string") {
    into.add(KEYS.records);
    into.add(KEYS.recordsAbout(about));
  }
}

function transactionKeys(transaction: Transaction, receipt: Receipt | undefined): Set<string> {
  const keys = new Set<string>([KEYS.transaction(transaction.id), KEYS.mention(transaction.body.sender)]);
  for (const [operation, arguments_] of transaction.body.calls) {
    collectMentions(arguments_, 0, keys);
    if (receipt?.refusal === null) collectCall(operation, arguments_, keys);
  }
  for (const result of receipt?.results ?? []) collectMentions(result, MENTION_DEPTH_MAX, keys);
  for (const event of receipt?.events ?? []) {
    collectMentions(event.data, 0, keys);
    const { contract } = event.data;
    if (event.name === "contract.called" && contract instanceof Uint8Array) keys.add(KEYS.calls(contract));
    // A contract's records are events of its call: they have no call of their own.
    if (event.name === "record.written" && typeof event.data["about"] === "string") {
      keys.add(KEYS.records);
      keys.add(KEYS.recordsAbout(event.data["about"]));
    }
  }
  return keys;
}

function eventKeys(events: readonly LedgerEvent[], into: Set<string>): void {
  for (const event of events) {
    const { source, topic } = sourceOf(event);
    into.add(KEYS.event(source, undefined));
    into.add(KEYS.event(undefined, topic));
    into.add(KEYS.event(source, topic));
  }
}

/** All entries of one final block, sorted. */
export function entriesOf(committed: Pick<CommittedBlock, "id" | "height" | "block" | "receipts">): string[] {
  const { height, block, receipts } = committed;
  const entries: string[] = [];
  const blockKeys = new Set<string>([KEYS.block(committed.id)]);
  for (const [index, transaction] of (block?.transactions ?? []).entries()) {
    const receipt = receipts[index];
    const place = positionText({ height, index });
    for (const key of transactionKeys(transaction, receipt)) entries.push(`${key}/${place}`);
    if (receipt !== undefined) eventKeys(receipt.events, blockKeys);
  }
  const place = blockText(height);
  for (const key of blockKeys) entries.push(`${key}/${place}`);
  return entries.sort();
}
