/** What becomes of the keys of a BoT that this tab offers to a relay. */
import { afterEach, describe, expect, it, vi } from "vitest";
import { bytesToHex, equalBytes, hexToBytes } from "../kit/bytes.ts";
import { DEFAULT_PARAMETERS, chainOf, decodeGenesis } from "../protocol/genesis.ts";
import { asHash } from "../protocol/identifiers.ts";
import { found, settleOffered } from "./found.ts";
import { createKeys, type PeerKeys } from "./keys/keys.ts";
import { createMemorySeeds } from "./keys/memory-seeds.ts";
import { openSettings, type SettingsStore } from "./settings.ts";
import { createMemoryStorage } from "./storage/memory-storage.ts";

const BASE = "https://relay.example/";
const FOUNDING = {
  name: "Test",
  kind: "public",
  tokens: true,
  parameters: DEFAULT_PARAMETERS,
  account: new Uint8Array(32).fill(1),
  nowMs: 1,
} as const;

interface Tab {
  readonly keys: PeerKeys;
  readonly settings: SettingsStore;
}

async function createTab(): Promise<Tab> {
  return { keys: await createKeys(createMemorySeeds()), settings: await openSettings(createMemoryStorage()) };
}

/** A relay that takes the first genesis, and whose answers can be lost on the way. */
function serveRelay(): { taken: Uint8Array | null; isDeaf: boolean; losesAnswers: boolean } {
  const relay = { taken: null as Uint8Array | null, isDeaf: false, losesAnswers: false };
  vi.stubGlobal("fetch", async (_: URL, { body }: { readonly body: string }) => {
    if (relay.isDeaf) throw new TypeError("fetch failed");
    const offered = hexToBytes((JSON.parse(body) as { readonly genesis: string }).genesis)!;
    const isFirst = relay.taken === null;
    relay.taken ??= offered;
    if (relay.losesAnswers) throw new TypeError("fetch failed");
    const manifest = { genesis: bytesToHex(relay.taken), relays: [], parameters: {}, mayFound: false };
    return { status: isFirst ? 201 : 409, json: async () => (isFirst ? manifest : { manifest }) };
  });
  return relay;
}

const foundIn = ({ keys, settings }: Tab) => found(BASE, keys, settings, FOUNDING);
const settle = ({ keys, settings }: Tab, genesis: Uint8Array, base = BASE) => settleOffered(genesis, base, keys, settings);
const votingKeysOf = ({ keys }: Tab, genesis: Uint8Array) => keys.forChain(chainOf(genesis), new Uint8Array(32)).list("voting");

afterEach(() => vi.unstubAllGlobals());

describe("a founding", () => {
  it("that is taken keeps its key, which is that BoT's whatever is joined under the same address later", async () => {
    const relay = serveRelay();
    const tab = await createTab();
    const { genesis } = await foundIn(tab);
    expect(await votingKeysOf(tab, genesis!)).toEqual([decodeGenesis(genesis!).foundingSeat]);
    // As the tab does once its ledger is there.
    await tab.settings.forgetOffered(chainOf(genesis!));
    relay.taken = null;
    const { genesis: another } = await foundIn(await createTab());
    await settle(tab, another!);
    expect(await votingKeysOf(tab, genesis!)).toHaveLength(1);
  });

  it("that lost gives up its own key and no other", async () => {
    serveRelay();
    const { genesis } = await foundIn(await createTab());
    const tab = await createTab();
    await tab.keys.create("voting");
    const elsewhere = tab.keys.forChain(asHash(new Uint8Array(32).fill(9)), new Uint8Array(32));
    await elsewhere.create("voting");
    const before = await tab.keys.list("voting");
    expect((await foundIn(tab)).genesis).toEqual(genesis);
    expect(await tab.keys.list("voting")).toEqual(before);
    expect(await tab.settings.offered()).toEqual([]);
  });

  it("without an answer keeps its key until the relay says which genesis it took, though that is after a reload", async () => {
    for (const isTaken of [true, false]) {
      const relay = serveRelay();
      relay.isDeaf = !isTaken;
      relay.losesAnswers = true;
      const tab = await createTab();
      await expect(foundIn(tab)).rejects.toMatchObject({ code: "no-peers" });
      Object.assign(relay, { isDeaf: false, losesAnswers: false });
      const { genesis } = await foundIn(await createTab());
      const [offered] = await tab.settings.offered();
      // What was joined elsewhere says nothing of it.
      await settle(tab, (await foundElsewhere()).genesis!, "https://elsewhere.example/");
      expect(await tab.keys.list("voting")).toHaveLength(1);
      await settle(tab, genesis!);
      expect(equalBytes(offered!.chain, chainOf(genesis!))).toBe(isTaken);
      expect(await tab.keys.list("voting")).toHaveLength(isTaken ? 1 : 0);
      expect(await tab.settings.offered()).toEqual(isTaken ? [offered] : []);
    }
  });
});

async function foundElsewhere() {
  const relay = globalThis.fetch;
  serveRelay();
  try {
    return await foundIn(await createTab());
  } finally {
    vi.stubGlobal("fetch", relay);
  }
}
