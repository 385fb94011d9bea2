/** Every page, on a phone and on a desk, light and dark: pictured, without faults that axe finds, errors, or scrolling sideways. */
import { AxeBuilder } from "@axe-core/playwright";
import { readFileSync } from "node:fs";
import { expect, test } from "@playwright/test";
import { RelayProcess } from "./harness/relay.ts";
import { closeAll, openSeats } from "./harness/tabs.ts";
import type { AppPage } from "./pages/app.ts";
import { DevicesPage } from "./pages/devices.ts";

const PHONE = { width: 390, height: 844 };
const DESK = { width: 1280, height: 800 };
const NARROW = { width: 320, height: 640 };
const TALLY = readFileSync("src/sdk/templates/tally.contract.js", "utf8");

let relay: RelayProcess;
let tab: AppPage;
let errors: string[];
let pages: readonly (readonly [name: string, path: string])[];

test.beforeAll(async ({ browser }) => {
  relay = await RelayProcess.open();
  const [first] = await openSeats(browser, relay, 2);
  tab = first!;
  errors = [];
  tab.page.on("console", (message) => {
    if (message.type() === "error" || message.type() === "warning") errors.push(message.text());
  });
  tab.page.on("pageerror", (error) => errors.push(String(error)));
  pages = await fill(tab);
});

test.afterAll(async ({ browser }) => closeAll(browser, relay));

/** Something on every page: a thermometer with readings, a contract, blocks and a payment. Gives the paths of all pages. */
async function fill(from: AppPage): Promise<typeof pages> {
  const devices = new DevicesPage(from.page);
  await devices.addVirtual("A virtual lamp", "Lamp by the bed");
  await devices.addVirtual("A virtual thermometer", "Thermometer in the byre");
  const device = from.page.url().slice(-64);
  const { streams } = await devices.query("device", { device });
  const stream = streams[0]!;
  await from.send([["account.setProfile", { name: "Ann of the hill" }]]);
  const deployed = await from.send([["contract.deploy", { source: TALLY, arguments: null, endowment: 0 }]]);
  const { account } = await from.status();
  await expect.poll(async () => (await from.query("readings", { stream })).length, { timeout: 60_000 }).toBeGreaterThan(4);
  return [
    ["home", "#/"],
    ["devices", "#/devices"],
    ["devices-add", "#/devices/add"],
    ["device", `#/device/${device}`],
    ["data", "#/data"],
    ["stream", `#/stream/${stream}`],
    ["contracts", "#/contracts"],
    ["editor", "#/contracts/new/trace"],
    ["contract", `#/contract/${deployed.results[0] as string}`],
    ["ledger", "#/ledger"],
    ["transactions", "#/ledger/transactions"],
    ["accounts", "#/ledger/accounts"],
    ["block", `#/block/${deployed.height}`],
    ["transaction", `#/transaction/${deployed.transaction}`],
    ["account", `#/account/${account}`],
    ["network", "#/network"],
    ["wallet", "#/wallet"],
    ["settings", "#/settings"],
    ["invite", "#/invite"],
    ["missing", "#/nowhere"],
  ];
}

/** Goes there and waits until what the page asked for has come. */
async function show(on: AppPage, path: string): Promise<void> {
  await on.goToPath(path);
  // Two frames: the address has been taken up, and the page that was there before is gone.
  await on.page.evaluate(() => new Promise((resolve) => requestAnimationFrame(() => requestAnimationFrame(resolve))));
  await expect(on.main.locator("h1, .b-state").filter({ visible: true }).first()).toBeVisible();
  await expect(on.page.locator(".b-late, .mantine-Skeleton-root")).toHaveCount(0);
  await on.page.evaluate(() => document.fonts.ready);
}

for (const [size, viewport] of Object.entries({ phone: PHONE, desk: DESK })) {
  for (const scheme of ["light", "dark"] as const) {
    // Colours come from the scheme and layout from the size, so two of the four have all there is to check.
    const checked = (size === "phone") === (scheme === "light");
    test(`every page is pictured on a ${size}, ${scheme}${checked ? ", and axe finds nothing" : ""}`, async () => {
      await tab.page.setViewportSize(viewport);
      await tab.page.emulateMedia({ colorScheme: scheme, reducedMotion: "reduce" });
      for (const [name, path] of pages) {
        await show(tab, path);
        await tab.page.screenshot({ path: `test-results/pages/${name}-${size}-${scheme}.png` });
        if (!checked) continue;
        const { violations } = await new AxeBuilder({ page: tab.page }).analyze();
        const found = violations.map(({ id, nodes }) => ({ id, at: nodes.map(({ target }) => target.join(" ")) }));
        expect.soft(found, name).toEqual([]);
      }
      expect(errors).toEqual([]);
    });
  }
}

test("nothing scrolls sideways on a screen 320 px wide", async () => {
  await tab.page.setViewportSize(NARROW);
  for (const [name, path] of pages) {
    await show(tab, path);
    expect.soft(await tab.sidewaysScroll(), name).toBe(0);
  }
});
