/** A tab whose storage is full says so, casts no vote that it could not store, and goes on when there is room again. */
import { readFileSync } from "node:fs";
import { expect, test, type Browser, type CDPSession } from "@playwright/test";
import { decodeOwnVotes, recordKeys } from "../src/consensus/records.ts";
import { openRow } from "../src/host/storage/row.ts";
import type { HashHex } from "../src/protocol/identifiers.ts";
import { RelayProcess } from "./harness/relay.ts";
import { allAgree, allSeated, closeAll, openTab } from "./harness/tabs.ts";
import { AppPage } from "./pages/app.ts";

/** Beside what a new ledger takes, room for the large transactions of a second or two. */
const ROOM_BYTES = 700_000;
const FULL = "The browser's storage is full. Make room on this device, then reload; nothing final is lost.";
const TALLY = readFileSync("src/sdk/templates/tally.contract.js", "utf8");

let relay: RelayProcess;

test.beforeEach(async () => {
  // Without fees traffic ends for one reason only; and with so long a recovery nothing but the votes of both seats makes a block final.
  relay = await RelayProcess.open({ feePerKilobyte: 0, feePerMillionGas: 0, recoveryMs: 600_000 });
});

test.afterEach(async ({ browser }) => closeAll(browser, relay));

/**
 * A tab on a phone with so little room. The quota is set before anything of the app runs: IndexedDB remembers the room that it found for half a
 * minute, and without a service worker nothing but the peer uses it up.
 */
async function openWithRoom(browser: Browser, quotaSize: number): Promise<{ tab: AppPage; devTools: CDPSession; origin: string }> {
  const context = await browser.newContext({ serviceWorkers: "block", viewport: { width: 390, height: 844 } });
  const page = await context.newPage();
  await page.goto(new URL("healthz", relay.url).href);
  const devTools = await context.newCDPSession(page);
  const { origin } = new URL(relay.url);
  await devTools.send("Storage.overrideQuotaForOrigin", { origin, quotaSize });
  const tab = new AppPage(page);
  await tab.page.goto(relay.url);
  await tab.page.waitForFunction(() => "bothy" in window);
  return { tab, devTools, origin };
}

/** Deploys one large contract after the other, until told to stop; each waits until the one before is final. */
async function beginLargeTraffic(from: AppPage): Promise<{ finalCount: () => Promise<number>; stop: () => Promise<void> }> {
  const traffic = await from.page.evaluateHandle((code) => {
    const traffic = { final: 0, wanted: true };
    const send = async (): Promise<void> => {
      const letters = Array.from({ length: 80_000 }, () => String.fromCharCode(97 + Math.floor(Math.random() * 26)));
      const source = `${code}// ${letters.join("")}`;
      await window.bothy!.send([["contract.deploy", { source, arguments: null, endowment: 0 }]]);
      traffic.final += 1;
      if (traffic.wanted) await send();
    };
    void send();
    return traffic;
  }, TALLY);
  return {
    finalCount: async () => (await traffic.jsonValue()).final,
    stop: () =>
      traffic.evaluate((running) => {
        running.wanted = false;
      }),
  };
}

/** A row of this tab's table of votes, as it lies on its disk. */
async function storedVote(tab: AppPage, key: string): Promise<Uint8Array | undefined> {
  const row = await tab.page.evaluate(async (asked) => {
    const result = <Result>(request: IDBRequest<Result>): Promise<Result> =>
      new Promise((resolve, reject) => {
        request.onsuccess = () => resolve(request.result);
        request.onerror = () => reject(request.error ?? new Error("no answer"));
      });
    const ledger = (await indexedDB.databases()).find(({ name = "" }) => /^bothy-0-[\da-f]{64}$/.test(name));
    const database = await result(indexedDB.open(ledger!.name!));
    const found: Uint8Array | undefined = await result(database.transaction("votes").objectStore("votes").get(asked));
    database.close();
    return found && [...found];
  }, key);
  return row === undefined ? undefined : openRow("votes", key, Uint8Array.from(row));
}

test("a full disk is said, nobody hears a vote that is not on it, and with room again the peer goes on", async ({ browser }) => {
  const { tab: full, devTools, origin } = await openWithRoom(browser, ROOM_BYTES);
  const before = await full.ready();
  const other = await openTab(browser, relay);
  await allSeated([full, other]);
  const { finalCount, stop } = await beginLargeTraffic(other);

  await full.until("its storage is full", ({ ready, fault }) => !ready && fault?.code === "storage-full");
  await expect(full.page.getByText(FULL, { exact: true })).toBeVisible();
  await expect(full.page.getByRole("link", { name: /: Stopped$/ })).toBeVisible();
  await full.page.screenshot({ path: "test-results/pages/full-disk-phone-light.png" });

  // The other one hears nothing more, and what it did hear of this round was written first.
  const missed = async (): Promise<boolean> => (await other.query("consensus", {})).recovery !== null;
  await expect.poll(missed, { message: "a vote is missed for longer than a round takes" }).toBe(true);
  const { epoch, round, votes } = await other.query("consensus", {});
  const heard = votes.find(({ mine }) => !mine)!;
  const row = await storedVote(full, recordKeys.own(epoch as HashHex, round, heard.votingKey as HashHex));
  const stored = row === undefined ? { notarize: null, skip: false, finalize: null } : decodeOwnVotes(row);
  if (heard.notarize) expect(stored.notarize).not.toBeNull();
  if (heard.skip) expect(stored.skip).toBe(true);
  if (heard.finalize) expect(stored.finalize).not.toBeNull();

  const { final } = await full.status();
  const count = await finalCount();
  await devTools.send("Storage.overrideQuotaForOrigin", { origin });
  await full.page.reload();
  const after = await full.ready();
  expect(after).toMatchObject({ peer: before.peer, account: before.account, fault: null });
  expect((await full.query("block", { height: final.height })).digest).toBe(final.digest);
  // It votes again: without it nothing would become final.
  await expect.poll(finalCount).toBeGreaterThan(count + 1);
  await stop();
  await allAgree([full, other], final.height + 2);
  for (const tab of [full, other]) expect((await tab.query("events", { source: "seat", topic: "punished" })).items).toEqual([]);
});
