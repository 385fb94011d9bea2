/** Accounts that go and come back: what is saved, what is asked first, and what nothing takes away. */
import { expect, test } from "@playwright/test";
import { RelayProcess } from "./harness/relay.ts";
import { closeAll, openSeats } from "./harness/tabs.ts";
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
