/** What a visitor downloads, gzipped as a web server would: until the shell has painted, and until the peer is ready. */
import { gzipSync } from "node:zlib";
import type { BenchCase } from "./case.ts";
import { openSeatedTabs, waitForStatus } from "./harness/tabs.ts";

async function run(): Promise<Record<string, number>> {
  // Somebody is there, so that the visitor has to join: that needs the network too.
  const opened = await openSeatedTabs(1);
  const { browser, relay } = opened;
  try {
    // The service worker fetches the whole app for later; what is measured is what this visit needs.
    const context = await browser.newContext({ serviceWorkers: "block" });
    await context.addInitScript("globalThis.__name ??= (named) => named;");
    const page = await context.newPage();
    const loads: { readonly path: string; readonly atMs: number; readonly bytes: Promise<number> }[] = [];
    const start = performance.now();
    context.on("response", (response) => {
      const url = new URL(response.url());
      if (!url.href.startsWith(relay.url) || url.pathname.startsWith("/bothy/")) return;
      const bytes = response.body().then((body) => gzipSync(body, { level: 9 }).length);
      // A page that was left has no body to give; it was not part of the visit.
      loads.push({ path: url.pathname, atMs: performance.now() - start, bytes: bytes.catch(() => 0) });
    });
    await page.goto(relay.url);
    await waitForStatus({ page, context, close: () => context.close() }, { ready: true, peers: 1 });
    const readyMs = performance.now() - start;
    const paint = await page.evaluate(() => ({
      atMs: performance.getEntriesByName("first-contentful-paint")[0]!.startTime,
      origin: performance.timeOrigin,
    }));
    const paintedMs = paint.origin + paint.atMs - (performance.timeOrigin + start);
    let shell = 0;
    let all = 0;
    for (const { path, atMs, bytes } of loads) {
      if (atMs > readyMs) continue;
      const size = await bytes;
      all += size;
      if (atMs <= paintedMs) shell += size;
      console.error(`${atMs <= paintedMs ? "shell" : "later"} ${(size / 1000).toFixed(1).padStart(7)} kB ${path}`);
    }
    return { painted: shell / 1000, ready: all / 1000 };
  } finally {
    await opened.close();
  }
}

export const bytesCase: BenchCase = {
  name: "bytes",
  what: "bytes of a first visit, gzipped, until the shell has painted and until the peer is ready",
  runs: 3,
  figures: { painted: { unit: "kB", goal: { atMost: 300 } }, ready: { unit: "kB", goal: { atMost: 700 } } },
  run,
};
