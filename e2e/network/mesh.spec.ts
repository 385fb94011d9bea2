import { expect, test } from "@playwright/test";
import { openTab, relayForEachTest, type RelayProcess, type Tab, waitForDirect, waitForText } from "./harness.ts";

let relay: RelayProcess;

relayForEachTest((started) => (relay = started));

test("[R12][C9a][C9b][C9c] tabs in separate contexts link directly, gossip and messages flow, and a closed one is missed soon", async ({
  browser,
}) => {
  const tabs: Tab[] = [];
  for (let i = 0; i < 4; i++) tabs.push(await openTab(browser, relay));
  for (const tab of tabs)
    await waitForDirect(
      tab,
      tabs.filter((other) => other !== tab),
      30_000,
    );
  const [a, b, , d] = tabs as [Tab, Tab, Tab, Tab];
  await a.page.evaluate((id) => window.tab.sendText(id, "sync", "one"), b.id);
  await waitForText(b, "message", "one", 15_000);
  await a.page.evaluate(() => window.tab.publishText("consensus", "vote"));
  for (const tab of tabs.slice(1)) await waitForText(tab, "gossip", "vote", 15_000);
  await d.page.close();
  await a.page.waitForFunction((id) => !(id in window.tab.linked()), d.id, { timeout: 4_000 });
  expect(await a.page.evaluate(() => Object.values(window.tab.linked()))).toEqual([true, true]);
});

test("what is gossiped twice arrives twice", async ({ browser }) => {
  const a = await openTab(browser, relay);
  const b = await openTab(browser, relay);
  await waitForDirect(a, [b], 30_000);
  // The first may come before the two know of each other's topics; the same bytes, published again, must still arrive.
  for (let sent = 0; (await b.page.evaluate(() => window.tab.texts().length)) < 2; sent++) {
    expect(sent).toBeLessThan(40);
    await a.page.evaluate(() => window.tab.publishText("consensus", "same"));
    await a.page.evaluate(() => new Promise((resolve) => requestAnimationFrame(resolve)));
  }
});

test("[C12] a tab without WebRTC has relayed links that carry messages and gossip", async ({ browser }) => {
  const a = await openTab(browser, relay);
  const b = await openTab(browser, relay);
  const lame = await openTab(browser, relay, {
    before: () => {
      Reflect.deleteProperty(globalThis, "RTCPeerConnection");
    },
  });
  await waitForDirect(a, [b], 30_000);
  for (const other of [a, b]) {
    await other.page.waitForFunction((id) => window.tab.linked()[id] === false, lame.id, { timeout: 30_000 });
    await lame.page.waitForFunction((id) => window.tab.linked()[id] === false, other.id, { timeout: 30_000 });
    await lame.page.evaluate((id) => window.tab.sendText(id, "hello", "over the relay"), other.id);
    await waitForText(other, "message", "over the relay", 15_000);
  }
  await a.page.evaluate((id) => window.tab.sendText(id, "fetch", "and back"), lame.id);
  await waitForText(lame, "message", "and back", 15_000);
  await expect(async () => {
    await lame.page.evaluate(() => window.tab.publishText("transactions", "relayed"));
    await waitForText(a, "gossip", "relayed", 2_000);
    await waitForText(b, "gossip", "relayed", 2_000);
  }).toPass({ timeout: 40_000 });
});

/** So many neighbours as the network keeps (NEIGHBOURS): it looks for more below six, lets go above eight, and takes no more than twelve. */
const NEIGHBOURS_MIN = 4;
const NEIGHBOURS_MAX = 12;

/** The tabs that can be reached from the first, over links that both sides know. */
function reachedFrom(linksById: ReadonlyMap<string, readonly string[]>): Set<string> {
  const reached = new Set([...linksById.keys()].slice(0, 1));
  for (const from of reached) for (const to of linksById.get(from) ?? []) if (linksById.get(to)?.includes(from)) reached.add(to);
  return reached;
}

test("ten tabs become one mesh, each with few neighbours, and what one gossips reaches the nine others", async ({ browser }) => {
  const tabs = await Promise.all(Array.from({ length: 10 }, () => openTab(browser, relay)));
  const linksById = async (): Promise<Map<string, readonly string[]>> =>
    new Map(
      await Promise.all(tabs.map(async ({ id, page }) => [id, await page.evaluate(() => Object.keys(window.tab.linked()))] as const)),
    );
  await expect
    .poll(
      async () => {
        const links = await linksById();
        const degrees = [...links.values()].map(({ length }) => length);
        const within = degrees.every((degree) => degree >= NEIGHBOURS_MIN && degree <= NEIGHBOURS_MAX);
        return within && reachedFrom(links).size === tabs.length ? "one mesh" : `neighbours: ${degrees.join(", ")}`;
      },
      { timeout: 60_000, intervals: [100] },
    )
    .toBe("one mesh");
  const [first, ...others] = tabs as [Tab, ...Tab[]];
  await first.page.evaluate(() => window.tab.publishText("consensus", "to all"));
  for (const other of others) await waitForText(other, "gossip", "to all", 15_000);
});
