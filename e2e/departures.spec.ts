/** Tabs vanish without a word, and come back: the BoT goes on with whoever is there, and says how sure it is. */
import { expect, test, type Browser } from "@playwright/test";
import { RelayProcess } from "./harness/relay.ts";
import { allAgree, allSeated, closeAll, crash, openSeats, openTabIn } from "./harness/tabs.ts";
import type { AppPage } from "./pages/app.ts";
import { LedgerPage } from "./pages/ledger.ts";
import { NetworkPage } from "./pages/network.ts";

test.use({ serviceWorkers: "allow" });

/** Recovery after two seconds instead of ten: the same steps, waited for in less time. */
const FAST = { recoveryMs: 2000, baseTimeoutMs: 400 };

let relay: RelayProcess;

test.beforeEach(async () => {
  relay = await RelayProcess.open(FAST);
});

test.afterEach(async ({ browser }) => closeAll(browser, relay));

async function finalizes(tab: AppPage): Promise<number> {
  return (await tab.send([["account.setProfile", { name: "Still here" }]])).height;
}

/** New tabs in the browsers of these, whose own are closed. */
async function reopened(tabs: readonly AppPage[]): Promise<AppPage[]> {
  return Promise.all(tabs.map((tab) => openTabIn(tab.page.context(), relay)));
}

async function openFour(browser: Browser): Promise<[AppPage, AppPage, AppPage, AppPage]> {
  return (await openSeats(browser, relay, 4)) as [AppPage, AppPage, AppPage, AppPage];
}

test("[C1d] [M5a] two of four tabs vanish one after the other: the rest finalize again, and show with what strength", async ({
  browser,
}) => {
  const [first, second, third, fourth] = await openFour(browser);
  await crash(fourth);
  // Three of four seats are enough to decide.
  const height = await finalizes(first);
  for (const tab of [first, second, third]) await tab.finalAt(height);
  expect((await first.status()).strength).toBe("full");
  await crash(third);
  const after = await finalizes(second);
  await allAgree([first, second], after);
  for (const tab of [first, second]) {
    // Two of four together, which is over a third and not over half.
    const { strength, seats } = await tab.until("a recovery has weakened it", (status) => status.strength !== "full");
    expect(strength).toBe("provisional");
    expect(seats.total).toBe(2);
    const network = new NetworkPage(tab.page);
    await network.goTo("Network");
    await expect(network.figure("Strength")).toHaveText("Provisional");
    await expect(network.main.getByText(/^provisional: within the last hour/i).first()).toBeVisible();
    await expect(network.incidents.filter({ hasText: "went on without the seats that had vanished" })).not.toHaveCount(0);
  }
  // Its block says who went on, and claims no votes and no proposer.
  const recovery = (await second.query("blocks", { limit: 50 })).find(({ kind }) => kind === "recovery");
  const ledger = new LedgerPage(second.page);
  await ledger.block(recovery!.height);
  await expect(ledger.main.getByRole("heading", { name: "Recovery", exact: true })).toBeVisible();
  await expect(ledger.main.getByText("2 seats", { exact: true })).toBeVisible();
  await expect(ledger.main.getByText(/^(Proposed by|State root|Round)$/)).toHaveCount(0);
  for (const tab of [first, second]) {
    const { account } = await tab.status();
    await expect(ledger.main.locator(`a[href$="/account/${account}"]`)).toBeVisible();
  }
  await second.page.screenshot({ path: "test-results/pages/recovery.png", fullPage: true });
  await ledger.goToPath("#/ledger");
  await expect(ledger.main.getByText("A recovery").first()).toBeVisible();
  // One of those that vanished comes back, and is on the same branch as the rest.
  const [back] = (await reopened([third])) as [AppPage];
  await back.ready();
  await finalizes(back);
  await allAgree([first, second, back], after + 1);
});

test("[C5a] all tabs close and all come back: the BoT goes on from where it was", async ({ browser }) => {
  const tabs = await openFour(browser);
  const height = await finalizes(tabs[0]);
  const { digest, height: last } = await allAgree(tabs, height);
  const before = await Promise.all(tabs.map(async (tab) => (await tab.status()).peer));
  for (const tab of tabs) await crash(tab);
  const back = await reopened(tabs);
  for (const [index, tab] of back.entries()) expect((await tab.ready()).peer).toBe(before[index]);
  await finalizes(back[3]!);
  await allSeated(back);
  await allAgree(back, last + 1);
  for (const tab of back) expect((await tab.query("block", { height: last })).digest).toBe(digest);
});

test("all tabs close and only the last one comes back: the BoT goes on with it alone", async ({ browser }) => {
  const tabs = await openFour(browser);
  const { height, digest } = await allAgree(tabs, await finalizes(tabs[0]));
  for (const tab of tabs) await crash(tab);
  const [last] = (await reopened([tabs[3]])) as [AppPage];
  await last.ready();
  expect(await finalizes(last)).toBeGreaterThan(height);
  expect((await last.query("block", { height })).digest).toBe(digest);
  expect((await last.status()).strength).toBe("provisional");
  // The others find their seats asleep, and wake them.
  const others = await reopened(tabs.slice(0, 3));
  await allSeated([last, ...others]);
  await finalizes(others[0]!);
  await allAgree([last, ...others]);
});
