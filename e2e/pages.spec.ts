/** Every page and what opens over it, on a phone and on a desk, light and dark: pictured, without faults that axe finds, errors, or scrolling sideways. */
import { AxeBuilder } from "@axe-core/playwright";
import { readFileSync } from "node:fs";
import { expect, test } from "@playwright/test";
import { DEFAULT_PARAMETERS, encodeGenesis } from "../src/protocol/genesis.ts";
import { asAccountId, asHash, asVotingKey } from "../src/protocol/identifiers.ts";
import { encodeInvite } from "../src/protocol/invite.ts";
import { RelayProcess } from "./harness/relay.ts";
import { closeAll, openSeats, openTabIn } from "./harness/tabs.ts";
import type { AppPage } from "./pages/app.ts";
import { DevicesPage } from "./pages/devices.ts";
import { GovernancePage } from "./pages/governance.ts";
import { SettingsPage } from "./pages/settings.ts";
import { WalletPage } from "./pages/wallet.ts";

const PHONE = { width: 390, height: 844 };
const DESK = { width: 1280, height: 800 };
const NARROW = { width: 320, height: 640 };
/** Where the picture in the README goes, if it is to be made anew. */
const SCREENSHOTS = process.env["BOTHY_SCREENSHOTS"];
const TALLY = readFileSync("src/sdk/templates/tally.contract.js", "utf8");

let relay: RelayProcess;
let tab: AppPage;
let errors: string[];
let pages: readonly (readonly [name: string, path: string])[];
let stream: string;

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

/** Something on every page: a thermometer with readings, a contract, a proposal, blocks and a payment. Gives the paths of all pages. */
async function fill(from: AppPage): Promise<typeof pages> {
  const devices = new DevicesPage(from.page);
  await devices.addVirtual("A virtual lamp", "Lamp by the bed");
  await devices.addVirtual("A virtual thermometer", "Thermometer in the byre");
  const device = from.page.url().slice(-64);
  const { streams } = await devices.query("device", { device });
  stream = streams[0]!;
  await from.send([["account.setProfile", { name: "Ann of the hill" }]]);
  const deployed = await from.send([["contract.deploy", { source: TALLY, arguments: null, endowment: 0 }]]);
  const governance = new GovernancePage(from.page);
  await governance.goTo("Governance");
  await governance.ask("Heartbeat", "90", "Less is written where nothing happens.");
  await governance.sign("Sign and propose");
  const { account } = await from.status();
  return [
    ["devices", "#/devices"],
    ["devices-add", "#/devices/add"],
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
    ["governance", "#/governance"],
    ["propose", "#/governance/parameter/heartbeatMs"],
    ["settings", "#/settings"],
    ["invite", "#/invite"],
    ["bots", "#/bots"],
    ["new-bot", "#/bots/new"],
    ["join", `#/join/${inviteToAnother()}`],
    ["join-damaged", "#/join/nonsense"],
    ["missing", "#/nowhere"],
    // These show readings, which a sensor sends twice a minute.
    ["home", "#/"],
    ["device", `#/device/${device}`],
    ["data", "#/data"],
    ["stream", `#/stream/${stream}`],
  ];
}

/** To a private BoT of somebody else's. */
function inviteToAnother(): string {
  const founder = asAccountId(new Uint8Array(32).fill(1));
  const tokenless = { grant: 0, bond: 0, feePerKilobyte: 0, feePerMillionGas: 0 };
  const genesis = encodeGenesis({
    version: 1,
    kind: "private",
    name: "House by the loch",
    token: null,
    createdMs: 1,
    founder,
    foundingSeat: asVotingKey(new Uint8Array(32).fill(2)),
    parameters: { ...DEFAULT_PARAMETERS, ...tokenless },
    salt: new Uint8Array(16),
    owner: founder,
    members: [],
  });
  return encodeInvite({ genesis, checkpoint: { height: 1200, id: asHash(new Uint8Array(32).fill(3)) }, relays: [] });
}

async function hasReadings(on: AppPage): Promise<void> {
  await expect.poll(async () => (await on.query("readings", { stream })).length, { timeout: 60_000 }).toBeGreaterThan(4);
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

/** What axe finds on the page as it is now. */
async function faultsOf(on: AppPage): Promise<readonly { readonly id: string; readonly at: readonly string[] }[]> {
  // There are no frames, and so no second page is opened to put their results together. What passed is not described: that takes longer than to judge it.
  const { violations } = await new AxeBuilder({ page: on.page })
    .setLegacyMode(true)
    .options({ resultTypes: ["violations"] })
    .analyze();
  return violations.map(({ id, nodes }) => ({ id, at: nodes.map(({ target }) => target.join(" ")) }));
}

for (const [size, viewport] of Object.entries({ phone: PHONE, desk: DESK })) {
  for (const scheme of ["light", "dark"] as const) {
    test(`every page is pictured on a ${size}, ${scheme}, and axe finds nothing`, async () => {
      await tab.page.setViewportSize(viewport);
      await tab.page.emulateMedia({ colorScheme: scheme, reducedMotion: "reduce" });
      for (const [name, path] of pages) {
        if (name === "home") await hasReadings(tab);
        await show(tab, path);
        await tab.page.screenshot({ path: `test-results/pages/${name}-${size}-${scheme}.png` });
        if (SCREENSHOTS !== undefined && name === "home" && size === "desk" && scheme === "light")
          await tab.page.screenshot({ path: `${SCREENSHOTS}/home.png` });
        expect.soft(await faultsOf(tab), name).toEqual([]);
      }
      expect(errors).toEqual([]);
    });
  }
}

/** What opens over a page, by the page and what is done there. Escape closes each. */
function overlays(on: AppPage): readonly (readonly [name: string, path: string, open: () => Promise<void>])[] {
  const dialog = on.page.getByRole("dialog");
  const path = (name: string): string => pages.find(([known]) => known === name)![1];
  const openMenu = async (button: string): Promise<void> => {
    await on.main.getByRole("button", { name: button }).click();
    await on.page.getByRole("menu").waitFor();
  };
  return [
    ["palette", "#/", async () => (await on.find("lamp")).getByText("Lamp by the bed").waitFor()],
    ["sensors", "#/devices/add", () => on.main.getByRole("radio", { name: /^This device's own sensors/ }).check()],
    ["device-menu", path("device"), () => openMenu("More about this device")],
    [
      "retire",
      path("device"),
      async () => {
        await openMenu("More about this device");
        await on.page.getByRole("menuitem", { name: /^Retire it/ }).click();
        await dialog.waitFor();
      },
    ],
    ["export-menu", path("stream"), () => openMenu("Export")],
    [
      "send",
      "#/wallet",
      async () => {
        await new WalletPage(on.page).ask((await on.status()).account, "1");
        await dialog.getByRole("button", { name: "Sign and send", disabled: false }).waitFor();
      },
    ],
    [
      "advice",
      "#/bots/new",
      async () => {
        await on.main.getByRole("radio", { name: "Only my own devices" }).check();
        await on.main.getByText("All of it is yours, so your word is enough.").waitFor();
      },
    ],
    [
      "found",
      "#/bots/new",
      async () => {
        for (const answer of ["People I can name", "I do, alone", "Rarely"]) {
          await on.main.getByRole("radio", { name: answer }).check();
          await on.main.getByRole("button", { name: "Next" }).click();
        }
        await on.main.getByLabel("With tokens").waitFor();
      },
    ],
    ["words", "#/settings", async () => void (await new SettingsPage(on.page).words())],
    [
      "reset",
      "#/settings",
      async () => {
        await on.main.getByRole("button", { name: /^Delete/ }).click();
        await dialog.waitFor();
      },
    ],
  ];
}

for (const [size, viewport, scheme] of [
  ["phone", PHONE, "dark"],
  ["desk", DESK, "light"],
] as const) {
  test(`dialogs, menus, sheets and the first minute are pictured on a ${size}, ${scheme}, and axe finds nothing`, async ({ browser }) => {
    await tab.page.setViewportSize(viewport);
    await tab.page.emulateMedia({ colorScheme: scheme, reducedMotion: "reduce" });
    const check = async (on: AppPage, name: string): Promise<void> => {
      await on.page.screenshot({ path: `test-results/pages/${name}-${size}-${scheme}.png` });
      expect.soft(await faultsOf(on), name).toEqual([]);
    };
    await hasReadings(tab);
    for (const [name, path, open] of overlays(tab)) {
      await show(tab, path);
      await open();
      await check(tab, name);
      await tab.page.keyboard.press("Escape");
      await expect(tab.page.locator("[role=dialog], [role=menu]").filter({ visible: true })).toHaveCount(0);
    }
    if (size === "phone") {
      await show(tab, "#/");
      await tab.page.getByRole("button", { name: "More", exact: true }).click();
      await tab.page.getByRole("dialog").getByRole("link", { name: "Wallet" }).waitFor();
      await check(tab, "more");
      await tab.page.keyboard.press("Escape");
    }
    const context = await browser.newContext({ viewport, colorScheme: scheme, reducedMotion: "reduce", locale: "en-GB" });
    // Nobody answers, so the first minute stays.
    await context.route("**/bothy/manifest", () => undefined);
    const joining = await openTabIn(context, relay);
    await expect(joining.page.getByRole("listitem").filter({ hasText: "Keys made, done" })).toBeVisible();
    await check(joining, "first-minute");
    await context.close();
    expect(errors).toEqual([]);
  });
}

for (const language of ["English", "Deutsch"] as const) {
  test(`nothing scrolls sideways on a screen 320 px wide, in ${language}`, async () => {
    await tab.page.setViewportSize(NARROW);
    await show(tab, "#/settings");
    await tab.page.locator("select").filter({ hasText: "Deutsch" }).selectOption(language);
    await expect(tab.page.locator("html")).toHaveAttribute("lang", language === "Deutsch" ? "de" : "en");
    for (const [name, path] of pages) {
      await show(tab, path);
      expect.soft(await tab.sidewaysScroll(), name).toBe(0);
    }
  });
}
