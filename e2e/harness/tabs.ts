/** Real tabs of the built app, each a peer of its own. */
import { expect, type Browser, type BrowserContext, type BrowserContextOptions, type Page } from "@playwright/test";
import type { Status } from "../../src/sdk/api.ts";
import { AppPage } from "../pages/app.ts";
import type { RelayProcess } from "./relay.ts";

/** A browser of its own, as far as a site can tell: nothing stored in it is shared with the other tabs. */
export async function openTab(browser: Browser, relay: RelayProcess, options: BrowserContextOptions = {}): Promise<AppPage> {
  return openTabIn(await browser.newContext(options), relay);
}

/** Another tab of the same browser profile. */
export async function openTabIn(context: BrowserContext, relay: RelayProcess): Promise<AppPage> {
  const tab = new AppPage(await context.newPage());
  await tab.page.goto(relay.url);
  await tab.page.waitForFunction(() => "bothy" in window);
  return tab;
}

/** So many tabs in contexts of their own, all with a seat. The first founds the BoT. */
export async function openSeats(browser: Browser, relay: RelayProcess, count: number): Promise<AppPage[]> {
  const tabs = [await openTab(browser, relay)];
  await tabs[0]!.ready();
  while (tabs.length < count) tabs.push(await openTab(browser, relay));
  await allSeated(tabs);
  return tabs;
}

/** Waits until each of these tabs is ready, has a seat and knows of as many seats as there are tabs. */
export async function allSeated(tabs: readonly AppPage[], total = tabs.length): Promise<void> {
  const seated = `ready, with one of ${total} seats`;
  const one = async (tab: AppPage): Promise<string> => {
    const { ready, seats, height, peers } = await tab.status();
    if (ready && seats.mine && seats.total === total) return seated;
    return JSON.stringify({ ready, seats, height, peers: peers.length });
  };
  await expect.poll(() => Promise.all(tabs.map(one)), { message: "every tab has a seat", timeout: 60_000 }).toEqual(tabs.map(() => seated));
}

/** Waits until all hold the same block as their last final one, and gives it. */
export async function allAgree(tabs: readonly AppPage[], atLeast = 0): Promise<Status["final"]> {
  let agreed: Status["final"] | undefined;
  await expect
    .poll(
      async () => {
        const finals = await Promise.all(tabs.map(async (tab) => (await tab.status()).final));
        agreed = finals[0];
        return finals.every(({ height, digest, stateRoot }) => {
          return height >= atLeast && height === agreed?.height && digest === agreed.digest && stateRoot === agreed.stateRoot;
        });
      },
      { message: "all tabs hold the same final block", timeout: 60_000 },
    )
    .toBe(true);
  return agreed!;
}

/** Ends the tab as a crash of its process does: it says nothing to anybody, and nothing of it runs on. */
export function crash(tab: AppPage): Promise<void> {
  return crashPage(tab.page);
}

export async function crashPage(page: Page): Promise<void> {
  const session = await page.context().newCDPSession(page);
  const crashed = page.waitForEvent("crash");
  void session.send("Page.crash").catch(() => undefined);
  await crashed;
  await page.close();
}

export async function closeAll(browser: Browser, relay: RelayProcess | undefined): Promise<void> {
  for (const context of browser.contexts()) await context.close();
  await relay?.remove();
}
