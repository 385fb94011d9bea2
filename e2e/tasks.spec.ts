/** What people come to do, done as a person does it: by the pages, in one tab, with another tab that sees the outcome. */
import { readFileSync } from "node:fs";
import { expect, test } from "@playwright/test";
import { scan } from "./harness/qr.ts";
import { RelayProcess } from "./harness/relay.ts";
import { allSeated, closeAll, openSeats, openTab } from "./harness/tabs.ts";
import type { AppPage } from "./pages/app.ts";
import { ContractPage, ContractsPage } from "./pages/contracts.ts";
import { DataPage } from "./pages/data.ts";
import { DevicePage, DevicesPage } from "./pages/devices.ts";
import { LedgerPage } from "./pages/ledger.ts";
import { SettingsPage } from "./pages/settings.ts";
import { WalletPage } from "./pages/wallet.ts";

let relay: RelayProcess;
let mine: AppPage;
let others: AppPage;
let errors: string[];

test.beforeAll(async ({ browser }) => {
  relay = await RelayProcess.open();
  [mine, others] = (await openSeats(browser, relay, 2)) as [AppPage, AppPage];
  errors = [];
  mine.page.on("pageerror", (error) => errors.push(String(error)));
});

test.afterAll(async ({ browser }) => closeAll(browser, relay));

test.afterEach(() => expect(errors).toEqual([]));

test("[F4] [F5] a virtual lamp is added and switched; its readings reach the stream that the other tab shows and exports", async () => {
  const devices = new DevicesPage(mine.page);
  await devices.addVirtual("A virtual lamp", "Lamp by the bed");
  const device = mine.page.url().slice(-64);
  const page = new DevicePage(mine.page);
  await expect(page.heading("Lamp by the bed")).toBeVisible();
  await page.setSwitch("Light", true);
  await expect.poll(async () => (await others.query("device", { device }).catch(() => null))?.values["on"]?.value ?? null).toBe(true);
  const seen = new DevicesPage(others.page);
  await seen.goTo("Devices");
  await seen.show("Everybody's");
  await seen.tile("Lamp by the bed").click();
  await expect(seen.heading("Lamp by the bed")).toBeVisible();
  // Only the tab that runs it can switch it.
  await expect(new DevicePage(others.page).property("Light").getByRole("switch")).toHaveCount(0);
  const { streams } = await others.query("device", { device });
  const data = new DataPage(others.page);
  await data.goToPath(`#/stream/${streams[0]}`);
  const csv = readFileSync(await (await data.export("CSV")).path(), "utf8");
  // From the very first reading on.
  expect(csv.split("\r\n")[1]).toMatch(/,0,(true|false)$/);
  expect(csv.split("\n").some((line) => line.includes("on") && line.includes("true"))).toBe(true);
  const senml = readFileSync(await (await data.export("SenML")).path(), "utf8");
  expect(JSON.parse(senml)).toContainEqual(expect.objectContaining({ n: "on", vb: true }));
});

test("[F5] a number on a device's page is a chart with axes, which takes each further reading and says the last", async () => {
  const { account } = await mine.status();
  const { device, streams } = (await mine.query("devices", { owner: account })).items[0]!;
  const page = new DevicePage(mine.page);
  await page.goToPath(`#/device/${device}`);
  const chart = page.chart("Brightness");
  const collected = async (): Promise<readonly unknown[]> =>
    (await mine.query("readings", { stream: streams[0]! })).filter(({ property }) => property === "brightness").map(({ value }) => value);
  /** What the plot has painted: what it says of itself would be said without it, too. */
  const painted = (): Promise<string> => chart.locator("canvas").evaluate((canvas: HTMLCanvasElement) => canvas.toDataURL());
  const before = await collected();
  let picture: string | undefined;
  for (const [index, value] of [20, 80, 50].entries()) {
    await page.set("Brightness", String(value));
    await expect.poll(collected).toEqual([...before, ...[20, 80, 50].slice(0, index + 1)]);
    const values = (await collected()) as readonly number[];
    const said = `Brightness: ${value} % at last, from ${Math.min(...values)} to ${Math.max(...values)} % in ${values.length} readings`;
    await expect(page.property("Brightness").getByRole("img", { name: said, exact: true })).toBeVisible();
    if (picture !== undefined) await expect.poll(painted).not.toBe(picture);
    picture = await painted();
  }
  await expect(chart.getByText("%", { exact: true })).toBeVisible();
});

test("a stranger's description, unit and time blank no page, and a page that cannot be drawn says so and is tried again", async () => {
  const wrong = { title: {}, titles: { en: [] }, description: {}, unit: {}, required: 5, enum: {} };
  const description = JSON.stringify({
    ...wrong,
    properties: { constructor: wrong, t: wrong },
    actions: { act: { ...wrong, input: wrong } },
  });
  const [device] = (await others.send([["device.register", { description, leaseMs: 60_000 }]])).results as [string];
  const [stream] = (await others.send([["stream.open", { device, name: "strange" }]])).results as [string];
  const pack = [
    { n: "t", u: "__proto__", v: 41 },
    { n: "t", u: "__proto__", v: 42.25, t: 8_640_000_000_000 },
  ];
  await others.send([["stream.append", { stream, sequence: 0, pack }]]);
  const page = new DevicePage(mine.page);
  await page.goToPath(`#/device/${device}`);
  await expect(page.property("constructor")).toBeVisible();
  await expect(page.property("t")).toContainText("42.25__proto__");
  await page.goToPath(`#/stream/${stream}`);
  await expect(page.main.getByText("42.25").first()).toBeVisible();
  await page.main.getByText("All", { exact: true }).click();
  await expect(page.main.getByText("of 2 readings shown").first()).toBeVisible();
  const devices = new DevicesPage(mine.page);
  await devices.goTo("Devices");
  await devices.show("Everybody's");
  await expect(devices.tile("Unnamed device")).toBeVisible();
  // A fault that nobody has thought of: without this its descriptions cannot be read.
  await mine.page.evaluate(() => Object.assign(window, { own: Object.hasOwn }) && Object.assign(Object, { hasOwn: null }));
  await expect(devices.heading("This page could not be drawn").first()).toBeVisible();
  await mine.page.evaluate(() => Object.assign(Object, { hasOwn: (window as unknown as { own: unknown }).own }));
  await devices.main.getByRole("button", { name: "Try again" }).click();
  await devices.show("Everybody's");
  await expect(devices.tile("Unnamed device")).toBeVisible();
});

test("[F4] a browser's own sensors are a device: where it is is told once that is chosen, and what the browser gives not is said", async () => {
  const context = others.page.context();
  await context.grantPermissions(["geolocation"]);
  await context.setGeolocation({ latitude: 57.1, longitude: -3.7, accuracy: 12 });
  const devices = new DevicesPage(others.page);
  await devices.addSensors("Phone on the hill", ["Place", "Light"]);
  const device = others.page.url().slice(-64);
  const told = async (): Promise<unknown> => (await mine.query("device", { device }).catch(() => null))?.values["latitude"]?.value ?? null;
  await expect.poll(told).toBe(57.1);
  const page = new DevicePage(others.page);
  await expect(page.property("Longitude")).toContainText("-3.7°");
  await expect(page.main.getByRole("listitem").filter({ hasText: "Light" })).toContainText("This machine or browser does not have it.");
  await context.setGeolocation({ latitude: 57.2, longitude: -3.7, accuracy: 12 });
  await expect(page.property("Latitude")).toContainText("57.2");
  // What was not chosen is not told.
  await expect(page.property("Battery")).toHaveCount(0);
});

test("[F4] a pasted description is refused with what is wrong in it, and makes a device once it is right", async () => {
  const devices = new DevicesPage(others.page);
  const described = {
    "@context": "https://www.w3.org/2022/wot/td/v1.1",
    title: "Weather mast",
    security: "none",
    securityDefinitions: { none: { scheme: "nosec" } },
    properties: { wind: { type: "number", unit: "m/s", forms: [{ href: "coap://mast/wind" }] } },
  };
  await devices.addDescription(JSON.stringify({ ...described, title: 5 }));
  await expect(devices.main.locator(".b-banner")).toContainText("title");
  await devices.addDescription(JSON.stringify(described));
  await others.page.waitForURL(/#\/device\/[0-9a-f]{64}$/);
  await expect(devices.heading("Weather mast")).toBeVisible();
  const device = others.page.url().slice(-64);
  await expect.poll(async () => (await mine.query("device", { device }).catch(() => null))?.description).toContain("Weather mast");
});

test("[10.6a-status] a device is stopped and mended in the tab that runs it, started again, and retired; its past stays readable", async () => {
  const { account } = await mine.status();
  const { device } = (await mine.query("devices", { owner: account })).items[0]!;
  const page = new DevicePage(mine.page);
  const statusIs = (status: string) => expect.poll(async () => (await others.query("device", { device })).status).toBe(status);
  await page.goToPath(`#/device/${device}`);
  await page.choose("Stop it here");
  await statusIs("offline");
  await page.choose("Say that it is being mended");
  await statusIs("maintenance");
  await expect(page.main.getByText("Being mended", { exact: true })).toBeVisible();
  await page.choose("Start it here again");
  await statusIs("active");
  await page.retire();
  await expect(page.main.getByText("Retired", { exact: true })).toBeVisible();
  await expect.poll(async () => (await others.query("device", { device })).status).toBe("retired");
  expect((await others.query("readings", { stream: (await others.query("device", { device })).streams[0]! })).length).toBeGreaterThan(0);
});

test("[C7a] [M4b] a contract is written in the editor, tried on the test bench, deployed, called and looked at", async () => {
  const editor = new ContractsPage(mine.page);
  await editor.begin("tally");
  await editor.write("export const manifest = {");
  await expect(editor.main.locator(".fault").first()).toBeVisible();
  await editor.write(COUNTER);
  await expect(editor.main.getByText("No problems")).toBeVisible();
  await expect(editor.heading("Counter")).toBeVisible();
  await editor.tryOut("add");
  await expect(editor.main.getByText("Would succeed")).toBeVisible();
  await expect(editor.main.getByText(/» added/)).toBeVisible();
  const { transactions } = await mine.query("account", { account: (await mine.status()).account });
  const contract = await editor.deploy();
  // The bench sent nothing: the deployment is the one transaction more.
  expect((await mine.query("account", { account: (await mine.status()).account })).transactions).toBe(transactions + 1);
  const page = new ContractPage(mine.page);
  await page.show(contract);
  await page.call("add");
  await expect(page.event("added").first()).toBeVisible();
  await page.look("count");
  await expect(page.main.locator("pre").filter({ hasText: /^1$/ })).toBeVisible();
  await expect.poll(async () => (await others.query("contracts", {})).items.map(({ name }) => name)).toContain("Counter");
});

const COUNTER = `export const manifest = {
  name: "Counter",
  description: "Counts.",
  methods: { add: { description: "One more." }, count: { description: "How many." } },
  views: ["count"],
};
export function init(ctx) {
  ctx.state.set("count", 0);
}
export function add(ctx) {
  ctx.state.set("count", ctx.state.get("count") + 1);
  ctx.emit("added", { count: ctx.state.get("count") });
}
export function count(ctx) {
  return ctx.state.get("count");
}
`;

test("[C2c] [10.1-1] [10.1-3] [10.1-5] tokens are sent after a question that names the consequence, and the road fills in until it is final", async () => {
  const wallet = new WalletPage(mine.page);
  const to = (await others.status()).account;
  const { balance: had } = await others.query("account", { account: to });
  const heard = await others.page.evaluateHandle(() => {
    const states: string[] = [];
    window.bothy!.subscribe("transaction", ({ state }) => states.push(state));
    return states;
  });
  await wallet.goTo("Wallet");
  await wallet.ask(to, "12");
  await expect(wallet.page.getByRole("dialog")).toContainText("will have 12 coal and you no longer");
  await wallet.sign("Sign and send");
  await expect.poll(async () => (await others.query("account", { account: to })).balance).toBe(had + 12);
  await expect.poll(() => heard.jsonValue()).toContain("final");
  const ledger = new LedgerPage(mine.page);
  await ledger.toasts.getByRole("link", { name: "Open" }).last().click();
  await expect(ledger.road).toHaveAttribute("data-state", "final");
});

test("[C2a] [C2b] [S2] [M1a] [M1b] the ledger is searched, and an account's entry proves itself against a finalized root", async () => {
  const ledger = new LedgerPage(others.page);
  const { account, final } = await mine.status();
  await ledger.goTo("Ledger");
  const found = await ledger.search(String(final.height));
  await found.first().click();
  await expect(ledger.heading(new RegExp(`Block ${final.height}`))).toBeVisible();
  await ledger.goTo("Ledger");
  await (await ledger.search(account)).first().click();
  await expect(ledger.page).toHaveURL(new RegExp(`#/account/${account}`));
  expect(await ledger.proofHolds()).toBe(true);
  // Whatever else stands in the state is proven the same way, on its own page.
  const { results } = await mine.send([["device.register", { description: '{"title":"Proven"}', leaseMs: 60_000 }]]);
  const opened = await mine.send([["stream.open", { device: results[0], name: "proven" }]]);
  const source = readFileSync("src/sdk/templates/tally.contract.js", "utf8");
  const deployed = await mine.send([["contract.deploy", { source, arguments: null, endowment: 0 }]]);
  await ledger.finalAt(deployed.height);
  for (const [kind, id] of [
    ["device", results[0]],
    ["stream", opened.results[0]],
    ["contract", deployed.results[0]],
    ["transaction", deployed.transaction],
  ]) {
    await ledger.goToPath(`#/${kind as string}/${id as string}`);
    expect.soft(await ledger.proofHolds(), kind as string).toBe(true);
  }
  // The same proof with one bit of the entry changed proves nothing.
  const proof = await ledger.query("proof", { kind: "account", id: account });
  const check = (flip: number): Promise<boolean> =>
    ledger.page.evaluate(
      async ([id, flip]) => {
        const { key, bytes, proof: path, root } = await window.bothy!.query("proof", { kind: "account", id });
        const changed = bytes!.slice();
        changed[changed.length - 1]! ^= flip;
        return window.bothy!.query("checkProof", { key, bytes: changed, proof: path, root });
      },
      [account, flip] as const,
    );
  expect(proof.checked).toBe(true);
  expect(await check(0)).toBe(true);
  expect(await check(1)).toBe(false);
});

test("[C6a] [C6c] [C6d] a name is signed for all, a nickname kept for oneself, and the peer's settings kept over a reload", async () => {
  const settings = new SettingsPage(mine.page);
  await settings.goTo("Settings");
  await settings.setName("Ann of the hill");
  const { account } = await mine.status();
  await expect.poll(async () => (await others.query("account", { account })).name).toBe("Ann of the hill");
  const ledger = new LedgerPage(others.page);
  await ledger.account(account);
  await expect(ledger.heading(/Ann of the hill/)).toBeVisible();
  await ledger.main.getByLabel("What you call it").fill("My neighbour");
  await ledger.main.locator("form").getByRole("button", { name: "Save", exact: true }).click();
  await expect(ledger.heading(/My neighbour/)).toBeVisible();
  await settings.setWindowLimit(250);
  await settings.page.reload();
  await settings.ready();
  await expect(settings.main.getByLabel("Limit of window.bothy")).toHaveValue("250");
  await settings.until("linked again", ({ peers }) => peers.length > 0);
});

test("a peer is exported to a file and brought back in another browser", async ({ browser }) => {
  const settings = new SettingsPage(mine.page);
  await settings.goTo("Settings");
  const file = await (await settings.exportPeer("correct horse battery")).path();
  await expect(settings.main.getByText(/^Last saved/)).toBeVisible();
  const other = new SettingsPage((await openTab(browser, relay)).page);
  await other.goTo("Settings");
  await other.importPeer(file, "wrong horse battery");
  await expect(other.page.getByRole("dialog")).toContainText("The account in this tab is not saved and will be lost.");
  await other.replaceAccount();
  await expect(other.main.locator(".fault")).toBeVisible();
  const { account } = await mine.status();
  await other.main.locator("details form").getByLabel("Passphrase").fill("correct horse battery");
  await other.main.getByRole("button", { name: "Bring it back" }).click();
  await other.replaceAccount();
  await other.until("the account of the file", (status) => status.ready && status.account === account);
  await other.page.context().close();
});

test("the app is invited to by a QR code, found by the palette, in German and in the dark", async () => {
  await mine.goTo("Invite");
  expect(await scan(mine.main.getByRole("img", { name: "QR code of the invitation" }))).toBe(relay.url);
  await expect(mine.main.getByRole("img")).toHaveCount(1);
  await expect(mine.main.getByText(relay.url, { exact: true })).toBeVisible();
  const palette = await mine.find("write");
  await palette.getByRole("option", { name: "Write a contract" }).or(palette.getByText("Write a contract")).first().click();
  await expect(mine.page).toHaveURL(/#\/contracts\/new/);
  const settings = new SettingsPage(mine.page);
  await settings.goTo("Settings");
  await settings.language("Deutsch");
  await expect(mine.page.locator("html")).toHaveAttribute("lang", "de");
  await expect(mine.heading("Einstellungen")).toBeVisible();
  await mine.page.reload();
  await expect(mine.heading("Einstellungen")).toBeVisible();
  await mine.page.getByRole("button", { name: "Dunkle Farben" }).click();
  await expect(mine.page.locator("html")).toHaveAttribute("data-mantine-color-scheme", "dark");
  await allSeated([mine, others]);
});
