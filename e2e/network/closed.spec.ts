/** The network of a BoT that is not public: what a stranger who knows its chain hears, before the peers have said who is admitted. */
import { expect, test } from "@playwright/test";
import { openTab, relayForEachTest, type RelayProcess, type Tab, waitForDirect, waitForText } from "./harness.ts";

let relay: RelayProcess;

relayForEachTest((started) => (relay = started));

const neighboursSaidBy = (tab: Tab, of: Tab): Promise<readonly string[]> =>
  tab.page.evaluate((id) => window.tab.status()?.links.find(({ peer }) => peer === id)?.neighbours ?? [], of.id);
const admit = (tab: Tab, peer: Tab): Promise<void> => tab.page.evaluate((id) => window.tab.command({ kind: "admit", peer: id }), peer.id);

test("[I-2] a stranger is told neither who is there nor anything that is gossiped; who is admitted is, and who is refused is left alone", async ({
  browser,
}) => {
  const [one, two] = [await openTab(browser, relay, { closed: true }), await openTab(browser, relay, { closed: true })];
  // As curious as it can be: it listens on the topics of this chain.
  const stranger = await openTab(browser, relay);
  for (const tab of [one, two]) await waitForDirect(tab, [stranger], 30_000);
  await waitForDirect(one, [two], 30_000);
  await admit(one, two);
  await admit(two, one);
  await expect.poll(() => neighboursSaidBy(two, one)).toContain(stranger.id);
  expect(await neighboursSaidBy(stranger, one)).toEqual([]);
  expect(await neighboursSaidBy(stranger, two)).toEqual([]);

  // Gossip goes nowhere; what is sent to one peer comes.
  await one.page.evaluate(() => window.tab.publishText("consensus", "for everybody"));
  await one.page.evaluate((id) => window.tab.sendText(id, "forward", "for a member"), two.id);
  await waitForText(two, "message", "for a member", 10_000);
  for (const tab of [two, stranger])
    expect(await tab.page.evaluate(() => window.tab.texts().filter(({ kind }) => kind === "gossip"))).toEqual([]);

  await one.page.evaluate((id) => {
    window.tab.sendText(id, "admit", "refused");
    window.tab.command({ kind: "refuse", peer: id });
  }, stranger.id);
  // It still hears why.
  await waitForText(stranger, "message", "refused", 10_000);
  await one.page.waitForFunction((id) => !(id in window.tab.linked()), stranger.id);
  expect(await one.page.evaluate((id) => id in window.tab.linked(), two.id)).toBe(true);
  // Not banned: it may ask again, when it is somebody.
  await waitForDirect(one, [stranger], 60_000);
});
