import { describe, expect, it } from "vitest";
import { DEFAULT_PARAMETERS, encodeGenesis } from "../protocol/genesis.ts";
import { asAccountId, asVotingKey } from "../protocol/identifiers.ts";
import type { Storage } from "../peer/ports.ts";
import { createCommands } from "./commands.ts";
import { createKeys } from "./keys/keys.ts";
import { createMemorySeeds } from "./keys/memory-seeds.ts";
import { decodePeerExport } from "./peer-export.ts";
import { DEFAULT_SETTINGS, decodeSettings, openSettings } from "./settings.ts";
import { createSignatures } from "./signatures/signatures.ts";
import { createMemoryDisk, createMemoryStorage } from "./storage/memory-storage.ts";

const PASSPHRASE = "a long enough passphrase";
const RELAY = "/dns4/relay.example/tcp/443/tls/ws/p2p/12D3KooWGC6TvWhfapngX6wvJHMYvKpDMXPb3ZnCZ6dMoaMtimQ5";
const NOW_MS = 1_750_000_000_000;

async function createRig({ isPrivate = false }: { isPrivate?: boolean } = {}) {
  const keys = await createKeys(createMemorySeeds());
  const account = await keys.create("account");
  const votingKey = await keys.create("voting");
  const common = {
    version: 1,
    name: "Test",
    token: "coal",
    createdMs: NOW_MS,
    founder: asAccountId(account),
    foundingSeat: asVotingKey(votingKey),
    parameters: DEFAULT_PARAMETERS,
    salt: new Uint8Array(16),
  };
  const genesis = encodeGenesis(
    isPrivate ? { ...common, kind: "private", owner: asAccountId(account), members: [] } : { ...common, kind: "public" },
  );
  const settingsDisk = createMemoryDisk();
  const settings = await openSettings(createMemoryStorage(settingsDisk));
  const ledger: { storage: Storage } = { storage: createMemoryStorage() };
  const done: string[] = [];
  const commands = createCommands({
    keys,
    settings,
    signatures: createSignatures(),
    pause: () => Promise.resolve(),
    loadMachine: () => Promise.reject(new Error("no contract is run")),
    account: () => account,
    genesis: () => genesis,
    storage: () => ledger.storage,
    stop: async () => void done.push("stop"),
    ledgers: {
      open: async (_, number) => {
        done.push(`open ${number}`);
        return ledger.storage;
      },
      remove: async (_, number) => {
        done.push(`remove ${number}`);
        ledger.storage = createMemoryStorage();
      },
    },
    alone: (work) => work(),
    onSettings: () => void done.push("settings"),
    found: async (name) => `chain of ${name}`,
    diagnostics: async () => ({ done: done.length }),
    leave: async () => void done.push("leave"),
    nowMs: () => NOW_MS,
    final: () => null,
    relays: () => [],
    home: () => null,
  });
  return { keys, account, genesis, settings, settingsDisk, ledger, commands, done };
}

describe("what the app orders of its peer", () => {
  it("what is saved for a helper names its servers, and neither their passwords nor what the person calls others", async () => {
    const { commands } = await createRig();
    await commands.setSettings({ relays: [RELAY], iceServers: ["turn:turn.example.org ann hunter2"], nicknames: { ab: "my landlord" } });
    const report = await commands.diagnostics({});
    expect(report).toEqual({
      settings: { seatWanted: true, relays: [RELAY], iceServers: ["turn:turn.example.org"], windowLimit: 100, exportedMs: null },
      done: 1,
    });
  });

  it("[C6c] settings are durable, and the peer hears of them", async () => {
    const { commands, settingsDisk, done } = await createRig();
    expect(await commands.setSettings({ seatWanted: false, relays: [RELAY] })).toMatchObject({ seatWanted: false });
    expect(done).toEqual(["settings"]);
    const again = await openSettings(createMemoryStorage(settingsDisk));
    expect(again.current).toEqual({ ...DEFAULT_SETTINGS, seatWanted: false, relays: [RELAY] });
  });

  it("an address that nothing could be reached by is refused, and nothing of the change is kept", async () => {
    const { commands, settings, done } = await createRig();
    const wrong = [{ relays: [RELAY, "/relay"] }, { relays: ["/dns4/relay/tcp/443/wss"] }, { iceServers: ["turn:turn.example.org"] }];
    for (const part of wrong) {
      await expect(commands.setSettings({ windowLimit: 7, ...part })).rejects.toMatchObject({ code: "address-invalid" });
    }
    expect(settings.current).toEqual(DEFAULT_SETTINGS);
    expect(done).toEqual([]);
  });

  it("a peer's export brings account and BoT to another", async () => {
    const from = await createRig();
    const bytes = await from.commands.exportPeer({ passphrase: PASSPHRASE, ledger: true });
    expect(from.settings.current.exportedMs).toBe(NOW_MS);
    const to = await createRig();
    await to.commands.importPeer({ bytes, passphrase: PASSPHRASE });
    expect(to.done).toEqual(["stop"]);
    expect(await to.keys.list("account")).toContainEqual(from.account);
    expect(await to.settings.lastGenesis()).toEqual(from.genesis);
  });

  it("the file of a closed BoT, or one with a ledger, opens its BoT elsewhere; an account alone comes to where the tab is", async () => {
    const from = await createRig({ isPrivate: true });
    const bytes = await from.commands.exportPeer({ passphrase: PASSPHRASE, ledger: false });
    const to = await createRig();
    await to.settings.change({}, { genesis: to.genesis });
    expect(await to.commands.inspectPeer({ bytes })).toMatchObject({ here: false, opens: true });
    await to.commands.importPeer({ bytes, passphrase: PASSPHRASE });
    expect((await to.settings.chosenBot())?.genesis).toEqual(from.genesis);
    expect(await to.settings.lastGenesis()).toEqual(to.genesis);
    // In the BoT that it is of nothing is chosen anew.
    await from.commands.importPeer({ bytes, passphrase: PASSPHRASE });
    expect(await from.settings.chosenBot()).toBeNull();
    const other = await createRig();
    const alone = await other.commands.exportPeer({ passphrase: PASSPHRASE, ledger: false });
    await to.settings.change({}, { chosen: null });
    await to.commands.importPeer({ bytes: alone, passphrase: PASSPHRASE });
    expect(await to.settings.chosenBot()).toBeNull();
  });

  it("the password of a TURN server is in no file, where whoever has the file could read it", async () => {
    const { commands, settings } = await createRig();
    const [open, secret] = ["stun:stun.example.org:3478", "turn:turn.example.org:3478 ann sesame"];
    await commands.setSettings({ iceServers: [open, secret] });
    const bytes = await commands.exportPeer({ passphrase: PASSPHRASE, ledger: true });
    expect(decodeSettings(decodePeerExport(bytes).settings).iceServers).toEqual([open]);
    expect(settings.current.iceServers).toEqual([open, secret]);
  });

  it("a file without a ledger takes none away: blocks, votes and voting keys stay", async () => {
    const rig = await createRig();
    const votingKeys = await rig.keys.list("voting");
    await rig.ledger.storage.write({ puts: [["blocks", "000000000001/0000", Uint8Array.of(1)]], deletes: [], strict: true });
    const other = await createRig();
    await other.commands.setSettings({ nicknames: { them: "Ann" } });
    await rig.commands.setSettings({ nicknames: { us: "Home" }, windowLimit: 7 });
    const bytes = await other.commands.exportPeer({ passphrase: PASSPHRASE, ledger: false });
    expect(await rig.commands.inspectPeer({ bytes })).toEqual({ name: "Test", here: false, ledger: false, opens: false });
    await rig.commands.importPeer({ bytes, passphrase: PASSPHRASE });
    expect(rig.done).toEqual(["settings", "stop"]);
    expect(await rig.ledger.storage.read("blocks", "000000000001/0000")).toEqual(Uint8Array.of(1));
    expect(await rig.keys.list("voting")).toEqual(votingKeys);
    expect((await rig.keys.list("account")).at(-1)).toEqual(other.account);
    const brought = { nicknames: { us: "Home", them: "Ann" }, windowLimit: DEFAULT_SETTINGS.windowLimit, exportedMs: NOW_MS };
    expect(rig.settings.current).toEqual({ ...DEFAULT_SETTINGS, ...brought });
    expect(await other.commands.inspectPeer({ bytes })).toMatchObject({ here: true });
  });

  it("showing the words saves nothing; having written them down does", async () => {
    const { commands, settings } = await createRig();
    await commands.identityWords({});
    expect(settings.current.exportedMs).toBe(null);
    await commands.keepWords({});
    expect(settings.current.exportedMs).toBe(NOW_MS);
  });

  it("a wrong passphrase and a file that is none are refused before anything is stopped or deleted", async () => {
    const { commands, done } = await createRig();
    const bytes = await commands.exportPeer({ passphrase: PASSPHRASE, ledger: false });
    await expect(commands.importPeer({ bytes, passphrase: "another passphrase" })).rejects.toMatchObject({ code: "wrong-password" });
    for (const garbage of [new Uint8Array(0), bytes.slice(0, -1), Uint8Array.of(...bytes, 0)]) {
      await expect(commands.importPeer({ bytes: garbage, passphrase: PASSPHRASE })).rejects.toMatchObject({ code: "export-invalid" });
    }
    expect(done).toEqual([]);
  });

  it("the words bring the account back, and words that are none are refused", async () => {
    const from = await createRig();
    const words = await from.commands.identityWords({});
    expect(words).toHaveLength(24);
    const to = await createRig();
    await expect(to.commands.restoreWords({ words: [...words.slice(1), "zebra"] })).rejects.toMatchObject({ code: "export-invalid" });
    expect(to.done).toEqual([]);
    await to.commands.restoreWords({ words });
    expect(await to.keys.list("account")).toContainEqual(from.account);
  });

  it("a reset removes the ledger and the voting keys, and the account only if that is wanted", async () => {
    const kept = await createRig();
    await kept.commands.reset({ keys: false });
    expect(kept.done).toEqual(["stop", "remove 0"]);
    expect([await kept.keys.list("account"), await kept.keys.list("voting")]).toEqual([[kept.account], []]);
    const gone = await createRig();
    await gone.commands.reset({ keys: true });
    expect(await gone.keys.list("account")).toEqual([]);
  });
});
