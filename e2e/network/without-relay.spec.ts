import { expect, test } from "@playwright/test";
import { openTab, relayForEachTest, RelayProcess, waitForDirect, waitForText } from "./harness.ts";
import { freePort } from "../harness/relay.ts";

let relay: RelayProcess;

relayForEachTest((started) => (relay = started));

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
