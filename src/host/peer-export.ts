/** A peer in one file: its account under a passphrase, its settings, the BoT's genesis, and on request the ledger. Never a voting key. */
import { STORAGE_TABLES, type Storage, type StorageTable } from "../peer/ports.ts";
import { decodeHistory, META, openBlockRow } from "../peer/rows.ts";
import { decode, encode, type Value } from "../protocol/codec.ts";
import { decodeGenesis } from "../protocol/genesis.ts";
import { toHex, type Hash, type HashHex } from "../protocol/identifiers.ts";
import { Refusal } from "../protocol/refusal.ts";
import { readBytes, readList, readMap, readText } from "../protocol/schema.ts";
import { replayLedger, type ReplayDeps } from "./replay-ledger.ts";
import { decodeSettings } from "./settings.ts";
import { createMemoryDisk, createMemoryStorage, type MemoryDisk } from "./storage/memory-storage.ts";

const FORMAT = "bothy-peer-1";
/** Of a file, with a ledger or of one. */
export const EXPORT_BYTES_MAX = 1024 * 1024 * 1024;
/**
 * A ledger in a file is its final blocks and what proves them; the rest follows from them, and is worth nothing until it was calculated anew. No votes: a
 * restored copy must not be able to contradict its original.
 */
const LEDGER_TABLE = "blocks" satisfies StorageTable;
const READ_ROWS = 500;
/** A better branch takes the place of blocks seldom, and never twice within the time of a read. */
const READS_MAX = 3;
const KEY_END = "~";

type Row = readonly [table: StorageTable, key: string, bytes: Uint8Array];

export interface PeerExport {
  /** As `PeerKeys.exportAccount` sealed it. */
  readonly account: Uint8Array;
  /** `encode` of the settings. */
  readonly settings: Uint8Array;
  readonly genesis: Uint8Array;
  /** Empty when the ledger was not asked for. */
  readonly rows: readonly Row[];
}

/**
 * The final blocks of a peer that goes on meanwhile. What becomes final after the last read is not in the file; where a better branch took the place of
 * blocks that were read, all is read again, since rows of two branches make no ledger.
 * @throws {Refusal} `history-incomplete` while older blocks are on their way; `storage-broken` when the rows do not follow each other.
 */
export async function readLedgerRows(storage: Storage, chain: Hash, pageRows = READ_ROWS): Promise<readonly Row[]> {
  const history = await storage.read("meta", META.history);
  const floor = history === undefined ? 0 : decodeHistory(history).floor;
  if (floor > 0) throw new Refusal("history-incomplete", { floor });
  for (let reads = 0; reads < READS_MAX; reads++) {
    const rows = await readOneBranch(storage, chain, pageRows);
    if (rows !== null) return rows;
  }
  throw new Refusal("storage-broken", { table: LEDGER_TABLE });
}

async function readOneBranch(storage: Storage, chain: Hash, pageRows: number): Promise<readonly Row[] | null> {
  const rows: Row[] = [];
  const ids = new Set<HashHex>([toHex(chain)]);
  for (let from = ""; ;) {
    const page = await storage.range(LEDGER_TABLE, { from, to: KEY_END, limit: pageRows });
    for (const [key, bytes] of page) {
      const { id, parent } = openBlockRow(bytes).info;
      if (parent === null || !ids.has(toHex(parent))) return null;
      ids.add(toHex(id));
      rows.push([LEDGER_TABLE, key, bytes]);
    }
    const last = page.at(-1);
    if (last === undefined || page.length < pageRows) return rows;
    from = `${last[0]}!`;
  }
}

export function encodePeerExport(peer: PeerExport): Uint8Array {
  return encode({
    format: FORMAT,
    account: peer.account,
    settings: peer.settings,
    genesis: peer.genesis,
    rows: peer.rows as unknown as Value,
  });
}

/** @throws {Refusal} `export-invalid`. The account inside is still sealed, and the ledger is not checked yet. */
export function decodePeerExport(bytes: Uint8Array): PeerExport {
  try {
    const map = readMap(decode(bytes, EXPORT_BYTES_MAX), "export", ["format", "account", "settings", "genesis", "rows"]);
    if (map["format"] !== FORMAT) throw new Refusal("unknown-version");
    const genesis = readBytes(map["genesis"], "genesis", EXPORT_BYTES_MAX);
    decodeGenesis(genesis);
    const settings = readBytes(map["settings"], "settings", EXPORT_BYTES_MAX);
    decodeSettings(settings);
    return {
      account: readBytes(map["account"], "account", EXPORT_BYTES_MAX),
      settings,
      genesis,
      rows: readList(map["rows"], "rows").map((item): Row => {
        const row = readList(item, "row", 3);
        const table = STORAGE_TABLES.find((name) => name === row[0]);
        if (table === undefined) throw new Refusal("schema-invalid", { field: "table" });
        return [table, readText(row[1], "key", 256), readBytes(row[2], "bytes", EXPORT_BYTES_MAX)];
      }),
    };
  } catch {
    throw new Refusal("export-invalid");
  }
}

const blocksOf = ({ rows }: PeerExport): readonly Uint8Array[] =>
  rows.filter(([table]) => table === LEDGER_TABLE).map(([, , bytes]) => bytes);

/** Whether the file brings a ledger: of one without a block everybody knows all. */
export function hasLedger(file: PeerExport): boolean {
  return blocksOf(file).length > 0;
}

/**
 * The ledger of a file, checked from genesis on; null when the file brings none.
 * @throws {Refusal} `export-invalid`; whatever `loadMachine` is refused with.
 */
export async function openLedgerOf(file: PeerExport, deps: ReplayDeps): Promise<MemoryDisk | null> {
  return hasLedger(file) ? openLedger(blocksOf(file), file.genesis, deps) : null;
}

/** The ledger of these rows of the table `blocks`, checked from genesis on. @throws {Refusal} as `openLedgerOf`. */
export async function openLedger(blocks: readonly Uint8Array[], genesis: Uint8Array, deps: ReplayDeps): Promise<MemoryDisk> {
  const disk = createMemoryDisk();
  await replayLedger(blocks, genesis, createMemoryStorage(disk), deps);
  return disk;
}

/** Writes such a ledger into an empty database, in one transaction: half of it would be taken for a broken one at the next start. */
export async function writeLedger(storage: Storage, disk: MemoryDisk): Promise<void> {
  const puts = STORAGE_TABLES.flatMap((table) => [...disk[table].rows].map(([key, bytes]): Row => [table, key, bytes]));
  await storage.write({ puts, deletes: [], strict: true });
}
