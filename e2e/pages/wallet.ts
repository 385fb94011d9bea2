import type { Locator } from "@playwright/test";
import { AppPage } from "./app.ts";

export class WalletPage extends AppPage {
  get balance(): Locator {
    return this.main.locator(".prop-big .b-amount");
  }

  /** Asks to send; the question stays open. */
  async ask(to: string, amount: string): Promise<void> {
    await this.main.getByLabel("To", { exact: true }).fill(to);
    await this.main.getByLabel("Amount").fill(amount);
    await this.main.getByRole("button", { name: /^Send tokens/ }).click();
  }

  async pay(to: string, amount: string): Promise<void> {
    await this.ask(to, amount);
    await this.sign("Sign and send");
  }

  async leaveSeat(): Promise<void> {
    await this.main.getByRole("button", { name: /^Leave the seat/ }).click();
    await this.sign("Leave the seat");
  }

  async takeSeat(): Promise<void> {
    await this.main.getByRole("button", { name: /^Take a seat/ }).click();
    await this.sign("Take a seat");
  }
}
