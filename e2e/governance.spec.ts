/** How what holds is changed: proposed on one page, voted on another, carried out, and in force on both. By seats in a public BoT, by members in a consortium. */
import { expect, test } from "@playwright/test";
import { RelayProcess } from "./harness/relay.ts";
import { closeAll, openSeats, openTab } from "./harness/tabs.ts";
import { BotsPage } from "./pages/bots.ts";
import { GovernancePage } from "./pages/governance.ts";
import { WalletPage } from "./pages/wallet.ts";

const RULE = "Fee per kilobyte";
const NOTE = "Too much that nobody reads is written.";
const SETTLED = { timeout: 60_000 };

let relay: RelayProcess;
let mine: GovernancePage;
let others: GovernancePage;
let errors: string[];

test.beforeAll(async ({ browser }) => {
  relay = await RelayProcess.open();
  [mine, others] = (await openSeats(browser, relay, 2)).map(({ page }) => new GovernancePage(page)) as [GovernancePage, GovernancePage];
  errors = [];
  for (const { page } of [mine, others]) page.on("pageerror", (error) => errors.push(String(error)));
});

test.afterAll(async ({ browser }) => closeAll(browser, relay));

test.afterEach(() => expect(errors).toEqual([]));

test("[I-3] a rule is proposed with its reason, voted for in another tab, carried out, and holds in both", async () => {
  for (const tab of [mine, others]) {
    await tab.follow("Governance");
    await expect(tab.heading("Governance")).toBeVisible();
    await expect(tab.main.getByText("2, one for each seat")).toBeVisible(SETTLED);
    await expect(tab.rule(RULE)).toContainText("1 coal");
  }
  await mine.ask(RULE, "2", NOTE);
  await expect(mine.page.getByRole("dialog")).toContainText(`${RULE}: from 1 coal to 2 coal.`);
  await mine.sign("Sign and propose");
  for (const tab of [mine, others]) {
    const proposal = tab.proposals.first();
    await expect(proposal.getByRole("heading")).toHaveText(`${RULE}: from 1 coal to 2 coal`, SETTLED);
    await expect(proposal).toContainText(NOTE);
    await expect(proposal).toContainText("1 of 2 votes needed");
    await expect(proposal).toContainText("6 days left");
    await expect(proposal.getByRole("button", { name: "Carry out…" })).toHaveCount(0);
  }
  // The last vote of an account counts.
  await others.vote(others.proposals.first(), "Vote against");
  await expect(mine.proposals.first()).toContainText("1 of 2 votes needed · 1 against", SETTLED);
  await others.vote(others.proposals.first(), "Vote for");
  await expect(mine.proposals.first()).toContainText("2 of 2 votes needed", SETTLED);
  await mine.proposals.first().getByRole("button", { name: "Carry out…" }).click();
  await mine.sign("Sign and carry out");
  for (const tab of [mine, others]) {
    await expect(tab.rule(RULE)).toContainText("2 coal", SETTLED);
    await expect(tab.proposals).toHaveCount(0);
    await expect(tab.main.getByText("Nothing is proposed.")).toBeVisible();
  }
  // A payment costs twice as much from now on.
  const { fee } = await others.query("estimate", { calls: [{ operation: "account.setProfile", arguments: { name: "Ann" } }] });
  expect(fee).toBe(2);
});

test("what would lock everybody out is refused with its sentence before it is signed, and costs nothing", async () => {
  const { account } = await mine.status();
  const before = await mine.query("account", { account });
  await mine.goTo("Governance");
  await mine.ask("Bond for a seat", "1000", "");
  const dialog = mine.page.getByRole("dialog");
  await expect(dialog).toContainText("After this change nobody could change anything any more.");
  await expect(dialog.getByRole("button", { name: "Sign and propose" })).toBeDisabled();
  await dialog.getByRole("button", { name: "Not now" }).click();
  // Nor is a value taken that no rule can have.
  await mine.main.getByLabel("New value").fill("1,000");
  await expect(mine.main.getByText("A number within these bounds is needed.")).toBeVisible();
  await mine.main.getByLabel("New value").fill("500");
  await expect(mine.main.getByText("It is so already.")).toBeVisible();
  expect(await mine.query("account", { account })).toEqual(before);
  expect((await mine.query("governance", {})).proposals).toEqual([]);
});

test("who has no seat sees what is proposed, and why there is nothing to vote with", async () => {
  await mine.goTo("Governance");
  await mine.ask("Heartbeat", "90", "Less is written where nothing happens.");
  await mine.sign("Sign and propose");
  const wallet = new WalletPage(others.page);
  await wallet.goTo("Wallet");
  await wallet.leaveSeat();
  await others.goTo("Governance");
  const why = "You have no vote: it comes with a seat";
  await expect(others.main.getByText(why).first()).toBeVisible(SETTLED);
  await expect(others.proposals.first()).toContainText("Heartbeat: from 1 min to 90 s");
  await expect(others.main.getByRole("button", { name: /^Vote/ })).toHaveCount(0);
  await expect(others.main.getByRole("link", { name: /^(Change|Propose)/ })).toHaveCount(0);
  await others.goToPath("#/governance/parameter/bond");
  await expect(others.heading("Propose a change")).toBeVisible();
  await expect(others.main.getByText(why)).toBeVisible();
  await expect(others.main.getByLabel("New value")).toHaveCount(0);
  // Everybody is in a public BoT: there is nobody to let in.
  await mine.goToPath(`#/governance/admit/${(await others.status()).account}`);
  await expect(mine.main.getByText("Everybody is in already: this BoT is public.")).toBeVisible();
  // The vote that is left is enough by itself now.
  await mine.goTo("Governance");
  await expect(mine.proposals.first()).toContainText("1 of 1 vote needed", SETTLED);
});

test("[I-7] a member is let in by a link that names its account, is given a vote, and goes by the votes of both", async ({ browser }) => {
  const founder = new BotsPage((await openTab(browser, relay)).page);
  await founder.ready();
  await founder.found("consortium", "Mill");
  await founder.until("a seat", ({ ready, seats }) => ready && seats.mine);
  await founder.goTo("Invite");
  const guest = new BotsPage((await openTab(browser, relay)).page);
  await guest.join(await founder.invite());
  await expect(guest.page.getByRole("heading", { name: "You are not a member yet" })).toBeVisible(SETTLED);
  const { account } = await guest.status();

  const rules = new GovernancePage(founder.page);
  await rules.goToPath(`#/governance/admit/${account}`);
  await expect(rules.main.getByLabel("Account", { exact: true })).toHaveValue(account);
  await expect(rules.main.getByText("Here one vote is enough")).toBeVisible();
  await rules.propose("change");
  await rules.sign("Sign and change");
  const admitted = rules.members.filter({ hasNotText: "Vote" });
  await expect(admitted).toContainText("Read, Transact");
  await guest.until("let in", ({ ready, final }) => ready && final.height > 0);
  const seen = new GovernancePage(guest.page);
  await seen.goTo("Governance");
  await expect(seen.main.getByText("You have no vote: no role of this account comes with one.")).toBeVisible(SETTLED);

  await admitted.getByRole("link", { name: /^Change/ }).click();
  await rules.propose("change");
  await expect(rules.main.getByText("That is what the member may do already.")).toBeVisible();
  await rules.main.getByLabel("Vote").check();
  await rules.propose("change");
  await rules.sign("Sign and change");
  await expect(seen.main.getByText("2, one for each member with that role")).toBeVisible(SETTLED);
  await guest.until("a seat", ({ seats }) => seats.mine);

  // From now on neither can do it alone.
  await rules.goToPath(`#/governance/roles/${account}`);
  await rules.main.getByRole("button", { name: "Let the member go…" }).click();
  await expect(rules.page.getByRole("dialog")).toContainText("Two thirds of all 2 votes have to be for it.");
  await rules.sign("Sign and propose");
  await seen.vote(seen.proposals.first(), "Vote for");
  await expect(rules.proposals.first()).toContainText("2 of 2 votes needed", SETTLED);
  await rules.proposals.first().getByRole("button", { name: "Carry out…" }).click();
  await rules.sign("Sign and carry out");
  await expect(rules.members).toHaveCount(1, SETTLED);
  await founder.until("the guest is gone", ({ peers, seats }) => peers.length === 0 && seats.total === 1);
});
