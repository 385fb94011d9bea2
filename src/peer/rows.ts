/** How a peer's rows look on disk: blobs, one row a block, because IndexedDB costs by the row (PROTOCOL, "State"). */
import { STRENGTHS, type BlockInfo, type CompleteRecovery, type Strength } from "../consensus/engine.ts";
import { decodeBlock, encodeBlock, type Block } from "../protocol/block.ts";
import { decode, encode, type Value } from "../protocol/codec.ts";
import { asHash, asVotingKey, toHex, type Hash } from "../protocol/identifiers.ts";
import { LIMITS } from "../protocol/limits.ts";
import { readBoolean, readBytes, readInteger, readList, readOneOf, readText } from "../protocol/schema.ts";
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

/** What such a row holds: the key in `blocks`. @throws {Refusal} when the row is not what this peer wrote. */
export function decodeRowKey(bytes: Uint8Array): string {
  return readText(decode(bytes, 64), "key", 64);
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
  /** Which snapshots are there: `encodeSnapshots`. */
  snapshots: "snapshots",
  /** `encodeInfo` of the lowest block a branch may begin at. */
  root: "root",
  /** Where this ledger begins, if not with the genesis: `encodeJoined`. */
  joined: "joined",
  /** Which of the old blocks are there, if not all: `encodeHistory`. */
  history: "history",
  /** Height and digest of the head, written with every block, to compare after a restart. */
  head: "head",
} as const;

/** What a block costs to be played again, beside the bytes that it changes: its signatures and hashes, as if it had changed so much. */
const BLOCK_COST_BYTES = 4096;

/** What a block adds to the worth of the next snapshot, in bytes. */
export function replayCostOf(stateRow: Uint8Array): number {
  return BLOCK_COST_BYTES + stateRow.length;
}

/** A snapshot in storage. */
export interface SnapshotPointer {
  readonly height: number;
  readonly chunks: number;
  readonly bytes: number;
  /** `proofToValue` that its block is final, where the blocks above it that say so are not in storage: as it was given with the snapshot. */
  readonly proof: Uint8Array | null;
}

/** The newest, and the one before, which whoever is reading it can read to its end. */
export const SNAPSHOTS_KEPT = 2;

export function encodeSnapshots(snapshots: readonly SnapshotPointer[]): Uint8Array {
  return encode(snapshots.map(({ height, chunks, bytes, proof }): Value => [height, chunks, bytes, proof]));
}

/** Newest first. @throws {Refusal} when the row is not what this peer wrote. */
export function decodeSnapshots(row: Uint8Array): readonly SnapshotPointer[] {
  return readList(decode(row, LIMITS.rowBytesMax), "snapshots").map((item) => {
    const list = readList(item, "snapshot", 4);
    return {
      height: readInteger(list[0], "height"),
      chunks: readInteger(list[1], "chunks", 1, 1_000_000),
      bytes: readInteger(list[2], "bytes"),
      proof: list[3] === null ? null : readBytes(list[3], "proof", LIMITS.rowBytesMax),
    };
  });
}

/** Of the chunks that `snapshotChunks` gives. */
export function snapshotRows(height: number, chunks: readonly Uint8Array[]): readonly (readonly [key: string, bytes: Uint8Array])[] {
  return chunks.map((bytes, chunk) => [snapshotKey(height, chunk), bytes] as const);
}

export function snapshotKey(height: number, chunk: number): string {
  return `snapshot/${heightKey(height)}/${String(chunk).padStart(6, "0")}`;
}

/** `blocksBytes`: about what all rows of `blocks` take. */
export function encodeHead(info: BlockInfo, stateRoot: Hash, blocksBytes: number): Uint8Array {
  return encode([info.height, info.id, stateRoot, blocksBytes]);
}

/** @throws {Refusal} when the row is not what this peer wrote. */
export function decodeHead(bytes: Uint8Array): {
  readonly height: number;
  readonly id: Hash;
  readonly stateRoot: Hash;
  readonly blocksBytes: number;
} {
  const list = readList(decode(bytes, 256), "head", 4);
  const height = readInteger(list[0], "height");
  return { height, id: asHash(list[1]), stateRoot: asHash(list[2]), blocksBytes: readInteger(list[3], "blocksBytes") };
}

const EPOCH = "epoch/";

/** Key in `meta` of what is known of an epoch's beginning, in the order of the rows of `blocks`. */
export function epochKey(rowKey: string): string {
  return `${EPOCH}${rowKey}`;
}

/** Key in `meta` under which an epoch's `epochKey` is found, where no row of a block tells it. */
export function epochOfKey(id: Hash): string {
  return `epoch-of/${toHex(id)}`;
}

/** How an epoch began, for those who will have to believe its seats. */
export interface EpochRow {
  /** Of the block or recovery that began it. */
  readonly id: Hash;
  /** `stepToValue`, where it was given; else it is in the rows of blocks. */
  readonly step: Uint8Array | null;
  /** Of a recovery: the state's entry `seats` at its base, and the proof, which cannot be made any more later. */
  readonly seats: { readonly entry: Uint8Array; readonly proof: Uint8Array } | null;
}

export function encodeEpochRow({ id, step, seats }: EpochRow): Uint8Array {
  return encode([id, step, seats === null ? null : [seats.entry, seats.proof]]);
}

/** @throws {Refusal} when the row is not what this peer wrote. */
export function decodeEpochRow(bytes: Uint8Array): EpochRow {
  const list = readList(decode(bytes, LIMITS.rowBytesMax), "epoch", 3);
  const pair = list[2] === null ? null : readList(list[2], "seats", 2);
  return {
    id: asHash(list[0]),
    step: list[1] === null ? null : readBytes(list[1], "step", LIMITS.rowBytesMax),
    seats:
      pair === null
        ? null
        : { entry: readBytes(pair[0], "entry", LIMITS.rowBytesMax), proof: readBytes(pair[1], "proof", LIMITS.rowBytesMax) },
  };
}

/** Where blocks end that are in storage without a gap from above. */
export interface HistoryEnd {
  /** Blocks at and below this height are not there; 0 when all are. */
  readonly floor: number;
  /** The block that is wanted next: the one below the lowest that is there. */
  readonly next: Hash;
}

/** Which of the old blocks are in storage. */
export interface HistoryRow extends HistoryEnd {
  /** Blocks below the gap, from this head on downwards, which were here when a snapshot was taken in. */
  readonly before: { readonly head: Hash; readonly end: HistoryEnd } | null;
}

/** A ledger that begins with a snapshot. */
export interface Joined {
  /** Of the snapshot's block. */
  readonly height: number;
  /** The weakest link on the way from what was believed before. */
  readonly weakest: Strength;
  readonly atMs: number;
}

function endToValue({ floor, next }: HistoryEnd): Value {
  return [floor, next];
}

function valueToEnd(value: Value | undefined): HistoryEnd {
  const list = readList(value, "history", 2);
  return { floor: readInteger(list[0], "floor"), next: asHash(list[1]) };
}

export function encodeHistory({ floor, next, before }: HistoryRow): Uint8Array {
  return encode([endToValue({ floor, next }), before === null ? null : [before.head, endToValue(before.end)]]);
}

/** @throws {Refusal} when the row is not what this peer wrote. */
export function decodeHistory(bytes: Uint8Array): HistoryRow {
  const list = readList(decode(bytes, 1024), "history", 2);
  const pair = list[1] === null ? null : readList(list[1], "before", 2);
  return { ...valueToEnd(list[0]), before: pair === null ? null : { head: asHash(pair[0]), end: valueToEnd(pair[1]) } };
}

export function encodeJoined({ height, weakest, atMs }: Joined): Uint8Array {
  return encode([height, weakest, atMs]);
}

/** @throws {Refusal} when the row is not what this peer wrote. */
export function decodeJoined(bytes: Uint8Array): Joined {
  const list = readList(decode(bytes, 256), "joined", 3);
  return {
    height: readInteger(list[0], "height", 1),
    weakest: readOneOf(list[1], "weakest", STRENGTHS),
    atMs: readInteger(list[2], "atMs"),
  };
}
