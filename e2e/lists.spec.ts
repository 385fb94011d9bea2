/** Lists of the app go down to the first entry, however many there are. */
import { expect, test } from "@playwright/test";
import { RelayProcess } from "./harness/relay.ts";
import { closeAll, openSeats } from "./harness/tabs.ts";
import type { AppPage } from "./pages/app.ts";
import { LedgerPage } from "./pages/ledger.ts";
import { SettingsPage } from "./pages/settings.ts";

const SENT = 460;

test("a list that is longer than what a peer gives at once is read to its end, stands still there, and follows again", async ({
  browser,
}) => {
  const relay = await RelayProcess.open();
  try {
    const [tab] = (await openSeats(browser, relay, 1)) as [AppPage];
    const settings = new SettingsPage(tab.page);
    await settings.goTo("Settings");
    await settings.setWindowLimit(1_000_000);
    await tab.page.evaluate(async (count) => {
      const names = Array.from({ length: count }, (_, index) => `Name ${index}`);
      // A peer answers so many at once.
      while (names.length > 0) await Promise.all(names.splice(0, 50).map((name) => window.bothy!.send([["account.setProfile", { name }]])));
    }, SENT);
    const ledger = new LedgerPage(tab.page);
    await ledger.goToPath("#/ledger/transactions");
    const rows = ledger.main.locator(".b-rows a");
    const older = ledger.main.getByRole("button", { name: "Older" });
    const newest = ledger.main.getByRole("button", { name: "Back to the newest" });
    // 25 more at a time while it follows, then 200 more.
    for (const count of [50, 75, 100, 125, 150, 175, 200]) {
      await older.click();
      await expect(rows).toHaveCount(count);
    }
    await expect(newest).toBeHidden();
    await older.click();
    await expect(rows).toHaveCount(400);
    await older.click();
    await expect(older).toBeHidden();
    const addresses = await rows.evaluateAll((links) => links.map((link) => link.getAttribute("href")));
    const { items, next } = await tab.query("transactions", { limit: 200 });
    expect(addresses.length).toBeGreaterThanOrEqual(SENT);
    expect(new Set(addresses).size).toBe(addresses.length);
    expect(addresses.slice(0, 200)).toEqual(items.map(({ id }) => `#/transaction/${id}`));
    expect(next).not.toBeNull();
    const { transaction } = await tab.send([["account.setProfile", { name: "Last" }]]);
    await expect(newest).toBeVisible();
    await expect(rows).toHaveCount(addresses.length);
    await newest.click();
    await expect(rows.first()).toHaveAttribute("href", `#/transaction/${transaction}`);
    await expect(rows).toHaveCount(200);
  } finally {
    await closeAll(browser, relay);
  }
});
