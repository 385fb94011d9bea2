/** What a newcomer reads instead of all blocks: this peer's snapshots, proofs that their blocks are final, and steps from epoch to epoch. */
import { BoundedMap } from "../kit/bounded-map.ts";
import { equalBytes } from "../kit/bytes.ts";
import { decode, encode } from "../protocol/codec.ts";
import { digest, type Hash } from "../protocol/identifiers.ts";
import { LIMITS } from "../protocol/limits.ts";
import type { Certificate } from "../protocol/vote.ts";
import type { SnapshotOffers } from "./chain-server.ts";
import { stepToValue, valueToProof, valueToStep, type EpochStep, type FinalityProof } from "./epoch-steps.ts";
import type { Outbox } from "./outbox.ts";
import {
  blockKey,
  decodeBlockRow,
  decodeEpochRow,
  decodeRowKey,
  epochKey,
  epochOfKey,
  heightOfKey,
  idKey,
  snapshotKey,
  type BlockRow,
  type EpochRow,
  type SnapshotPointer,
} from "./rows.ts";
import { encodeSnapshotMessage, type OfferedSnapshot, type SnapshotMessage } from "./snapshot-wire.ts";
import type { Turns, Work } from "./turns.ts";

/** A block costs whoever plays it about as much as so many bytes of a snapshot: it is checked and written, too. */
const BYTES_PER_BLOCK = 8 * 1024;
/** Rows in which a certificate of their epoch is looked for: nearly every one has one. */
const SEARCHED_ROWS = 32;
/** Of the first read of an answer of rows; how many more follows from their size. */
const FIRST_HISTORY_ROWS = 16;
/** Of one read, while a block's proof is put together. */
const PROOF_ROWS = 8;

export interface SnapshotServerOptions {
  readonly chain: Hash;
  readonly outbox: Outbox;
  readonly turns: Turns;
  readonly snapshots: () => readonly SnapshotPointer[];
  /** As in `SnapshotPace`. */
  readonly behindMin: number;
  /** Blocks at and below this height are not in storage. */
  readonly floor: () => number;
}

/** The beginning of an epoch, as it is in storage. */
export interface Position {
  readonly rowKey: string;
  readonly row: EpochRow;
}

export class SnapshotServer implements SnapshotOffers {
  readonly #options: SnapshotServerOptions;
  /** Peers that want blocks whatever they are offered. */
  readonly #insisting = new BoundedMap<string, true>(LIMITS.answeredPeersMax);

  constructor(options: SnapshotServerOptions) {
    this.#options = options;
  }

  isWorth(peer: string, height: number): boolean {
    if (height < this.#options.floor()) return true;
    const newest = this.#options.snapshots()[0];
    if (newest === undefined || this.#insisting.has(peer)) return false;
    const behind = newest.height - height;
    return behind >= this.#options.behindMin && behind * BYTES_PER_BLOCK >= newest.bytes;
  }

  offer(peer: string, height: number, end: (bytes: number) => void, otherwise: () => void): void {
    this.#provenOffers(this.#options.snapshots(), [], (snapshots) => {
      if (snapshots.length === 0) return height < this.#options.floor() ? end(0) : otherwise();
      end(this.#send(peer, { kind: "offer", snapshots }));
    });
  }

  /** On its next link it is asked again what it wants. */
  onUnlinked(peer: string): void {
    this.#insisting.delete(peer);
  }

  onMessage(from: string, message: SnapshotMessage, nowMs: number): void {
    const work = this.#workFor(from, message);
    if (work !== null) this.#options.turns.take(from, nowMs, work, { waits: true });
  }

  #workFor(from: string, message: SnapshotMessage): Work | null {
    switch (message.kind) {
      case "blocks":
        this.#insisting.set(from, true);
        return null;
      case "epochs":
        return (end) => this.#stepsAfter(message.after, (steps) => end(this.#send(from, { kind: "steps", after: message.after, steps })));
      case "skip": {
        const { height } = message;
        return (end) => this.#skipTo(height, (step) => end(this.#send(from, { kind: "skipped", height, step })));
      }
      case "chunk": {
        const { height, chunk } = message;
        return (end) =>
          this.#readOne("meta", snapshotKey(height, chunk), (bytes) => end(this.#send(from, { kind: "part", height, chunk, bytes })));
      }
      case "history": {
        const { from: top } = message;
        return (end) => this.#rowsFrom(top, (rows) => end(this.#send(from, { kind: "rows", from: top, rows })));
      }
      case "offer":
      case "steps":
      case "skipped":
      case "part":
      case "rows":
        return null;
    }
  }

  #send(peer: string, message: SnapshotMessage): number {
    const bytes = encodeSnapshotMessage(message);
    this.#options.outbox.network({ kind: "send", peer, protocol: "snapshot", bytes });
    return bytes.length;
  }

  #readOne(table: "meta" | "blocks", key: string, then: (bytes: Uint8Array | null) => void): void {
    this.#options.outbox.read({ table, from: key, to: `${key}!`, limit: 1 }, ([row]) => then(row?.[1] ?? null));
  }

  // ------------------------------------------------------------ offers

  #provenOffers(
    pointers: readonly SnapshotPointer[],
    offers: readonly OfferedSnapshot[],
    then: (offers: readonly OfferedSnapshot[]) => void,
  ): void {
    const [pointer, ...rest] = pointers;
    if (pointer === undefined) return then(offers);
    const { height, chunks, bytes } = pointer;
    const withProof = (proof: FinalityProof | null): void =>
      this.#provenOffers(rest, proof === null ? offers : [...offers, { proof, chunks, bytes }], then);
    if (pointer.proof !== null) return withProof(valueToProof(decode(pointer.proof, LIMITS.rowBytesMax)));
    this.#prove(blockKey(height, 0), blockKey(height, 0), new ProofBuilder(), withProof);
  }

  /** That the block of this row is final, from the rows above it; null where none of them says so yet. */
  #prove(rowKey: string, from: string, builder: ProofBuilder, then: (proof: FinalityProof | null) => void): void {
    this.#options.outbox.read({ table: "blocks", from, to: "~", limit: PROOF_ROWS }, (rows) => {
      for (const [key, bytes] of rows) {
        const row = decodeBlockRow(bytes);
        if ((builder.isEmpty && key !== rowKey) || !builder.takes(row)) return then(null);
        const proof = builder.add(row);
        if (proof !== null) return then(proof);
      }
      const last = rows.at(-1);
      if (last === undefined || rows.length < PROOF_ROWS) return then(null);
      this.#prove(rowKey, `${last[0]}!`, builder, then);
    });
  }

  // ------------------------------------------------------------ blocks, from above

  #rowsFrom(top: Hash, then: (rows: readonly Uint8Array[]) => void): void {
    this.#readOne("meta", idKey(top), (bytes) => {
      if (bytes === null) return then([]);
      const above = heightOfKey(decodeRowKey(bytes)) + 1;
      this.#readDown(blockKey(above, 0), FIRST_HISTORY_ROWS, [], 0, then);
    });
  }

  /** Pages of rows below a key, each as long as the last says it may be, up to the size of an answer. */
  #readDown(to: string, limit: number, taken: readonly Uint8Array[], bytes: number, then: (rows: readonly Uint8Array[]) => void): void {
    this.#options.outbox.read({ table: "blocks", from: "", to, limit, reverse: true }, (rows) => {
      const all = [...taken];
      let size = bytes;
      for (const [, row] of rows) {
        if (all.length > 0 && size + row.length > LIMITS.historyBytesMax) return then(all);
        all.push(row);
        size += row.length;
      }
      const last = rows.at(-1);
      const room = Math.floor(((LIMITS.historyBytesMax - size) * all.length) / Math.max(1, size));
      const next = Math.min(room, LIMITS.giveBlocksMax - all.length);
      if (last === undefined || rows.length < limit || next < 1) return then(all);
      this.#readDown(last[0], next, all, size, then);
    });
  }

  // ------------------------------------------------------------ steps

  #stepsAfter(after: Hash, then: (steps: readonly EpochStep[]) => void): void {
    this.#rowKeyOf(after, (rowKey) => {
      if (rowKey === null) return then([]);
      const from = `${epochKey(rowKey)}!`;
      this.#options.outbox.read({ table: "meta", from, to: epochKey("~"), limit: LIMITS.givenStepsMax }, (rows) => {
        this.#stepsOf(rows.map(positionOf), [], 0, then);
      });
    });
  }

  /** Key of the row of the block that began an epoch; null if it is not known here. */
  #rowKeyOf(epochId: Hash, then: (rowKey: string | null) => void): void {
    if (equalBytes(epochId, this.#options.chain)) return then("");
    this.#readOne("meta", idKey(epochId), (own) => {
      if (own !== null) return then(decodeRowKey(own));
      this.#readOne("meta", epochOfKey(epochId), (given) => then(given === null ? null : decodeRowKey(given)));
    });
  }

  #stepsOf(positions: readonly Position[], steps: readonly EpochStep[], bytes: number, then: (steps: readonly EpochStep[]) => void): void {
    const [position, ...rest] = positions;
    if (position === undefined) return then(steps);
    this.stepAt(position, (step) => {
      const size = step === null ? 0 : encode(stepToValue(step)).length;
      if (step === null || (steps.length > 0 && bytes + size > LIMITS.giveBytesMax)) return then(steps);
      this.#stepsOf(rest, [...steps, step], bytes + size, then);
    });
  }

  /** The step into the epoch that begins here from the one before; null where the rows that tell it are gone. */
  stepAt({ rowKey, row }: Position, then: (step: EpochStep | null) => void): void {
    if (row.step !== null) return then(valueToStep(decode(row.step, LIMITS.rowBytesMax)));
    this.#readOne("blocks", rowKey, (bytes) => {
      if (bytes === null) return then(null);
      const { info, recovery } = decodeBlockRow(bytes);
      if (recovery !== null) return this.#recoveredStep(recovery, row, then);
      this.#prove(rowKey, rowKey, new ProofBuilder(), (proof) => then(proof && { kind: "closed", proof, seats: info.seats }));
    });
  }

  #recoveredStep(complete: NonNullable<BlockRow["recovery"]>, { seats }: EpochRow, then: (step: EpochStep | null) => void): void {
    const { base } = complete.recovery;
    if (equalBytes(base, this.#options.chain)) return then({ kind: "recovered", complete, base: null });
    this.#rowKeyOf(base, (rowKey) => {
      if (rowKey === null) return then(null);
      this.#readOne("blocks", rowKey, (bytes) => {
        const block = bytes === null ? null : decodeBlockRow(bytes).block;
        if (bytes === null || seats === null) return then(null);
        const given = block === null ? null : { header: block.headerBytes, seats: seats.entry, proof: seats.proof };
        then({ kind: "recovered", complete, base: given });
      });
    });
  }

  /** Into the last epoch begun at or below a height, with what was made final in it; null where a recovery began it or nothing is known. */
  #skipTo(height: number, then: (step: EpochStep | null) => void): void {
    const to = epochKey(blockKey(height + 1, 0));
    this.#options.outbox.read({ table: "meta", from: epochKey(""), to, limit: 1, reverse: true }, ([found]) => {
      if (found === undefined) return then(null);
      const position = positionOf(found);
      const { step } = position.row;
      if (step !== null) return this.#skipOfStep(position, valueToStep(decode(step, LIMITS.rowBytesMax)), then);
      this.#readOne("blocks", position.rowKey, (bytes) => {
        const begin = bytes === null ? null : decodeBlockRow(bytes);
        if (begin === null || begin.block === null) return then(null);
        this.#skipWith(position, { header: begin.block.headerBytes, seats: begin.info.seats }, then);
      });
    });
  }

  #skipOfStep(position: Position, step: EpochStep, then: (step: EpochStep | null) => void): void {
    if (step.kind === "skipped") return then(step);
    if (step.kind === "recovered") return then(null);
    this.#skipWith(position, { header: step.proof.headers[0]!, seats: step.seats }, then);
  }

  #skipWith(
    { rowKey, row }: Position,
    begin: Pick<Extract<EpochStep, { kind: "skipped" }>, "header" | "seats">,
    then: (step: EpochStep | null) => void,
  ): void {
    const from = `${epochKey(rowKey)}!`;
    this.#options.outbox.read({ table: "meta", from, to: epochKey("~"), limit: 1 }, ([next]) => {
      const done = (certificate: Certificate | null): void => then(certificate && { kind: "skipped", ...begin, certificate });
      const following = next === undefined ? null : positionOf(next);
      const nextStep = following?.row.step ?? null;
      const given = nextStep === null ? null : certificateOf(valueToStep(decode(nextStep, LIMITS.rowBytesMax)), row.id);
      if (given !== null) return done(given);
      const to = following === null ? "~" : blockKey(heightOfKey(following.rowKey) + 1, 0);
      this.#options.outbox.read({ table: "blocks", from: rowKey, to, limit: SEARCHED_ROWS, reverse: true }, (rows) => {
        const certificates = rows.flatMap(([, bytes]) => certificatesIn(decodeBlockRow(bytes)));
        done(certificates.find((certificate) => equalBytes(certificate.epochId, row.id)) ?? null);
      });
    });
  }
}

export function positionOf([key, bytes]: readonly [key: string, bytes: Uint8Array]): Position {
  return { rowKey: key.slice(epochKey("").length), row: decodeEpochRow(bytes) };
}

function certificatesIn({ certificates, block }: BlockRow): readonly Certificate[] {
  const carried = block?.header.certificate ?? null;
  return [...certificates, ...(carried === null ? [] : [carried])].filter(({ kind }) => kind === "finalize");
}

function certificateOf(step: EpochStep, epochId: Hash): Certificate | null {
  if (step.kind === "recovered") return null;
  const certificate = step.kind === "closed" ? step.proof.certificate : step.certificate;
  return equalBytes(certificate.epochId, epochId) ? certificate : null;
}

/** Headers from a block upwards, until one of the certificates met on the way is of one of them. */
class ProofBuilder {
  readonly #headers: Uint8Array[] = [];
  readonly #ids: Hash[] = [];
  #epochId: Hash | null = null;

  get isEmpty(): boolean {
    return this.#ids.length === 0;
  }

  /** Whether the row goes on with what is here. */
  takes({ info, block }: BlockRow): boolean {
    return (
      block !== null && this.#ids.length < LIMITS.proofHeadersMax && (this.#epochId === null || equalBytes(this.#epochId, info.epochId))
    );
  }

  add(row: BlockRow): FinalityProof | null {
    const { headerBytes } = row.block!;
    this.#epochId = row.info.epochId;
    this.#headers.push(headerBytes);
    this.#ids.push(digest(headerBytes));
    for (const certificate of certificatesIn(row)) {
      const at = this.#ids.findIndex((id) => certificate.candidate !== null && equalBytes(id, certificate.candidate));
      if (at >= 0) return { headers: this.#headers.slice(0, at + 1), certificate };
    }
    return null;
  }
}
