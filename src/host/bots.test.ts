/** Several BoTs in one slot: founded, joined by an invite, and changed from one to another. */
import { describe, expect, it } from "vitest";
import { createMemoryStorage } from "./storage/memory-storage.ts";
import { chainOf, DEFAULT_PARAMETERS, decodeGenesis, encodeGenesis, ROLES } from "../protocol/genesis.ts";
import { asAccountId, asHash, asVotingKey, toHex } from "../protocol/identifiers.ts";
import { decodeInvite, encodeInvite, type Checkpoint } from "../protocol/invite.ts";
import { idKey } from "../peer/rows.ts";
import { botCommands } from "./bots.ts";
import { agreesWith } from "./checkpoint.ts";
import { createKeys } from "./keys/keys.ts";
import { createMemorySeeds } from "./keys/memory-seeds.ts";
import { noteEmptyLedger } from "./ledger-place.ts";
import { openSettings } from "./settings.ts";

const FINAL: Checkpoint = { height: 12, id: asHash(new Uint8Array(32).fill(4)) };

async function createSlot({ durable = true }: { durable?: boolean } = {}) {
  const keys = { ...(await createKeys(createMemorySeeds())), durable };
  const settings = await openSettings(createMemoryStorage());
  const account = await keys.create("account");
  const slot = { genesis: null as Uint8Array | null, home: null as Uint8Array | null, stops: 0 };
  const removed: string[] = [];
  const commands = botCommands({
    keys,
    settings,
    account: () => account,
    genesis: () => slot.genesis,
    home: () => slot.home,
    final: () => FINAL,
    relays: () => ["/dns4/relay.example/tcp/443/wss"],
    stop: async () => void slot.stops++,
    alone: (work) => work(),
    nowMs: () => 5,
    ledgers: {
      open: async () => createMemoryStorage(),
      remove: async (chain, number) => void removed.push(`${toHex(chain)} ${number}`),
    },
  });
  /** What the next start opens. */
  const reload = async () => (slot.genesis = (await settings.chosenBot())?.genesis ?? null);
  return { keys, settings, account, slot, commands, reload, removed };
}

const HOME = encodeGenesis({
  version: 1,
  kind: "public",
  name: "Of the relay",
  token: "coal",
  createdMs: 1,
  founder: asAccountId(new Uint8Array(32).fill(1)),
  foundingSeat: asVotingKey(new Uint8Array(32).fill(2)),
  parameters: DEFAULT_PARAMETERS,
  salt: new Uint8Array(16),
});

describe("founding here", () => {
  it.each(["public", "consortium", "private"] as const)(
    "makes a %s BoT with the only seat in this slot, and opens it from now on",
    async (kind) => {
      const { keys, account, commands, slot, reload, settings } = await createSlot();
      await commands.foundBot({ name: "Ours", kind, tokens: false });
      expect(slot.stops).toBe(1);
      const made = (await reload())!;
      const genesis = decodeGenesis(made);
      expect(genesis).toMatchObject({ kind, name: "Ours", founder: account, token: kind === "public" ? "coal" : null });
      const voting = keys.forChain(chainOf(made), genesis.foundingSeat);
      expect(await voting.list("voting")).toEqual([genesis.foundingSeat]);
      // Its first start finds no ledger, and must not take the key for one whose votes were lost.
      await noteEmptyLedger(settings, createMemoryStorage(), chainOf(made), voting);
      expect((await settings.ledgerPlace(chainOf(made))).unvoted).toBe(false);
    },
  );

  it("gives a private BoT tokens where they are wanted, and the founder all that it may do", async () => {
    const { commands, reload, account } = await createSlot();
    await commands.foundBot({ name: "Home", kind: "private", tokens: true });
    expect(decodeGenesis((await reload())!)).toMatchObject({ token: "coal", owner: account, members: [], parameters: DEFAULT_PARAMETERS });
    await commands.foundBot({ name: "Club", kind: "consortium", tokens: true });
    expect(decodeGenesis((await reload())!)).toMatchObject({ token: null, members: [[account, ROLES]] });
  });

  it("is refused where the key of the only seat would end with the tab", async () => {
    const { commands, slot } = await createSlot({ durable: false });
    await expect(commands.foundBot({ name: "Ours", kind: "private", tokens: false })).rejects.toThrow("not-supported");
    expect(slot.stops).toBe(0);
  });
});

describe("an invite", () => {
  it("brings another slot into the BoT, with the relays and the block that it names", async () => {
    const founder = await createSlot();
    await founder.commands.foundBot({ name: "Ours", kind: "consortium", tokens: false });
    await founder.reload();
    const { invite } = await founder.commands.makeInvite({});
    const guest = await createSlot();
    expect(await guest.commands.inspectInvite({ invite: invite! })).toMatchObject({
      name: "Ours",
      kind: "consortium",
      here: false,
      height: 12,
    });
    await guest.commands.joinBot({ invite: invite! });
    expect(await guest.reload()).toEqual(founder.slot.genesis);
    expect(await guest.settings.chosenBot()).toEqual(decodeInvite(invite!));
    expect((await guest.commands.inspectInvite({ invite: invite! })).here).toBe(true);
  });

  it("is the page's address alone for the BoT that the relay names", async () => {
    const { commands, slot, settings } = await createSlot();
    slot.genesis = HOME;
    await settings.change({}, { genesis: HOME });
    expect(await commands.makeInvite({})).toEqual({ invite: null });
    await commands.joinBot({ invite: encodeInvite({ genesis: HOME, checkpoint: null, relays: [] }) });
    expect(await settings.chosenBot()).toBeNull();
  });

  it("that is none changes nothing", async () => {
    const { commands, slot, settings } = await createSlot();
    await expect(commands.joinBot({ invite: "nonsense" })).rejects.toThrow("invite-invalid");
    expect([slot.stops, await settings.bots()]).toEqual([0, []]);
  });

  it("names a block that the ledger has, or not, or not yet", async () => {
    const storage = createMemoryStorage();
    await storage.write({ puts: [["meta", idKey(FINAL.id), new Uint8Array(1)]], deletes: [], strict: false });
    const at = (height: number, historyFloor = 0) => ({ final: { height, id: FINAL.id, stateRoot: FINAL.id, timeMs: 0 }, historyFloor });
    const forged = { height: 12, id: asHash(new Uint8Array(32).fill(9)) };
    expect(await agreesWith(FINAL, at(11), storage)).toBeNull();
    expect(await agreesWith(FINAL, at(20, 12), storage)).toBeNull();
    expect(await agreesWith(FINAL, at(12), storage)).toBe(true);
    expect(await agreesWith(forged, at(12), storage)).toBe(false);
  });
});

describe("several BoTs", () => {
  it("are forgotten one by one, with ledger and voting keys, but for the one that is open", async () => {
    const { commands, reload, keys, settings, removed } = await createSlot();
    await commands.foundBot({ name: "One", kind: "private", tokens: false });
    const one = (await reload())!;
    const chain = toHex(chainOf(one));
    await expect(commands.forgetBot({ chain })).rejects.toThrow("not-supported");
    await commands.foundBot({ name: "Two", kind: "private", tokens: false });
    const two = (await reload())!;
    await commands.forgetBot({ chain });
    expect(removed).toEqual([`${chain} 0`]);
    expect((await commands.listBots({})).map(({ name }) => name)).toEqual(["Two"]);
    const votingKeys = (genesis: Uint8Array) => keys.forChain(chainOf(genesis), decodeGenesis(genesis).foundingSeat).list("voting");
    expect([(await votingKeys(one)).length, (await votingKeys(two)).length]).toEqual([0, 1]);
    expect((await settings.chosenBot())?.genesis).toEqual(two);
    await expect(commands.forgetBot({ chain })).rejects.toThrow("not-found");
  });

  it("are listed, and one is opened after another", async () => {
    const { commands, settings, reload } = await createSlot();
    await settings.change({}, { genesis: HOME });
    await commands.foundBot({ name: "One", kind: "private", tokens: false });
    const one = toHex(chainOf((await reload())!));
    await commands.foundBot({ name: "Two", kind: "public", tokens: true });
    await reload();
    const listed = async () =>
      (await commands.listBots({})).map(({ name, home, here }) => [name, home, here] as const).sort(([a], [b]) => (a < b ? -1 : 1));
    expect(await listed()).toEqual([
      ["Of the relay", true, false],
      ["One", false, false],
      ["Two", false, true],
    ]);
    await commands.openBot({ chain: one });
    await reload();
    expect((await listed()).find(([, , here]) => here)?.[0]).toBe("One");
    await commands.openBot({ chain: null });
    expect(await settings.chosenBot()).toBeNull();
    await expect(commands.openBot({ chain: "ab".repeat(32) })).rejects.toThrow("not-found");
  });

  it("have the relay's among them also where this slot was never in it", async () => {
    const founder = await createSlot();
    await founder.commands.foundBot({ name: "Ours", kind: "private", tokens: false });
    await founder.reload();
    const guest = await createSlot();
    await guest.commands.joinBot({ invite: (await founder.commands.makeInvite({})).invite! });
    guest.slot.home = HOME;
    expect((await guest.commands.listBots({})).map(({ name, home }) => [name, home])).toEqual([
      ["Of the relay", true],
      ["Ours", false],
    ]);
  });
});
