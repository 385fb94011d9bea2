import type { Locator } from "@playwright/test";
import { AppPage } from "./app.ts";

export class ContractsPage extends AppPage {
  get editor(): Locator {
    return this.main.getByRole("textbox", { name: "Source" });
  }

  contract(name: string): Locator {
    return this.main.getByRole("link", { name: new RegExp(name) });
  }

  async begin(template: "trace" | "escrow" | "tally"): Promise<void> {
    await this.goToPath(`#/contracts/new/${template}`);
    await this.editor.waitFor();
  }

  async write(source: string): Promise<void> {
    await this.editor.click();
    await this.page.keyboard.press("Control+a");
    await this.page.keyboard.insertText(source);
  }

  /** Runs the chosen method on the test bench. */
  async tryOut(method: string): Promise<void> {
    const bench = this.main.getByRole("form", { name: "Test bench" });
    await bench.getByLabel("Method").selectOption(method);
    await bench.getByRole("button", { name: /^Run against block/ }).click();
  }

  /** Deploys what the editor holds; gives the contract's identifier from its page's address. */
  async deploy(initArguments = ""): Promise<string> {
    await this.main.getByLabel("Arguments of init").fill(initArguments);
    await this.main.getByRole("button", { name: /^Deploy/ }).click();
    await this.sign("Sign and deploy");
    await this.page.waitForURL(/#\/contract\/[0-9a-f]{64}$/);
    return this.page.url().slice(-64);
  }
}

export class ContractPage extends AppPage {
  async show(contract: string): Promise<void> {
    await this.goToPath(`#/contract/${contract}`);
    await this.main.getByRole("heading", { name: "Call", exact: true }).waitFor();
  }

  async choose(method: string): Promise<Locator> {
    await this.main.getByLabel("Method").selectOption(method);
    return this.main.getByRole("form", { name: method });
  }

  /** Calls a method with the fields given by label, and waits until it is final. */
  async call(method: string, fields: Readonly<Record<string, string>> = {}): Promise<void> {
    const form = await this.choose(method);
    for (const [label, typed] of Object.entries(fields)) await form.getByLabel(label).fill(typed);
    await form.getByRole("button", { name: /^Call/ }).click();
    await this.sign("Sign and call");
  }

  async look(view: string, fields: Readonly<Record<string, string>> = {}): Promise<void> {
    const form = await this.choose(view);
    for (const [label, typed] of Object.entries(fields)) await form.getByLabel(label).fill(typed);
    await form.getByRole("button", { name: "Look" }).click();
  }

  event(topic: string): Locator {
    return this.main.getByRole("listitem").filter({ hasText: topic });
  }
}
