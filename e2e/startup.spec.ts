/** What opening the app costs and what it obeys: bytes, the content security policy, and plain words on an address that is not secure. */
import { mkdtempSync, rmSync } from "node:fs";
import { createServer, request, type Server } from "node:http";
import { connect, type AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { chromium, expect, test } from "@playwright/test";
import { RelayProcess } from "./harness/relay.ts";
import { closeAll, openTab } from "./harness/tabs.ts";
import { AppPage } from "./pages/app.ts";

const SHELL_BYTES_MAX = 300_000;
const READY_BYTES_MAX = 700_000;

let relay: RelayProcess;

test.beforeEach(async () => {
  relay = await RelayProcess.open();
});

test.afterEach(async ({ browser }) => closeAll(browser, relay));

/** Stands before the relay and counts what it answers, whoever in the tab asks: the page, its workers, or workers of these. */
async function openCounter(): Promise<{ server: Server; url: string; files: Map<string, number> }> {
  const files = new Map<string, number>();
  const server = createServer((incoming, outgoing) => {
    // A connection for each: one that is kept may be closed by the relay in the moment in which it is used again.
    const whole = { method: incoming.method!, headers: incoming.headers, agent: false } as const;
    const onward = request(`http://127.0.0.1:${relay.port}${incoming.url}`, whole);
    onward.on("error", () => outgoing.destroy());
    onward.on("response", (answer) => {
      outgoing.writeHead(answer.statusCode!, answer.headers);
      answer.on("data", (part: Buffer) => files.set(incoming.url!, (files.get(incoming.url!) ?? 0) + part.length));
      answer.pipe(outgoing);
    });
    incoming.pipe(onward);
  });
  // The road to the relay, without which a newcomer meets nobody; what goes over it is no download.
  server.on("upgrade", (incoming, socket, head) => {
    const onward = connect(relay.port, "127.0.0.1", () => {
      const lines = Object.entries(incoming.headers).map(([name, value]) => `${name}: ${String(value)}`);
      onward.write(`GET ${incoming.url} HTTP/1.1\r\n${lines.join("\r\n")}\r\n\r\n`);
      onward.write(head);
      onward.pipe(socket).pipe(onward);
    });
    for (const end of [onward, socket]) end.on("error", () => (onward.destroy(), socket.destroy()));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return { server, url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`, files };
}

test("the shell has painted within 300 kB, and the peer is ready within 700 kB", async ({ browser }) => {
  const first = await openTab(browser, relay);
  await first.ready();
  const counter = await openCounter();
  // What the service worker keeps for offline is fetched after all this, and for another time.
  const context = await browser.newContext({ serviceWorkers: "block" });
  const tab = new AppPage(await context.newPage());
  await tab.page.goto(counter.url);
  await tab.page.waitForFunction(() => performance.getEntriesByName("first-contentful-paint").length > 0);
  const shell = await tab.page.evaluate(() => {
    const painted = performance.getEntriesByName("first-contentful-paint")[0]!.startTime;
    const loaded = performance.getEntries().filter((entry) => entry instanceof PerformanceResourceTiming) as PerformanceResourceTiming[];
    return loaded
      .filter(({ responseEnd }) => responseEnd > 0 && responseEnd <= painted)
      .reduce((sum, { transferSize }) => sum + transferSize, 0);
  });
  await tab.page.waitForFunction(() => "bothy" in window);
  await tab.ready();
  const table = [...counter.files].toSorted((one, other) => other[1] - one[1]);
  const ready = table.reduce((sum, [, bytes]) => sum + bytes, 0);
  counter.server.close();
  counter.server.closeAllConnections();
  test.info().annotations.push({ type: "bytes", description: JSON.stringify({ shell, ready, table }) });
  expect(shell).toBeGreaterThan(0);
  expect(shell).toBeLessThanOrEqual(SHELL_BYTES_MAX);
  expect(ready, JSON.stringify(table)).toBeLessThanOrEqual(READY_BYTES_MAX);
});

test("nothing that the app does breaks its content security policy", async ({ browser }) => {
  const context = await browser.newContext({ serviceWorkers: "allow" });
  await context.addInitScript(() => {
    const reports: string[] = [];
    Object.assign(globalThis, { reports });
    document.addEventListener("securitypolicyviolation", (event) => reports.push(`${event.violatedDirective} ${event.blockedURI}`));
  });
  const tab = new AppPage(await context.newPage());
  const errors: string[] = [];
  tab.page.on("console", (message) => {
    if (message.type() === "error") errors.push(message.text());
  });
  tab.page.on("pageerror", (error) => errors.push(String(error)));
  const response = await tab.page.goto(relay.url);
  const policy = response!.headers()["content-security-policy"];
  expect(policy).toContain("script-src 'self' 'wasm-unsafe-eval'");
  expect(policy).not.toContain("'unsafe-eval'");
  expect(policy).not.toMatch(/script-src[^;]*'unsafe-inline'/);
  await tab.ready();
  // The contract machine's WebAssembly, the editor and a picture made in the page.
  const source =
    'export const manifest = { name: "One", description: "", methods: { one: { description: "" } }, views: [] };\nexport function one() { return 1; }';
  expect(await tab.query("dryRun", { source, method: "one", arguments: null })).toMatchObject({ ok: true, result: 1 });
  await tab.goToPath("#/contracts/new/tally");
  await tab.main.getByRole("textbox", { name: "Source" }).waitFor();
  await tab.goTo("Invite");
  await tab.main.getByRole("img", { name: "QR code of the invitation" }).waitFor();
  await tab.goTo("Network");
  await expect(tab.heading("Network")).toBeVisible();
  expect(await tab.page.evaluate(() => (globalThis as unknown as { reports: string[] }).reports)).toEqual([]);
  expect(errors).toEqual([]);
});

interface WebManifest {
  readonly name: string;
  readonly short_name: string;
  readonly id: string;
  readonly start_url: string;
  readonly scope: string;
  readonly display: string;
  readonly icons: readonly { readonly src: string; readonly sizes: string; readonly type: string; readonly purpose: string }[];
}

/** What an icon is when it is fetched and drawn. */
function lookAt(src: string): Promise<{ type: string; size: string }> {
  return fetch(src).then(async (response) => {
    const blob = await response.blob();
    const image = new Image();
    image.src = URL.createObjectURL(blob);
    await image.decode();
    return {
      type: response.ok ? blob.type.split(";")[0]! : `status ${response.status}`,
      size: `${image.naturalWidth}x${image.naturalHeight}`,
    };
  });
}

test("a browser may install the app: its manifest is whole, and its icons are what it says of them", async () => {
  const profile = mkdtempSync(join(tmpdir(), "bothy-profile-"));
  const { args = [], executablePath } = test.info().project.use.launchOptions ?? {};
  // Into a window that leaves nothing behind no browser installs anything.
  const context = await chromium.launchPersistentContext(profile, { args, ...(executablePath === undefined ? {} : { executablePath }) });
  try {
    const tab = new AppPage(context.pages()[0]!);
    await tab.open(relay.url);
    const linked = await tab.page.locator('link[rel="manifest"]').evaluate((link: HTMLLinkElement) => link.href);
    const session = await context.newCDPSession(tab.page);
    const { url, errors, data } = await session.send("Page.getAppManifest");
    expect([url, errors]).toEqual([linked, []]);
    const manifest = JSON.parse(data!) as WebManifest;
    expect(manifest).toMatchObject({ name: "Bothy", short_name: "Bothy", display: "standalone" });
    for (const part of ["id", "start_url", "scope"] as const) expect(new URL(manifest[part], url).href, part).toBe(relay.url);
    expect((await context.request.get(new URL(manifest.start_url, url).href)).headers()["content-type"]).toContain("text/html");
    // Chromium asks for 192 and 512, and Android for one that may be cut to any shape.
    expect(manifest.icons.map(({ sizes, purpose }) => `${sizes} ${purpose}`)).toEqual(
      expect.arrayContaining(["192x192 any", "512x512 any", "512x512 maskable"]),
    );
    for (const { src, sizes, type } of manifest.icons) {
      const { type: given, size } = await tab.page.evaluate(lookAt, new URL(src, url).href);
      expect([src, given, sizes === "any" ? "any" : size]).toEqual([src, type, sizes]);
    }
    const { installabilityErrors } = await session.send("Page.getInstallabilityErrors");
    expect(installabilityErrors).toEqual([]);
  } finally {
    await context.close();
    rmSync(profile, { recursive: true, force: true });
  }
});

/** The invitation goes to the clipboard without its interface, and it is said when even that fails. */
async function copies(tab: AppPage): Promise<void> {
  expect(await tab.page.evaluate(() => navigator.clipboard as Clipboard | undefined)).toBeUndefined();
  await tab.goTo("Invite");
  await expect(tab.main.getByRole("button", { name: "Share" })).toHaveCount(0);
  await tab.main.getByRole("button", { name: "Copy link" }).click();
  await expect(tab.main.getByRole("button", { name: "Copied" })).toBeFocused();
  await tab.goTo("Wallet");
  const to = tab.main.getByRole("textbox", { name: "To" });
  await to.press("ControlOrMeta+V");
  await expect(to).toHaveValue(tab.page.url().replace(/#.*/, ""));
  await tab.page.evaluate(() => Object.assign(document, { execCommand: () => false }));
  await tab.main
    .getByRole("button", { name: /^Copy / })
    .first()
    .click();
  await expect(tab.main.getByText("Not copied")).toBeVisible();
}

test("at an address that is not secure the app says what does not work there, and works as far as it can", async ({ browser: first }) => {
  const founder = await openTab(first, relay);
  await founder.ready();
  // A name that only this browser knows: plain http to anything but this machine is not secure.
  const { args = [], executablePath } = test.info().project.use.launchOptions ?? {};
  const browser = await chromium.launch({
    args: [...args, "--host-resolver-rules=MAP bothy.test 127.0.0.1"],
    ...(executablePath === undefined ? {} : { executablePath }),
  });
  try {
    const tab = new AppPage(await (await browser.newContext()).newPage());
    await tab.page.goto(`http://bothy.test:${relay.port}/#/ledger`);
    expect(await tab.page.evaluate(() => isSecureContext)).toBe(false);
    await expect(tab.main.getByText("This address is not secure")).toBeVisible();
    await tab.goToPath("#/devices/add");
    await expect(tab.main.getByRole("radio", { name: /^This device's own sensors/ })).toBeDisabled();
    const { chain, keysDurable, joining } = await tab.ready();
    expect(chain).toBe((await founder.status()).chain);
    // A seat whose key ends with the tab would be left dead behind by each reload: none is taken, and nobody is told to wait for one.
    expect(keysDurable).toBe(false);
    expect((await founder.status()).keysDurable).toBe(true);
    expect(joining.find(({ step }) => step === "seat")).toEqual({ step: "seat", state: "skipped" });
    await tab.goTo("Home");
    await expect(tab.main.getByText("Your key is only in this tab.").filter({ visible: true })).toBeVisible();
    await tab.main.getByText("This account ends when this tab is closed or reloaded").waitFor();
    await tab.main.getByRole("link", { name: "Save it now" }).click();
    await expect(tab.heading("Settings")).toBeVisible();
    await expect(tab.main.getByRole("switch", { name: "Take a seat by itself" })).not.toBeChecked();
    await copies(tab);
  } finally {
    await browser.close();
  }
});
