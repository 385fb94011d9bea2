import { expect, test } from "@playwright/test";
import { openTab, relayForEachTest, RelayProcess, type Tab, waitForDirect, waitForRelay, waitForText } from "./harness.ts";
import { freePort } from "../harness/relay.ts";

let relay: RelayProcess;

relayForEachTest((started) => (relay = started));

async function openMesh(browser: Parameters<typeof openTab>[0], count: number): Promise<Tab[]> {
  const tabs: Tab[] = [];
  for (let i = 0; i < count; i++) tabs.push(await openTab(browser, relay));
  for (const tab of tabs)
    await waitForDirect(
      tab,
      tabs.filter((other) => other !== tab),
      30_000,
    );
  return tabs;
}

/** Once for each length of pause; `e2e/relay-death.spec.ts` does ten with whole peers. `BOTHY_ROUNDS` for a long look. */
const ROUNDS = Number(process.env["BOTHY_ROUNDS"] ?? 3);

test("after each restart of the relay everybody is back and a newcomer reaches all, within 15 s", async ({ browser }) => {
  test.setTimeout(400_000);
  const tabs = await openMesh(browser, 3);
  for (let round = 0; round < ROUNDS; round++) {
    await relay.kill();
    // Of every length, since the cause was a race: at once, and after the pauses between attempts have grown.
    for (const tab of tabs)
      await tab.page.waitForFunction((rounds) => rounds === 0 || window.tab.status()?.relays[0]?.state === "unreachable", round % 3, {
        timeout: 15_000,
      });
    await relay.start();
    const back = Promise.all(tabs.map((tab) => waitForRelay(tab, 15_000)));
    const newcomer = await openTab(browser, relay);
    await back;
    await waitForDirect(newcomer, tabs, 15_000);
    await newcomer.page.close();
    for (const tab of tabs) await tab.page.waitForFunction((id) => !(id in window.tab.linked()), newcomer.id, { timeout: 15_000 });
  }
});

test("with every relay dead, gossip goes on, and a tab linked to only one member reaches all others through it", async ({ browser }) => {
  // B and C know only the first relay and the newcomer only the second, so that its one road to them is A, who knew both.
  const second = new RelayProcess(await freePort());
  await second.start();
  const a = await openTab(browser, relay, { relays: [relay.address, second.address] });
  const b = await openTab(browser, relay);
  const c = await openTab(browser, relay);
  await waitForDirect(a, [b, c], 30_000);
  await waitForDirect(b, [c], 30_000);
  await relay.kill();
  const newcomer = await openTab(browser, second);
  await waitForDirect(newcomer, [a], 30_000);
  await second.remove();
  const all = [a, b, c, newcomer];
  for (const tab of all)
    await waitForDirect(
      tab,
      all.filter((other) => other !== tab),
      30_000,
    );
  // gossipsub may be joining its mesh at first, so a sender says it again, as the peers do.
  for (const [index, sender] of all.entries())
    await expect(async () => {
      await sender.page.evaluate((text) => window.tab.publishText("consensus", text), `from ${index}`);
      for (const tab of all) if (tab !== sender) await waitForText(tab, "gossip", `from ${index}`, 2_000);
    }).toPass({ timeout: 40_000 });
});
