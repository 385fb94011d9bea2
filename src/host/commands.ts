/** What only the app may order of its own peer: settings, export and import, words, reset, founding, farewell. */
import type { Signatures, Storage } from "../peer/ports.ts";
import { equalBytes } from "../kit/bytes.ts";
import { encode, type Value, type ValueMap } from "../protocol/codec.ts";
import type { ContractMachine } from "../protocol/contract-machine.ts";
import { chainOf, decodeGenesis } from "../protocol/genesis.ts";
import { Refusal } from "../protocol/refusal.ts";
import type { CommandName, Commands, Settings } from "../sdk/api.ts";
import { botCommands, type BotDeps } from "./bots.ts";
import type { PeerKeys } from "./keys/keys.ts";
import { removeLedger, stageLedger, type LedgerDatabases } from "./ledger-place.ts";
import { readIceServer } from "./network/ice-server.ts";
import { readRelayAddress } from "./network/relay-address.ts";
import { decodePeerExport, encodePeerExport, hasLedger, openLedger, openLedgerOf, readLedgerRows } from "./peer-export.ts";
import type { ReplayDeps } from "./replay-ledger.ts";
import { decodeSettings, type OwnChange, type SettingsStore } from "./settings.ts";
import type { MemoryDisk } from "./storage/memory-storage.ts";

export type CommandHandlers = {
  readonly [Name in CommandName]: (parameters: Commands[Name]["parameters"]) => Promise<Commands[Name]["result"]>;
};

export interface CommandDeps {
  readonly keys: PeerKeys;
  readonly settings: SettingsStore;
  /** To check a ledger that a file brings. */
  readonly signatures: Signatures;
  readonly loadMachine: () => Promise<ContractMachine>;
  /** Lets all else have its turn. */
  readonly pause: () => Promise<void>;
  readonly account: () => Uint8Array;
  /** Of the BoT this peer is in; null before it is known. */
  readonly genesis: () => Uint8Array | null;
  /** Null while the database could not be opened. */
  readonly storage: () => Storage | null;
  /** Stops the peer and closes its database. */
  readonly stop: () => Promise<void>;
  readonly ledgers: LedgerDatabases;
  /** Runs it while the peer is not just being opened, and nothing else is run in this way. */
  readonly alone: (work: () => Promise<void>) => Promise<void>;
  readonly onSettings: () => void;
  readonly found: (name: string) => Promise<string>;
  /** What this peer is and does, without its settings. */
  readonly diagnostics: () => Promise<ValueMap>;
  /** Says goodbye to the voters and waits until all is written. */
  readonly leave: () => Promise<void>;
  readonly nowMs: () => number;
  /** See `BotDeps`. */
  readonly final: BotDeps["final"];
  readonly relays: BotDeps["relays"];
  readonly home: BotDeps["home"];
}

/** Only the account is sealed in a file, and whoever gets hold of it reads the rest. */
function withoutPasswords(settings: Settings): Settings {
  return { ...settings, iceServers: settings.iceServers.filter((line) => readIceServer(line).credential === undefined) };
}

/** For a file that is given to others: no password of a server, and what the person calls others is nobody's business. */
function settingsToShow({ seatWanted, relays, iceServers, windowLimit, exportedMs }: Settings): ValueMap {
  return { seatWanted, relays, iceServers: iceServers.map((line) => readIceServer(line).urls), windowLimit, exportedMs };
}

interface Brought {
  readonly part: Partial<Settings>;
  readonly own: OwnChange;
}

/**
 * What was brought takes the place of what is here, by one write of the settings, and the peer stops. Up to that write all is as it was, and the peer goes
 * on; from then on the next start finds all that was brought. Without a ledger none is taken away: blocks, votes and the keys that cast them stay.
 */
function takeOver(deps: CommandDeps, genesis: Uint8Array, ledger: MemoryDisk | null, brought: () => Promise<Brought>): Promise<void> {
  const { settings } = deps;
  return deps.alone(async () => {
    const chain = chainOf(genesis);
    const staged = ledger === null ? null : await stageLedger(settings, deps.ledgers, chain, ledger);
    try {
      const { part, own } = await brought();
      await settings.change(part, { ...own, ...(staged !== null && { ledger: { chain, place: staged.place } }) });
    } catch (error) {
      await staged?.drop().catch(() => undefined);
      throw error;
    }
    await deps.stop();
  });
}

const replayDeps = ({ signatures, loadMachine, nowMs, pause }: CommandDeps): ReplayDeps => ({
  signatures,
  loadMachine,
  nowMs: nowMs(),
  pause,
});

async function importPeer(deps: CommandDeps, bytes: Uint8Array, passphrase: string): Promise<void> {
  const { keys, settings } = deps;
  const file = decodePeerExport(bytes);
  const brought = decodeSettings(file.settings);
  // All of the file is checked before anything here changes: the passphrase first, because it takes the least time.
  const opened = await keys.openAccount(file.account, passphrase);
  const ledger = await openLedgerOf(file, replayDeps(deps));
  await takeOver(deps, file.genesis, ledger, async () => {
    const account = await opened.keep();
    const place = await placeOfFile(deps, file.genesis, ledger !== null);
    const nicknames = { ...settings.current.nicknames, ...brought.nicknames };
    // The account in the file is saved by the file.
    return { part: { ...brought, nicknames, exportedMs: deps.nowMs() }, own: { account, ...place } };
  });
}

/** Whether a file is of the BoT that this tab is in. */
function isHere(deps: CommandDeps, genesis: Uint8Array): boolean {
  const own = deps.genesis();
  return own !== null && equalBytes(own, genesis);
}

/** Whether a file's BoT, which is another, is opened from now on: the account alone is as good in the BoT that is open. */
const opensOther = (genesis: Uint8Array, hasBlocks: boolean): boolean => hasBlocks || decodeGenesis(genesis).kind !== "public";

/** Which BoT the next start opens, after a file was brought. */
async function placeOfFile(deps: CommandDeps, genesis: Uint8Array, hasBlocks: boolean): Promise<OwnChange> {
  if (!isHere(deps, genesis) && opensOther(genesis, hasBlocks))
    return { bot: { genesis, relays: [], checkpoint: null }, chosen: chainOf(genesis) };
  return (await deps.settings.chosenBot()) === null ? { genesis } : {};
}

/** Of another BoT it is refused: this tab would not open it, as long as its relay names this one. */
async function importLedger(deps: CommandDeps, bytes: Uint8Array): Promise<void> {
  const { decodeLedgerCar } = await loadLedgerCar();
  const { genesis, rows } = await decodeLedgerCar(bytes, deps.pause);
  if (!isHere(deps, genesis)) throw new Refusal("wrong-chain", { name: decodeGenesis(genesis).name });
  if (rows.length === 0) throw new Refusal("export-invalid", { reason: "no block" });
  const ledger = await openLedger(rows, genesis, replayDeps(deps));
  await takeOver(deps, genesis, ledger, async () => ({ part: {}, own: {} }));
}

/** With what it needs of others; few ever ask for it. */
const loadLedgerCar = () => import("./ledger-car.ts");

/** The ledger alone, as a file. */
function ledgerCommands(deps: CommandDeps): Pick<CommandHandlers, "exportLedger" | "inspectLedger" | "importLedger"> {
  return {
    exportLedger: async () => {
      const [genesis, storage] = [deps.genesis(), deps.storage()];
      if (genesis === null || storage === null) throw new Refusal("not-ready");
      const { encodeLedgerCar } = await loadLedgerCar();
      const rows = (await readLedgerRows(storage, chainOf(genesis))).map(([, , bytes]) => bytes);
      return encodeLedgerCar(genesis, rows, deps.pause);
    },
    inspectLedger: async ({ bytes }) => {
      const { decodeLedgerCar } = await loadLedgerCar();
      const { genesis, height } = await decodeLedgerCar(bytes, deps.pause);
      return { name: decodeGenesis(genesis).name, here: isHere(deps, genesis), height };
    },
    importLedger: async ({ bytes }) => {
      await importLedger(deps, bytes);
      return null;
    },
  };
}

export function createCommands(deps: CommandDeps): CommandHandlers {
  const { keys, settings } = deps;
  const exported = (): Promise<unknown> => settings.change({ exportedMs: deps.nowMs() });
  return {
    setSettings: async (part) => {
      part.relays?.forEach(readRelayAddress);
      part.iceServers?.forEach(readIceServer);
      const changed = await settings.change(part);
      deps.onSettings();
      return changed;
    },
    exportPeer: async ({ passphrase, ledger }) => {
      const genesis = deps.genesis();
      if (genesis === null) throw new Refusal("not-ready");
      const storage = deps.storage();
      const bytes = encodePeerExport({
        account: await keys.exportAccount(deps.account(), passphrase),
        settings: encode(withoutPasswords(settings.current) as unknown as Value),
        genesis,
        rows: ledger && storage !== null ? await readLedgerRows(storage, chainOf(genesis)) : [],
      });
      await exported();
      return bytes;
    },
    inspectPeer: async ({ bytes }) => {
      const file = decodePeerExport(bytes);
      const { genesis } = file;
      const [here, ledger] = [isHere(deps, genesis), hasLedger(file)];
      return { name: decodeGenesis(genesis).name, here, ledger, opens: !here && opensOther(genesis, ledger) };
    },
    ...ledgerCommands(deps),
    importPeer: async ({ bytes, passphrase }) => {
      await importPeer(deps, bytes, passphrase);
      return null;
    },
    identityWords: async () => (await keys.accountWords(deps.account())).split(" "),
    keepWords: async () => {
      await exported();
      return null;
    },
    restoreWords: async ({ words }) => {
      await deps.alone(async () => {
        const account = await keys.restoreAccount(words.join(" "));
        // Whoever has the words has them written down. The ledger and its votes stay, so the voting keys may, too.
        await settings.change({ exportedMs: deps.nowMs() }, { account });
        await deps.stop();
      });
      return null;
    },
    reset: async ({ keys: withKeys }) => {
      await deps.alone(async () => {
        const genesis = deps.genesis();
        await deps.stop();
        if (withKeys) await keys.destroyAll();
        if (genesis === null) return;
        const chain = chainOf(genesis);
        await removeLedger(settings, deps.ledgers, chain, keys.forChain(chain, decodeGenesis(genesis).foundingSeat));
      });
      return null;
    },
    ...botCommands(deps),
    found: async ({ name }) => ({ chain: await deps.found(name) }),
    diagnostics: async () => ({ settings: settingsToShow(settings.current), ...(await deps.diagnostics()) }),
    prepareToLeave: async () => {
      await deps.leave();
      return null;
    },
  };
}
