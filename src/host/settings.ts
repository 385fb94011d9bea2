/** What a person set for one slot of this browser, and the BoT it was last in; kept apart from any ledger. */
import type { Storage } from "../peer/ports.ts";
import { decode, encode, type Value } from "../protocol/codec.ts";
import { isValueMap } from "../protocol/schema.ts";
import type { Settings } from "../sdk/api.ts";
import { isIceServer } from "./network/ice-server.ts";

const SETTINGS_KEY = "settings";
const GENESIS_KEY = "genesis";

export const DEFAULT_SETTINGS: Settings = {
  seatWanted: true,
  relays: [],
  iceServers: [],
  windowLimit: 100,
  nicknames: {},
  exportedMs: null,
};

export interface SettingsStore {
  readonly current: Settings;
  /** Durable when it resolves. */
  change(part: Partial<Settings>): Promise<Settings>;
  /** Genesis of the BoT this slot was last in, or null. */
  lastGenesis(): Promise<Uint8Array | null>;
  rememberGenesis(genesis: Uint8Array): Promise<void>;
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

/** @throws {Refusal} `storage-broken` when the row cannot be read. */
export async function openSettings(storage: Storage): Promise<SettingsStore> {
  const row = await storage.read("meta", SETTINGS_KEY);
  let current = row === undefined ? DEFAULT_SETTINGS : decodeSettings(row);
  const put = (key: string, bytes: Uint8Array): Promise<void> => storage.write({ puts: [["meta", key, bytes]], deletes: [], strict: true });
  return {
    get current() {
      return current;
    },
    change: async (part) => {
      current = { ...current, ...part };
      await put(SETTINGS_KEY, encode(current as unknown as Value));
      return current;
    },
    lastGenesis: async () => (await storage.read("meta", GENESIS_KEY)) ?? null,
    rememberGenesis: (genesis) => put(GENESIS_KEY, genesis),
  };
}
