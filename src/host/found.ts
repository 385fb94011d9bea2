/** Founding a BoT: the first tab on a fresh relay makes the genesis that names its own seat. PROTOCOL, "Founding". */
import { equalBytes } from "../kit/bytes.ts";
import { chainOf, encodeGenesis, GENESIS_VERSION, ROLES, TOKEN_PARAMETERS, type BotKind, type Parameters } from "../protocol/genesis.ts";
import { asAccountId, asVotingKey } from "../protocol/identifiers.ts";
import { requireThat } from "../protocol/refusal.ts";
import { forgetVotingKeys, type PeerKeys } from "./keys/keys.ts";
import { offerGenesis, type Manifest } from "./manifest.ts";
import type { SettingsStore } from "./settings.ts";

export interface Founding {
  readonly name: string;
  readonly kind: BotKind;
  /** Whether it has tokens, which a private BoT may have; a public one always does, and a consortium never. */
  readonly tokens: boolean;
  readonly parameters: Parameters;
  readonly account: Uint8Array;
  readonly nowMs: number;
}

const TOKEN = "coal";
const SALT_BYTES = 16;
const NO_SEAT = new Uint8Array(0);

/**
 * Offers a genesis of this tab's own and gives the manifest that holds from now on, which is another's if that one was first. Then the
 * seat's key is given up at once: nothing was ever signed with it. Without an answer the relay may have taken the genesis, so the key stays until it says.
 */
export async function found(base: string, keys: PeerKeys, settings: SettingsStore, founding: Founding): Promise<Manifest> {
  let genesis: Uint8Array = new Uint8Array(0);
  await keys.createFounding(async (foundingSeat) => {
    genesis = genesisOf(founding, foundingSeat);
    // Before there is a key: one that nobody knows the offer of would stay for ever.
    await settings.rememberOffered({ chain: chainOf(genesis), base });
    return chainOf(genesis);
  });
  const manifest = await offerGenesis(base, genesis);
  if (manifest.genesis !== null) await settleOffered(manifest.genesis, base, keys, settings);
  return manifest;
}

/** The address of a relay that is none: what is founded without one is offered to nobody. */
const NO_BASE = "";

/**
 * Founds a BoT that no relay names, and gives its genesis, which is told only to those who are invited. It is the one that this slot opens from now on.
 * @throws {Refusal} `not-supported` where keys end with the tab: the only seat would go with it.
 */
export async function foundHere(keys: PeerKeys, settings: SettingsStore, founding: Founding): Promise<Uint8Array> {
  requireThat(keys.durable, "not-supported", { reason: "keys" });
  let genesis: Uint8Array = new Uint8Array(0);
  await keys.createFounding(async (foundingSeat) => {
    genesis = genesisOf(founding, foundingSeat);
    await settings.rememberOffered({ chain: chainOf(genesis), base: NO_BASE });
    return chainOf(genesis);
  });
  await settings.change({ seatWanted: true }, { bot: { genesis, relays: [], checkpoint: null }, chosen: chainOf(genesis) });
  return genesis;
}

function genesisOf({ name, kind, tokens, parameters, account, nowMs }: Founding, foundingSeat: Uint8Array): Uint8Array {
  const founder = asAccountId(account);
  const hasTokens = kind === "public" || (kind === "private" && tokens);
  const common = {
    version: GENESIS_VERSION,
    name,
    createdMs: nowMs,
    founder,
    foundingSeat: asVotingKey(foundingSeat),
    parameters: hasTokens ? parameters : withoutTokens(parameters),
    salt: globalThis.crypto.getRandomValues(new Uint8Array(SALT_BYTES)),
  };
  switch (kind) {
    case "public":
      return encodeGenesis({ ...common, kind, token: TOKEN });
    case "consortium":
      return encodeGenesis({ ...common, kind, token: null, members: [[founder, ROLES]] });
    case "private":
      return encodeGenesis({ ...common, kind, token: hasTokens ? TOKEN : null, owner: founder, members: [] });
  }
}

function withoutTokens(parameters: Parameters): Parameters {
  return { ...parameters, ...Object.fromEntries(TOKEN_PARAMETERS.map((name) => [name, 0])) };
}

/**
 * Now that this slot joins the BoT of `genesis`: what it offered to the relay that names it, and which is another, was not taken, so its keys are of no
 * use. Those of every other BoT stay. The offer that was taken is one until the ledger is there (see `noteEmptyLedger`).
 */
export async function settleOffered(genesis: Uint8Array, base: string, keys: PeerKeys, settings: SettingsStore): Promise<void> {
  const joined = chainOf(genesis);
  for (const offered of await settings.offered()) {
    if (equalBytes(offered.chain, joined) || offered.base !== base) continue;
    // The page that offered it may have made the key after this one has read them.
    await keys.refresh();
    await forgetVotingKeys(keys.forChain(offered.chain, NO_SEAT));
    await settings.forgetOffered(offered.chain);
  }
}
