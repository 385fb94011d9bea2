/**
 * A stored row: the bytes and a CRC-32 over table, key and bytes. Blocks and states have digests of their own, but votes and settings have
 * none, and a vote read back wrong is a contradicting vote. So a row that is garbage, cut short or moved is said, and never trusted.
 */
import type { StorageTable } from "../../peer/ports.ts";
import { Refusal } from "../../protocol/refusal.ts";

const CHECKSUM_BYTES = 4;

/** The reflected polynomial of IEEE 802.3. */
const CRC_TABLE = Uint32Array.from({ length: 256 }, (_, byte) => {
  let remainder = byte;
  for (let bit = 0; bit < 8; bit++) remainder = remainder & 1 ? (remainder >>> 1) ^ 0xedb88320 : remainder >>> 1;
  return remainder;
});

/** CRC-32 (IEEE 802.3) of `length` bytes, continued from `crc`. */
export function crc32(bytes: Uint8Array, length: number = bytes.length, crc = 0): number {
  let remainder = ~crc;
  for (let i = 0; i < length; i++) remainder = CRC_TABLE[(remainder ^ bytes[i]!) & 255]! ^ (remainder >>> 8);
  return ~remainder >>> 0;
}

/** Keys are ASCII (see the port), so a unit is a byte. */
function placeChecksum(table: StorageTable, key: string): number {
  const place = `${table}/${key}`;
  return crc32(Uint8Array.from({ length: place.length }, (_, i) => place.charCodeAt(i)));
}

/** A copy of the bytes with their checksum behind them. */
export function sealRow(table: StorageTable, key: string, bytes: Uint8Array): Uint8Array {
  const row = new Uint8Array(bytes.length + CHECKSUM_BYTES);
  row.set(bytes);
  new DataView(row.buffer).setUint32(bytes.length, crc32(bytes, bytes.length, placeChecksum(table, key)));
  return row;
}

/** The bytes of a row. @throws {Refusal} `storage-broken` with the table and key if it is not one that `sealRow` made for this place. */
export function openRow(table: StorageTable, key: string, row: unknown): Uint8Array {
  if (row instanceof Uint8Array && row.length >= CHECKSUM_BYTES) {
    const length = row.length - CHECKSUM_BYTES;
    const stored = new DataView(row.buffer, row.byteOffset).getUint32(length);
    if (stored === crc32(row, length, placeChecksum(table, key))) return row.subarray(0, length);
  }
  throw new Refusal("storage-broken", { table, key });
}
