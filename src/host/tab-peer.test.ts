/** A tab's peer over IndexedDB, while another page has, or had, the same slot. */
import "fake-indexeddb/auto";
import { ed25519 } from "@noble/curves/ed25519.js";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { bytesToHex } from "../kit/bytes.ts";
import { Peer } from "../peer/peer.ts";
import { encode, type Value } from "../protocol/codec.ts";
import { DEFAULT_PARAMETERS, chainOf, encodeGenesis } from "../protocol/genesis.ts";
import { accountToDid, asAccountId, asHash, asVotingKey, toHex } from "../protocol/identifiers.ts";
import type { Status } from "../sdk/api.ts";
import { createClient, type Client } from "../sdk/client.ts";
import { openIndexedDbSeeds } from "./keys/indexeddb-seeds.ts";
import { createKeys, type PeerKeys } from "./keys/keys.ts";
import { createMemorySeeds } from "./keys/memory-seeds.ts";
import { createLocks } from "./locks.suite.ts";
import { encodePeerExport } from "./peer-export.ts";
import { DEFAULT_SETTINGS, openSettings, type SettingsStore } from "./settings.ts";
import { createVerifyServer, type SignatureWorker } from "./signatures/signatures.ts";
import { holdVotingLock } from "./slot.ts";
import { deleteDexieStorage, openDexieStorage } from "./storage/dexie-storage.ts";
import type { FromWorker } from "./tab-messages.ts";
import { TabPeer } from "./tab-peer.ts";

const PASSPHRASE = "a long enough passphrase";
/** Of every key that the old page makes: the seat that the genesis names may then be made at any time. */
const SEED = new Uint8Array(32).fill(7);

let locks: ReturnType<typeof createLocks>;
let slot = 0;
/** The keys of the slot, as the page has them that was there before. */
let oldKeys: PeerKeys;
let genesis: Uint8Array;
/** Ends the page that was there before. */
let endOldPage: () => void;
const ends: (() => Promise<unknown>)[] = [];

function createSignatureWorker(): SignatureWorker {
  const answer = createVerifyServer();
  const worker: SignatureWorker = {
    onmessage: null,
    onerror: null,
    postMessage: (request) => void answer(request).then((data) => worker.onmessage?.({ data } as MessageEvent)),
    terminate: () => undefined,
  };
  return worker;
}

beforeEach(async () => {
  slot += 1;
  locks = createLocks();
  oldKeys = await createKeys(await openIndexedDbSeeds(`bothy-${slot}-keys`, crypto.subtle), () => SEED.slice());
  genesis = encodeGenesis({
    version: 1,
    kind: "public",
    name: "Test",
    token: "coal",
    createdMs: Date.now() - 1,
    founder: asAccountId(await oldKeys.create("account")),
    foundingSeat: asVotingKey(ed25519.getPublicKey(SEED)),
    parameters: DEFAULT_PARAMETERS,
    salt: new Uint8Array(16),
  });
  vi.stubGlobal("navigator", { hardwareConcurrency: 2, locks });
  const manifest = { genesis: bytesToHex(genesis), relays: [], parameters: {}, mayFound: false };
  vi.stubGlobal("fetch", async () => ({ ok: true, json: async () => manifest }));
  endOldPage = (await holdVotingLock(`${slot}-${toHex(chainOf(genesis))}`, locks))!;
});

afterEach(async () => {
  endOldPage();
  for (const end of ends.splice(0)) await end();
  vi.restoreAllMocks();
  vi.unstubAllGlobals();
});

/** What the browser says now of whether it keeps this origin's data. */
function stubPersisted(persisted: boolean): void {
  vi.stubGlobal("navigator", { hardwareConcurrency: 2, locks, storage: { persisted: async () => persisted } });
}

function openTab(post: (message: FromWorker) => void = () => undefined): Client {
  const peer = new TabPeer({
    createSignatureWorker,
    createClaimWorker: () => ({ postMessage: () => undefined, onmessage: null, onerror: null, terminate: () => undefined }),
    loadContractMachine: () => Promise.reject(new Error("no machine here")),
    post,
  });
  const { port1, port2 } = new MessageChannel();
  peer.onMessage({ kind: "client", port: port2 });
  peer.onMessage({ kind: "start", slot, base: "https://relay.example/", version: "test" });
  const client = createClient(port1 as Parameters<typeof createClient>[0]);
  ends.push(async () => {
    await client.command("reset", { keys: false });
    port1.close();
  });
  return client;
}

/** A tab that has come as far as the old page lets it. */
async function openWaiting(): Promise<Client> {
  const request = vi.spyOn(locks, "request");
  const client = openTab();
  await vi.waitFor(() => expect(request).toHaveBeenCalled());
  expect((await client.status()).seats.total).toBe(0);
  return client;
}

const votingKeys = async (): Promise<readonly Uint8Array[]> => {
  await oldKeys.refresh();
  return oldKeys.list("voting");
};
const makeFoundingSeat = (): Promise<Uint8Array> => oldKeys.forChain(chainOf(genesis), new Uint8Array(0)).create("voting");

/** Whoever opens no longer waits for the page before. */
function giveUpWaiting(): void {
  const after = AbortSignal.timeout.bind(AbortSignal);
  vi.spyOn(AbortSignal, "timeout").mockImplementation(() => after(1));
}

/** Its ledger, which has one seat, is open. */
async function isOpen(client: Client): Promise<Status> {
  await vi.waitFor(async () => expect((await client.status()).seats.total).toBe(1), { timeout: 5000 });
  return client.status();
}

const openOldSettings = async (): Promise<SettingsStore> => openSettings(await openDexieStorage(`bothy-${slot}`));

/** A file without a ledger. */
async function createFile(): Promise<{ bytes: Uint8Array; did: string }> {
  const keys = await createKeys(createMemorySeeds());
  const account = await keys.create("account");
  const settings = encode({ ...DEFAULT_SETTINGS, windowLimit: 7 } as unknown as Value);
  const bytes = encodePeerExport({ account: await keys.exportAccount(account, PASSPHRASE), settings, genesis, rows: [] });
  return { bytes, did: accountToDid(account) };
}

describe("a tab whose slot another page has not given up yet", () => {
  it("reads the keys, settings and account that this one leaves behind, not those that it had before", async () => {
    const client = await openWaiting();
    await makeFoundingSeat();
    const settings = await openOldSettings();
    await settings.rememberOffered({ chain: chainOf(genesis), base: "https://relay.example/" });
    const other = await createKeys(await openIndexedDbSeeds(`bothy-${slot}-keys`, crypto.subtle));
    const brought = await other.create("account");
    await settings.change({ windowLimit: 9 }, { account: brought });
    endOldPage();
    expect(await isOpen(client)).toMatchObject({ account: accountToDid(brought), seats: { mine: true } });
    expect(await client.query("settings")).toMatchObject({ windowLimit: 9 });
  });

  it("takes an import when its own opening is over", async () => {
    const client = await openWaiting();
    const { account } = await client.status();
    const { bytes, did } = await createFile();
    let isTaken = false;
    const taken = client.command("importPeer", { bytes, passphrase: PASSPHRASE }).then(() => (isTaken = true));
    const settings = await openOldSettings();
    // Many times as often as an import comes to the database.
    for (let count = 0; count < 100; count++) await settings.refresh();
    expect([isTaken, settings.current.windowLimit]).toEqual([false, DEFAULT_SETTINGS.windowLimit]);
    endOldPage();
    await taken;
    await settings.refresh();
    expect(settings.current.windowLimit).toBe(7);
    expect((await client.status()).account).toBe(account);
    giveUpWaiting();
    expect((await isOpen(openTab())).account).toBe(did);
  });

  it("neither makes a voting key nor takes a seat, whatever it is told, while this one votes on", async () => {
    await makeFoundingSeat();
    giveUpWaiting();
    const steps = vi.spyOn(Peer.prototype, "step");
    const client = openTab();
    expect(await isOpen(client)).toMatchObject({ seats: { total: 1, mine: false } });
    await expect(client.send([{ operation: "seat.take", arguments: {} }])).rejects.toMatchObject({ code: "key-missing" });
    await client.command("setSettings", { seatWanted: true });
    expect(await votingKeys()).toHaveLength(1);
    const inputs = steps.mock.calls.map(([, input]) => input);
    expect(inputs.find(({ kind }) => kind === "adopt-voting-key")).toBeUndefined();
    expect(inputs.filter((input) => input.kind === "set-seat-wanted")).toEqual([{ kind: "set-seat-wanted", wanted: false }]);
  });
});

it("a ledger that has another block than the one of the invite stops the peer, which is told so", async () => {
  endOldPage();
  await makeFoundingSeat();
  const settings = await openOldSettings();
  const chain = chainOf(genesis);
  await settings.rememberOffered({ chain, base: "" });
  const checkpoint = { height: 1, id: asHash(new Uint8Array(32).fill(9)) };
  await settings.change({}, { bot: { genesis, relays: [], checkpoint }, chosen: chain });
  // As if it had come so far.
  vi.spyOn(Peer.prototype, "final", "get").mockReturnValue({ height: 1, id: chain, stateRoot: chain, timeMs: 1 });
  const steps = vi.spyOn(Peer.prototype, "step");
  const client = openTab();
  await vi.waitFor(async () => expect((await client.status()).fault?.code).toBe("checkpoint-contradicted"), { timeout: 5000 });
  expect((await client.status()).ready).toBe(false);
  const count = steps.mock.calls.length;
  await client.query("settings");
  expect(steps.mock.calls).toHaveLength(count);
});

it("a ledger that is empty though its key may have voted takes the key with it; that of a founding may vote, once", async () => {
  endOldPage();
  await makeFoundingSeat();
  const settings = await openOldSettings();
  await settings.rememberOffered({ chain: chainOf(genesis), base: "https://relay.example/" });
  const founder = openTab();
  expect((await isOpen(founder)).seats.mine).toBe(true);
  await founder.command("prepareToLeave");
  expect(await settings.offered()).toEqual([]);
  giveUpWaiting();
  // The browser may forget one database and keep the other.
  await deleteDexieStorage(`bothy-${slot}-${toHex(chainOf(genesis))}`);
  locks = createLocks();
  vi.stubGlobal("navigator", { hardwareConcurrency: 2, locks });
  expect((await isOpen(openTab())).seats.mine).toBe(false);
  expect(await votingKeys()).toEqual([]);
});

it("says whether the browser keeps its data as it is when it is asked, not as it was at the start", async () => {
  stubPersisted(false);
  endOldPage();
  await makeFoundingSeat();
  const client = openTab();
  await isOpen(client);
  expect(await client.query("storage")).toMatchObject({ persistent: false });
  stubPersisted(true);
  expect(await client.query("storage")).toMatchObject({ persistent: true });
});

it("a tab that takes an import before there is a BoT to join opens none any more: the reload does", async () => {
  endOldPage();
  const manifest = { genesis: null as string | null, relays: [], parameters: {}, mayFound: false };
  vi.stubGlobal("fetch", async () => ({ ok: true, json: async () => manifest }));
  const request = vi.spyOn(locks, "request");
  const posted: FromWorker[] = [];
  const client = openTab((message) => posted.push(message));
  await client.command("importPeer", { bytes: (await createFile()).bytes, passphrase: PASSPHRASE });
  manifest.genesis = bytesToHex(genesis);
  await vi.waitFor(() => expect(posted).toContainEqual({ kind: "phase", phase: "ready", error: null }), { timeout: 5000 });
  expect(request).not.toHaveBeenCalled();
  expect((await client.status()).seats.total).toBe(0);
});
