/**
 * Blocks below a proven one, as a neighbour has them stored, newest first. What each is follows from the digest by which the one above names it; what makes
 * it final is checked anew, so that they can be given to others in turn. Nothing of it is executed: that was done before it became final.
 */
import { messageChecks, type SignatureToCheck } from "../consensus/signature-checks.ts";
import type { BlockInfo } from "../consensus/engine.ts";
import { BoundedMap } from "../kit/bounded-map.ts";
import { equalBytes } from "../kit/bytes.ts";
import { encode } from "../protocol/codec.ts";
import { digest, toHex, type Hash, type HashHex, type VotingKey } from "../protocol/identifiers.ts";
import { LIMITS } from "../protocol/limits.ts";
import { Refusal } from "../protocol/refusal.ts";
import { recoveryBlockId, type Certificate } from "../protocol/vote.ts";
import { infoOfHeader } from "./block-info.ts";
import { blockKey, decodeBlockRow, encodeBlockRow, type BlockRow } from "./rows.ts";

/** A block with a height or a recovery, and the empty candidates above it, in order. */
interface Group {
  readonly rows: readonly BlockRow[];
  /** The block below. */
  readonly next: Hash;
}

/** Rows to be written, and what must be right before. */
export interface ProvenRows {
  readonly rows: readonly (readonly [key: string, row: BlockRow])[];
  readonly checks: readonly SignatureToCheck[];
  /** The block below the last of them. */
  readonly next: Hash;
}

/** Groups whose epoch's seats are not known yet: those of an epoch are told by the block below its last one. */
const HELD_MAX = 64;

function broken(reason: string): Refusal {
  return new Refusal("block-invalid", { reason });
}

export class HistoryPart {
  readonly #chain: Hash;
  readonly #founder: VotingKey;
  /** Seats of epochs, by the blocks seen so far. */
  readonly #seats = new BoundedMap<HashHex, readonly VotingKey[]>(LIMITS.epochsKeptMax);
  #held: Group[] = [];
  #next: Hash;

  /** @param next the block that is wanted first. @param founder the first epoch's only seat. */
  constructor(chain: Hash, next: Hash, founder: VotingKey) {
    this.#chain = chain;
    this.#next = next;
    this.#founder = founder;
  }

  #seatsOf(epochId: Hash): readonly VotingKey[] | undefined {
    return equalBytes(epochId, this.#chain) ? [this.#founder] : this.#seats.get(toHex(epochId));
  }

  /** The block to be asked for. */
  get next(): Hash {
    return this.#next;
  }

  /** Begins again below what was written last. */
  reset(next: Hash): void {
    this.#held = [];
    this.#next = next;
  }

  /**
   * Takes rows, newest first, of which the first group holds the wanted block.
   * @throws {Refusal} when one is not what the block above names, or does not hold together.
   */
  take(rows: readonly Uint8Array[]): ProvenRows {
    let empties: BlockRow[] = [];
    for (const bytes of rows) {
      const row = decodeBlockRow(bytes);
      if (row.block !== null && row.block.header.height === null) empties.unshift(row);
      else {
        this.#held.push(this.#group(row, empties));
        empties = [];
      }
    }
    return this.#provable();
  }

  #group(lowest: BlockRow, empties: readonly BlockRow[]): Group {
    const info = lowest.block === null ? this.#recoveryInfo(lowest) : this.#blockInfo(lowest);
    const known = [info.id];
    const above = empties.map((row): BlockRow => {
      const { id, header } = row.block!;
      if (!known.some((other) => equalBytes(other, header.parent))) throw broken("an empty candidate on another block");
      known.push(id);
      const { parent, epochId, round, timeMs, lastRecovery } = header;
      const own: BlockInfo = { ...info, id, parent, epochId, round, timeMs, endsEpoch: false, recovery: null, lastRecovery };
      return { ...row, info: own, receipts: new Uint8Array(0), recovery: null };
    });
    if (!known.some((id) => equalBytes(id, this.#next))) throw broken("another block");
    this.#learn(info);
    this.#next = info.parent!;
    return { rows: [{ ...lowest, info }, ...above], next: this.#next };
  }

  #blockInfo({ block, info, receipts, recovery }: BlockRow): BlockInfo {
    const { id, header } = block!;
    const { height } = header;
    if (height === null || recovery !== null) throw broken("not a block");
    if (!equalBytes(digest(receipts), header.receiptsRoot)) throw broken("receipts");
    if (!equalBytes(digest(encode([...info.seats])), header.seatsDigest)) throw broken("seats");
    // Who slept then is told nowhere, and matters to nobody any more.
    return infoOfHeader(id, header, height, { seats: info.seats, sleeping: [] });
  }

  #recoveryInfo({ info, recovery: complete }: BlockRow): BlockInfo {
    if (complete === null) throw broken("not a block");
    const { recovery } = complete;
    const id = recoveryBlockId(recovery);
    const seats = this.#seatsOf(id) ?? [];
    const { height, timeMs } = info;
    return {
      id,
      parent: recovery.base,
      epochId: recovery.epochId,
      round: 0,
      height,
      heightedId: id,
      timeMs,
      seats,
      sleeping: [],
      endsEpoch: true,
      recovery,
      lastRecovery: id,
    };
  }

  /** A block that ends its epoch leaves the next one's seats; any other has its own epoch's. */
  #learn({ id, epochId, seats, endsEpoch, recovery }: BlockInfo): void {
    if (recovery === null) this.#seats.set(toHex(endsEpoch ? id : epochId), seats);
  }

  /** The held groups, oldest last, up to the first whose epoch's seats are not known yet. */
  #provable(): ProvenRows {
    const rows: (readonly [key: string, row: BlockRow])[] = [];
    const checks: SignatureToCheck[] = [];
    let next = this.#next;
    let done = 0;
    for (const [index, group] of this.#held.entries()) {
      const below = this.#held[index + 1];
      // Heights of recoveries and of empty candidates are told by the block below.
      if (below === undefined && !equalBytes(group.next, this.#chain)) break;
      this.#checkHeights(group, below);
      const isLate = this.#held.length - index > HELD_MAX;
      if (!isLate && group.rows.some(({ certificates }) => certificates.some((one) => this.#seatsOf(one.epochId) === undefined))) break;
      const ids = group.rows.map(({ info }) => info.id);
      for (const [at, row] of group.rows.entries()) {
        const certificates = row.certificates.filter((one) => this.#counts(one, ids));
        checks.push(...certificates.flatMap((certificate) => this.#checksOf({ kind: "certificate", certificate })));
        if (row.recovery !== null)
          checks.push(...this.#checksOf({ kind: "give", blocks: [], certificates: [], recoveries: [row.recovery], more: false }));
        rows.push([blockKey(row.info.height, at), { ...row, certificates }]);
      }
      next = group.next;
      done++;
    }
    this.#held = this.#held.slice(done);
    return { rows, checks, next };
  }

  #checkHeights(group: Group, below: Group | undefined): void {
    const height = below === undefined ? 0 : below.rows[0]!.info.height;
    if (group.rows[0]!.info.height !== height + 1) throw broken("height");
  }

  #counts(certificate: Certificate, ids: readonly Hash[]): boolean {
    const { kind, candidate, epochId } = certificate;
    return kind === "finalize" && ids.some((id) => candidate !== null && equalBytes(id, candidate)) && this.#seatsOf(epochId) !== undefined;
  }

  #checksOf(message: Parameters<typeof messageChecks>[0]): readonly SignatureToCheck[] {
    return messageChecks(message, this.#chain, { seatsOf: (epochId) => this.#seatsOf(epochId) ?? [], sleepersOf: () => [] });
  }
}

export function encodeRows(rows: ProvenRows["rows"]): readonly (readonly [key: string, bytes: Uint8Array])[] {
  return rows.map(([key, row]) => [key, encodeBlockRow(row)] as const);
}
