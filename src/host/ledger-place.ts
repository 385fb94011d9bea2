/**
 * Where a BoT's ledger is, and how another takes its place. One that is brought is written into a database of its own beside the one in use, so that
 * nothing is lost before all of it is there; a single write of the settings then makes it the one in use, and with it all else that was brought. What is
 * left of the one before goes at the next start: first the voting keys whose votes only that one has on record, then the database.
 */
import { equalBytes } from "../kit/bytes.ts";
import type { Keys, Storage } from "../peer/ports.ts";
import { META } from "../peer/rows.ts";
import type { Hash } from "../protocol/identifiers.ts";
import { forgetVotingKeys } from "./keys/keys.ts";
import { writeLedger } from "./peer-export.ts";
import type { LedgerPlace, SettingsStore } from "./settings.ts";
import type { MemoryDisk } from "./storage/memory-storage.ts";

/** The databases of ledgers in this slot, by number (see `LedgerPlace`). */
export interface LedgerDatabases {
  open(chain: Hash, number: number): Promise<Storage>;
  /** Also one that cannot be opened, or that is not there. */
  remove(chain: Hash, number: number): Promise<void>;
}

export interface StagedLedger {
  /** What makes it the ledger in use, once it is written to the settings. */
  readonly place: LedgerPlace;
  /** Takes it away again. */
  drop(): Promise<void>;
}

/** Writes a ledger beside the one in use. @throws {Refusal} when that fails, for want of room as a rule; then nothing of it stays. */
export async function stageLedger(
  settings: SettingsStore,
  databases: LedgerDatabases,
  chain: Hash,
  ledger: MemoryDisk,
): Promise<StagedLedger> {
  const before = await settings.ledgerPlace(chain);
  const number = Math.max(before.at, ...before.left) + 1;
  const drop = async (): Promise<void> => {
    await databases.remove(chain, number);
    await settings.change({}, { ledger: { chain, place: before } });
  };
  // First, so that whatever happens the next start knows of it.
  await settings.change({}, { ledger: { chain, place: { ...before, left: [...before.left, number] } } });
  try {
    const storage = await databases.open(chain, number);
    try {
      await writeLedger(storage, ledger);
    } finally {
      storage.close();
    }
  } catch (error) {
    // What is not taken away now is at the next start.
    await drop().catch(() => undefined);
    throw error;
  }
  return { place: { at: number, left: [...before.left, before.at], unvoted: true }, drop };
}

/**
 * A ledger with nothing in it has no record of votes either, whoever emptied it: but for the seat of a BoT that this slot is founding just now, its keys may
 * have voted. Said before the ledger is loaded, which writes its genesis; `settleLedger` destroys them.
 */
export async function noteEmptyLedger(settings: SettingsStore, ledger: Storage, chain: Hash, keys: Keys): Promise<void> {
  if ((await ledger.read("meta", META.genesis)) !== undefined || (await keys.list("voting")).length === 0) return;
  const offered = await settings.offered();
  if (offered.some((one) => equalBytes(one.chain, chain))) return;
  await settings.change({}, { ledger: { chain, place: { ...(await settings.ledgerPlace(chain)), unvoted: true } } });
}

/**
 * What an import has left to the next start. Only under the voting lock of this BoT and before one of its voting keys is used: as long as another tab has
 * the lock, it has the ledger of before open. `keys` are those of this BoT.
 */
export async function settleLedger(settings: SettingsStore, databases: LedgerDatabases, chain: Hash, keys: Keys): Promise<void> {
  const place = await settings.ledgerPlace(chain);
  if (place.unvoted) await forgetVotingKeys(keys);
  else if (place.left.length === 0) return;
  for (const number of place.left) await databases.remove(chain, number);
  await settings.change({}, { ledger: { chain, place: { at: place.at, left: [], unvoted: false } } });
}

/** Removes all that is kept of a BoT but its place, for "start afresh": first the keys. */
export async function removeLedger(settings: SettingsStore, databases: LedgerDatabases, chain: Hash, keys: Keys): Promise<void> {
  await forgetVotingKeys(keys);
  const { at, left } = await settings.ledgerPlace(chain);
  for (const number of [at, ...left]) await databases.remove(chain, number);
}
