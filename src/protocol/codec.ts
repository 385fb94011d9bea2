/**
 * The canonical codec: DAG-CBOR (IPLD, RFC 8949 core deterministic subset) of one data model.
 * The library's decoder is lenient, so every decoded value is encoded again and compared with the bytes received:
 * unsorted keys, long integers, short floats, -0, `undefined`, tags and invalid UTF-8 all differ and are refused.
 */
import * as dagCbor from "@ipld/dag-cbor";
import { equalBytes, isWellFormed } from "../kit/bytes.ts";
import { LIMITS } from "./limits.ts";
import { Refusal, requireThat } from "./refusal.ts";

/** The data model of everything that is signed, stored in state or handed to a contract. Numbers are safe integers or finite floats. */
export type Value = null | boolean | number | string | Uint8Array | readonly Value[] | ValueMap;
export interface ValueMap {
  readonly [key: string]: Value;
}

/** @throws {Refusal} `encoding-invalid` if the value has no canonical form. */
function assertCanonical(value: unknown, depth: number): void {
  requireThat(depth <= LIMITS.valueDepthMax, "encoding-invalid", { reason: "too deep" });
  if (value === null || typeof value === "boolean" || value instanceof Uint8Array) return;
  if (typeof value === "string") {
    requireThat(isWellFormed(value), "encoding-invalid", { reason: "lone surrogate" });
  } else if (typeof value === "number") {
    requireThat(Number.isFinite(value) && !Object.is(value, -0), "encoding-invalid", { reason: "number" });
    requireThat(!Number.isInteger(value) || Number.isSafeInteger(value), "encoding-invalid", { reason: "integer above 2^53" });
  } else if (Array.isArray(value)) {
    for (const item of value) assertCanonical(item, depth + 1);
  } else if (typeof value === "object" && isPlain(value)) {
    for (const key of Object.keys(value)) {
      requireThat(key !== "__proto__" && isWellFormed(key), "encoding-invalid", { reason: "key" });
      assertCanonical((value as Record<string, unknown>)[key], depth + 1);
    }
  } else throw new Refusal("encoding-invalid", { reason: "type" });
}

function isPlain(value: object): boolean {
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null;
}

/** In Node the library may give a `Buffer`, a window on shared memory whose `slice` copies nothing: everywhere else it is a `Uint8Array`. */
function plainBytes(bytes: Uint8Array): Uint8Array {
  return bytes.constructor === Uint8Array ? bytes : new Uint8Array(bytes);
}

/** Canonical bytes of a value. @throws {Refusal} `encoding-invalid` if it is outside the data model. */
export function encode(value: Value): Uint8Array {
  assertCanonical(value, 0);
  return plainBytes(dagCbor.encode(value));
}

/**
 * The value of canonical bytes; anything that is not the one canonical form is refused.
 * @throws {Refusal} `too-large` above `bytesMax`, `encoding-invalid` otherwise.
 */
export function decode(bytes: Uint8Array, bytesMax: number = LIMITS.messageBytesMax): Value {
  requireThat(bytes.length <= bytesMax, "too-large", { bytes: bytes.length, bytesMax });
  let value: Value;
  let again: Uint8Array;
  try {
    value = dagCbor.decode(bytes);
    assertCanonical(value, 0);
    again = dagCbor.encode(value);
  } catch (error) {
    if (error instanceof Refusal) throw error;
    throw new Refusal("encoding-invalid", { reason: "not DAG-CBOR" });
  }
  requireThat(equalBytes(again, bytes), "encoding-invalid", { reason: "not canonical" });
  return value;
}
