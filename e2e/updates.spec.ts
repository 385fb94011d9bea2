/** A new version waits until every tab of the browser has saved and left its seat; then all have it. */
import { appendFileSync, cpSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "@playwright/test";
import { APP, RelayProcess } from "./harness/relay.ts";
import { closeAll, openTabIn } from "./harness/tabs.ts";

test.use({ serviceWorkers: "allow" });

const app = mkdtempSync(join(tmpdir(), "bothy-app-"));
let relay: RelayProcess;

test.beforeAll(async () => {
  cpSync(APP, app, { recursive: true });
  relay = await RelayProcess.open({}, { app });
});

test.afterAll(async ({ browser }) => {
  await closeAll(browser, relay);
  rmSync(app, { recursive: true, force: true });
});

test("an update takes over when the last tab has left, in tabs that no worker controls yet, too; and all go on", async ({ browser }) => {
  const context = await browser.newContext();
  const first = await openTabIn(context, relay);
  const { account } = await first.until("a seat", ({ seats }) => seats.mine);
  const second = await openTabIn(context, relay);
  await second.until("a seat", ({ seats }) => seats.mine);
  await second.page.evaluate(async () => void (await navigator.serviceWorker.ready));
  await first.page.reload();
  await first.until("a seat again", ({ seats }) => seats.mine);
  const isControlled = (): boolean => navigator.serviceWorker.controller !== null;
  expect([await first.page.evaluate(isControlled), await second.page.evaluate(isControlled)]).toEqual([true, false]);
  // A tab of the old version that neither saves nor answers.
  const hanging = await context.newPage();
  await hanging.goto(`${relay.url}healthz`);
  await hanging.evaluate(() => {
    void navigator.locks.request("bothy-version", { mode: "shared" }, () => new Promise(() => undefined));
  });

  appendFileSync(join(app, "sw.js"), "\n// another version\n");
  await first.page.evaluate(async () => void (await (await navigator.serviceWorker.getRegistration())!.update()));
  const banner = /^A new version is here/;
  await expect(second.page.getByText(banner)).toBeVisible();
  const loads: string[] = [];
  first.page.on("load", () => loads.push("first"));
  second.page.on("load", () => loads.push("second"));
  await first.page.getByRole("button", { name: "Save and update" }).click();
  await expect(first.page.getByText("A tab of Bothy has not saved yet.")).toBeVisible();
  expect(loads).toEqual([]);

  await hanging.close();
  await expect.poll(() => loads.toSorted()).toEqual(["first", "second"]);
  for (const tab of [first, second]) {
    await tab.until("a seat again", ({ ready, seats }) => ready && seats.mine);
    await expect(tab.page.getByText(banner)).toBeHidden();
  }
  expect((await first.status()).account).toBe(account);
  expect(await first.page.evaluate(async () => (await navigator.serviceWorker.getRegistration())?.waiting ?? null)).toBeNull();
});
