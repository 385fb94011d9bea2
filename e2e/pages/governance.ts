import { expect, type Locator } from "@playwright/test";
import { AppPage } from "./app.ts";

export class GovernancePage extends AppPage {
  get proposals(): Locator {
    return this.main.getByRole("list", { name: "Proposals" }).getByRole("listitem");
  }

  get members(): Locator {
    return this.main.getByRole("list", { name: "Members" }).getByRole("listitem");
  }

  /** A rule's row, by its name. */
  rule(name: string): Locator {
    return this.main.getByRole("list", { name: "Rules in force" }).getByRole("listitem").filter({ hasText: name });
  }

  /** Types a new value for a rule and asks to propose it; the question stays open. */
  async ask(rule: string, value: string, note: string): Promise<void> {
    await this.main.getByRole("link", { name: `Change ${rule}`, exact: true }).click();
    await expect(this.main.getByLabel("Rule", { exact: true }).locator("option:checked")).toHaveText(rule);
    await this.main.getByLabel("New value").fill(value);
    await this.main.getByLabel("Why").fill(note);
    await this.propose("propose");
  }

  /** Asks to propose what the form says; the question stays open. `change`: where one vote is enough. */
  async propose(how: "propose" | "change"): Promise<void> {
    await this.main.getByRole("button", { name: `Sign and ${how}…`, exact: true }).click();
  }

  async vote(proposal: Locator, verb: "Vote for" | "Vote against"): Promise<void> {
    await proposal.getByRole("button", { name: verb, exact: true }).click();
    await expect(proposal).toContainText(verb === "Vote for" ? "You are for it." : "You are against it.", { timeout: 60_000 });
  }
}
