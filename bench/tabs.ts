/** Four real tabs through a relay: what they finalize together while all send, and how long finality takes while they are calm. */
import type { BenchCase } from "./case.ts";
import { cpuSecondsOf } from "./harness/browser.ts";
import { openSeatedTabs, sendTransfers, statusOf, type Load, type Sent, type Tabs } from "./harness/tabs.ts";

const TABS = 4;
const SUSTAINED: Load = { durationMs: 30_000, inFlight: 250, paceMs: 0 };
/** 50 a second together. */
const CALM: Load = { durationMs: 20_000, inFlight: 100, paceMs: (1000 * TABS) / 50 };

function percentile(sorted: readonly number[], share: number): number {
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? NaN;
}

async function sendFromAll({ tabs }: Tabs, load: Load): Promise<readonly Sent[]> {
  const accounts = await Promise.all(tabs.map(async (tab) => (await statusOf(tab)).account));
  const sent = await Promise.all(tabs.map((tab, index) => sendTransfers(tab, accounts[(index + 1) % tabs.length]!, load)));
  for (const { refused, codes } of sent) if (refused > 0) console.error(`refused ${refused}: ${JSON.stringify(codes)}`);
  return sent;
}

async function run(): Promise<Record<string, number>> {
  const opened = await openSeatedTabs(TABS);
  try {
    // Engines compile while they run: what is measured is a tab that has been open for a moment.
    await sendFromAll(opened, { durationMs: 5_000, inFlight: 20, paceMs: 0 });
    const cpuBefore = await cpuSecondsOf(opened.browser);
    const sustained = await sendFromAll(opened, SUSTAINED);
    const cpuSeconds = (await cpuSecondsOf(opened.browser)) - cpuBefore;
    const finalized = sustained.reduce((sum, sent) => sum + sent.finalized, 0);
    const calm = (await sendFromAll(opened, CALM)).flatMap(({ latenciesMs }) => latenciesMs).sort((a, b) => a - b);
    return {
      finalized: finalized / (SUSTAINED.durationMs / 1000),
      cpu: (cpuSeconds * 1e6) / finalized / TABS,
      "finality p50": percentile(calm, 0.5),
      "finality p95": percentile(calm, 0.95),
    };
  } finally {
    await opened.close();
  }
}

export const tabsCase: BenchCase = {
  name: "tabs",
  what: "four real tabs through a relay, all send signed transfers for 30 s; then 50 a second together for 20 s",
  runs: 3,
  figures: {
    finalized: { unit: "tx/s", goal: { atLeast: 800 } },
    cpu: { unit: "ms CPU per 1000 tx and tab" },
    "finality p50": { unit: "ms", goal: { atMost: 300 } },
    "finality p95": { unit: "ms", goal: { atMost: 1000 } },
  },
  run,
};
