/** What a stranger sees in the first minute: nothing to install, nothing to sign up for, a list that fills in, and home. */
import { expect, test } from "@playwright/test";
import { RelayProcess } from "./harness/relay.ts";
import { closeAll, openTab, openTabIn } from "./harness/tabs.ts";
import { AppPage } from "./pages/app.ts";

declare global {
  interface Window {
    stepsShown: Set<string>;
    keepAsked: number;
  }
}

/** Runs in the tab before its scripts: keeps what its lists have shown, since the one of the first minute is gone as soon as the tab is ready. */
function keepSteps(): void {
  window.stepsShown = new Set();
  const keep = (): void => document.querySelectorAll("li").forEach((item) => window.stepsShown.add(item.textContent));
  new MutationObserver(keep).observe(document, { subtree: true, childList: true, characterData: true });
}

/** Runs in the tab before its scripts: counts how often the browser is asked to keep what is stored. */
function countAsks(): void {
  window.keepAsked = 0;
  const { storage } = navigator;
  const persist = storage.persist.bind(storage);
  storage.persist = () => {
    window.keepAsked += 1;
    return persist();
  };
}

let relay: RelayProcess;

test.beforeEach(async () => {
  relay = await RelayProcess.open();
});

test.afterEach(async ({ browser }) => closeAll(browser, relay));

test("[R1] [C6b] the first tab founds the BoT, claims its grant and takes the first seat while it says how far it has come; then it is home", async ({
  browser,
}) => {
  const context = await browser.newContext();
  await context.addInitScript(keepSteps);
  await context.addInitScript(countAsks);
  const tab = new AppPage(await context.newPage());
  await tab.page.goto(relay.url);
  await expect(tab.joining).toBeVisible();
  await tab.ready();
  const shown = await tab.page.evaluate(() => [...window.stepsShown]);
  for (const step of ["Keys made", "Relay reached", "Ledger checked", "Seat taken"])
    expect(shown.filter((text) => text.startsWith(step)).length, step).toBeGreaterThan(0);
  await expect(tab.main.getByRole("heading", { name: "My devices" })).toBeVisible();
  await expect(tab.main.getByText("No devices yet. A lamp that is only made up is a good first one.")).toBeVisible();
  const { balance, seats } = await tab.until("a seat", ({ seats: { mine } }) => mine);
  expect(seats.total).toBe(1);
  // Votes and keys cannot be made again: the browser is asked, once, not to clear them by itself.
  await expect.poll(() => tab.page.evaluate(() => window.keepAsked)).toBe(1);
  // The grant, less the bond and the fee of the claim or the seat where one was taken.
  const { grant, bond } = await tab.query("parameters", {});
  expect(balance).toBeLessThanOrEqual(grant - bond);
  await expect(tab.main.getByText("Your key is only in this browser.").filter({ visible: true })).toBeVisible();
  await expect(tab.main.locator(".b-card").filter({ hasText: "Seats" }).filter({ hasText: "one is mine" }).last()).toBeVisible();
});

test("a newcomer who meets nobody with the ledger says so, and goes on by itself when a member comes", async ({ browser }) => {
  const members = await browser.newContext();
  const founder = await openTabIn(members, relay);
  await founder.ready();
  await founder.send([["account.setProfile", { name: "Ann of the hill" }]]);
  await founder.page.close();
  const strangers = await browser.newContext();
  await strangers.clock.install();
  const newcomer = await openTabIn(strangers, relay);
  const nobody = newcomer.page.getByText("Nobody who has this ledger is here yet.").filter({ visible: true });
  await expect(nobody).toBeVisible();
  expect((await newcomer.status()).ready).toBe(false);
  await newcomer.page.getByRole("button", { name: "Look around meanwhile" }).click();
  await expect(nobody).toBeVisible();
  await expect(newcomer.main.getByText("Not known before the ledger is here.").first()).toBeVisible();
  // After a minute in which nobody came: on the relay's own machine the person could begin anew.
  const another = newcomer.page.getByText("npm start -- --new");
  await expect(another).toHaveCount(0);
  await strangers.clock.fastForward(60_000);
  await expect(another).toBeVisible();
  // The founder has its own history, so it is ready though nobody is there who could tell it more.
  const back = await openTabIn(members, relay);
  await back.ready();
  const { final } = await back.status();
  await newcomer.until("the ledger", (status) => status.ready && status.final.height >= final.height);
  await expect(nobody).toBeHidden();
});

test("whoever opens an inner page first may look around while the tab joins", async ({ browser }) => {
  const tab = await openTab(browser, relay);
  await tab.ready();
  const context = await browser.newContext({ viewport: { width: 390, height: 844 } });
  const other = new AppPage(await context.newPage());
  await other.page.goto(`${relay.url}#/ledger`);
  await expect(other.heading("Ledger")).toBeVisible();
  await other.ready();
  await other.follow("Network");
  await expect(other.heading("Network")).toBeVisible();
  await other.follow("Home");
  await expect(other.main.getByRole("heading", { name: "Lately" })).toBeVisible();
});
