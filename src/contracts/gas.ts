/**
 * The gas schedule. One unit is about one WASM instruction of the metered machine; 6000 of them take about a microsecond on a laptop.
 * What happens outside the machine is priced by the time it takes there, so that gas bounds time whatever a contract does; what is kept
 * for ever by every peer costs by bytes on top.
 */
import type { Value } from "../protocol/codec.ts";

export const GAS = {
  /** Restoring the contract's image before a call: some hundred kilobytes copied and cleared. */
  call: 60_000,
  /** Crossing into the host: finding the operation, building and checking its values. */
  hostCall: 2_000,
  /** Each byte that crosses: conversion here, and once more in the codec. */
  crossedByte: 20,
  /** A look-up in the live state. */
  stateRead: 10_000,
  /** One leaf of the state tree rehashed up to the root: 22 microseconds at 100 thousand keys. */
  stateWrite: 130_000,
  /** A byte of state: every peer keeps it, and every newcomer fetches it. */
  stateByte: 100,
  /** An event is hashed into the receipts and indexed by those who ask for it. */
  emit: 20_000,
  eventByte: 40,
  /** Two balances: two leaves of the tree. */
  transfer: 260_000,
  log: 2_000,
} as const;

function utf8Length(text: string): number {
  let length = text.length;
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i);
    if (unit >= 0x80) length += unit >= 0x800 && (unit < 0xd800 || unit > 0xdfff) ? 2 : 1;
  }
  return length;
}

/** Bytes that a value takes in the codec, or a few more: every head counts for its longest usual form, so that nothing need be encoded to know the price. */
export function valueBytes(value: Value): number {
  if (value === null || typeof value === "boolean") return 1;
  if (typeof value === "number") return 9;
  if (typeof value === "string") return 3 + utf8Length(value);
  if (value instanceof Uint8Array) return 3 + value.length;
  let bytes = 3;
  if (Array.isArray(value)) for (const item of value) bytes += valueBytes(item);
  else for (const [key, item] of Object.entries(value)) bytes += 3 + utf8Length(key) + valueBytes(item);
  return bytes;
}
