/** What a page's script or a person gives wrong gets its code and a sentence; nothing is lost and nobody falls over. */
import { expect, test } from "@playwright/test";
import { RelayProcess } from "./harness/relay.ts";
import { allAgree, closeAll, openSeats } from "./harness/tabs.ts";
import type { AppPage } from "./pages/app.ts";
import { ContractsPage } from "./pages/contracts.ts";
import { LedgerPage } from "./pages/ledger.ts";
import { SettingsPage } from "./pages/settings.ts";
import { WalletPage } from "./pages/wallet.ts";

const DAY_MS = 86_400_000;
const BROKEN = "This peer's database cannot be read.";
const NOBODY = "0".repeat(64);

test.describe("refused input", () => {
  let relay: RelayProcess;
  let tab: AppPage;
  let other: AppPage;

  test.beforeAll(async ({ browser }) => {
    relay = await RelayProcess.open();
    [tab, other] = (await openSeats(browser, relay, 2)) as [AppPage, AppPage];
    const settings = new SettingsPage(tab.page);
    await settings.goTo("Settings");
    await settings.setWindowLimit(1_000_000);
  });

  test.afterAll(async ({ browser }) => closeAll(browser, relay));

  test("[C4b] [10.2-2] [10.2-3] what a script sends wrong is refused by its own tab with its code, and the ledger stays as it was", async () => {
    const { account } = await other.status();
    const { results } = await other.send([["device.register", { description: '{"title":"Not yours"}', leaseMs: DAY_MS }]]);
    const { height } = await allAgree([tab, other]);
    const before = await tab.query("account", { account: (await tab.status()).account });
    const transfer = (arguments_: unknown): readonly (readonly [string, unknown])[] => [["account.transfer", arguments_]];
    const cases: readonly (readonly [code: string, calls: readonly (readonly [string, unknown])[]])[] = [
      ["schema-invalid", transfer({ to: 5, amount: 1 })],
      ["schema-invalid", transfer({ to: account, amount: "1" })],
      ["schema-invalid", transfer({ to: account, amount: -1 })],
      ["schema-invalid", transfer({ to: account, amount: 1.5 })],
      ["schema-invalid", transfer({ to: account, amount: 1, more: true })],
      ["schema-invalid", transfer(null)],
      ["schema-invalid", []],
      ["unknown-operation", [["account.mint", { amount: 5 }]]],
      ["unknown-operation", [["constructor", {}]]],
      ["too-large", Array.from({ length: 17 }, () => transfer({ to: account, amount: 1 })[0]!)],
      ["too-large", [["account.setProfile", { name: "x".repeat(65) }]]],
      ["balance-too-low", transfer({ to: account, amount: 900_000 })],
      ["not-owner", [["device.retire", { device: results[0] }]]],
      ["unknown-device", [["device.retire", { device: NOBODY }]]],
      // Digits that are no contract's would keep what they are paid for ever: nobody's, or a device's.
      ["unknown-contract", transfer({ to: NOBODY, amount: 1 })],
      ["unknown-contract", transfer({ to: results[0], amount: 1 })],
      ["unknown-contract", [["contract.fund", { contract: NOBODY, amount: 1 }]]],
      ["too-large", [["device.register", { description: "x".repeat(200_000), leaseMs: DAY_MS }]]],
      ["contract-error", [["contract.deploy", { source: "export const manifest = {", arguments: null, endowment: 0 }]]],
      ["limit-exceeded", transfer({ to: account, amount: 2_000_000 })],
    ];
    for (const [code, calls] of cases) expect.soft(await tab.refusal(calls), JSON.stringify(calls).slice(0, 100)).toBe(code);
    for (const [code, name, parameters] of [
      ["unknown-request", "secrets", {}],
      ["too-large", "search", { text: "x".repeat(300) }],
      ["schema-invalid", "block", { height: "one" }],
      ["not-found", "block", { height: 1_000_000 }],
    ] as const) {
      const answer = tab.query(name as "block", parameters as never).then(
        () => "answered",
        (error: Error) => error.message,
      );
      expect.soft(await answer, name).toContain(code);
    }
    expect(
      await tab.page.evaluate(() => {
        try {
          window.bothy!.subscribe("votes" as "block", () => undefined);
          return "subscribed";
        } catch (error) {
          return (error as { code?: string }).code;
        }
      }),
    ).toBe("unknown-request");
    // Of two calls together neither happens.
    expect(await tab.refusal([["account.setProfile", { name: "Half" }], ...transfer({ to: account, amount: 900_000 })])).toBe(
      "balance-too-low",
    );
    // What only the ledger could refuse has had its fee and done nothing else.
    const { items } = await tab.query("transactions", { account: before.account });
    const fees = items.filter(({ block }) => block !== null && block.height > height).reduce((sum, { feePaid }) => sum + feePaid!, 0);
    const after = await tab.query("account", { account: before.account });
    expect(after).toEqual({ ...before, balance: before.balance - fees, transactions: after.transactions });
    await allAgree([tab, other]);
    // And it goes on as if nothing had been.
    await tab.send([["account.setProfile", { name: "Whole" }]]);
    await allAgree([tab, other], height + 1);
  });

  test("[C2c] a script may spend up to the limit and no further, also by many sends at once", async () => {
    const settings = new SettingsPage(tab.page);
    await settings.goTo("Settings");
    await settings.setWindowLimit(20);
    await tab.page.reload();
    await tab.ready();
    const { account } = await other.status();
    const outcomes = await Promise.all([1, 2, 3, 4].map(() => tab.refusal([["account.transfer", { to: account, amount: 8 }]])));
    expect(outcomes.toSorted()).toEqual(["final", "final", "limit-exceeded", "limit-exceeded"]);
  });

  test("what a person types wrong is said beside it, and what the ledger refuses stays until it is read", async () => {
    const settings = new SettingsPage(tab.page);
    await settings.goTo("Settings");
    await settings.setWindowLimit(1_000_000);
    const wallet = new WalletPage(tab.page);
    const { account } = await other.status();
    await wallet.goTo("Wallet");
    await wallet.ask("somebody", "a lot");
    await expect(wallet.main.getByText("This is neither a did:key nor a contract.")).toBeVisible();
    await expect(wallet.main.getByText("A whole number is needed.")).toBeVisible();
    const { height } = (await tab.status()).final;
    const { balance } = await tab.query("account", { account: (await tab.status()).account });
    const format = new Intl.NumberFormat("en");
    await wallet.ask(account, "900000");
    await expect(wallet.main.getByText(`There are ${format.format(balance)} tokens in the account, and 900,00`)).toBeVisible();
    // All of it leaves nothing for the fee; neither was asked, let alone signed.
    await wallet.ask(account, String(balance));
    await expect(wallet.main.getByText(`There are ${format.format(balance)} tokens in the account, and `)).toBeVisible();
    await expect(wallet.page.getByRole("dialog")).toBeHidden();
    const { items } = await tab.query("transactions", { account: (await tab.status()).account });
    expect(items.filter(({ block }) => block === null || block.height > height)).toEqual([]);
    // What was enough when it was asked is refused by the ledger when it is gone meanwhile.
    await wallet.ask(account, String(balance - 10));
    const dialog = wallet.page.getByRole("dialog");
    await expect(dialog.locator("dd .b-amount")).toBeVisible();
    for (let paid = 0; paid <= 10; paid++) await tab.send([["account.setProfile", { name: `Poorer by ${paid}` }]]);
    await dialog.getByRole("button", { name: "Sign and send" }).click();
    await expect(wallet.toasts.locator('.b-road[data-state="refused"]')).toBeVisible();
    await expect(wallet.toasts.getByText(/tokens in the account, and .* are needed/)).toBeVisible();
    const editor = new ContractsPage(tab.page);
    await editor.begin("tally");
    await editor.write("export const manifest = 5;");
    await expect(editor.main.locator(".fault").first()).toBeVisible();
    const ledger = new LedgerPage(tab.page);
    await ledger.block("no-such-block");
    await expect(ledger.main.locator(".b-state")).toBeVisible();
  });
});

test.describe("a garbage database", () => {
  let relay: RelayProcess;

  test.beforeEach(async () => {
    relay = await RelayProcess.open();
  });

  test.afterEach(async ({ browser }) => closeAll(browser, relay));

  /** Overwrites each row of the ledger's newest tables with junk, as a failing disk or another program might. */
  async function spoil(tab: AppPage): Promise<void> {
    const { chain, slot } = await tab.status();
    // From a page of the same origin without a peer, which would write good rows meanwhile.
    await tab.page.goto(`${relay.url}manifest.webmanifest`);
    const spoilt = await tab.page.evaluate(async (name) => {
      const database = await new Promise<IDBDatabase>((resolve, reject) => {
        const opening = indexedDB.open(name);
        opening.onsuccess = () => resolve(opening.result);
        opening.onerror = () => reject(opening.error);
      });
      const stores = [...database.objectStoreNames];
      const transaction = database.transaction(stores, "readwrite");
      let count = 0;
      for (const store of stores) {
        transaction.objectStore(store).openCursor().onsuccess = (event) => {
          const cursor = (event.target as IDBRequest<IDBCursorWithValue | null>).result;
          if (cursor === null) return;
          cursor.update(new Uint8Array([1, 2, 3, 4, 5, 6, 7, 8]));
          count += 1;
          cursor.continue();
        };
      }
      await new Promise((resolve) => (transaction.oncomplete = resolve));
      database.close();
      return count;
    }, `bothy-${slot}-${chain}`);
    expect(spoilt).toBeGreaterThan(0);
    await tab.page.goto(relay.url);
  }

  test("[S2] [M1a] is reported; after a reset the ledger comes back from another tab, under the same account", async ({ browser }) => {
    const [tab, other] = (await openSeats(browser, relay, 2)) as [AppPage, AppPage];
    const { account } = await tab.status();
    const { height } = await tab.send([["account.setProfile", { name: "Survivor" }]]);
    await allAgree([tab, other]);
    await spoil(tab);
    await expect(tab.main.getByText(BROKEN)).toBeVisible();
    await tab.follow("Settings");
    await new SettingsPage(tab.page).reset(false);
    const status = await tab.until("caught up again", (one) => one.ready && one.final.height >= height);
    expect(status.account).toBe(account);
    expect((await tab.query("account", { account })).name).toBe("Survivor");
    await allAgree([tab, other]);
  });

  test("is restored from the export when no other tab has the ledger", async ({ browser }) => {
    const [tab] = (await openSeats(browser, relay, 1)) as [AppPage];
    const settings = new SettingsPage(tab.page);
    await settings.goTo("Settings");
    await settings.setName("Only here");
    const { account, final } = await tab.status();
    await settings.main.getByLabel("With the ledger, too").check();
    const file = await (await settings.exportPeer("correct horse battery")).path();
    await spoil(tab);
    await expect(tab.main.getByText(BROKEN)).toBeVisible();
    await settings.goTo("Settings");
    await settings.importPeer(file, "correct horse battery");
    await expect(settings.page.getByRole("dialog")).toContainText("its voting keys are deleted");
    await settings.replaceAccount();
    const status = await tab.until("the restored ledger", (one) => one.final.height >= final.height);
    expect(status.account).toBe(account);
    expect((await tab.query("account", { account })).name).toBe("Only here");
  });
});
