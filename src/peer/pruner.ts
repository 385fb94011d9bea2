/** Lets old blocks go, a page at a time; how the epochs among them began stays, as steps that another can believe (spec/sync.md). */
import { encode } from "../protocol/codec.ts";
import type { Hash } from "../protocol/identifiers.ts";
import { stepToValue } from "./epoch-steps.ts";
import type { Outbox } from "./outbox.ts";
import type { StorageBatch } from "./ports.ts";
import { blockKey, encodeEpochRow, epochKey, epochOfKey, heightOfKey, idKey, openBlockRow } from "./rows.ts";
import { positionOf, type Position, type SnapshotServer } from "./snapshot-server.ts";

/** Of one page: what is read, and gone by one write. */
const PAGE_ROWS = 64;

export interface PrunedBlocks {
  /** All rows at and below this height are to go. */
  readonly height: number;
  /** The block or recovery of that height. */
  readonly id: Hash;
  readonly bytes: number;
  readonly puts: StorageBatch["puts"];
  readonly deletes: StorageBatch["deletes"];
}

export class Pruner {
  readonly #outbox: Outbox;
  readonly #server: SnapshotServer;

  constructor(outbox: Outbox, server: SnapshotServer) {
    this.#outbox = outbox;
    this.#server = server;
  }

  /** The write by which the lowest page of blocks at and below `limit` goes; null where there is none. */
  prune(limit: number, then: (pruned: PrunedBlocks | null) => void): void {
    this.#outbox.read({ table: "blocks", from: "", to: blockKey(limit + 1, 0), limit: PAGE_ROWS }, (rows) => {
      const last = rows.at(-1);
      if (last === undefined) return then(null);
      // The rows of a height go together, and the page may have cut the last one's.
      const above = rows.length < PAGE_ROWS ? limit + 1 : heightOfKey(last[0]);
      const whole = rows.filter(([key]) => heightOfKey(key) < above);
      if (whole.length === 0) return then(null);
      this.#withSteps(whole, then);
    });
  }

  #withSteps(rows: readonly (readonly [key: string, bytes: Uint8Array])[], then: (pruned: PrunedBlocks) => void): void {
    const height = heightOfKey(rows.at(-1)![0]);
    // Also an epoch that began right above: by a recovery, whose base goes.
    const to = epochKey(blockKey(height + 2, 0));
    this.#outbox.read({ table: "meta", from: epochKey(rows[0]![0]), to, limit: rows.length + 1 }, (found) => {
      const positions = found.map(positionOf).filter(({ row }) => row.step === null);
      this.#steps(positions, [], (puts) => {
        const infos = rows.map(([, bytes]) => openBlockRow(bytes).info);
        then({
          height,
          id: infos.at(-1)!.heightedId,
          bytes: rows.reduce((sum, [, bytes]) => sum + bytes.length, 0),
          puts,
          deletes: [...rows.map(([key]) => ["blocks", key] as const), ...infos.map(({ id }) => ["meta", idKey(id)] as const)],
        });
      });
    });
  }

  #steps(positions: readonly Position[], puts: StorageBatch["puts"], then: (puts: StorageBatch["puts"]) => void): void {
    const [position, ...rest] = positions;
    if (position === undefined) return then(puts);
    this.#server.stepAt(position, (step) => {
      const { rowKey, row } = position;
      // One that cannot be told any more is none.
      if (step === null) return this.#steps(rest, puts, then);
      const kept = encodeEpochRow({ id: row.id, step: encode(stepToValue(step)), seats: null });
      this.#steps(rest, [...puts, ["meta", epochKey(rowKey), kept], ["meta", epochOfKey(row.id), encode(rowKey)]], then);
    });
  }
}
