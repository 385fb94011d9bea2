/** Receipts: what became of each transaction of a block, committed to by `receiptsRoot`. */
import { decode, encode, type Value, type ValueMap } from "../protocol/codec.ts";
import { isRejectCode } from "../protocol/codes.ts";
import { asHash, digest, type Hash } from "../protocol/identifiers.ts";
import { LIMITS } from "../protocol/limits.ts";
import { requireThat, type RefusalShape } from "../protocol/refusal.ts";
import { isValueMap, readInteger, readList, readText } from "../protocol/schema.ts";
import type { LedgerEvent, Receipt } from "./types.ts";

const encoded = new WeakMap<readonly Receipt[], Uint8Array>();

function eventToValue(event: LedgerEvent): Value {
  return [event.name, event.data];
}

function receiptToValue(receipt: Receipt): Value {
  const { refusal } = receipt;
  return [
    receipt.transaction,
    refusal === null ? null : [refusal.code, refusal.data],
    receipt.feePaid,
    receipt.gasUsed,
    receipt.results,
    receipt.events.map(eventToValue),
  ];
}

/** Canonical bytes of a block's receipts, in the order of its transactions. */
export function encodeReceipts(receipts: readonly Receipt[]): Uint8Array {
  let bytes = encoded.get(receipts);
  if (bytes === undefined) encoded.set(receipts, (bytes = encode(receipts.map(receiptToValue))));
  return bytes;
}

export function receiptsRootOf(receipts: readonly Receipt[]): Hash {
  return digest(encodeReceipts(receipts));
}

function readValueMap(value: Value | undefined, field: string): ValueMap {
  requireThat(isValueMap(value), "schema-invalid", { field });
  return value;
}

function valueToRefusal(value: Value | undefined): RefusalShape | null {
  if (value === null) return null;
  const [code, data] = readList(value, "refusal", 2);
  requireThat(typeof code === "string" && isRejectCode(code), "schema-invalid", { field: "code" });
  return { code, data: readValueMap(data, "data") };
}

function valueToEvent(value: Value): LedgerEvent {
  const [name, data] = readList(value, "event", 2);
  return { name: readText(name, "name", LIMITS.nameBytesMax), data: readValueMap(data, "data") };
}

/** @throws {Refusal} `encoding-invalid`, `schema-invalid`. */
export function decodeReceipts(bytes: Uint8Array): readonly Receipt[] {
  return readList(decode(bytes, LIMITS.stateBytesMax), "receipts").map((item): Receipt => {
    const list = readList(item, "receipt", 6);
    return {
      transaction: asHash(list[0]),
      refusal: valueToRefusal(list[1]),
      feePaid: readInteger(list[2], "feePaid"),
      gasUsed: readInteger(list[3], "gasUsed"),
      results: readList(list[4], "results"),
      events: readList(list[5], "events").map(valueToEvent),
    };
  });
}
