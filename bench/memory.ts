/** Memory of a tab after 20 000 transactions: the heaps of window and workers with their array buffers and WASM, by the DevTools protocol. */
import { heapBytesOf } from "../e2e/harness/heap.ts";
import type { BenchCase } from "./case.ts";
import { openSeatedTabs, sendTransfers, statusOf } from "./harness/tabs.ts";

const TRANSACTIONS = 20_000;
const MEGABYTE = 1e6;

async function run(): Promise<Record<string, number>> {
  const opened = await openSeatedTabs(1);
  try {
    const tab = opened.tabs[0]!;
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
  what: "heaps of window and workers, array buffers and WASM of one tab, after 20 000 transactions of its own",
  runs: 1,
  figures: { before: { unit: "MB" }, after: { unit: "MB", goal: { atMost: 200 } } },
  run,
};
