/** Forms and questions: what is typed is kept, who says not now changes nothing, and what was done is said as done. */
import { readFileSync } from "node:fs";
import { expect, test } from "@playwright/test";
import { RelayProcess } from "./harness/relay.ts";
import { closeAll, openSeats, openTabIn } from "./harness/tabs.ts";
import { ContractPage, ContractsPage } from "./pages/contracts.ts";
import { WalletPage } from "./pages/wallet.ts";

let relay: RelayProcess;
let wallet: WalletPage;

test.beforeAll(async ({ browser }) => {
  relay = await RelayProcess.open();
  const [tab] = await openSeats(browser, relay, 1);
  wallet = new WalletPage(tab!.page);
});

test.afterAll(async ({ browser }) => closeAll(browser, relay));

test("after a payment the form is as at first, and the toast says what was done", async () => {
  await wallet.goTo("Wallet");
  const { account } = await wallet.status();
  await wallet.ask(account, "3");
  await wallet.page.getByRole("dialog").getByRole("button", { name: "Sign and send" }).click();
  const toast = wallet.toasts.locator(".toast").last();
  await expect(toast).toContainText("3 coal sent");
  await expect(toast.locator('.b-road[data-state="final"]')).toBeVisible();
  await expect(toast).not.toContainText("?");
  const amount = wallet.main.getByLabel("Amount");
  await expect(amount).toHaveValue("");
  await expect(amount).not.toHaveAttribute("aria-invalid", "true");
  await expect(wallet.main.getByText("A whole number is needed.")).toBeHidden();
});

test("who does not leave the seat after all keeps it, and the peer goes on wanting one", async () => {
  await wallet.goTo("Wallet");
  await wallet.main.getByRole("button", { name: /^Leave the seat/ }).click();
  await wallet.page.getByRole("dialog").getByRole("button", { name: "Not now" }).click();
  await expect(wallet.page.getByRole("dialog")).toBeHidden();
  expect((await wallet.query("settings", {})).seatWanted).toBe(true);
});

test("a draft begun from a template outlives a reload, apart from other drafts, and leads back to the template", async () => {
  const contracts = new ContractsPage(wallet.page);
  await contracts.begin("tally");
  await contracts.write("// my precious work\nexport const manifest = {};");
  await contracts.page.reload();
  await expect(contracts.editor).toContainText("my precious work");
  await contracts.begin("trace");
  await expect(contracts.editor).not.toContainText("my precious work");
  await contracts.begin("tally");
  await contracts.main.getByRole("button", { name: "Back to the template" }).click();
  await expect(contracts.editor).not.toContainText("my precious work");
  await contracts.page.reload();
  await expect(contracts.editor).toContainText("export const manifest");
  await expect(contracts.editor).not.toContainText("my precious work");
});

test("a contract's form takes a list by the line and a moment as date and time", async () => {
  // The test before reloaded the page.
  await wallet.ready();
  const deploy = async (name: string): Promise<string> => {
    const source = readFileSync(`src/sdk/templates/${name}.contract.js`, "utf8");
    return (await wallet.send([["contract.deploy", { source, arguments: null, endowment: 0 }]])).results[0] as string;
  };
  const page = new ContractPage(wallet.page);
  const stateOf = async (contract: string): Promise<unknown> =>
    (await page.query("contractState", { contract })).items.map(({ value }) => value);

  const tally = await deploy("tally");
  await page.show(tally);
  await page.call("ask", { Question: "Tea or coffee?", Answers: "tea\ncoffee" });
  expect(JSON.stringify(await stateOf(tally))).toContain('["tea","coffee"]');

  const escrow = await deploy("escrow");
  await page.show(escrow);
  const untilMs = new Date(2031, 4, 6, 15, 30).getTime();
  await page.call("agree", { Seller: "did:key:somebody-else", Price: "1", "Refund from": "2031-05-06T15:30" });
  expect(JSON.stringify(await stateOf(escrow))).toContain(`"refundAfterMs":${untilMs}`);
});

test("in German a device speaks German", async ({ browser }) => {
  const context = await browser.newContext({ locale: "de-DE" });
  const german = await openTabIn(context, relay);
  await german.until("a seat", ({ seats }) => seats.mine);
  await german.goToPath("#/devices/add");
  await german.main.getByRole("button", { name: "Signieren und hinzufügen" }).click();
  await german.page.waitForURL(/#\/device\/[0-9a-f]{64}$/);
  await expect(german.main.getByRole("region", { name: "Helligkeit" })).toBeVisible();
  await expect(german.main.getByRole("heading", { name: "Umschalten" })).toBeVisible();
  await context.close();
});
