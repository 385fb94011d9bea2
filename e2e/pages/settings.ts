import type { Download, Locator } from "@playwright/test";
import { AppPage } from "./app.ts";

export class SettingsPage extends AppPage {
  async setName(name: string): Promise<void> {
    await this.main.getByLabel("What others see").fill(name);
    await this.main.getByRole("button", { name: "Sign it" }).click();
    await this.settled();
  }

  async setWindowLimit(limit: number): Promise<void> {
    await this.main.getByLabel("Limit of window.bothy").fill(String(limit));
    const save = this.card("This peer").getByRole("button", { name: "Save" });
    await save.click();
    await save.and(this.page.locator(":disabled")).waitFor();
  }

  /** Sets which relays the peer keeps up with besides those of the address, and gives the form. */
  async setRelays(addresses: readonly string[]): Promise<Locator> {
    const form = this.card("Network");
    await form.getByLabel("Relays").fill(addresses.join("\n"));
    await form.getByRole("button", { name: "Save" }).click();
    return form;
  }

  async addNickname(whom: string, name: string): Promise<void> {
    const card = this.card("Nicknames");
    await card.getByLabel("Whom").fill(whom);
    await card.getByLabel("What you call it").fill(name);
    await card.getByRole("button", { name: "Save" }).click();
    await card.getByText(name, { exact: true }).waitFor();
  }

  card(title: string): Locator {
    return this.main.locator(".b-card").filter({ has: this.page.getByRole("heading", { name: title, exact: true }) });
  }

  async exportPeer(passphrase: string): Promise<Download> {
    await this.card("Identity").getByLabel("Passphrase").first().fill(passphrase);
    await this.card("Identity").getByLabel("The same once more").fill(passphrase);
    const download = this.page.waitForEvent("download");
    await this.main.getByRole("button", { name: "Save to a file" }).click();
    return download;
  }

  async importPeer(path: string, passphrase: string): Promise<void> {
    await this.main.getByText("Bring back another account").click();
    const form = this.main.locator("details form");
    const chooser = this.page.waitForEvent("filechooser");
    await form.getByRole("button", { name: "File" }).click();
    await (await chooser).setFiles(path);
    await form.getByLabel("Passphrase").fill(passphrase);
    await form.getByRole("button", { name: "Bring it back" }).click();
  }

  async saveLedger(): Promise<Download> {
    const download = this.page.waitForEvent("download");
    await this.main.getByRole("button", { name: "Save the ledger" }).click();
    return download;
  }

  /** Brings a ledger as far as the question whether it shall be taken over. */
  async bringLedger(path: string): Promise<void> {
    const card = this.card("The ledger as a file");
    await card.getByText("Bring back a ledger").click();
    const chooser = this.page.waitForEvent("filechooser");
    await card.getByRole("button", { name: "File" }).click();
    await (await chooser).setFiles(path);
    await card.getByRole("button", { name: "Bring it back" }).click();
  }

  async words(): Promise<readonly string[]> {
    await this.main.getByRole("button", { name: "Show the 24 words" }).click();
    await this.main.locator(".words li").first().waitFor();
    return this.main.locator(".words li").allTextContents();
  }

  /** Answers the question whether the account in this tab shall be replaced. */
  async replaceAccount(): Promise<void> {
    await this.page.getByRole("dialog").getByRole("button", { name: "Bring it back" }).click();
  }

  /** Takes the account of these words; the tab reloads. */
  async restoreWords(words: readonly string[]): Promise<void> {
    await this.main.getByText("Bring back another account").click();
    const form = this.main.locator("details form");
    await form.getByLabel("or the 24 words").fill(words.join(" "));
    const reloaded = this.page.waitForEvent("load");
    await form.getByRole("button", { name: "Bring it back" }).click();
    await this.replaceAccount();
    await reloaded;
  }

  async report(): Promise<Download> {
    const download = this.page.waitForEvent("download");
    await this.main.getByRole("button", { name: "Save the report" }).click();
    return download;
  }

  async reset(keys: boolean): Promise<void> {
    await this.main.getByRole("button", { name: /^Delete/ }).click();
    const dialog = this.page.getByRole("dialog");
    await dialog.getByRole("checkbox").setChecked(keys);
    await dialog.getByRole("button", { name: "Delete", exact: true }).click();
  }

  async language(name: "English" | "Deutsch"): Promise<void> {
    await this.card("Appearance").getByRole("combobox").selectOption(name);
  }
}
