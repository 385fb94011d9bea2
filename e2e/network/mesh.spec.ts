import { expect, test } from "@playwright/test";
import { buildPage, closeTabs, freePort, openTab, RelayProcess, waitForDirect, waitForRelay, waitForText, type Tab } from "./harness.ts";

let relay: RelayProcess;

test.beforeEach(async () => {
  await buildPage();
  relay = new RelayProcess(await freePort());
  await relay.start();
});

test.afterEach(async ({ browser }) => {
  await closeTabs(browser);
  await relay.remove();
});

test("tabs in separate contexts link directly, and gossip and messages flow", async ({ browser }) => {
  const tabs: Tab[] = [];
  for (let i = 0; i < 4; i++) tabs.push(await openTab(browser, relay));
  for (const tab of tabs)
    await waitForDirect(
      tab,
      tabs.filter((other) => other !== tab),
      15_000,
    );
  const [a, b] = [tabs[0]!, tabs[1]!];
  await a.page.evaluate((id) => window.tab.sendText(id, "sync", "one"), b.id);
  await waitForText(b, "message", "one", 5_000);
  await a.page.evaluate(() => window.tab.publishText("consensus", "vote"));
  for (const tab of tabs.slice(1)) await waitForText(tab, "gossip", "vote", 10_000);
  await tabs[3]!.page.close();
  const t0 = Date.now();
  await a.page.waitForFunction((id) => !(id in window.tab.linked()), tabs[3]!.id, { timeout: 13_000 });
  console.log("noticed", Date.now() - t0);
  expect(await a.page.evaluate(() => Object.values(window.tab.linked()))).toEqual([true, true]);
});
