/** A real browser for benchmarks: tabs in contexts of their own, and what the DevTools protocol says of their processes and heaps. */
import { execFileSync } from "node:child_process";
import { existsSync } from "node:fs";
import { chromium, type Browser, type BrowserContext, type Page } from "@playwright/test";
import { CHROMIUM_ARGUMENTS } from "../../tools/chromium-arguments.ts";

/** `CHROMIUM_PATH`, what the system has, or Playwright's own where this gives nothing. */
function chromiumPath(): string | undefined {
  const named = process.env["CHROMIUM_PATH"];
  if (named !== undefined && existsSync(named)) return named;
  for (const name of ["chromium", "google-chrome"]) {
    try {
      return execFileSync("which", [name], { encoding: "utf8" }).trim();
    } catch {
      // The next one.
    }
  }
  return undefined;
}

export async function launchBrowser(): Promise<Browser> {
  const executablePath = chromiumPath();
  return chromium.launch({ args: CHROMIUM_ARGUMENTS, ...(executablePath === undefined ? {} : { executablePath }) });
}

export interface Tab {
  readonly page: Page;
  readonly context: BrowserContext;
  close(): Promise<void>;
}

/** A tab that shares no storage with any other. */
export async function openTab(browser: Browser, url: string): Promise<Tab> {
  const context = await browser.newContext({ viewport: { width: 1280, height: 800 } });
  // Functions that are handed to the page were compiled with names kept, by a function of this name.
  await context.addInitScript("globalThis.__name ??= (named) => named;");
  const page = await context.newPage();
  page.on("pageerror", (error) => console.error(`page: ${error.message}`));
  await page.goto(url);
  return { page, context, close: () => context.close() };
}

/** CPU seconds that all processes of the browser have used so far. */
export async function cpuSecondsOf(browser: Browser): Promise<number> {
  const session = await browser.newBrowserCDPSession();
  try {
    const { processInfo } = await session.send("SystemInfo.getProcessInfo");
    return processInfo.reduce((sum, { cpuTime }) => sum + cpuTime, 0);
  } finally {
    await session.detach();
  }
}

export type { Browser, Page };
