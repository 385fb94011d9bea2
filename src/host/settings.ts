/** What a person set for one slot of this browser, whose account it is, the BoT it was last in, and where its ledgers are; kept apart from any of them. */
import { equalBytes } from "../kit/bytes.ts";
import type { Storage, StorageBatch } from "../peer/ports.ts";
import { decode, encode, type Value } from "../protocol/codec.ts";
import { chainOf } from "../protocol/genesis.ts";
import { asHash, fromHex, toHex, type Hash } from "../protocol/identifiers.ts";
import { checkpointToValue, readRelays, valueToCheckpoint, type Checkpoint } from "../protocol/invite.ts";
import { LIMITS } from "../protocol/limits.ts";
import { isValueMap, readBoolean, readBytes, readInteger, readList, readMap, readText } from "../protocol/schema.ts";
import type { Settings } from "../sdk/api.ts";
import type { PeerKeys } from "./keys/keys.ts";
import { isIceServer } from "./network/ice-server.ts";

const SETTINGS_KEY = "settings";
const GENESIS_KEY = "genesis";
const ACCOUNT_KEY = "account";
const LEDGER_KEYS = "ledger/";
const FOUNDING_KEYS = "founding/";
const BOT_KEYS = "bot/";
const CHOSEN_KEY = "chosen";
/** Above every chain of such a key. */
const KEY_END = "~";
const BASE_UNITS_MAX = 4096;
/** Of one read; another start reads the rest. */
const OFFERED_MAX = 100;
/** More than a person tells apart. */
const BOTS_MAX = 64;

export const DEFAULT_SETTINGS: Settings = {
  seatWanted: true,
  relays: [],
  iceServers: [],
  windowLimit: 100,
  keepBlocks: null,
  keepBytes: null,
  nicknames: {},
  exportedMs: null,
};

/** Which database of this slot holds the ledger of a BoT. */
export interface LedgerPlace {
  /** Its number; that of a BoT's first is 0. */
  readonly at: number;
  /** Numbers of those that are to be removed: replaced by it, or not written to the end. */
  readonly left: readonly number[];
  /** The voting keys of before may have cast votes of which this ledger has no record. */
  readonly unvoted: boolean;
}

/** A BoT that a person founded or joined from this slot; the one that its relay names is none of them. */
export interface KnownBot {
  readonly genesis: Uint8Array;
  /** From the invite. */
  readonly relays: readonly string[];
  readonly checkpoint: Checkpoint | null;
}

/** What else changes by the very write that changes settings. */
export interface OwnChange {
  readonly account?: Uint8Array;
  readonly genesis?: Uint8Array;
  readonly ledger?: { readonly chain: Hash; readonly place: LedgerPlace };
  readonly bot?: KnownBot;
  /** Which of the known BoTs is opened; null for the one that the relay names. */
  readonly chosen?: Hash | null;
}

/** A BoT that this slot offered to a relay, while it is not known what became of it. */
export interface Offered {
  readonly chain: Hash;
  /** Address of the relay. */
  readonly base: string;
}

export interface SettingsStore {
  readonly current: Settings;
  /** All of it or, when it is refused, nothing; one after another. Durable when it resolves. */
  change(part: Partial<Settings>, own?: OwnChange): Promise<Settings>;
  /** Reads anew what another tab may have changed. */
  refresh(): Promise<void>;
  /** Public key of the account that this slot is; null while that was never said. */
  account(): Promise<Uint8Array | null>;
  /** By their chains, ascending. */
  bots(): Promise<readonly KnownBot[]>;
  /** Takes one out of them, and where its ledger was. */
  forgetBot(chain: Hash): Promise<void>;
  /** The one to open, or null where it is the relay's. */
  chosenBot(): Promise<KnownBot | null>;
  /** Genesis of the relay's BoT in which this slot was last, or null. */
  lastGenesis(): Promise<Uint8Array | null>;
  ledgerPlace(chain: Hash): Promise<LedgerPlace>;
  offered(): Promise<readonly Offered[]>;
  rememberOffered(offered: Offered): Promise<void>;
  forgetOffered(chain: Hash): Promise<void>;
}

/**
 * Before an account is made: no earlier one's export saves it. Where keys end with the tab it takes no seat unless told to, or every
 * reload would leave a dead seat behind, whose vote the others then miss.
 */
export async function settleForNewAccount(settings: SettingsStore, keysDurable: boolean): Promise<void> {
  const { exportedMs, seatWanted } = settings.current;
  const wanted = seatWanted && keysDurable;
  if (exportedMs !== null || seatWanted !== wanted) await settings.change({ exportedMs: null, seatWanted: wanted });
}

/** The account that this slot is: the one that was said last, where keys are older than that the newest of them, or one made now. */
export async function accountOf(settings: SettingsStore, keys: PeerKeys): Promise<Uint8Array> {
  const [said, accounts] = [await settings.account(), await keys.list("account")];
  const kept = accounts.find((account) => said !== null && equalBytes(account, said)) ?? accounts.at(-1);
  if (kept === undefined) await settleForNewAccount(settings, keys.durable);
  const account = kept ?? (await keys.create("account"));
  // From now on a key that is brought here is not the account until that is said, too.
  if (said === null || !equalBytes(account, said)) await settings.change({}, { account });
  return account;
}

function boundOf(value: Value | undefined): number | null {
  return typeof value === "number" && Number.isSafeInteger(value) && value > 0 ? value : null;
}

/** A field that is missing or of another type, as an older version wrote it, is as it was at first. */
function settingsOf(value: Value): Settings {
  if (!isValueMap(value)) return DEFAULT_SETTINGS;
  const texts = (field: string): readonly string[] => {
    const list = value[field];
    return Array.isArray(list) ? list.filter((item): item is string => typeof item === "string") : [];
  };
  const names = value["nicknames"];
  return {
    seatWanted: value["seatWanted"] !== false,
    relays: texts("relays"),
    // A single one that WebRTC does not take would end all direct links.
    iceServers: texts("iceServers").filter(isIceServer),
    windowLimit: typeof value["windowLimit"] === "number" ? value["windowLimit"] : DEFAULT_SETTINGS.windowLimit,
    keepBlocks: boundOf(value["keepBlocks"]),
    keepBytes: boundOf(value["keepBytes"]),
    nicknames: isValueMap(names)
      ? Object.fromEntries(Object.entries(names).filter((entry): entry is [string, string] => typeof entry[1] === "string"))
      : {},
    exportedMs: typeof value["exportedMs"] === "number" ? value["exportedMs"] : null,
  };
}

/** @throws {Refusal} `encoding-invalid`. */
export function decodeSettings(bytes: Uint8Array): Settings {
  return settingsOf(decode(bytes));
}

function placeOf(row: Uint8Array): LedgerPlace {
  const map = readMap(decode(row), "place", ["at", "left", "unvoted"]);
  return {
    at: readInteger(map["at"], "at"),
    left: readList(map["left"], "left").map((number) => readInteger(number, "left")),
    unvoted: readBoolean(map["unvoted"], "unvoted"),
  };
}

/** None where nothing changes: another tab of this slot may have written them since they were read. */
const rowsOf = (part: Partial<Settings>, next: Settings): StorageBatch["puts"] =>
  Object.keys(part).length === 0 ? [] : [["meta", SETTINGS_KEY, encode(next as unknown as Value)]];

const botKey = (chain: Hash): string => BOT_KEYS + toHex(chain);

function botToBytes({ genesis, relays, checkpoint }: KnownBot): Uint8Array {
  return encode({ genesis, relays, checkpoint: checkpointToValue(checkpoint) });
}

function bytesToBot(bytes: Uint8Array): KnownBot {
  const map = readMap(decode(bytes), "bot", ["genesis", "relays", "checkpoint"]);
  return {
    genesis: readBytes(map["genesis"], "genesis", LIMITS.inviteBytesMax),
    relays: readRelays(map["relays"]),
    checkpoint: valueToCheckpoint(map["checkpoint"]),
  };
}

function* ownRowsOf({ account, genesis, ledger, bot, chosen }: OwnChange): Generator<StorageBatch["puts"][number]> {
  if (bot !== undefined) yield ["meta", botKey(chainOf(bot.genesis)), botToBytes(bot)];
  if (chosen !== undefined) yield ["meta", CHOSEN_KEY, chosen ?? new Uint8Array(0)];
  if (account !== undefined) yield ["meta", ACCOUNT_KEY, account];
  if (genesis !== undefined) yield ["meta", GENESIS_KEY, genesis];
  if (ledger !== undefined) yield ["meta", LEDGER_KEYS + toHex(ledger.chain), encode(ledger.place as unknown as Value)];
}

/** @throws {Refusal} `storage-broken` when the row cannot be read. */
export async function openSettings(storage: Storage): Promise<SettingsStore> {
  const read = async (): Promise<Settings> => {
    const row = await storage.read("meta", SETTINGS_KEY);
    return row === undefined ? DEFAULT_SETTINGS : decodeSettings(row);
  };
  let current = await read();
  /** A change is of what the one before it has left. */
  let changed: Promise<unknown> = Promise.resolve();
  const write = (puts: StorageBatch["puts"], deletes: StorageBatch["deletes"] = []): Promise<void> =>
    storage.write({ puts, deletes, strict: true });
  const changeNow = async (part: Partial<Settings>, own: OwnChange): Promise<Settings> => {
    const next = { ...current, ...part };
    await write([...rowsOf(part, next), ...ownRowsOf(own)]);
    current = next;
    return next;
  };
  return {
    get current() {
      return current;
    },
    change(part, own = {}) {
      const done = changed.then(() => changeNow(part, own));
      changed = done.catch(() => undefined);
      return done;
    },
    refresh: async () => void (current = await read()),
    account: async () => (await storage.read("meta", ACCOUNT_KEY)) ?? null,
    bots: async () => {
      const rows = await storage.range("meta", { from: BOT_KEYS, to: BOT_KEYS + KEY_END, limit: BOTS_MAX });
      return rows.map(([, bytes]) => bytesToBot(bytes));
    },
    forgetBot: (chain) =>
      write(
        [],
        [
          ["meta", botKey(chain)],
          ["meta", LEDGER_KEYS + toHex(chain)],
        ],
      ),
    chosenBot: async () => {
      const chain = await storage.read("meta", CHOSEN_KEY);
      if (chain === undefined || chain.length === 0) return null;
      const row = await storage.read("meta", botKey(asHash(chain)));
      return row === undefined ? null : bytesToBot(row);
    },
    lastGenesis: async () => (await storage.read("meta", GENESIS_KEY)) ?? null,
    ledgerPlace: async (chain) => {
      const row = await storage.read("meta", LEDGER_KEYS + toHex(chain));
      return row === undefined ? { at: 0, left: [], unvoted: false } : placeOf(row);
    },
    offered: async () => {
      const rows = await storage.range("meta", { from: FOUNDING_KEYS, to: FOUNDING_KEYS + KEY_END, limit: OFFERED_MAX });
      return rows.map(([key, base]) => ({
        chain: fromHex(key.slice(FOUNDING_KEYS.length)),
        base: readText(decode(base), "base", BASE_UNITS_MAX),
      }));
    },
    rememberOffered: ({ chain, base }) => write([["meta", FOUNDING_KEYS + toHex(chain), encode(base)]]),
    forgetOffered: async (chain) => {
      const key = FOUNDING_KEYS + toHex(chain);
      if ((await storage.read("meta", key)) !== undefined) await write([], [["meta", key]]);
    },
  };
}
