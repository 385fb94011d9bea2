import { expect, test } from "@playwright/test";
import { CHAIN, openTab, relayForEachTest, type RelayProcess, type Tab, waitForDirect } from "./harness.ts";

let relay: RelayProcess;

relayForEachTest((started) => (relay = started));

/** The victim's link to the sinner ends and does not come back, while a newcomer finds its way and the bystander stays. */
async function expectCut(victim: Tab, sinner: Tab, bystander: Tab): Promise<void> {
  await victim.page.waitForFunction((id) => !(id in window.tab.linked()), sinner.id, { timeout: 30_000, polling: 50 });
  const newcomer = await openTab(victim.page.context().browser()!, relay);
  await waitForDirect(newcomer, [sinner, victim, bystander], 30_000);
  expect(await victim.page.evaluate(() => window.tab.linked())).toEqual({ [bystander.id]: true, [newcomer.id]: true });
}

async function openThree(browser: Parameters<typeof openTab>[0]): Promise<[Tab, Tab, Tab]> {
  const tabs: [Tab, Tab, Tab] = [await openTab(browser, relay), await openTab(browser, relay), await openTab(browser, relay)];
  const [victim, sinner, bystander] = tabs;
  await waitForDirect(victim, [sinner, bystander], 30_000);
  return tabs;
}

test("who floods a stream is cut and refused for a while", async ({ browser }) => {
  const [victim, sinner, bystander] = await openThree(browser);
  await sinner.page.evaluate((id) => {
    for (let i = 0; i < 2_000; i++) window.tab.sendText(id, "hello", `flood ${i}`);
  }, victim.id);
  await expectCut(victim, sinner, bystander);
  expect(await victim.page.evaluate(() => window.tab.texts().length)).toBeLessThan(2_000);
});

test("who announces a frame above the limit is cut before the frame is there", async ({ browser }) => {
  const [victim, sinner, bystander] = await openThree(browser);
  await sinner.page.evaluate((id) => {
    // The length of this one message, written into its frame, becomes a lie.
    const length = 12_345;
    const setUint32 = Reflect.get(DataView.prototype, "setUint32") as DataView["setUint32"];
    DataView.prototype.setUint32 = function (offset, value, littleEndian) {
      setUint32.call(this, offset, value === length ? 0x7fff_ffff : value, littleEndian);
    };
    window.tab.sendText(id, "sync", "x".repeat(length));
  }, victim.id);
  await expectCut(victim, sinner, bystander);
});

test("faults that the peer reports cut a link once they are enough, and those that depend on state never", async ({ browser }) => {
  const [victim, sinner, bystander] = await openThree(browser);
  for (let i = 0; i < 50; i++)
    await victim.page.evaluate((peer) => window.tab.command({ kind: "penalize", peer, code: "nonce-gap" }), sinner.id);
  expect(await victim.page.evaluate((id) => id in window.tab.linked(), sinner.id)).toBe(true);
  for (let i = 0; i < 5; i++)
    await victim.page.evaluate((peer) => window.tab.command({ kind: "penalize", peer, code: "signature-invalid" }), sinner.id);
  await expectCut(victim, sinner, bystander);
});

test("a tab of another chain is not linked to", async ({ browser }) => {
  const [victim, other] = await openThree(browser);
  await other.page.evaluate((chain) => window.tab.command({ kind: "join", chain, closed: false }), CHAIN.replaceAll("ab", "cd"));
  await victim.page.waitForFunction((id) => !(id in window.tab.linked()), other.id, { timeout: 30_000 });
});
