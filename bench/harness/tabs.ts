/** Tabs of the real app for benchmarks: open until all have a seat, and driven from inside the page through `window.bothy`. */
import type { Status } from "../../src/sdk/api.ts";
import type { WindowBothy } from "../../src/sdk/window-bothy.ts";
import { launchBrowser, openTab, type Browser, type Tab } from "./browser.ts";
import { startRelay, type RunningRelay } from "./relay.ts";

declare global {
  interface Window {
    readonly bothy?: WindowBothy;
  }
}

/** Enough of everything that no benchmark ends for want of tokens; one bit of work for the grant. */
const PARAMETERS = { claimBits: 1, grant: 100_000_000 } as const;
const READY_MS = 90_000;

export interface Tabs {
  readonly browser: Browser;
  readonly relay: RunningRelay;
  readonly tabs: readonly Tab[];
  close(): Promise<void>;
}

export function statusOf({ page }: Tab): Promise<Status> {
  return page.evaluate(() => window.bothy!.status());
}

/** Waits inside the page, so that no round trip of the test driver is in the time. */
export async function waitForStatus(
  { page }: Tab,
  wanted: { readonly seats?: number; readonly ready?: boolean; readonly peers?: number },
): Promise<void> {
  const reach = async ({
    seats = 0,
    ready = false,
    peers = 0,
    timeoutMs,
  }: typeof wanted & { readonly timeoutMs: number }): Promise<void> => {
    const until = performance.now() + timeoutMs;
    for (;;) {
      const status = await window.bothy?.status().catch(() => undefined);
      const isSeated = seats === 0 || (status?.seats.mine === true && status.seats.total >= seats);
      if (status !== undefined && isSeated && (status.ready || !ready) && status.peers.length >= peers) return;
      if (performance.now() > until) throw new Error(`not reached: ${JSON.stringify(status)}`);
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  };
  await page.evaluate(reach, { ...wanted, timeoutMs: READY_MS });
}

/** So many tabs in contexts of their own, each with a seat; each may spend what it has through `window.bothy`. */
export async function openSeatedTabs(count: number): Promise<Tabs> {
  const relay = await startRelay(PARAMETERS);
  const browser = await launchBrowser();
  const tabs: Tab[] = [];
  const close = async (): Promise<void> => {
    await browser.close();
    await relay.stop();
  };
  try {
    for (let index = 0; index < count; index++) {
      tabs.push(await openTab(browser, relay.url));
      if (index === 0) await waitForStatus(tabs[0]!, { ready: true });
    }
    for (const tab of tabs) await waitForStatus(tab, { ready: true, seats: count });
    for (const tab of tabs) await allowSpending(tab);
  } catch (error) {
    await close();
    throw error;
  }
  return { browser, relay, tabs, close };
}

/** As a person does, on the settings page; the page that stays open while measuring is Home. */
async function allowSpending({ page }: Tab): Promise<void> {
  await page.evaluate(() => (location.hash = "#/settings"));
  await page.getByLabel("Limit of window.bothy").fill("90000000");
  const save = page
    .locator(".b-card")
    .filter({ has: page.getByLabel("Limit of window.bothy") })
    .getByRole("button", { name: "Save" });
  await save.click();
  await save.and(page.locator(":disabled")).waitFor();
  await page.evaluate(() => (location.hash = "#/"));
}

export interface Load {
  readonly durationMs: number;
  /** Transfers of this tab that wait for their finality at once. */
  readonly inFlight: number;
  /** Milliseconds between two sends, or 0 for as fast as finality allows. */
  readonly paceMs: number;
}

export interface Sent {
  readonly finalized: number;
  readonly refused: number;
  /** From the call of `send` until it resolved. */
  readonly latenciesMs: readonly number[];
  readonly codes: Readonly<Record<string, number>>;
}

/** Sends transfers of one unit from this tab; what becomes final within the duration counts. */
export function sendTransfers({ page }: Tab, to: string, load: Load): Promise<Sent> {
  return page.evaluate(
    async ({ to, load }) => {
      const until = performance.now() + load.durationMs;
      const latenciesMs: number[] = [];
      const codes: Record<string, number> = {};
      let finalized = 0;
      let refused = 0;
      const one = async (): Promise<void> => {
        const start = performance.now();
        try {
          await window.bothy!.send([{ operation: "account.transfer", arguments: { to, amount: 1 } }], { feeMax: 2 });
          const end = performance.now();
          if (end > until) return;
          finalized++;
          latenciesMs.push(end - start);
        } catch (error) {
          refused++;
          const code = String((error as { code?: string }).code ?? error);
          codes[code] = (codes[code] ?? 0) + 1;
        }
      };
      const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));
      const lane = async (): Promise<void> => {
        while (performance.now() < until) await one();
      };
      if (load.paceMs === 0) await Promise.all(Array.from({ length: load.inFlight }, lane));
      else {
        const waiting = new Set<Promise<void>>();
        for (let next = performance.now(); next < until; next += load.paceMs) {
          await pause(Math.max(0, next - performance.now()));
          if (waiting.size >= load.inFlight) continue;
          const sent = one();
          waiting.add(sent);
          void sent.finally(() => waiting.delete(sent));
        }
        await Promise.all(waiting);
      }
      return { finalized, refused, latenciesMs, codes };
    },
    { to, load },
  );
}
