/** What a peer that is behind is given of stored blocks in one message: rows of one epoch, and what proves them. */
import type { CompleteRecovery, ConsensusMessage } from "../consensus/engine.ts";
import { equalBytes } from "../kit/bytes.ts";
import type { Block } from "../protocol/block.ts";
import { LIMITS } from "../protocol/limits.ts";
import { decodeBlockRow, type BlockRow } from "./rows.ts";

export type Give = Extract<ConsensusMessage, { kind: "give" }>;

/** Rows of one answer, oldest first. */
export class AnswerPart {
  readonly rows: BlockRow[] = [];
  bytes = 0;
  readonly #rowsMax: number;

  constructor(rowsMax: number = LIMITS.giveBlocksMax) {
    this.#rowsMax = rowsMax;
  }

  /** Whether the next row, as stored, belongs into this answer; then it is taken. */
  take(bytes: Uint8Array): boolean {
    if (this.rows.length > 0 && this.bytes + bytes.length > LIMITS.giveBytesMax) return false;
    if (this.rows.length >= this.#rowsMax) return false;
    const row = decodeBlockRow(bytes);
    if (this.rows.length > 0 && !equalBytes(row.info.epochId, this.rows[0]!.info.epochId)) return false;
    this.rows.push(row);
    this.bytes += bytes.length;
    return true;
  }
}

/** Blocks are of use only with a certificate behind them; a part that ends before one comes whole in the hope of more. */
export function upToProof(rows: readonly BlockRow[]): readonly BlockRow[] {
  const last = rows.findLastIndex((row) => row.certificates.length > 0 || row.recovery !== null);
  return last < 0 ? rows : rows.slice(0, last + 1);
}

/** The rows are of one epoch, whose last certificate stands for all blocks below it: with one for each, a long part would be more than a message may hold. */
export function giveOf(rows: readonly BlockRow[], more: boolean): Give {
  return {
    kind: "give",
    blocks: rows.map((row) => row.block).filter((block): block is Block => block !== null),
    certificates: rows.findLast((row) => row.certificates.length > 0)?.certificates ?? [],
    recoveries: rows.map((row) => row.recovery).filter((recovery): recovery is CompleteRecovery => recovery !== null),
    more,
  };
}
