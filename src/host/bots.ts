/** The BoTs that this slot knows: founding one, inviting others, joining by an invite, and changing from one to another. The tab reloads after each change. */
import { equalBytes } from "../kit/bytes.ts";
import { chainOf, DEFAULT_PARAMETERS, decodeGenesis } from "../protocol/genesis.ts";
import { fromHex, toHex } from "../protocol/identifiers.ts";
import { decodeInvite, encodeInvite, type Checkpoint } from "../protocol/invite.ts";
import { Refusal, requireThat } from "../protocol/refusal.ts";
import type { BotInfo, Commands } from "../sdk/api.ts";
import { foundHere } from "./found.ts";
import type { PeerKeys } from "./keys/keys.ts";
import { removeLedger, type LedgerDatabases } from "./ledger-place.ts";
import type { KnownBot, SettingsStore } from "./settings.ts";

export interface BotDeps {
  readonly keys: PeerKeys;
  readonly settings: SettingsStore;
  readonly account: () => Uint8Array;
  /** Of the BoT this peer is in; null before it is known. */
  readonly genesis: () => Uint8Array | null;
  /** Of the BoT that the page's relay names, once it has answered. */
  readonly home: () => Uint8Array | null;
  /** The last block that is final here. */
  readonly final: () => Checkpoint | null;
  /** Relays that others may reach this BoT's peers by. */
  readonly relays: () => readonly string[];
  readonly stop: () => Promise<void>;
  readonly alone: (work: () => Promise<void>) => Promise<void>;
  readonly nowMs: () => number;
  readonly ledgers: LedgerDatabases;
}

type BotCommand = "listBots" | "foundBot" | "inspectInvite" | "joinBot" | "openBot" | "forgetBot" | "makeInvite";
type BotHandlers = { readonly [Name in BotCommand]: (parameters: Commands[Name]["parameters"]) => Promise<Commands[Name]["result"]> };

function infoOf({ genesis: here }: BotDeps, genesis: Uint8Array, home: boolean): BotInfo {
  const { name, kind } = decodeGenesis(genesis);
  const own = here();
  return { chain: toHex(chainOf(genesis)), name, kind, home, here: own !== null && equalBytes(own, genesis) };
}

/** As the relay says now, or as it was when this slot was last in it. */
const homeOf = async ({ home, settings }: BotDeps): Promise<Uint8Array | null> => home() ?? (await settings.lastGenesis());

async function listBots(deps: BotDeps): Promise<readonly BotInfo[]> {
  const home = await homeOf(deps);
  const known = await deps.settings.bots();
  const others = known.filter(({ genesis }) => home === null || !equalBytes(genesis, home));
  return [...(home === null ? [] : [infoOf(deps, home, true)]), ...others.map(({ genesis }) => infoOf(deps, genesis, false))];
}

/** @throws {Refusal} `not-found`. */
async function knownBot(settings: SettingsStore, chain: string): Promise<KnownBot> {
  const wanted = fromHex(chain);
  const known = (await settings.bots()).find(({ genesis }) => equalBytes(chainOf(genesis), wanted));
  if (known === undefined) throw new Refusal("not-found", { chain });
  return known;
}

/** The one that is open stays: `reset` empties that. First what cannot be made again, so that whatever happens no ledger is left without its keys' record. */
async function forget({ settings, keys, ledgers, genesis }: BotDeps, chain: string): Promise<void> {
  const bot = await knownBot(settings, chain);
  const own = genesis();
  requireThat(own === null || !equalBytes(own, bot.genesis), "not-supported", { reason: "open" });
  const { foundingSeat } = decodeGenesis(bot.genesis);
  const id = chainOf(bot.genesis);
  await removeLedger(settings, ledgers, id, keys.forChain(id, foundingSeat));
  await settings.forgetBot(id);
}

/** Of the BoT that the relay names the address of the page is invite enough. */
async function makeInvite({ genesis, settings, final, relays }: BotDeps): Promise<string | null> {
  const own = genesis();
  requireThat(own !== null, "not-ready");
  if ((await settings.chosenBot()) === null) return null;
  return encodeInvite({ genesis: own, checkpoint: final(), relays: relays() });
}

export function botCommands(deps: BotDeps): BotHandlers {
  const { settings } = deps;
  const change = (work: () => Promise<unknown>): Promise<null> =>
    deps
      .alone(async () => {
        await work();
        await deps.stop();
      })
      .then(() => null);
  return {
    listBots: () => listBots(deps),
    foundBot: ({ name, kind, tokens }) =>
      change(() =>
        foundHere(deps.keys, settings, {
          name,
          kind,
          tokens,
          parameters: DEFAULT_PARAMETERS,
          account: deps.account(),
          nowMs: deps.nowMs(),
        }),
      ),
    inspectInvite: async ({ invite }) => {
      const { genesis, checkpoint } = decodeInvite(invite);
      return { ...infoOf(deps, genesis, false), height: checkpoint?.height ?? 0 };
    },
    joinBot: ({ invite }) =>
      change(async () => {
        const bot = decodeInvite(invite);
        const home = await homeOf(deps);
        // Founded elsewhere, it may have come to be the relay's.
        if (home !== null && equalBytes(home, bot.genesis)) return settings.change({}, { chosen: null });
        return settings.change({}, { bot, chosen: chainOf(bot.genesis) });
      }),
    openBot: ({ chain }) =>
      change(async () => settings.change({}, { chosen: chain === null ? null : chainOf((await knownBot(settings, chain)).genesis) })),
    forgetBot: async ({ chain }) => {
      await deps.alone(() => forget(deps, chain));
      return null;
    },
    makeInvite: async () => ({ invite: await makeInvite(deps) }),
  };
}
