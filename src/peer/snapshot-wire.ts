/** Bytes of the messages by which a newcomer reads a late state and learns to believe it. PROTOCOL, "Joining and following"; spec/wire.md. */
import { decode, encode, type Value } from "../protocol/codec.ts";
import { asHash, type Hash } from "../protocol/identifiers.ts";
import { LIMITS } from "../protocol/limits.ts";
import { requireThat } from "../protocol/refusal.ts";
import { readBytes, readInteger, readList, readOneOf } from "../protocol/schema.ts";
import { proofToValue, stepToValue, valueToProof, valueToStep, type EpochStep, type FinalityProof } from "./epoch-steps.ts";

export interface OfferedSnapshot {
  /** That the block whose state it is, the first of the headers, is final. */
  readonly proof: FinalityProof;
  readonly chunks: number;
  readonly bytes: number;
}

export type SnapshotMessage =
  /** In place of blocks, to a peer that is far behind. Newest first. */
  | { readonly kind: "offer"; readonly snapshots: readonly OfferedSnapshot[] }
  /** Blocks are wanted all the same. */
  | { readonly kind: "blocks" }
  /** The steps after this epoch, one after the other. */
  | { readonly kind: "epochs"; readonly after: Hash }
  | { readonly kind: "steps"; readonly after: Hash; readonly steps: readonly EpochStep[] }
  /** A step to the last epoch begun at or below this height. */
  | { readonly kind: "skip"; readonly height: number }
  | { readonly kind: "skipped"; readonly height: number; readonly step: EpochStep | null }
  | { readonly kind: "chunk"; readonly height: number; readonly chunk: number }
  /** Null where that snapshot is not kept any more. */
  | { readonly kind: "part"; readonly height: number; readonly chunk: number; readonly bytes: Uint8Array | null }
  /** The block with this digest and those below it. */
  | { readonly kind: "history"; readonly from: Hash }
  /** Rows as they are stored (spec/sync.md), newest first; none where that block is not kept. */
  | { readonly kind: "rows"; readonly from: Hash; readonly rows: readonly Uint8Array[] };

function messageToValue(message: SnapshotMessage): Value {
  switch (message.kind) {
    case "offer":
      return [message.kind, message.snapshots.map(({ proof, chunks, bytes }): Value => [proofToValue(proof), chunks, bytes])];
    case "blocks":
      return [message.kind];
    case "epochs":
      return [message.kind, message.after];
    case "steps":
      return [message.kind, message.after, message.steps.map(stepToValue)];
    case "skip":
      return [message.kind, message.height];
    case "skipped":
      return [message.kind, message.height, message.step === null ? null : stepToValue(message.step)];
    case "chunk":
      return [message.kind, message.height, message.chunk];
    case "part":
      return [message.kind, message.height, message.chunk, message.bytes];
    case "history":
      return [message.kind, message.from];
    case "rows":
      return [message.kind, message.from, message.rows];
  }
}

export function encodeSnapshotMessage(message: SnapshotMessage): Uint8Array {
  return encode(messageToValue(message));
}

const LENGTHS: Readonly<Record<SnapshotMessage["kind"], number>> = {
  offer: 2,
  blocks: 1,
  epochs: 2,
  steps: 3,
  skip: 2,
  skipped: 3,
  chunk: 3,
  part: 4,
  history: 2,
  rows: 3,
};
const KINDS = Object.keys(LENGTHS) as SnapshotMessage["kind"][];

function readOffer(value: Value): OfferedSnapshot {
  const list = readList(value, "snapshot", 3);
  return {
    proof: valueToProof(list[0]),
    chunks: readInteger(list[1], "chunks", 1, LIMITS.stateBytesMax),
    bytes: readInteger(list[2], "bytes", 0, LIMITS.stateBytesMax),
  };
}

/** @throws {Refusal} `too-large`, `encoding-invalid`, `schema-invalid`; nothing in it is verified here. */
export function decodeSnapshotMessage(bytes: Uint8Array): SnapshotMessage {
  const list = readList(decode(bytes, LIMITS.messageBytesMax), "message");
  const kind = readOneOf(list[0], "kind", KINDS);
  readList(list, kind, LENGTHS[kind]);
  switch (kind) {
    case "offer": {
      const snapshots = readList(list[1], "snapshots");
      requireThat(snapshots.length <= LIMITS.offeredSnapshotsMax, "too-large", { snapshots: snapshots.length });
      return { kind, snapshots: snapshots.map(readOffer) };
    }
    case "blocks":
      return { kind };
    case "epochs":
      return { kind, after: asHash(list[1]) };
    case "steps": {
      const steps = readList(list[2], "steps");
      requireThat(steps.length <= LIMITS.givenStepsMax, "too-large", { steps: steps.length });
      return { kind, after: asHash(list[1]), steps: steps.map(valueToStep) };
    }
    case "skip":
      return { kind, height: readInteger(list[1], "height") };
    case "skipped":
      return { kind, height: readInteger(list[1], "height"), step: list[2] === null ? null : valueToStep(list[2]) };
    case "chunk":
      return { kind, height: readInteger(list[1], "height"), chunk: readInteger(list[2], "chunk") };
    case "part":
      return {
        kind,
        height: readInteger(list[1], "height"),
        chunk: readInteger(list[2], "chunk"),
        bytes: list[3] === null ? null : readBytes(list[3], "bytes", LIMITS.snapshotChunkBytesMax),
      };
    case "history":
      return { kind, from: asHash(list[1]) };
    case "rows": {
      const rows = readList(list[2], "rows");
      requireThat(rows.length <= LIMITS.giveBlocksMax, "too-large", { rows: rows.length });
      return { kind, from: asHash(list[1]), rows: rows.map((row) => readBytes(row, "row", LIMITS.messageBytesMax)) };
    }
  }
}
