/** One tab: blocks of 1000 signed transfers from their bytes to the ledger on disk. */
import { createServer } from "node:http";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { extname, join, normalize } from "node:path";
import { build } from "vite";
import type { BenchCase } from "./case.ts";
import { launchBrowser, openTab } from "./harness/browser.ts";
// For the name that the page gives its window.
import type {} from "./page/main.ts";

const FOLDER = join("node_modules", ".cache", "bothy-bench");
const BLOCKS = 8;
const TRANSACTIONS = 1000;
const TYPES: Readonly<Record<string, string>> = { ".html": "text/html", ".js": "text/javascript" };

let built: Promise<unknown> | undefined;

function buildPage(): Promise<unknown> {
  built ??= build({
    configFile: false,
    root: join("bench", "page"),
    base: "./",
    logLevel: "warn",
    worker: { format: "es" },
    build: { target: "es2023", outDir: join(process.cwd(), FOLDER), emptyOutDir: true },
  });
  return built;
}

async function servePage() {
  const server = createServer((request, response) => {
    const path = normalize(new URL(request.url ?? "/", "http://localhost").pathname).replace(/\/$/, "/index.html");
    try {
      const bytes = readFileSync(join(FOLDER, path));
      response.setHeader("content-type", TYPES[extname(path)] ?? "application/octet-stream");
      response.end(bytes);
    } catch {
      response.statusCode = 404;
      response.end();
    }
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  if (typeof address !== "object" || address === null) throw new Error("no port");
  return { url: `http://127.0.0.1:${address.port}/`, close: () => server.close() };
}

async function run(): Promise<Record<string, number>> {
  await buildPage();
  const served = await servePage();
  const browser = await launchBrowser();
  try {
    const { page } = await openTab(browser, served.url);
    await page.waitForFunction(() => window.runBlocks !== undefined);
    const measure = ([blocks, transactions]: readonly [number, number]) => window.runBlocks!(blocks, transactions);
    const { durationsMs } = await page.evaluate(measure, [BLOCKS, TRANSACTIONS] as const);
    const sorted = durationsMs.toSorted((a, b) => a - b);
    return { processed: TRANSACTIONS / ((sorted[sorted.length >> 1] ?? NaN) / 1000) };
  } finally {
    await browser.close();
    served.close();
  }
}

export const blockCase: BenchCase = {
  name: "block",
  what: "one tab: verify (one signature worker), execute, commit and persist blocks of 1000 signed transfers, one after the other",
  runs: 3,
  figures: { processed: { unit: "tx/s", goal: { atLeast: 5000 } } },
  run,
};
