/** Final blocks out of the peer's own rows, the last few kept decoded: a page of a list reads the same block many times. */
import { BoundedMap } from "../../kit/bounded-map.ts";
import type { BlockInfo } from "../../consensus/engine.ts";
import { decodeReceipts, type Receipt } from "../../ledger/index.ts";
import type { Storage } from "../../peer/ports.ts";
import { blockKey, decodeBlockRow, heightKey, heightOfKey } from "../../peer/rows.ts";
import type { Block } from "../../protocol/block.ts";
import { toHex, type Hash, type HashHex } from "../../protocol/identifiers.ts";
import type { Certificate } from "../../protocol/vote.ts";

/** A final block or recovery with what it did. */
export interface StoredBlock {
  readonly id: Hash;
  readonly height: number;
  readonly timeMs: number;
  readonly info: BlockInfo;
  /** Null for a recovery. */
  readonly block: Block | null;
  readonly receipts: readonly Receipt[];
  /** Seats that signed the recovery, when it is one. */
  readonly recoverySeats: number;
  readonly certificates: readonly Certificate[];
  readonly sizeBytes: number;
}

/** A full block takes some megabytes when decoded. */
const KEPT_BLOCKS_MAX = 6;

export class StoredBlocks {
  readonly #storage: Storage;
  readonly #kept = new BoundedMap<number, StoredBlock>(KEPT_BLOCKS_MAX);

  constructor(storage: Storage) {
    this.#storage = storage;
  }

  /** The final block of a height, if this peer has it. */
  async at(height: number): Promise<StoredBlock | undefined> {
    const known = this.#kept.get(height);
    if (known !== undefined) return known;
    const bytes = await this.#storage.read("blocks", blockKey(height, 0));
    if (bytes === undefined) return undefined;
    const row = decodeBlockRow(bytes);
    const stored: StoredBlock = {
      id: row.info.id,
      height: row.info.height,
      timeMs: row.info.timeMs,
      info: row.info,
      block: row.block,
      receipts: row.receipts.length === 0 ? [] : decodeReceipts(row.receipts),
      recoverySeats: row.recovery?.signatures.length ?? 0,
      certificates: row.certificates,
      sizeBytes: bytes.length,
    };
    this.#kept.set(height, stored);
    return stored;
  }

  /** The id of the block at a height, when it is at hand without reading. */
  keptId(height: number): HashHex | undefined {
    const kept = this.#kept.get(height);
    return kept === undefined ? undefined : toHex(kept.id);
  }

  /** The first finality certificate at or above a height and within the block's own epoch; it makes the block final too. */
  async certificateOf(stored: StoredBlock): Promise<Certificate | undefined> {
    const rows = await this.#storage.range("blocks", { from: blockKey(stored.height, 0), to: heightKey(stored.height + 8), limit: 16 });
    for (const [, bytes] of rows) {
      for (const certificate of decodeBlockRow(bytes).certificates) {
        if (toHex(certificate.epochId) === toHex(stored.info.epochId)) return certificate;
      }
    }
    return undefined;
  }

  /** Heights of which there are rows; nothing when there is none. */
  async span(): Promise<{ readonly from: number; readonly to: number } | undefined> {
    const all = { from: heightKey(0), to: "~", limit: 1 };
    const [[first], [last]] = await Promise.all([
      this.#storage.range("blocks", all),
      this.#storage.range("blocks", { ...all, reverse: true }),
    ]);
    return first === undefined || last === undefined ? undefined : { from: heightOfKey(first[0]), to: heightOfKey(last[0]) };
  }

  /** Forgets decoded blocks above a height: they were undone. */
  forgetAbove(height: number): void {
    for (const [known] of [...this.#kept.entries()]) if (known > height) this.#kept.delete(known);
  }
}
