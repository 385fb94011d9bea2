/** Final blocks out of the peer's own rows, the last few kept decoded: a page of a list reads the same block many times. */
import { BoundedMap } from "../../kit/bounded-map.ts";
import type { BlockInfo } from "../../consensus/engine.ts";
import { decodeReceipts, type Receipt } from "../../ledger/index.ts";
import type { Storage } from "../../peer/ports.ts";
import { blockKey, heightKey, heightOfKey, openBlockRow } from "../../peer/rows.ts";
import { decodeHeader, type Block, type BlockHeader } from "../../protocol/block.ts";
import { decode, type Value } from "../../protocol/codec.ts";
import { toHex, type Hash } from "../../protocol/identifiers.ts";
import { readList } from "../../protocol/schema.ts";
import { decodeTransaction, type Transaction } from "../../protocol/transaction.ts";
import type { Certificate } from "../../protocol/vote.ts";

/** A final block or recovery with what it did. Its transactions are decoded when somebody asks for them: a list of blocks does not. */
export class StoredBlock {
  readonly info: BlockInfo;
  readonly certificates: readonly Certificate[];
  /** Null for a recovery. */
  readonly header: BlockHeader | null;
  /** Of header and transactions. */
  readonly sizeBytes: number;
  readonly #envelopes: readonly Value[];
  readonly #headerBytes: Uint8Array;
  readonly #receiptBytes: Uint8Array;
  readonly #transactions = new Map<number, Transaction>();
  #receipts: readonly Receipt[] | null = null;
  #block: Block | null = null;

  /** @throws {Refusal} when the row is not what this peer wrote. */
  constructor(bytes: Uint8Array) {
    const { info, blockBytes, receipts, certificates } = openBlockRow(bytes);
    this.info = info;
    this.certificates = certificates;
    this.#receiptBytes = receipts;
    const [headerBytes, envelopes] = blockBytes === null ? [null, []] : readList(decode(blockBytes), "block", 2);
    this.#headerBytes = headerBytes instanceof Uint8Array ? headerBytes : new Uint8Array(0);
    this.header = headerBytes instanceof Uint8Array ? decodeHeader(headerBytes) : null;
    this.#envelopes = readList(envelopes, "transactions");
    this.sizeBytes = this.#envelopes.reduce<number>((sum, envelope) => sum + (envelope as Uint8Array).length, this.#headerBytes.length);
  }

  get id(): Hash {
    return this.info.id;
  }

  get height(): number {
    return this.info.height;
  }

  get timeMs(): number {
    return this.info.timeMs;
  }

  get transactionCount(): number {
    return this.#envelopes.length;
  }

  transactionAt(index: number): Transaction | undefined {
    const envelope = this.#envelopes[index];
    if (envelope === undefined) return undefined;
    let transaction = this.#transactions.get(index);
    if (transaction === undefined) this.#transactions.set(index, (transaction = decodeTransaction(envelope as Uint8Array)));
    return transaction;
  }

  get receipts(): readonly Receipt[] {
    this.#receipts ??= this.#receiptBytes.length === 0 ? [] : decodeReceipts(this.#receiptBytes);
    return this.#receipts;
  }

  /** Null for a recovery. */
  get block(): Block | null {
    if (this.header === null) return null;
    this.#block ??= {
      id: this.id,
      headerBytes: this.#headerBytes,
      header: this.header,
      transactions: this.#envelopes.map((_, index) => this.transactionAt(index)!),
    };
    return this.#block;
  }
}

/** A full block takes some megabytes when decoded. */
const KEPT_BLOCKS_MAX = 16;

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
    const stored = new StoredBlock(bytes);
    this.#kept.set(height, stored);
    return stored;
  }

  /** The lowest final block at or above a height that this peer has. */
  async firstFrom(height: number): Promise<StoredBlock | undefined> {
    const [row] = await this.#storage.range("blocks", { from: heightKey(height), to: "~", limit: 1 });
    return row === undefined ? undefined : this.at(heightOfKey(row[0]));
  }

  /** The first finality certificate at or above a height and within the block's own epoch; it makes the block final too. */
  async certificateOf(stored: StoredBlock): Promise<Certificate | undefined> {
    const rows = await this.#storage.range("blocks", { from: blockKey(stored.height, 0), to: heightKey(stored.height + 8), limit: 16 });
    for (const [, bytes] of rows) {
      for (const certificate of openBlockRow(bytes).certificates) {
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
