/** A BoT with a past of 10 000 and of 100 000 blocks: how soon a tab that has them is open again, and how soon a newcomer holds the verified head. */
import { offerGenesis } from "../src/host/manifest.ts";
import { chainOf } from "../src/protocol/genesis.ts";
import { toHex } from "../src/protocol/identifiers.ts";
import type { BenchCase } from "./case.ts";
import { launchBrowser, openTab, type Browser, type Tab } from "./harness/browser.ts";
import { median } from "./harness/median.ts";
import { fillDatabase, makePasts, type Past } from "./harness/past.ts";
import { startRelay } from "./harness/relay.ts";

const HEIGHTS = [10_000, 100_000] as const;
const RUNS = 3;
const LIMIT_MS = 120_000;

/** Waits inside the page until its peer stands at this block, and gives the milliseconds since the page was opened. */
function headAt({ page }: Tab, height: number, ready: boolean): Promise<number> {
  return page.evaluate(
    async ({ height, ready, limitMs }) => {
      for (;;) {
        const status = await window.bothy?.status().catch(() => undefined);
        if (status !== undefined && status.final.height >= height && (status.ready || !ready)) return performance.now();
        if (performance.now() > limitMs) throw new Error(`not reached: ${JSON.stringify(status)}`);
        await new Promise((resolve) => setTimeout(resolve, 10));
      }
    },
    { height, ready, limitMs: LIMIT_MS },
  );
}

/** Medians of several openings: to make the past takes far longer than to open it. */
async function measure(browser: Browser, { genesis, height, disk }: Past): Promise<{ readonly restart: number; readonly open: number }> {
  const relay = await startRelay({ claimBits: 1 });
  try {
    await offerGenesis(relay.url, genesis);
    const holder = await openTab(browser, new URL("bothy/manifest", relay.url).href);
    await fillDatabase(holder, `bothy-0-${toHex(chainOf(genesis))}`, disk);
    const restarts: number[] = [];
    for (let run = 0; run < RUNS; run++) {
      await holder.page.goto("about:blank");
      await holder.page.goto(relay.url);
      restarts.push(await headAt(holder, height, false));
    }
    await headAt(holder, height, true);
    const opens: number[] = [];
    for (let run = 0; run < RUNS; run++) {
      const newcomer = await openTab(browser, relay.url);
      opens.push(await headAt(newcomer, height, true));
      await newcomer.close();
    }
    await holder.close();
    return { restart: median(restarts), open: median(opens) };
  } finally {
    await relay.stop();
  }
}

async function run(): Promise<Record<string, number>> {
  const [short, long] = await makePasts(HEIGHTS);
  const browser = await launchBrowser();
  try {
    const tenth = await measure(browser, short!);
    const whole = await measure(browser, long!);
    return { "open, 10 000": tenth.open, "open, 100 000": whole.open, ratio: whole.open / tenth.open, "restart, 100 000": whole.restart };
  } finally {
    await browser.close();
  }
}

export const pastCase: BenchCase = {
  name: "past",
  what: "open → verified head of a newcomer to a BoT with 10 000 and with 100 000 blocks, and the start of a tab that has them all",
  runs: 1,
  figures: {
    "open, 10 000": { unit: "ms", goal: { atMost: 3000 } },
    "open, 100 000": { unit: "ms", goal: { atMost: 3000 } },
    ratio: { unit: "×", goal: { atMost: 1.3 } },
    "restart, 100 000": { unit: "ms", goal: { atMost: 2000 } },
  },
  run,
};
