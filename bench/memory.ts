/**
 * Memory of a tab that has a neighbour and has run a contract, after 20 000 transactions: the heaps of window and workers with their array buffers
 * and WASM, by the DevTools protocol.
 */
import { readFileSync } from "node:fs";
import { heapBytesOf } from "../e2e/harness/heap.ts";
import type { BenchCase } from "./case.ts";
import type { Tab } from "./harness/browser.ts";
import { openSeatedTabs, sendTransfers, statusOf, waitForStatus } from "./harness/tabs.ts";

const TABS = 2;
const TRANSACTIONS = 20_000;
const MEGABYTE = 1e6;
const CONTRACT = "src/sdk/templates/tally.contract.js";

/** Deploys a contract and calls it once, so that the contract machine and its WASM are loaded in every tab that executes the block. */
async function runContract({ page }: Tab): Promise<void> {
  await page.evaluate(
    async (source) => {
      const { results } = await window.bothy!.send([
        { operation: "contract.deploy", arguments: { source, arguments: null, endowment: 0 } },
      ]);
      const asked = { contract: results[0] as string, method: "ask", arguments: { question: "Tea?", answers: ["yes", "no"] } };
      const { gasUsed } = await window.bothy!.query("dryRun", asked);
      await window.bothy!.send([{ operation: "contract.call", arguments: { ...asked, gasMax: 2 * gasUsed, amount: 0 } }]);
    },
    readFileSync(CONTRACT, "utf8"),
  );
}

async function run(): Promise<Record<string, number>> {
  const opened = await openSeatedTabs(TABS);
  try {
    const tab = opened.tabs[0]!;
    await waitForStatus(tab, { peers: TABS - 1 });
    await runContract(tab);
    const { account } = await statusOf(tab);
    const before = await heapBytesOf(tab.page);
    for (let sent = 0; sent < TRANSACTIONS;) {
      sent += (await sendTransfers(tab, account, { durationMs: 10_000, inFlight: 400, paceMs: 0 })).finalized;
    }
    const after = await heapBytesOf(tab.page);
    return { before: before / MEGABYTE, after: after / MEGABYTE };
  } finally {
    await opened.close();
  }
}

export const memoryCase: BenchCase = {
  name: "memory",
  what: "heaps of window and workers, array buffers and WASM of a tab with a linked neighbour and a contract called, after 20 000 transactions of its own",
  runs: 3,
  figures: { before: { unit: "MB" }, after: { unit: "MB", goal: { atMost: 200 } } },
  run,
};
