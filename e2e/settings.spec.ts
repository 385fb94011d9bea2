/**
 * Accounts that go and come back: what is saved, what is asked first, and what nothing takes away. Then what else a person sets or saves
 * there: relays, a report for a helper, and how full the disk is.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { CarBufferReader } from "@ipld/car/buffer-reader";
import { ed25519 } from "@noble/curves/ed25519.js";
import { base58btc } from "multiformats/bases/base58";
import { expect, test } from "@playwright/test";
import { bytesToHex, hexToBytes } from "../src/kit/bytes.ts";
import { didToAccount } from "../src/protocol/identifiers.ts";
import type { ConsensusInfo, NetworkInfo, Settings, Status, StorageInfo } from "../src/sdk/api.ts";
import { RelayProcess } from "./harness/relay.ts";
import { closeAll, openSeats, openTab } from "./harness/tabs.ts";
import { SettingsPage } from "./pages/settings.ts";

const PASSPHRASE = "correct horse battery";

let relay: RelayProcess;
let settings: SettingsPage;

test.beforeAll(async ({ browser }) => {
  relay = await RelayProcess.open();
  const [tab] = await openSeats(browser, relay, 1);
  settings = new SettingsPage(tab!.page);
  await settings.goTo("Settings");
});

test.afterAll(async ({ browser }) => closeAll(browser, relay));

test("the account counts as saved when its words were written down, not when they were shown", async () => {
  const warning = settings.main.getByText("Your key is only in this browser.");
  await settings.words();
  await settings.main.getByRole("button", { name: "Hide them" }).click();
  await expect(warning).toBeVisible();
  await settings.words();
  await settings.main.getByRole("button", { name: "I have written them down" }).click();
  await expect(settings.main.getByText(/^Last saved/)).toBeVisible();
  await expect(warning).toBeHidden();
});

test("a tab alone brings its account back from a file without a ledger, and keeps ledger and seat", async () => {
  await settings.setName("Ann of the hill");
  const before = await settings.status();
  const file = await (await settings.exportPeer(PASSPHRASE)).path();
  const reloaded = settings.page.waitForEvent("load");
  await settings.importPeer(file, PASSPHRASE);
  await settings.replaceAccount();
  await reloaded;
  const after = await settings.until("a seat", ({ ready, seats }) => ready && seats.mine);
  expect(after.account).toBe(before.account);
  expect(after.final.height).toBeGreaterThanOrEqual(before.final.height);
  expect((await settings.query("account", { account: before.account })).name).toBe("Ann of the hill");
});

test("a file with a ledger is asked about, and says what is lost; who says not now loses nothing", async () => {
  await settings.goTo("Settings");
  const before = await settings.status();
  await settings.main.getByLabel("With the ledger, too").check();
  const file = await (await settings.exportPeer(PASSPHRASE)).path();
  await settings.importPeer(file, PASSPHRASE);
  const dialog = settings.page.getByRole("dialog");
  await expect(dialog).toContainText("its voting keys are deleted with it");
  await dialog.getByRole("button", { name: "Not now" }).click();
  await expect(dialog).toBeHidden();
  await settings.page.reload();
  const after = await settings.until("a seat", ({ ready, seats }) => ready && seats.mine);
  expect(after.final.height).toBeGreaterThanOrEqual(before.final.height);
});

const TURN = "turn:turn.example.org:3478";
const TURN_PASSWORD = "a-password-of-a-server";
const SEED_BYTES = 32;

/** Every run of 32 bytes in a text, however a program would write them: hexadecimal, base64 or a list of numbers. */
function seedsIn(text: string): readonly Uint8Array[] {
  const found: Uint8Array[] = [];
  const add = (bytes: Uint8Array): void => {
    for (let at = 0; at + SEED_BYTES <= bytes.length; at++) found.push(bytes.slice(at, at + SEED_BYTES));
  };
  for (const [digits] of text.matchAll(/[0-9a-f]{64,}/gi))
    for (const odd of [0, 1]) add(hexToBytes(digits.slice(odd, digits.length - ((digits.length - odd) % 2)).toLowerCase())!);
  for (const [letters] of text.matchAll(/[\w+/-]{43,}/g)) add(Buffer.from(letters, "base64"));
  for (const [list] of text.matchAll(/\[[\d\s,]{64,}\]/g)) add(Uint8Array.from(JSON.parse(list) as number[]));
  return found;
}

test("the report names version, BoT, peer, heights, links and what happened, and holds no key, no password and no nickname", async () => {
  await settings.goTo("Settings");
  await settings.addNickname((await settings.status()).account, "Nobody's business");
  const form = settings.card("Network");
  await form.getByLabel("STUN and TURN servers").fill(`${TURN} ann ${TURN_PASSWORD}`);
  await form.getByRole("button", { name: "Save" }).click();
  await expect(form.getByText("The servers are used once this tab is reloaded.")).toBeVisible();
  const words = await settings.words();
  // A tab alone is ready before it is linked to the relay.
  const { chain, peer, account, final } = await settings.until("the relay", (status) => status.relay);
  const file = await settings.report();
  expect(file.suggestedFilename()).toBe("bothy-diagnostics.json");
  const text = readFileSync(await file.path(), "utf8");
  const report = JSON.parse(text) as Report;
  const card = settings.card("Save a report");
  await expect(card.getByText(`Bothy ${report.version}`)).toBeVisible();
  expect(report.facts.log.about.version).toBe(report.version);
  expect(report.userAgent).toBe(await settings.page.evaluate(() => navigator.userAgent));
  const { status, network, consensus, storage, memory } = report.facts;
  expect(status).toMatchObject({ chain, peer, account, ready: true });
  expect(status.final.height).toBeGreaterThanOrEqual(final.height);
  expect(network.relays.map(({ address, state }) => [address.includes(`/tcp/${relay.port}/`), state])).toEqual([[true, "linked"]]);
  expect(consensus.quorum).toBe(1);
  expect(storage.usedBytes).toBeGreaterThan(0);
  // None after a reload: all of them are in storage.
  expect(memory).toEqual({ bodiesBytes: expect.any(Number) });
  expect(report.facts.settings.iceServers).toEqual([TURN]);
  expect(report.facts.log.entries.length).toBeGreaterThan(0);

  for (const secret of [TURN_PASSWORD, PASSPHRASE, "Nobody's business", words.join(" "), words.join('", "')])
    expect(text).not.toContain(secret);
  const seats = await settings.query("seats", {});
  // A peer identifier ends with the key itself (libp2p, peer ids), and a did:key is one.
  const publicKeys = [
    ...seats.map(({ votingKey }) => votingKey),
    bytesToHex(didToAccount(account)),
    bytesToHex(base58btc.decode(`z${peer}`).slice(-32)),
  ];
  const secrets = seedsIn(text).filter((seed) => publicKeys.includes(bytesToHex(ed25519.getPublicKey(seed))));
  expect(seedsIn(text).length).toBeGreaterThan(0);
  expect(secrets).toEqual([]);
  await settings.page.reload();
  await settings.ready();
});

interface Report {
  readonly version: string;
  readonly userAgent: string;
  readonly facts: {
    readonly settings: Settings;
    readonly status: Status;
    readonly network: NetworkInfo;
    readonly memory: { readonly bodiesBytes: number };
    readonly consensus: ConsensusInfo;
    readonly storage: StorageInfo;
    readonly log: { readonly about: { readonly version: string }; readonly entries: readonly unknown[] };
  };
}

test("a relay that was typed in is kept over a reload and brings a peer that knows no other; taken out it is left", async ({ browser }) => {
  const second = await RelayProcess.open();
  try {
    // The same BoT behind another address: its relay takes the genesis that it is offered.
    const { genesis } = (await (await fetch(new URL("bothy/manifest", relay.url))).json()) as { genesis: string };
    const taken = await fetch(new URL("bothy/manifest", second.url), {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ genesis }),
    });
    const { relays } = (await taken.json()) as { relays: readonly [string] };
    const own = async (): Promise<readonly (readonly [string, string])[]> =>
      (await settings.query("network", {})).relays
        .filter(({ address }) => relays.includes(address))
        .map(({ address, state }) => [address, state]);

    await settings.goTo("Settings");
    const form = await settings.setRelays(["/dns4/relay.example.org/tcp/443"]);
    await expect(form.getByText("This is not an address that a peer can use")).toBeVisible();
    expect((await settings.query("settings", {})).relays).toEqual([]);
    await settings.setRelays(relays);
    await expect(form.getByText("This is not an address that a peer can use")).toBeHidden();
    await expect.poll(own).toEqual([[relays[0], "linked"]]);

    await settings.page.reload();
    await settings.ready();
    await expect(form.getByLabel("Relays")).toHaveValue(relays.join("\n"));
    await expect.poll(own).toEqual([[relays[0], "linked"]]);
    const { chain, peer } = await settings.status();
    // The relay that served this tab is no road any more, and the newcomer has never heard of it.
    await relay.kill();
    const newcomer = await openTab(browser, second);
    const reached = await newcomer.until("the peer is there", ({ ready, peers }) => ready && peers.some(({ id }) => id === peer));
    expect(reached.chain).toBe(chain);
    await newcomer.page.context().close();
    await relay.start();

    await settings.goTo("Network");
    await expect(settings.main.getByText(relays[0])).toBeVisible();
    await settings.goTo("Settings");
    await settings.setRelays([]);
    await expect.poll(own).toEqual([]);
    await settings.goTo("Network");
    await expect(settings.main.getByText(relays[0])).toBeHidden();
  } finally {
    await second.remove();
  }
});

const BYTES = { B: 1, kB: 1e3, MB: 1e6, GB: 1e9 };

/** How much is shown as used, and of how much, in bytes. */
async function shownStorage(): Promise<readonly [used: number, quota: number]> {
  const said = await settings
    .card("Storage")
    .getByText(/ used$/)
    .textContent();
  const [, used, usedUnit, quota, quotaUnit] = /^([\d.,]+) (\w+) of ([\d.,]+) (\w+) used$/.exec(said!)!;
  const bytes = (figure: string, unit: string): number => Number(figure.replaceAll(",", "")) * BYTES[unit as keyof typeof BYTES];
  return [bytes(used!, usedUnit!), bytes(quota!, quotaUnit!)];
}

test("storage is shown as the browser measures it, and more once more is stored", async () => {
  const measured = () => settings.page.evaluate(() => navigator.storage.estimate());
  const agrees = async (): Promise<void> => {
    // The page asks anew when it is opened.
    await settings.goTo("Home");
    await settings.goTo("Settings");
    const [[used, quota], { usage, quota: allowed }] = [await shownStorage(), await measured()];
    // Figures are rounded to one place, and between the two a block may have been written.
    expect(Math.abs(used - usage!)).toBeLessThan(0.06 * usage! + 100_000);
    expect(Math.abs(quota - allowed!)).toBeLessThan(0.01 * allowed!);
  };
  await expect(agrees).toPass({ timeout: 20_000 });
  const [before] = await shownStorage();
  await settings.page.evaluate(async () => (await caches.open("ballast")).put("/ballast", new Response(new Uint8Array(40_000_000))));
  await expect(async () => {
    await agrees();
    expect((await shownStorage())[0]).toBeGreaterThan(before + 30_000_000);
  }).toPass({ timeout: 20_000 });
  const bar = settings.card("Storage").getByRole("progressbar");
  const { usage, quota } = await measured();
  expect(Number(await bar.getAttribute("aria-valuenow"))).toBeCloseTo(Math.max(1, (100 * usage!) / quota!), 0);
  await settings.page.evaluate(() => caches.delete("ballast"));
});

test("which blocks are kept is chosen by number and by room, and stays chosen", async () => {
  const card = settings.card("Storage");
  await card.getByLabel("Old blocks").selectOption("Keep the newest 1,000");
  await expect(card.getByLabel("Old blocks")).toHaveValue("1000");
  await card.getByLabel("Room for blocks").selectOption("200 MB");
  await expect(card.getByLabel("Room for blocks")).toHaveValue("200000000");
  await settings.page.reload();
  await settings.ready();
  await settings.goTo("Settings");
  await expect(card.getByLabel("Old blocks")).toHaveValue("1000");
  await expect(card.getByLabel("Room for blocks")).toHaveValue("200000000");
  await card.getByLabel("Old blocks").selectOption("Keep all");
  await card.getByLabel("Room for blocks").selectOption("As much as they take");
  await expect(card.getByLabel("Room for blocks")).toHaveValue("");
});

test("an account that was replaced is brought back by its words, as often as one likes", async () => {
  // BIP 39's test vector of 256 set bits.
  const others = [...Array.from({ length: 23 }, () => "zoo"), "vote"];
  await settings.goTo("Settings");
  const { account } = await settings.status();
  const own = await settings.words();
  await settings.restoreWords(others);
  const replaced = await settings.until("another account", (status) => status.ready && status.account !== account);
  await settings.restoreWords(own);
  await settings.until("the first account", (status) => status.ready && status.account === account);
  await settings.restoreWords(others);
  await settings.until("the other account again", (status) => status.ready && status.account === replaced.account);
});

test("a ledger is saved as a CAR file that names its blocks, and a newcomer who meets nobody reads it from there", async ({ browser }) => {
  const quiet = await RelayProcess.open();
  try {
    const founder = new SettingsPage((await openTab(browser, quiet)).page);
    const { account } = await founder.ready();
    await founder.send([["account.setProfile", { name: "On a stick" }]]);
    await founder.goTo("Settings");
    const { final, chain } = await founder.status();
    const file = await founder.saveLedger();
    expect(file.suggestedFilename()).toBe(`bothy-${chain.slice(0, 8)}.car`);
    // What a browser downloaded goes with it.
    const path = test.info().outputPath("ledger.car");
    await file.saveAs(path);
    const names = [...CarBufferReader.fromBytes(readFileSync(path)).blocks()].map(({ cid }) => bytesToHex(cid.multihash.digest));
    expect(names).toContain(final.digest);
    expect(names).toContain(chain);
    await founder.page.context().close();

    const newcomer = new SettingsPage((await openTab(browser, quiet, { viewport: { width: 390, height: 844 } })).page);
    await newcomer.page.getByRole("button", { name: "Look around meanwhile" }).click();
    await newcomer.goTo("Settings");
    await newcomer.bringLedger(path);
    const dialog = newcomer.page.getByRole("dialog");
    await expect(dialog).toContainText(`The file goes up to block ${final.height}; this tab has 0 blocks.`);
    // It has nothing to lose.
    await expect(dialog).not.toContainText("voting keys");
    const reloaded = newcomer.page.waitForEvent("load");
    await dialog.getByRole("button", { name: "Bring it back" }).click();
    await reloaded;
    const { final: taken } = await newcomer.finalAt(final.height);
    expect(taken).toEqual(final);
    expect((await newcomer.query("account", { account })).name).toBe("On a stick");
  } finally {
    await quiet.remove();
  }
});

test("a file that is no ledger is refused, and the ledger here stays", async () => {
  await settings.goTo("Settings");
  const { final } = await settings.status();
  const path = test.info().outputPath("broken.car");
  writeFileSync(path, readFileSync(await (await settings.saveLedger()).path()).subarray(0, -1));
  await settings.bringLedger(path);
  await expect(settings.card("The ledger as a file").locator(".fault")).toHaveText(
    "This is not a file that Bothy saved, or it is damaged.",
  );
  await expect(settings.page.getByRole("dialog")).toBeHidden();
  expect((await settings.status()).final.height).toBeGreaterThanOrEqual(final.height);
});
