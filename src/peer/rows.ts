/** How a peer's rows look on disk: blobs, one row a block, because IndexedDB costs by the row (PROTOCOL, "State"). */
import type { BlockInfo, CompleteRecovery } from "../consensus/engine.ts";
import { decodeBlock, encodeBlock, type Block } from "../protocol/block.ts";
import { decode, encode, type Value } from "../protocol/codec.ts";
import { asHash, asVotingKey, toHex, type Hash } from "../protocol/identifiers.ts";
import { LIMITS } from "../protocol/limits.ts";
import { readBoolean, readBytes, readInteger, readList } from "../protocol/schema.ts";
import { certificateToValue, recoveryToValue, valueToCertificate, valueToRecovery, type Certificate } from "../protocol/vote.ts";

const HEIGHT_DIGITS = 12;

export function heightKey(height: number): string {
  return String(height).padStart(HEIGHT_DIGITS, "0");
}

/** Key of a row of `blocks`: a block with a height or a recovery is 0, the empty candidates above it count on. */
export function blockKey(height: number, index: number): string {
  return `${heightKey(height)}/${String(index).padStart(4, "0")}`;
}

export function heightOfKey(key: string): number {
  return Number(key.slice(0, HEIGHT_DIGITS));
}

/** Key in `meta` under which a final block's row is named. */
export function idKey(id: Hash): string {
  return `id/${toHex(id)}`;
}

/** One final block as stored: what it is, what it did, and what proves it. */
export interface BlockRow {
  readonly info: BlockInfo;
  /** Null for a recovery. */
  readonly block: Block | null;
  readonly recovery: CompleteRecovery | null;
  /** `encodeReceipts`, empty for recoveries and empty candidates. */
  readonly receipts: Uint8Array;
  /** Finality certificates that came with it: of this block, or of a descendant in the same epoch. */
  readonly certificates: readonly Certificate[];
}

function infoToValue(info: BlockInfo): Value {
  return [
    info.id,
    info.parent,
    info.epochId,
    info.round,
    info.height,
    info.heightedId,
    info.timeMs,
    info.seats,
    info.sleeping,
    info.endsEpoch,
    info.recovery === null ? null : recoveryToValue(info.recovery),
    info.lastRecovery,
  ];
}

function valueToInfo(value: Value | undefined): BlockInfo {
  const list = readList(value, "info", 12);
  return {
    id: asHash(list[0]),
    parent: list[1] === null ? null : asHash(list[1]),
    epochId: asHash(list[2]),
    round: readInteger(list[3], "round"),
    height: readInteger(list[4], "height"),
    heightedId: asHash(list[5]),
    timeMs: readInteger(list[6], "timeMs"),
    seats: readList(list[7], "seats").map(asVotingKey),
    sleeping: readList(list[8], "sleeping").map(asVotingKey),
    endsEpoch: readBoolean(list[9], "endsEpoch"),
    recovery: list[10] === null ? null : valueToRecovery(list[10]),
    lastRecovery: list[11] === null ? null : asHash(list[11]),
  };
}

export function encodeInfo(info: BlockInfo): Uint8Array {
  return encode(infoToValue(info));
}

/** @throws {Refusal} when the row is not what this peer wrote. */
export function decodeInfo(bytes: Uint8Array): BlockInfo {
  return valueToInfo(decode(bytes, LIMITS.rowBytesMax));
}

export function encodeBlockRow(row: BlockRow): Uint8Array {
  const recovery = row.recovery === null ? null : [recoveryToValue(row.recovery.recovery), row.recovery.signatures];
  const block = row.block === null ? null : encodeBlock(row.block);
  return encode([infoToValue(row.info), block, recovery, row.receipts, row.certificates.map(certificateToValue)]);
}

/** @throws {Refusal} when the row is not what this peer wrote. */
export function decodeBlockRow(bytes: Uint8Array): BlockRow {
  const { blockBytes, ...row } = openBlockRow(bytes);
  return { ...row, block: blockBytes === null ? null : decodeBlock(blockBytes) };
}

/** The same without the work of decoding the block: most who list blocks need its header only. @throws {Refusal} as `decodeBlockRow`. */
export function openBlockRow(bytes: Uint8Array): Omit<BlockRow, "block"> & { readonly blockBytes: Uint8Array | null } {
  const list = readList(decode(bytes, LIMITS.rowBytesMax), "row", 5);
  let recovery: CompleteRecovery | null = null;
  if (list[2] !== null) {
    const pair = readList(list[2], "recovery", 2);
    recovery = {
      recovery: valueToRecovery(pair[0]),
      signatures: readList(pair[1], "signatures").map((item) => readBytes(item, "signature", 64, 64)),
    };
  }
  return {
    info: valueToInfo(list[0]),
    blockBytes: list[1] === null ? null : readBytes(list[1], "block", LIMITS.rowBytesMax),
    recovery,
    receipts: readBytes(list[3], "receipts", LIMITS.rowBytesMax),
    certificates: readList(list[4], "certificates").map(valueToCertificate),
  };
}

/** What a height changed in the state, and what takes it back; both by `encodeChanges`. */
export function encodeStateRow(changes: Uint8Array, undo: Uint8Array): Uint8Array {
  return encode([changes, undo]);
}

/** @throws {Refusal} when the row is not what this peer wrote. */
export function decodeStateRow(bytes: Uint8Array): { readonly changes: Uint8Array; readonly undo: Uint8Array } {
  const list = readList(decode(bytes, LIMITS.rowBytesMax), "row", 2);
  return { changes: readBytes(list[0], "changes", LIMITS.rowBytesMax), undo: readBytes(list[1], "undo", LIMITS.rowBytesMax) };
}

export const META = {
  genesis: "genesis",
  /** Pointer to the newest snapshot: `encodeSnapshotPointer`. */
  snapshot: "snapshot",
  /** `encodeInfo` of the lowest block a branch may begin at. */
  root: "root",
  /** Height and digest of the head, written with every block, to compare after a restart. */
  head: "head",
} as const;

export interface SnapshotPointer {
  readonly height: number;
  readonly chunks: number;
}

/** Of the chunks that `snapshotChunks` gives. */
export function snapshotRows(
  height: number,
  chunks: Iterable<Uint8Array>,
): { readonly pointer: Uint8Array; readonly rows: readonly (readonly [key: string, bytes: Uint8Array])[] } {
  const rows = [...chunks].map((bytes, chunk) => [snapshotKey(height, chunk), bytes] as const);
  return { pointer: encode([height, rows.length]), rows };
}

export function snapshotKey(height: number, chunk: number): string {
  return `snapshot/${heightKey(height)}/${String(chunk).padStart(6, "0")}`;
}

/** @throws {Refusal} when the row is not what this peer wrote. */
export function decodeSnapshotPointer(bytes: Uint8Array): SnapshotPointer {
  const list = readList(decode(bytes, 64), "snapshot", 2);
  return { height: readInteger(list[0], "height"), chunks: readInteger(list[1], "chunks", 1, 1_000_000) };
}

export function encodeHead(info: BlockInfo, stateRoot: Hash): Uint8Array {
  return encode([info.height, info.id, stateRoot]);
}

/** @throws {Refusal} when the row is not what this peer wrote. */
export function decodeHead(bytes: Uint8Array): { readonly height: number; readonly id: Hash; readonly stateRoot: Hash } {
  const list = readList(decode(bytes, 256), "head", 3);
  return { height: readInteger(list[0], "height"), id: asHash(list[1]), stateRoot: asHash(list[2]) };
}
