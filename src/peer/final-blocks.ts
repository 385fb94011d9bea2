/**
 * What happens when blocks become final: the state moves on, one transaction writes the blocks, what they changed and what
 * consensus needs with them; the other way when a better branch replaces some.
 */
import type { BlockInfo, CompleteRecovery, FinalizedEffect } from "../consensus/engine.ts";
import { assert } from "../kit/assert.ts";
import { equalBytes } from "../kit/bytes.ts";
import { SEATS_KEY, encodeChanges, encodeReceipts, snapshotChunks } from "../ledger/index.ts";
import { encode } from "../protocol/codec.ts";
import { toHex, type Hash, type HashHex } from "../protocol/identifiers.ts";
import { LIMITS } from "../protocol/limits.ts";
import { Refusal } from "../protocol/refusal.ts";
import type { Transaction } from "../protocol/transaction.ts";
import type { Certificate } from "../protocol/vote.ts";
import type { CommittedBlock } from "./effects.ts";
import type { ExecutedBlock, LedgerChain } from "./ledger-chain.ts";
import type { Outbox } from "./outbox.ts";
import type { StorageBatch } from "./ports.ts";
import {
  META,
  SNAPSHOTS_KEPT,
  blockKey,
  decodeBlockRow,
  encodeBlockRow,
  encodeEpochRow,
  encodeHead,
  encodeInfo,
  encodeSnapshots,
  encodeStateRow,
  epochKey,
  heightKey,
  idKey,
  replayCostOf,
  snapshotKey,
  snapshotRows,
  type BlockRow,
  type SnapshotPointer,
} from "./rows.ts";
import type { Transactions } from "./transactions.ts";

type Put = StorageBatch["puts"][number];
type Delete = StorageBatch["deletes"][number];

interface SnapshotWrite {
  puts: Put[];
  readonly deletes: Delete[];
}

export interface FinalBlocksOptions {
  readonly chain: LedgerChain;
  readonly outbox: Outbox;
  readonly transactions: Transactions;
  /** Of storage: snapshots, newest first; what replaying the blocks since would cost (`replayCostOf`); the lowest height whose `states` row is kept; what all rows of blocks take; keys of rows that a switch may still remove. */
  readonly restored: {
    readonly snapshots: readonly SnapshotPointer[];
    readonly replayCost: number;
    readonly statesFrom: number;
    readonly blocksBytes: number;
    readonly rowKeys: ReadonlyMap<HashHex, string>;
  };
  /** As in `SnapshotPace`. */
  readonly snapshotCostMin: number;
  readonly onHalt: (refusal: Refusal) => void;
}

export class FinalBlocks {
  readonly #options: FinalBlocksOptions;
  readonly #rowKeys: Map<HashHex, string>;
  #lastRow: { height: number; index: number };
  #snapshots: readonly SnapshotPointer[];
  #replayCost: number;
  #statesFrom: number;
  #blocksBytes: number;
  /** Whether the snapshot in storage is of a branch that was left: it must go in the very write that leaves it, or the next start brings it back. */
  #snapshotLeft = false;
  #rootId: HashHex | null = null;
  #rootHeight = 0;
  #deletes: Delete[] = [];
  /** What blocks carried that were undone just now. */
  #undone: readonly Transaction[] | null = null;
  #undoneAbove: number | null = null;
  #writingBytes = 0;
  #split: { readonly epochId: Hash; readonly recovery: Hash; readonly sinceHeight: number } | null = null;

  constructor(options: FinalBlocksOptions) {
    this.#options = options;
    this.#rowKeys = new Map(options.restored.rowKeys);
    this.#snapshots = options.restored.snapshots;
    this.#replayCost = options.restored.replayCost;
    this.#statesFrom = options.restored.statesFrom;
    this.#blocksBytes = options.restored.blocksBytes;
    const last = [...options.restored.rowKeys.values()].sort().at(-1);
    this.#lastRow = { height: options.chain.head.height, index: last === undefined ? 0 : Number(last.split("/")[1]) };
  }

  get split(): { readonly epochId: Hash; readonly recovery: Hash; readonly sinceHeight: number } | null {
    return this.#split;
  }

  /** Of final blocks that storage has not written yet. */
  get writingBytes(): number {
    return this.#writingBytes;
  }

  /** About what all rows of blocks take, in bytes. */
  get blocksBytes(): number {
    return this.#blocksBytes;
  }

  /** Old blocks came, or went. */
  onHistory(bytes: number): void {
    this.#blocksBytes = Math.max(0, this.#blocksBytes + bytes);
  }

  /** Blocks below this height no branch begins at, and no snapshot that is kept needs. */
  get prunableBelow(): number {
    return Math.min(this.#rootHeight, this.#snapshots.at(-1)?.height ?? 0);
  }

  /** In storage or on the way there, newest first. */
  get snapshots(): readonly SnapshotPointer[] {
    return this.#snapshots;
  }

  onSplit(epochId: Hash, recovery: Hash): void {
    this.#split = { epochId, recovery, sinceHeight: this.#options.chain.info(epochId)?.height ?? 0 };
  }

  // ------------------------------------------------------------ forward

  finalize(effect: FinalizedEffect): void {
    const { chain, outbox, transactions } = this.#options;
    this.#moveRoot(effect.root);
    if (effect.restored) return;
    const puts: Put[] = effect.puts.map(([key, bytes]) => ["votes", key, bytes] as const);
    const committed: CommittedBlock[] = [];
    const written: ExecutedBlock[] = [];
    const snapshot: SnapshotWrite = { puts: [], deletes: [] };
    const left = this.#snapshotLeft;
    for (const [index, id] of effect.blocks.entries()) {
      const executed = chain.executed(id);
      assert(executed !== undefined, "a final block was executed");
      written.push(executed);
      this.#putBlock(executed, certificatesOf(effect, index, executed, chain), recoveryOf(effect, executed.info), puts);
      // At this very block, so that all who count alike keep the same snapshots, and whoever reads one has it from several.
      if (hasBody(executed) && this.#isSnapshotDue()) this.#takeSnapshot(snapshot);
      if (!equalBytes(executed.info.heightedId, id)) continue;
      committed.push(committedOf(executed));
      if (executed.block !== null) transactions.onFinal(executed.block.transactions, executed.receipts, executed.info.height);
    }
    puts.push(["meta", META.head, encodeHead(chain.head, chain.state.root(), this.#blocksBytes)]);
    const root = chain.info(effect.root);
    if (root !== undefined) puts.push(["meta", META.root, encodeInfo(root)]);
    if (this.#snapshotLeft) this.#takeSnapshot(snapshot);
    if (left) {
      puts.push(...snapshot.puts);
      this.#deletes.push(...snapshot.deletes);
    }
    const deletes: Delete[] = [...effect.deletes.map((key) => ["votes", key] as const), ...withoutWritten(this.#deletes, puts)];
    const undoneAbove = this.#undoneAbove;
    const undone = this.#undone;
    this.#deletes = [];
    this.#undone = null;
    this.#undoneAbove = null;
    if (undone !== null) {
      const back = transactions.onUndone(undone);
      puts.push(...back.puts);
      deletes.push(...back.deletes);
    }
    // PROTOCOL, "Recovery": what the other branch carried waits again by the very write of the switch.
    const bytes = puts.reduce((sum, [, , row]) => sum + row.length, 0);
    this.#writingBytes += bytes;
    outbox.store({ puts, deletes, strict: undone !== null }, (refusal) => {
      this.#writingBytes -= bytes;
      if (refusal !== null) return this.#options.onHalt(new Refusal(refusal.code, refusal.data));
      chain.leaveToStorage(written);
      outbox.emit({ kind: "committed", blocks: committed, undoneAbove });
    });
    if (!left && snapshot.puts.length > 0) {
      outbox.store({ puts: snapshot.puts, deletes: withoutWritten(snapshot.deletes, snapshot.puts), strict: false }, (refusal) => {
        if (refusal !== null) this.#options.onHalt(new Refusal(refusal.code, refusal.data));
      });
    }
  }

  #putBlock(executed: ExecutedBlock, certificates: readonly Certificate[], recovery: CompleteRecovery | null, puts: Put[]): void {
    const { chain } = this.#options;
    const { info, block, receipts } = executed;
    const heighted = equalBytes(info.heightedId, info.id);
    const seats = info.recovery === null ? null : { entry: encode(chain.state.get(SEATS_KEY)!), proof: chain.state.prove(SEATS_KEY) };
    const { changes, undo } = chain.finalize(info.id);
    this.#lastRow = { height: info.height, index: heighted ? 0 : this.#lastRow.index + 1 };
    const key = blockKey(info.height, this.#lastRow.index);
    this.#rowKeys.set(toHex(info.id), key);
    const row: BlockRow = { info, block, recovery, receipts: heighted ? encodeReceipts(receipts) : new Uint8Array(0), certificates };
    const rowBytes = encodeBlockRow(row);
    this.#blocksBytes += rowBytes.length;
    puts.push(["blocks", key, rowBytes], ["meta", idKey(info.id), encode(key)]);
    if (!heighted) return;
    if (info.endsEpoch) puts.push(["meta", epochKey(key), encodeEpochRow({ id: info.id, step: null, seats })]);
    const stateRow = encodeStateRow(encodeChanges(changes), encodeChanges(undo));
    this.#replayCost += replayCostOf(stateRow);
    puts.push(["states", heightKey(info.height), stateRow]);
  }

  #moveRoot(root: Hash): void {
    const id = toHex(root);
    if (id === this.#rootId) return;
    const info = this.#options.chain.info(root);
    if (info === undefined) return;
    this.#rootId = id;
    this.#rootHeight = info.height;
    this.#options.chain.pruneBelow(info.height);
  }

  #isSnapshotDue(): boolean {
    return this.#snapshotLeft || this.#replayCost >= Math.max(this.#options.snapshotCostMin, this.#snapshots[0]?.bytes ?? 0);
  }

  /** Of the state as it is now, in place of the oldest that is kept. */
  #takeSnapshot(write: SnapshotWrite): void {
    const { chain } = this.#options;
    const { height } = chain.head;
    const chunks = [...snapshotChunks(chain.state)];
    const bytes = chunks.reduce((sum, chunk) => sum + chunk.length, 0);
    const kept = this.#snapshots.slice(0, this.#snapshotLeft ? 0 : SNAPSHOTS_KEPT - 1);
    for (const old of this.#snapshots.slice(kept.length)) {
      const keys = new Set(Array.from({ length: old.chunks }, (_, chunk) => snapshotKey(old.height, chunk)));
      // One that this very write would bring, where many blocks became final at once.
      write.puts = write.puts.filter(([, key]) => !keys.has(key));
      for (const key of keys) write.deletes.push(["meta", key]);
    }
    this.#snapshots = [{ height, chunks: chunks.length, bytes, proof: null }, ...kept];
    write.puts = write.puts.filter(([, key]) => key !== META.snapshots);
    write.puts.push(["meta", META.snapshots, encodeSnapshots(this.#snapshots)]);
    write.puts.push(...snapshotRows(height, chunks).map(([key, row]): Put => ["meta", key, row]));
    const keepFrom = Math.min(height, this.#rootHeight) + 1;
    for (let at = this.#statesFrom; at < keepFrom; at++) write.deletes.push(["states", heightKey(at)]);
    this.#statesFrom = Math.max(this.#statesFrom, keepFrom);
    this.#replayCost = 0;
    this.#snapshotLeft = false;
  }

  /** Rows of the state that is here, for a write that puts another in its place. */
  stateRows(puts: readonly Put[]): readonly Delete[] {
    const rows: Delete[] = this.#snapshots.flatMap(({ height, chunks }) =>
      Array.from({ length: chunks }, (_, chunk): Delete => ["meta", snapshotKey(height, chunk)]),
    );
    for (let at = this.#statesFrom; at <= this.#options.chain.head.height; at++) rows.push(["states", heightKey(at)]);
    return withoutWritten(rows, puts);
  }

  // ------------------------------------------------------------ back

  /**
   * Final blocks were left for a better branch, whose `finalized` comes next and is written together with this. `then` is called once what they carried
   * is at hand, and never if it cannot be read.
   */
  undo(undone: readonly Hash[], common: Hash, then: () => void): void {
    this.#options.transactions.beforeUndone();
    this.#readUndone(undone, (transactions) => {
      this.#undone = transactions;
      this.#leave(undone, common);
      then();
    });
  }

  #leave(undone: readonly Hash[], common: Hash): void {
    const { chain } = this.#options;
    for (const id of undone) {
      const executed = chain.executed(id);
      const key = this.#rowKeys.get(toHex(id));
      if (key !== undefined) this.#deletes.push(["blocks", key], ["meta", idKey(id)], ["meta", epochKey(key)]);
      this.#rowKeys.delete(toHex(id));
      if (executed === undefined) continue;
      this.#blocksBytes = Math.max(0, this.#blocksBytes - (executed.stored?.bytes ?? 0));
      if (equalBytes(executed.info.heightedId, id)) this.#deletes.push(["states", heightKey(executed.info.height)]);
    }
    chain.undoTo(common);
    const row = this.#rowKeys.get(toHex(common));
    this.#lastRow = { height: chain.head.height, index: row === undefined ? 0 : Number(row.split("/")[1]) };
    this.#undoneAbove = chain.head.height;
    this.#split = null;
    this.#snapshotLeft ||= this.#snapshots.some(({ height }) => height > chain.head.height);
  }

  /** What these blocks carried, oldest first; what is left to storage is read, and no more of it than the mempool could take. */
  #readUndone(undone: readonly Hash[], then: (transactions: readonly Transaction[]) => void): void {
    const { chain, outbox, onHalt } = this.#options;
    const held: Transaction[] = [];
    const keys: string[] = [];
    let count = 0;
    let bytes = 0;
    for (const id of undone) {
      const executed = chain.executed(id);
      const key = this.#rowKeys.get(toHex(id));
      held.push(...(executed?.block?.transactions ?? []));
      const stored = executed?.stored;
      if (!stored || stored.transactions === 0 || key === undefined) continue;
      count += stored.transactions;
      bytes += stored.bytes;
      if (count <= LIMITS.mempoolTransactionsMax && bytes <= LIMITS.mempoolBytesMax) keys.push(key);
    }
    if (keys.length === 0) return then(held);
    // Between them there are only rows of other undone blocks: of those at hand, too.
    const wanted = new Set(keys);
    outbox.read({ table: "blocks", from: keys[0]!, to: `${keys.at(-1)!}!`, limit: undone.length }, (rows, refusal) => {
      if (refusal !== null) return onHalt(new Refusal(refusal.code, refusal.data));
      const stored = rows.flatMap(([key, row]) => (wanted.has(key) ? (decodeBlockRow(row).block?.transactions ?? []) : []));
      then([...stored, ...held]);
    });
  }

  drop(ids: readonly Hash[]): void {
    this.#options.chain.drop(ids);
    for (const id of ids) this.#rowKeys.delete(toHex(id));
  }
}

/** Whether it is a block with a height, whose header names its state. */
function hasBody({ block }: ExecutedBlock): boolean {
  return block !== null && block.header.height !== null;
}

/** A batch deletes before it puts, but what it would do for nothing it need not do. */
function withoutWritten(deletes: readonly Delete[], puts: readonly Put[]): readonly Delete[] {
  const written = new Set(puts.map(([table, key]) => `${table} ${key}`));
  return deletes.filter(([table, key]) => !written.has(`${table} ${key}`));
}

/** Each certificate is stored with the last of the newly final blocks of its epoch. */
function certificatesOf(effect: FinalizedEffect, index: number, executed: ExecutedBlock, chain: LedgerChain): readonly Certificate[] {
  const next = effect.blocks[index + 1];
  const epochId = executed.info.epochId;
  const nextInfo = next === undefined ? undefined : chain.info(next);
  if (nextInfo !== undefined && equalBytes(nextInfo.epochId, epochId)) return [];
  return effect.certificates.filter((certificate) => equalBytes(certificate.epochId, epochId));
}

function recoveryOf(effect: FinalizedEffect, info: BlockInfo): CompleteRecovery | null {
  const { recovery } = info;
  if (recovery === null) return null;
  const same = (complete: CompleteRecovery): boolean =>
    equalBytes(complete.recovery.epochId, recovery.epochId) &&
    equalBytes(complete.recovery.base, recovery.base) &&
    complete.recovery.seats.length === recovery.seats.length &&
    complete.recovery.seats.every((seat, index) => equalBytes(seat, recovery.seats[index]!));
  return effect.recoveries.find(same) ?? null;
}

export function committedOf(executed: ExecutedBlock): CommittedBlock {
  const { info, block, receipts, events } = executed;
  return { id: info.id, height: info.height, timeMs: info.timeMs, block, receipts, events };
}
