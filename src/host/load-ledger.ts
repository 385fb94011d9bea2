/** Brings a peer's ledger back from storage: the newest snapshot, the changes since, and the final blocks a branch may still replace. */
import type { BlockInfo } from "../consensus/engine.ts";
import { checkRecord } from "../consensus/records.ts";
import { bytesToHex, equalBytes } from "../kit/bytes.ts";
import { createLedgerState, decodeChanges, stateOfChunks, type Change, type LedgerState } from "../ledger/index.ts";
import type { RestoredStep } from "../peer/ledger-chain.ts";
import type { RestoredLedger } from "../peer/peer.ts";
import type { Storage, StorageTable } from "../peer/ports.ts";
import {
  META,
  blockKey,
  decodeHead,
  decodeHistory,
  decodeInfo,
  decodeJoined,
  decodeSnapshots,
  decodeStateRow,
  heightKey,
  heightOfKey,
  openBlockRow,
  replayCostOf,
  snapshotKey,
  type SnapshotPointer,
} from "../peer/rows.ts";
import { openBlock } from "../protocol/block.ts";
import { chainOf, decodeGenesis } from "../protocol/genesis.ts";
import { toHex, type HashHex } from "../protocol/identifiers.ts";
import { Refusal } from "../protocol/refusal.ts";

/** Above every key of a table. */
const KEY_END = "~";
/** Of one read: what a worker holds besides the state. How many rows that is follows from those before. */
const READ_ROWS = 500;
const READ_BYTES = 4 * 1024 * 1024;
const FIRST_ROWS = 4;

/** Genesis as a block: nothing is below it. */
function genesisInfo(genesisBytes: Uint8Array): BlockInfo {
  const genesis = decodeGenesis(genesisBytes);
  const id = chainOf(genesisBytes);
  return {
    id,
    parent: null,
    epochId: id,
    round: 0,
    height: 0,
    heightedId: id,
    timeMs: genesis.createdMs,
    seats: [genesis.foundingSeat],
    sleeping: [],
    endsEpoch: true,
    recovery: null,
    lastRecovery: null,
  };
}

async function* rows(storage: Storage, table: StorageTable, from: string): AsyncGenerator<readonly [key: string, bytes: Uint8Array]> {
  let limit = FIRST_ROWS;
  for (let next = from; ;) {
    const page = await storage.range(table, { from: next, to: KEY_END, limit });
    yield* page;
    const last = page.at(-1);
    if (last === undefined || page.length < limit) return;
    next = `${last[0]}!`;
    const bytes = page.reduce((sum, [, row]) => sum + row.length, 1);
    limit = Math.max(1, Math.min(READ_ROWS, 4 * limit, Math.floor((READ_BYTES * page.length) / bytes)));
  }
}

interface LoadedState {
  readonly state: LedgerState;
  readonly snapshots: readonly SnapshotPointer[];
  readonly replayCost: number;
  readonly statesFrom: number;
  readonly undoByHeight: ReadonlyMap<number, readonly Change[]>;
}

/** The newest. */
async function loadSnapshot([pointer]: readonly SnapshotPointer[], storage: Storage): Promise<readonly Uint8Array[] | null> {
  if (pointer === undefined) return null;
  const chunks: Uint8Array[] = [];
  for (let chunk = 0; chunk < pointer.chunks; chunk++) {
    const bytes = await storage.read("meta", snapshotKey(pointer.height, chunk));
    if (bytes === undefined) throw new Refusal("storage-broken", { snapshot: pointer.height, chunk });
    chunks.push(bytes);
  }
  return chunks;
}

async function loadState(storage: Storage, genesisBytes: Uint8Array, rootHeight: number): Promise<LoadedState> {
  const row = await storage.read("meta", META.snapshots);
  const snapshots = row === undefined ? [] : decodeSnapshots(row);
  const chunks = await loadSnapshot(snapshots, storage);
  const state = chunks === null ? createLedgerState(genesisBytes) : stateOfChunks(chunks);
  const height = snapshots[0]?.height ?? 0;
  const undoByHeight = new Map<number, readonly Change[]>();
  let replayCost = 0;
  const statesFrom = Math.min(height, rootHeight) + 1;
  for await (const [key, bytes] of rows(storage, "states", heightKey(statesFrom))) {
    const at = heightOfKey(key);
    const { changes, undo } = decodeStateRow(bytes);
    if (at > height) {
      state.apply(decodeChanges(changes));
      replayCost += replayCostOf(bytes);
    }
    if (at > rootHeight) undoByHeight.set(at, decodeChanges(undo));
  }
  return { state, snapshots, replayCost, statesFrom, undoByHeight };
}

async function loadSteps(storage: Storage, root: BlockInfo, undoByHeight: LoadedState["undoByHeight"]) {
  const steps: RestoredStep[] = [];
  const rowKeys = new Map<HashHex, string>();
  // The root's own row is left out, but not the empty candidates above it.
  for await (const [key, bytes] of rows(storage, "blocks", `${blockKey(root.height, 0)}!`)) {
    const row = openBlockRow(bytes);
    if (equalBytes(row.info.id, root.id)) {
      steps.length = 0;
      rowKeys.clear();
      continue;
    }
    const stored = row.blockBytes === null ? null : openBlock(row.blockBytes);
    const isWhole = stored === null ? row.info.recovery !== null : equalBytes(stored.id, row.info.id);
    const parent = row.info.parent === null ? null : toHex(row.info.parent);
    if (!isWhole || parent === null || !(parent === toHex(root.id) || rowKeys.has(parent)))
      throw new Refusal("storage-broken", { row: key });
    const heighted = equalBytes(row.info.heightedId, row.info.id);
    rowKeys.set(toHex(row.info.id), key);
    steps.push({
      info: row.info,
      stored,
      undo: heighted ? (undoByHeight.get(row.info.height) ?? []) : [],
    });
  }
  return { steps, rowKeys };
}

async function allRows(storage: Storage, table: StorageTable): Promise<(readonly [key: string, bytes: Uint8Array])[]> {
  const all: (readonly [key: string, bytes: Uint8Array])[] = [];
  for await (const row of rows(storage, table, "")) all.push(row);
  return all;
}

/**
 * The ledger of this chain as stored, at its head; genesis in an empty database.
 * @throws {Refusal} `storage-broken` when what is stored does not fit together, so that it can be reset or restored from an export.
 */
export async function loadLedger(storage: Storage, genesisBytes: Uint8Array): Promise<RestoredLedger> {
  try {
    const stored = await storage.read("meta", META.genesis);
    if (stored === undefined) await storage.write({ puts: [["meta", META.genesis, genesisBytes]], deletes: [], strict: true });
    else if (!equalBytes(stored, genesisBytes)) throw new Refusal("storage-broken", { row: META.genesis });
    const rootRow = await storage.read("meta", META.root);
    const root = rootRow === undefined ? genesisInfo(genesisBytes) : decodeInfo(rootRow);
    const loaded = await loadState(storage, genesisBytes, root.height);
    const { steps, rowKeys } = await loadSteps(storage, root, loaded.undoByHeight);
    const headRow = await storage.read("meta", META.head);
    let blocksBytes = 0;
    if (headRow !== undefined) {
      const head = decodeHead(headRow);
      blocksBytes = head.blocksBytes;
      const last = steps.findLast(({ info }) => equalBytes(info.heightedId, info.id))?.info ?? root;
      if (!equalBytes(head.stateRoot, loaded.state.root()) || !equalBytes(head.id, last.id)) {
        throw new Refusal("storage-broken", { height: head.height, root: bytesToHex(loaded.state.root()) });
      }
    }
    const records = await allRows(storage, "votes");
    for (const record of records) checkRecord(record);
    const { undoByHeight: _, ...state } = loaded;
    const joinedRow = await storage.read("meta", META.joined);
    const joined = joinedRow === undefined ? null : decodeJoined(joinedRow);
    const historyRow = await storage.read("meta", META.history);
    const history = historyRow === undefined ? { floor: 0, next: chainOf(genesisBytes), before: null } : decodeHistory(historyRow);
    return { ...state, joined, history, blocksBytes, root, steps, rowKeys, records, pool: await allRows(storage, "pool") };
  } catch (error) {
    if (error instanceof Refusal && error.code.startsWith("storage-")) throw error;
    const reason = error instanceof Error ? error.message : String(error);
    throw new Refusal("storage-broken", { reason });
  }
}
