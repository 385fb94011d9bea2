/** The rows of a ledger that begins at a proven block, for an empty storage: its state in chunks, what consensus must know of its epoch, how that was believed. */
import { STRENGTHS, type Strength } from "../consensus/engine.ts";
import { strengthOf } from "../consensus/epochs.ts";
import { encodeBranch, encodeEpoch, recordKeys, type EpochRecord } from "../consensus/records.ts";
import { SEATS_KEY, seatKeysOf } from "../ledger/index.ts";
import { assert } from "../kit/assert.ts";
import { encode } from "../protocol/codec.ts";
import { digest, toHex } from "../protocol/identifiers.ts";
import { infoOfHeader } from "./block-info.ts";
import type { ChunkReader } from "./chunk-reader.ts";
import type { EpochRoad, RoadStep } from "./epoch-road.ts";
import { proofToValue, stepToValue, type FinalityProof } from "./epoch-steps.ts";
import type { StorageBatch } from "./ports.ts";
import {
  META,
  blockKey,
  encodeEpochRow,
  encodeHead,
  encodeHistory,
  encodeInfo,
  encodeJoined,
  encodeSnapshots,
  epochKey,
  epochOfKey,
  idKey,
  snapshotRows,
  type HistoryRow,
} from "./rows.ts";

type Put = StorageBatch["puts"][number];

/** The weakest link of a road (PROTOCOL, "Trust of a newcomer"). */
function weakestOf(path: readonly RoadStep[]): Strength {
  const ranks = path.map(({ epoch: { begunBy } }) =>
    begunBy === null ? 0 : STRENGTHS.indexOf(strengthOf(begunBy.recovery, begunBy.seatsBefore)),
  );
  return STRENGTHS[Math.max(0, ...ranks)]!;
}

export interface ProvenLedger {
  readonly genesis: Uint8Array;
  readonly road: EpochRoad;
  readonly proof: FinalityProof;
  /** With all chunks. */
  readonly reader: ChunkReader;
  /** Of this peer's clock, as the engine's. */
  readonly nowMs: number;
  readonly wallMs: number;
  /** Blocks that are here already. */
  readonly before: HistoryRow["before"];
  readonly blocksBytes: number;
}

export function rowsOfLedger({ genesis, road, proof, reader, nowMs, wallMs, before, blocksBytes }: ProvenLedger): readonly Put[] {
  const { target, height } = road;
  const id = digest(proof.headers[0]!);
  const entry = reader.entry(SEATS_KEY);
  assert(entry !== undefined, "a proven state has its seats");
  const lists = seatKeysOf(entry);
  const { seats, sleeping } = lists;
  const { epochId, endsEpoch, lastRecovery, stateRoot } = target;
  const info = infoOfHeader(id, target, height, lists);
  const own: EpochRecord = {
    id: epochId,
    seats: road.epoch.seats,
    begunBy: road.epoch.begunBy,
    adoptedMs: nowMs,
    final: proof.certificate,
  };
  const next: EpochRecord = { id, seats, begunBy: null, adoptedMs: nowMs, final: null };
  const epochs = endsEpoch ? [own, next] : [own];
  const path: readonly RoadStep[] = endsEpoch
    ? [...road.path, { step: { kind: "closed", proof, seats }, epoch: { id, seats, sleeping, height, lastRecovery, begunBy: null } }]
    : road.path;
  const snapshots = [{ height, chunks: reader.chunks.length, bytes: reader.bytes, proof: encode(proofToValue(proof)) }];
  return [
    ["meta", META.genesis, genesis],
    ["meta", META.snapshots, encodeSnapshots(snapshots)],
    ...snapshotRows(height, reader.chunks).map(([key, row]): Put => ["meta", key, row]),
    ["meta", META.root, encodeInfo(info)],
    ["meta", META.head, encodeHead(info, stateRoot, blocksBytes)],
    ["meta", META.joined, encodeJoined({ height, weakest: weakestOf(road.path), atMs: wallMs })],
    ["meta", META.history, encodeHistory({ floor: height, next: id, before })],
    ["meta", idKey(id), encode(blockKey(height, 0))],
    ...path.flatMap(({ step, epoch }): Put[] => {
      const rowKey = blockKey(epoch.height, 0);
      const row = encodeEpochRow({ id: epoch.id, step: encode(stepToValue(step)), seats: null });
      return [
        ["meta", epochKey(rowKey), row],
        ["meta", epochOfKey(epoch.id), encode(rowKey)],
      ];
    }),
    ...epochs.map((epoch): Put => ["votes", recordKeys.epoch(toHex(epoch.id)), encodeEpoch(epoch)]),
    ["votes", recordKeys.branch, encodeBranch([endsEpoch ? id : epochId])],
  ];
}
