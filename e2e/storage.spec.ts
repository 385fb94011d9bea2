/** Storage in a real browser: the suite of the port, a browser killed in the middle of writes, and a peer killed in the middle of traffic. */
import { once } from "node:events";
import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, test, type BrowserContext, type Page } from "@playwright/test";
import { build } from "vite";
import { KillableBrowser, seededCounts } from "./harness/killable.ts";
import { crashPage } from "./harness/tabs.ts";

const KILLS = Number(process.env["BOTHY_KILLS"] ?? 6);
/** Of a peer; every tenth takes the whole browser along. */
const PEER_KILLS = 50;
const BROWSER_KILL_EVERY = 10;
/** Writes that a peer has begun when it is killed, at most: of votes, of own transactions, of blocks and of snapshots. The last of them is under way. */
const WRITES_MAX = 36;

interface Answer {
  readonly height?: number;
  /** At which batch the database was opened. */
  readonly opened?: number;
  readonly failures?: readonly string[];
  readonly failure?: string;
}

interface Block {
  readonly height: number;
  readonly digest: string;
}

/** What a peer tells of itself. */
interface Told {
  readonly opened?: Block & { readonly blocks: readonly Block[]; readonly punished: number };
  readonly final?: Block;
  /** A write begins. */
  readonly writes?: number;
  readonly failure?: string;
}

const SCRIPTS = {
  suite: new URL("../src/host/storage/browser-suite.ts", import.meta.url),
  peer: new URL("../src/host/browser-peer.ts", import.meta.url),
};
/** By their address; what a script loads later stands beside it. */
const scripts = new Map<string, Buffer>();

const pageOf = (script: string): string => `<!doctype html><title>storage</title><script type="module">
  const worker = new Worker("${script}", { type: "module" });
  worker.onmessage = ({ data }) => window.answer(data);
  worker.onerror = (event) => window.answer({ failure: event.message });
  window.order = (message) => worker.postMessage(message);
</script>`;

let server: Server;
let origin: string;
let browser: KillableBrowser;

test.beforeEach(async () => {
  browser = await KillableBrowser.create();
});

test.afterEach(() => browser.remove());

test.beforeAll(async () => {
  for (const [name, source] of Object.entries(SCRIPTS)) {
    const entry = fileURLToPath(source);
    const outDir = await mkdtemp(join(tmpdir(), "bothy-storage-"));
    await build({
      configFile: false,
      logLevel: "error",
      build: { outDir, emptyOutDir: true, minify: false, lib: { entry, formats: ["es"], fileName: () => `${name}.js` } },
    });
    for (const file of await readdir(outDir)) scripts.set(`/${file}`, await readFile(join(outDir, file)));
    await rm(outDir, { recursive: true });
  }
  server = createServer((request, response) => {
    const url = request.url ?? "/";
    response.setHeader("content-type", scripts.has(url) ? "text/javascript" : "text/html");
    response.end(scripts.get(url) ?? pageOf(url === "/peer" ? "/peer.js" : "/suite.js"));
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});

test.afterAll(() => {
  server.closeAllConnections();
  server.close();
});

/** Orders the worker of the page at `path` and gives each of its answers to `listen`. */
async function orderAt<Given>(path: string, page: Page, message: unknown, listen: (answer: Given) => void): Promise<void> {
  await page.exposeFunction("answer", listen);
  await page.goto(origin + path);
  await page.waitForFunction(() => "order" in window);
  await page.evaluate((said) => (window as unknown as { order(message: unknown): void }).order(said), message);
}

function order(page: Page, command: string, name: string, listen: (answer: Answer) => void): Promise<void> {
  return orderAt("/", page, { command, name }, listen);
}

function firstAnswer(page: Page, command: string, name: string): Promise<Answer> {
  return new Promise((resolve, reject) => {
    order(page, command, name, resolve).catch(reject);
  });
}

test("the suite of the storage port holds in this browser", async ({ page }) => {
  expect(await firstAnswer(page, "suite", "suite")).toEqual({ failures: [] });
});

/** Writes until so many batches are kept. Gives at which batch it was opened, and the last that must be there after a kill. */
async function traffic(page: Page, count: number): Promise<{ readonly opened: number; readonly strictHeight: number }> {
  let opened = 0;
  let strictHeight = 0;
  let left = count;
  await new Promise<void>((resolve, reject) => {
    const listen = (answer: Answer): void => {
      if (answer.failure !== undefined) reject(new Error(answer.failure));
      if (answer.opened !== undefined) opened = strictHeight = answer.opened;
      if (answer.height === undefined) return;
      if (answer.height % 2 === 0) strictHeight = Math.max(strictHeight, answer.height);
      if (--left === 0) resolve();
    };
    order(page, "traffic", "traffic", listen).catch(reject);
  });
  return { opened, strictHeight };
}

test(`killed ${KILLS} times in the middle of writes it reopens with every batch whole or absent`, async () => {
  const counts = seededCounts(20261122, 60);
  let kept = 0;
  let written = 0;
  for (let round = 0; round <= KILLS; round++) {
    const page = await (await browser.open()).newPage();
    const { opened, strictHeight } = await traffic(page, counts.next().value as number);
    if (await browser.hasDropped(origin)) expect(opened).toBe(0);
    else expect(opened, `at kill ${round}`).toBeGreaterThanOrEqual(kept);
    kept = strictHeight;
    written += strictHeight - opened;
    await browser.kill();
  }
  expect(written).toBeGreaterThan(KILLS);
});

interface Reopened {
  readonly page: Page;
  /** Final blocks that were told before. */
  readonly before: ReadonlyMap<number, string>;
  readonly opened: NonNullable<Told["opened"]>;
}

/** As `runPeer`; once more, and with nothing told, where Chromium has dropped what was there. */
async function reopenPeer(context: BrowserContext, told: Map<number, string>, writes: number): Promise<Reopened> {
  const before = new Map(told);
  const page = await context.newPage();
  try {
    return { page, before, opened: await runPeer(page, told, writes) };
  } catch (error) {
    if (before.size === 0 || !(await browser.hasDropped(origin))) throw error;
    await crashPage(page);
    told.clear();
    return reopenPeer(context, told, writes);
  }
}

/** Runs the peer until it begins its write of this number, and gives how it was opened. Each final block is noted as it is told. */
function runPeer(page: Page, told: Map<number, string>, writes: number): Promise<NonNullable<Told["opened"]>> {
  return new Promise((resolve, reject) => {
    let opened: Told["opened"];
    const listen = (answer: Told): void => {
      if (answer.failure !== undefined) return reject(new Error(answer.failure));
      if (answer.opened !== undefined) opened = answer.opened;
      if (answer.final !== undefined) told.set(answer.final.height, answer.final.digest);
      if (opened !== undefined && (answer.writes ?? 0) >= writes) resolve(opened);
    };
    orderAt("/peer", page, { name: "peer", heights: [...told.keys()] }, listen).catch(reject);
  });
}

test(`[C5a] a peer killed at ${PEER_KILLS} moments in the middle of traffic always reopens with every block that was final, and goes on`, async () => {
  test.setTimeout(60_000 + PEER_KILLS * 5_000);
  const counts = seededCounts(20261123, WRITES_MAX);
  const told = new Map<number, string>();
  let blocks = 0;
  let context = await browser.open();
  for (let kill = 1; kill <= PEER_KILLS; kill++) {
    const { page, before, opened } = await reopenPeer(context, told, counts.next().value as number);
    expect(opened.blocks, `at kill ${kill}`).toEqual([...before].map(([height, digest]) => ({ height, digest })));
    expect(opened.height).toBeGreaterThanOrEqual(Math.max(0, ...before.keys()));
    blocks += told.size - before.size;
    expect(opened.punished).toBe(0);
    if (kill % BROWSER_KILL_EVERY !== 0) await crashPage(page);
    else {
      await browser.kill();
      context = await browser.open();
    }
  }
  test.info().annotations.push({ type: "blocks", description: String(blocks) });
  expect(blocks).toBeGreaterThan(2 * PEER_KILLS);
});
