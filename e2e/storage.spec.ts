/** Storage in a real browser: the suite of the port, and a browser killed in the middle of writes. */
import { once } from "node:events";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { chromium, expect, test, type Page } from "@playwright/test";
import { build } from "vite";
import { killGroup, launchProfile, seededCounts } from "./harness/killable.ts";

const KILLS = Number(process.env["BOTHY_KILLS"] ?? 6);

interface Answer {
  readonly height?: number;
  readonly failures?: readonly string[];
  readonly failure?: string;
}

const PAGE = `<!doctype html><title>storage</title><script type="module">
  const worker = new Worker("/suite.js", { type: "module" });
  worker.onmessage = ({ data }) => window.answer(data);
  worker.onerror = (event) => window.answer({ failure: event.message });
  window.order = (command, name) => worker.postMessage({ command, name });
</script>`;

let server: Server;
let origin: string;

test.beforeAll(async () => {
  const entry = fileURLToPath(new URL("../src/host/storage/browser-suite.ts", import.meta.url));
  const outDir = await mkdtemp(join(tmpdir(), "bothy-storage-"));
  await build({
    configFile: false,
    logLevel: "error",
    build: { outDir, emptyOutDir: true, minify: false, lib: { entry, formats: ["es"], fileName: () => "suite.js" } },
  });
  const script = await readFile(join(outDir, "suite.js"));
  await rm(outDir, { recursive: true });
  server = createServer((request, response) => {
    const isScript = request.url === "/suite.js";
    response.setHeader("content-type", isScript ? "text/javascript" : "text/html");
    response.end(isScript ? script : PAGE);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});

test.afterAll(() => {
  server.closeAllConnections();
  server.close();
});

/** Orders the page's worker and gives each of its answers to `listen`. */
async function order(page: Page, command: string, name: string, listen: (answer: Answer) => void): Promise<void> {
  await page.exposeFunction("answer", listen);
  await page.goto(origin);
  await page.waitForFunction(() => "order" in window);
  await page.evaluate(
    ([ordered, database]) => (window as unknown as { order(a: string, b: string): void }).order(ordered!, database!),
    [command, name],
  );
}

function firstAnswer(page: Page, command: string, name: string): Promise<Answer> {
  return new Promise((resolve, reject) => {
    order(page, command, name, resolve).catch(reject);
  });
}

test("the suite of the storage port holds in this browser", async ({ page }) => {
  expect(await firstAnswer(page, "suite", "suite")).toEqual({ failures: [] });
});

test(`killed ${KILLS} times in the middle of writes it reopens with every batch whole or absent`, async () => {
  const profile = await mkdtemp(join(tmpdir(), "bothy-profile-"));
  const counts = seededCounts(20261122, 60);
  let strictHeight = 0;
  for (let round = 0; round < KILLS; round++) {
    const { browser, endpoint } = await launchProfile(profile);
    const connection = await chromium.connectOverCDP(endpoint);
    const page = await connection.contexts()[0]!.newPage();
    let left = counts.next().value as number;
    await new Promise<void>((resolve, reject) => {
      const listen = ({ height, failure }: Answer): void => {
        if (failure !== undefined) reject(new Error(failure));
        if (height !== undefined && height % 2 === 0) strictHeight = Math.max(strictHeight, height);
        if (--left === 0) resolve();
      };
      order(page, "traffic", "traffic", listen).catch(reject);
    });
    await killGroup(browser);
  }
  const { browser, endpoint } = await launchProfile(profile);
  const connection = await chromium.connectOverCDP(endpoint);
  const answer = await firstAnswer(await connection.contexts()[0]!.newPage(), "check", "traffic");
  expect(answer.failure).toBeUndefined();
  expect(answer.height).toBeGreaterThanOrEqual(strictHeight);
  expect(strictHeight).toBeGreaterThan(KILLS);
  await killGroup(browser);
  await rm(profile, { recursive: true, force: true, maxRetries: 5 });
});
