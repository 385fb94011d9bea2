/** A consortium and a private BoT, made with the wizard: who is in, who is not, and what those see who are not. */
import { expect, test } from "@playwright/test";
import { RelayProcess } from "./harness/relay.ts";
import { closeAll, openTab } from "./harness/tabs.ts";
import { BotsPage } from "./pages/bots.ts";

const PHONE = { viewport: { width: 390, height: 844 } };

let relay: RelayProcess;
test.beforeAll(async () => void (relay = await RelayProcess.open()));
test.afterAll(async ({ browser }) => closeAll(browser, relay));

test("[I-2] [I-7] [I-9] a consortium is made by answering three questions; who has its invite alone is told how to become a member, and sees nothing", async ({
  browser,
}) => {
  const founder = new BotsPage((await openTab(browser, relay, PHONE)).page);
  const home = await founder.ready();
  await founder.found("consortium", "Mill");
  const status = await founder.until("a seat", ({ ready, seats }) => ready && seats.mine);
  expect(status).toMatchObject({ name: "Mill", kind: "consortium", token: "", balance: 0 });
  await expect(founder.page.getByText("Consortium · 0 peers linked")).toBeVisible();
  await founder.note("only for members");

  // A browser of its own: it has never been in any BoT.
  await founder.goTo("Invite");
  const link = await founder.invite();
  const guest = new BotsPage((await openTab(browser, relay, PHONE)).page);
  await guest.join(link);
  await expect(guest.page.getByRole("heading", { name: "You are not a member yet" })).toBeVisible();
  await expect(guest.page.getByText((await guest.status()).account)).toBeVisible();
  await founder.until("the guest was linked and let go", ({ peers }) => peers.length === 1);
  await founder.until("the guest was let go", ({ peers }) => peers.length === 0);
  const seen = await guest.status();
  expect(seen).toMatchObject({ chain: status.chain, ready: false, final: { height: 0 } });
  expect((await founder.status()).final.height).toBeGreaterThan(0);

  // The BoT that is open can be changed for another, and back.
  await founder.goTo("BoTs");
  await founder.change("Bothy");
  expect(await founder.ready()).toMatchObject({ chain: home.chain, kind: "public" });
  await founder.goTo("BoTs");
  await founder.change("Mill");
  const again = await founder.until("its seat", ({ ready, seats }) => ready && seats.mine);
  expect(again.chain).toBe(status.chain);
  // The guest, who came by the invite, goes where the relay leads, and forgets what it never saw.
  await guest.goTo("BoTs");
  await guest.change("Bothy");
  expect((await guest.until("the relay's BoT", ({ chain }) => chain === home.chain)).kind).toBe("public");
  await guest.goTo("BoTs");
  await guest.forget("Mill");
});

test("a text that is no invite is said to be damaged, and one cut short, too", async ({ browser }) => {
  const tab = new BotsPage((await openTab(browser, relay, PHONE)).page);
  await tab.goTo("BoTs");
  for (const text of ["hello", "#/join/uhAFZAY2qZGtpbmRqY29uc29ydGl1"]) {
    await tab.main.getByLabel("Invite").fill(text);
    await tab.main.getByRole("button", { name: "Look at it" }).click();
    await expect(tab.main.getByText("This invite is damaged or was cut off")).toBeVisible();
    await tab.main.getByRole("link", { name: "BoTs" }).click();
  }
});
