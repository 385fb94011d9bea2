/** A peer in one file: its account under a passphrase, its settings, the BoT's genesis, and on request the ledger. Never a voting key. */
import type { Storage, StorageTable } from "../peer/ports.ts";
import { decode, encode, type Value } from "../protocol/codec.ts";
import { decodeGenesis } from "../protocol/genesis.ts";
import { Refusal } from "../protocol/refusal.ts";
import { readBytes, readList, readMap, readText } from "../protocol/schema.ts";
import { decodeSettings } from "./settings.ts";

const FORMAT = "bothy-peer-1";
const EXPORT_BYTES_MAX = 1024 * 1024 * 1024;
/** What a ledger is on disk, without votes: a restored copy must not be able to contradict its original. */
const LEDGER_TABLES = ["meta", "blocks", "states"] as const satisfies readonly StorageTable[];
const READ_ROWS = 500;
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

export async function readLedgerRows(storage: Storage): Promise<readonly Row[]> {
  const rows: Row[] = [];
  for (const table of LEDGER_TABLES) {
    for (let from = ""; ;) {
      const page = await storage.range(table, { from, to: KEY_END, limit: READ_ROWS });
      for (const [key, bytes] of page) rows.push([table, key, bytes]);
      const last = page.at(-1);
      if (last === undefined || page.length < READ_ROWS) break;
      from = `${last[0]}!`;
    }
  }
  return rows;
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

/** @throws {Refusal} `export-invalid`. The account inside is still sealed, and the ledger is checked when it is loaded. */
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
        const table = LEDGER_TABLES.find((name) => name === row[0]);
        if (table === undefined) throw new Refusal("schema-invalid", { field: "table" });
        return [table, readText(row[1], "key", 256), readBytes(row[2], "bytes", EXPORT_BYTES_MAX)];
      }),
    };
  } catch {
    throw new Refusal("export-invalid");
  }
}

/** Writes an exported ledger into an empty database. */
export async function writeLedgerRows(storage: Storage, rows: readonly Row[]): Promise<void> {
  for (let at = 0; at < rows.length; at += READ_ROWS) {
    await storage.write({ puts: rows.slice(at, at + READ_ROWS), deletes: [], strict: at + READ_ROWS >= rows.length });
  }
}
