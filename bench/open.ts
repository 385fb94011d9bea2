/** From opening the app to ready: the relay and three peers are there, the ledger is short. What it downloads is in the case `bytes`. */
import type { BenchCase } from "./case.ts";
import { openTab } from "./harness/browser.ts";
import { openSeatedTabs, sendTransfers, statusOf, waitForStatus } from "./harness/tabs.ts";

async function run(): Promise<Record<string, number>> {
  const opened = await openSeatedTabs(3);
  try {
    const to = (await statusOf(opened.tabs[1]!)).account;
    await sendTransfers(opened.tabs[0]!, to, { durationMs: 3_000, inFlight: 1, paceMs: 0 });
    const start = performance.now();
    const newcomer = await openTab(opened.browser, opened.relay.url);
    await waitForStatus(newcomer, { ready: true, peers: 1 });
    const readyMs = performance.now() - start;
    const painted = await newcomer.page.evaluate(() => performance.getEntriesByName("first-contentful-paint")[0]?.startTime ?? NaN);
    return { ready: readyMs, painted };
  } finally {
    await opened.close();
  }
}

export const openCase: BenchCase = {
  name: "open",
  what: "open → ready of a new tab, while a relay and three peers are there and the ledger is short",
  runs: 3,
  figures: { ready: { unit: "ms", goal: { atMost: 3000 } }, painted: { unit: "ms" } },
  run,
};
