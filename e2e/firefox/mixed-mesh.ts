/**
 * Two Firefox windows and two Chromium tabs in one mesh: the real relay, the built app, four seats, one ledger. Playwright cannot drive Firefox as it
 * is installed, so this is a program: it prints a line `pass …` or `FAIL …` per claim. `tools/engines/run.ts` runs it.
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { setTimeout as pause } from "node:timers/promises";
import type { SendResult, Status, TransactionInfo } from "../../src/sdk/api.ts";
import { findChromium, findFirefox, launchChromium, launchFirefox } from "../../tools/engines/drivers.ts";
import { RelayProcess } from "../harness/relay.ts";

const SEATED_MS_MAX = 60_000;
const FINAL_MS_MAX = 20_000;
const POLL_MS = 100;
/** A peer that starts may take its time, and a page between two documents answers never. */
const ANSWER_MS_MAX = 3_000;

interface Tab {
  readonly engine: string;
  /** Evaluates an expression in the page and waits for what it promises. */
  evaluate(expression: string): Promise<unknown>;
}

const statusOf = (tab: Tab): Promise<Status> => tab.evaluate("window.bothy.status()") as Promise<Status>;

/** @throws {Error} with what was seen last, when the condition does not hold in time. */
async function until<Seen>(timeoutMs: number, look: () => Promise<Seen>, holds: (seen: Seen) => boolean): Promise<Seen> {
  const deadline = performance.now() + timeoutMs;
  let last = "nothing";
  while (performance.now() < deadline) {
    try {
      const seen = await Promise.race([
        look(),
        pause(ANSWER_MS_MAX, undefined, { ref: false }).then(() => Promise.reject(new Error("no answer"))),
      ]);
      if (holds(seen)) return seen;
      last = JSON.stringify(seen);
    } catch (error) {
      last = String(error);
    }
    await pause(POLL_MS);
  }
  throw new Error(`not within ${timeoutMs / 1000} s: ${last}`);
}

async function claim<Outcome>(what: string, work: () => Promise<Outcome>): Promise<Outcome> {
  try {
    const outcome = await work();
    console.log(`pass mixed mesh: ${what}`);
    return outcome;
  } catch (error) {
    console.log(`FAIL mixed mesh: ${what}: ${error instanceof Error ? error.message : String(error)}`);
    throw error;
  }
}

/** The first tab founds the BoT, so it must be ready before the others come. */
async function openTabs(openers: readonly (() => Promise<Tab>)[]): Promise<readonly Tab[]> {
  const tabs: Tab[] = [];
  for (const open of openers) {
    tabs.push(await open());
    await until(
      SEATED_MS_MAX,
      () => statusOf(tabs[0]!),
      ({ ready }) => ready,
    );
  }
  return tabs;
}

async function transfer(from: Tab, to: Tab): Promise<number> {
  const { account } = await statusOf(to);
  const calls = JSON.stringify([["account.transfer", { to: account, amount: 1 }]]);
  const { transaction, height } = (await from.evaluate(`window.bothy.send(${calls})`)) as SendResult;
  const read = `window.bothy.query("transaction", ${JSON.stringify({ id: transaction })})`;
  await until(
    FINAL_MS_MAX,
    () => to.evaluate(read) as Promise<TransactionInfo>,
    ({ state }) => state === "final",
  );
  return height;
}

async function checkMesh(tabs: readonly Tab[]): Promise<void> {
  const statuses = (): Promise<Status[]> => Promise.all(tabs.map(statusOf));
  await claim("all four are linked directly, each with each", () =>
    until(SEATED_MS_MAX, statuses, (seen) => seen.every(({ peers }) => peers.filter(({ direct }) => direct).length === tabs.length - 1)),
  );
  await claim("all four hold a seat", () =>
    until(SEATED_MS_MAX, statuses, (seen) => seen.every(({ ready, seats }) => ready && seats.mine && seats.total === tabs.length)),
  );
  const firefox = tabs.find(({ engine }) => engine === "firefox")!;
  const chromium = tabs.find(({ engine }) => engine === "chromium")!;
  await claim("a transfer from Firefox is final in Chromium", () => transfer(firefox, chromium));
  const height = await claim("a transfer from Chromium is final in Firefox", () => transfer(chromium, firefox));
  await claim("all four hold the same last final block and state root", () =>
    until(FINAL_MS_MAX, statuses, (seen) => {
      const [first, ...others] = seen.map(({ final }) => `${final.height} ${final.digest} ${final.stateRoot}`);
      return others.every((other) => other === first) && seen[0]!.final.height >= height;
    }),
  );
}

async function buildIfMissing(): Promise<void> {
  if (process.env["BOTHY_APP"] !== undefined || existsSync("dist/index.html")) return;
  const [code] = (await once(spawn(process.execPath, ["tools/build.mjs"], { stdio: "inherit" }), "exit")) as [number | null];
  if (code !== 0) throw new Error("the app cannot be built");
}

/** Whether every claim held. An engine that is not installed is said, not failed. */
async function runMixedMesh(): Promise<boolean> {
  if (findFirefox() === undefined || findChromium() === undefined) {
    console.log("mixed mesh: Firefox or Chromium is not installed: left out");
    return true;
  }
  await buildIfMissing();
  const relay = await RelayProcess.open();
  const closers: (() => Promise<void>)[] = [() => relay.remove()];
  try {
    const tabs = await claim("two Firefox windows and two Chromium tabs open the app", async () => {
      const firefox = await launchFirefox();
      closers.unshift(() => firefox.close());
      const chromium = await launchChromium();
      closers.unshift(() => chromium.close());
      const openFirefox = async (): Promise<Tab> => {
        const { evaluate } = await firefox.openWindow(relay.url);
        return { engine: "firefox", evaluate };
      };
      const openChromium = async (): Promise<Tab> => {
        const page = await (await chromium.newContext()).newPage();
        await page.goto(relay.url);
        return { engine: "chromium", evaluate: (expression) => page.evaluate(expression) };
      };
      return openTabs([openFirefox, openChromium, openFirefox, openChromium]);
    });
    await checkMesh(tabs);
    return true;
  } catch {
    // Which claim failed is said already.
    return false;
  } finally {
    for (const close of closers) await close();
  }
}

process.exitCode = (await runMixedMesh()) ? 0 : 1;
