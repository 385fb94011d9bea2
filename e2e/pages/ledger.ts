import type { Locator } from "@playwright/test";
import { AppPage } from "./app.ts";

export class LedgerPage extends AppPage {
  async tab(name: "Blocks" | "Transactions" | "Accounts"): Promise<void> {
    await this.main.getByRole("tab", { name }).click();
  }

  async search(words: string): Promise<Locator> {
    await this.main.getByRole("textbox", { name: "Height, digest, name or did:key" }).fill(words);
    return this.main.getByRole("search").getByRole("link");
  }

  async block(heightOrDigest: number | string): Promise<void> {
    await this.goToPath(`#/block/${heightOrDigest}`);
  }

  async transaction(id: string): Promise<void> {
    await this.goToPath(`#/transaction/${id}`);
  }

  async account(account: string): Promise<void> {
    await this.goToPath(`#/account/${account}`);
  }

  /** The road on a transaction's page: `final`, `under-way`, `refused` or `recovered` in `data-state`. */
  get road(): Locator {
    return this.main.getByRole("list", { name: "Road of the transaction" });
  }

  /** Shows the proof on the page and says whether it holds. */
  async proofHolds(): Promise<boolean> {
    await this.main.getByRole("button", { name: "Show the proof" }).click();
    const verdict = this.main.getByText(/^(Holds|Fails)$/);
    await verdict.waitFor();
    return (await verdict.textContent()) === "Holds";
  }
}
