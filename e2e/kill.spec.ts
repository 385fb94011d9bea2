/** Two tabs of one browser under traffic, and the whole browser killed again and again: the ledger is always whole, and the BoT goes on. */
import { expect, test } from "@playwright/test";
import { KillableBrowser, seededCounts } from "./harness/killable.ts";
import { RelayProcess } from "./harness/relay.ts";
import { allAgree, allSeated, openTabIn } from "./harness/tabs.ts";
import type { AppPage } from "./pages/app.ts";

test.use({ serviceWorkers: "allow" });

/** `BOTHY_KILLS` makes it more, for a long look. */
const KILLS = Number(process.env["BOTHY_KILLS"] ?? 3);
/** Final transactions of one tab until the kill, at most. */
const COUNT_MAX = 25;

let relay: RelayProcess;
let browser: KillableBrowser;

async function begin(): Promise<void> {
  // With so long a recovery nothing but the votes of both seats makes a block final.
  relay = await RelayProcess.open({ feePerKilobyte: 0, recoveryMs: 600_000 });
  browser = await KillableBrowser.create();
}

async function end(): Promise<void> {
  await browser.remove();
  await relay.remove();
}

test.beforeEach(begin);
test.afterEach(end);

async function afresh(): Promise<void> {
  await end();
  await begin();
}

async function openBoth(): Promise<[AppPage, AppPage]> {
  const context = await browser.open();
  const first = await openTabIn(context, relay);
  // A slot each, in the same order every time.
  await first.until("its slot is known", ({ slot }) => slot === 0);
  return [first, await openTabIn(context, relay)];
}

/** Renames its account without end, and resolves after so many have become final; the next is under way then. */
async function trafficUntil(tab: AppPage, count: number): Promise<void> {
  await tab.page.evaluate(async (wanted) => {
    // What was shared in the moment before a kill, and not stored yet, may have taken the number that the reopened tab gives next.
    const rename = (number: number): Promise<unknown> =>
      window
        .bothy!.send([["account.setProfile", { name: `Number ${number}` }]])
        .catch((error: { code?: string }) => (error.code === "nonce-used" ? rename(number) : Promise.reject(error)));
    for (let number = 0; number < wanted; number++) await rename(number);
    const goOn = (number: number): void =>
      void rename(number).then(
        () => goOn(number + 1),
        () => undefined,
      );
    goOn(wanted);
  }, count);
}

test(`[C1d][C5a] killed ${KILLS} times under traffic, both tabs reopen whole, agree, and make blocks final again`, async () => {
  test.setTimeout(60_000 + KILLS * 30_000);
  const counts = seededCounts(20261122, COUNT_MAX);
  let before: Awaited<ReturnType<typeof allAgree>> | undefined;
  let peers: string[] | undefined;
  for (let kill = 0; kill <= KILLS; kill++) {
    let tabs = await openBoth();
    if (before !== undefined && (await browser.hasDropped(relay.url))) {
      // Both peers went with their keys and all of their ledger: others begin.
      before = peers = undefined;
      await afresh();
      tabs = await openBoth();
    }
    await allSeated(tabs);
    peers ??= (await Promise.all(tabs.map((tab) => tab.status()))).map(({ peer }) => peer);
    expect((await Promise.all(tabs.map((tab) => tab.status()))).map(({ peer }) => peer)).toEqual(peers);
    if (before !== undefined) {
      const { height, digest } = before;
      await allAgree(tabs, height);
      for (const tab of tabs) expect((await tab.query("block", { height })).digest).toBe(digest);
    }
    before = await allAgree(tabs, before?.height);
    const count = counts.next().value as number;
    await Promise.all(tabs.map((tab) => trafficUntil(tab, count)));
    for (const tab of tabs) {
      const { final } = await tab.status();
      expect(final.height).toBeGreaterThan(before.height);
      expect((await tab.query("events", { source: "seat", topic: "punished" })).items).toEqual([]);
    }
    await browser.kill();
  }
});
