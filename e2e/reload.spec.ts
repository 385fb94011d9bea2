/** A tab that goes and comes back is the same peer with the same ledger; what else the browser has open is another. */
import { expect, test, type BrowserContext } from "@playwright/test";
import { RelayProcess } from "./harness/relay.ts";
import { allAgree, allSeated, closeAll, crash, openSeats, openTab, openTabIn } from "./harness/tabs.ts";
import type { AppPage } from "./pages/app.ts";
import { LedgerPage } from "./pages/ledger.ts";

test.use({ serviceWorkers: "allow" });

let relay: RelayProcess;

test.beforeEach(async () => {
  // Without fees traffic never ends; and with so long a recovery nothing but votes of three in four seats makes a block final.
  relay = await RelayProcess.open({ feePerKilobyte: 0, recoveryMs: 600_000 });
});

test.afterEach(async ({ browser }) => closeAll(browser, relay));

/** Renames its account without end, one transaction after the other; gives how many have become final so far. */
async function beginTraffic(tab: AppPage): Promise<() => Promise<number>> {
  const count = await tab.page.evaluateHandle(() => {
    const count = { final: 0 };
    const send = async (): Promise<void> => {
      await window.bothy!.send([["account.setProfile", { name: `Number ${count.final}` }]]);
      count.final += 1;
      await send();
    };
    // It ends with the tab.
    void send().catch(() => undefined);
    return count;
  });
  return async () => (await count.jsonValue()).final;
}

test("[R1] [C5a] [C6b] a tab reloaded in the middle of traffic is the same peer with the same ledger, and casts no contradicting vote", async ({
  browser,
}) => {
  const tabs = await openSeats(browser, relay, 4);
  const [busy, reloaded, other, gone] = tabs as [AppPage, AppPage, AppPage, AppPage];
  // With one of four seats gone each of the rest is needed for every block.
  await crash(gone);
  const finalCount = await beginTraffic(busy);
  for (let round = 0; round < 3; round++) {
    const count = await finalCount();
    await expect.poll(finalCount).toBeGreaterThan(count + 2);
    const before = await reloaded.status();
    await reloaded.page.reload();
    const after = await reloaded.ready();
    const { peer, account, chain, slot } = before;
    expect(after).toMatchObject({ peer, account, chain, slot });
    expect(after.final.height).toBeGreaterThanOrEqual(before.final.height);
    // What it held as final before is still there, block for block.
    const { digest } = await reloaded.query("block", { height: before.final.height });
    expect(digest).toBe(before.final.digest);
    await reloaded.finalAt(after.final.height + 2);
  }
  await busy.page.reload();
  const rest = [busy, reloaded, other];
  for (const tab of rest) await tab.until("its seat is still its own", ({ ready, seats }) => ready && seats.mine);
  await allAgree(rest);
  for (const tab of rest) expect((await tab.query("events", { source: "seat", topic: "punished" })).items).toEqual([]);
});

test("two tabs of one browser profile are two peers, each with its own keys and seat", async ({ browser }) => {
  const first = await openTab(browser, relay);
  await first.ready();
  const second = await openTabIn(first.page.context(), relay);
  await allSeated([first, second]);
  const [one, two] = await Promise.all([first.status(), second.status()]);
  expect([one.slot, two.slot]).toEqual([0, 1]);
  expect(two.peer).not.toBe(one.peer);
  expect(two.account).not.toBe(one.account);
  expect(two.chain).toBe(one.chain);
  // The slot of a closed tab is free again; its peer comes back with it.
  await first.page.close();
  const third = await openTabIn(second.page.context(), relay);
  expect(await third.ready()).toMatchObject({ slot: 0, peer: one.peer, account: one.account });
});

test("who visits another BoT under the same address comes back to a seat that still votes", async ({ browser }) => {
  const founder = await openTab(browser, relay);
  await allSeated([founder]);
  const { chain: home } = await founder.status();
  const context = founder.page.context();
  await founder.page.close();
  await relay.kill();
  await relay.start("another");
  const visitor = await openTabIn(context, relay);
  await allSeated([visitor]);
  const away = await visitor.status();
  expect(away.chain).not.toBe(home);
  // It has had its time to look which of its keys are of no more use.
  for (const name of ["Guest", "Visitor"]) await visitor.send([["account.setProfile", { name }]]);
  await visitor.page.close();
  await relay.kill();
  await relay.start();
  const back = await openTabIn(context, relay);
  expect(await back.ready()).toMatchObject({ slot: away.slot, chain: home });
  await back.send([["account.setProfile", { name: "Home again" }]]);
});

async function goOffline(context: BrowserContext): Promise<void> {
  await relay.kill();
  await context.setOffline(true);
}

test("[S2] started with neither network nor relay, the app shows the ledger that it has, and finds the relay once that is there", async ({
  browser,
}) => {
  const tab = await openTab(browser, relay);
  const { account } = await tab.ready();
  const { height } = await tab.send([["account.setProfile", { name: "Kept here" }]]);
  await tab.page.evaluate(async () => (await navigator.serviceWorker.ready).active?.state);
  await goOffline(tab.page.context());
  const ledger = new LedgerPage(tab.page);
  await ledger.goTo("Ledger");
  await tab.page.reload();
  await ledger.finalAt(height);
  await expect(ledger.heading("Ledger")).toBeVisible();
  await expect(ledger.main.getByText(/^Every row below was checked on this device/)).toBeVisible();
  expect((await ledger.query("account", { account })).name).toBe("Kept here");
  await ledger.account(account);
  await expect(ledger.main.getByText("Kept here").first()).toBeVisible();
  expect(await ledger.status()).toMatchObject({ relay: false });
  await tab.page.context().setOffline(false);
  await relay.start();
  await ledger.until("the relay", (status) => status.relay, 15_000);
});
