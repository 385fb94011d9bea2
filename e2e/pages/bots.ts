import { expect } from "@playwright/test";
import type { BotKind } from "../../src/sdk/api.ts";
import { scan } from "../harness/qr.ts";
import { AppPage } from "./app.ts";

const ANSWERS = {
  private: ["Only my own devices", "I do, alone", "Often"],
  consortium: ["People I can name", "The members together", "Rarely"],
  public: ["Anyone with the link", "Nobody has to", "Often"],
} as const;

export class BotsPage extends AppPage {
  /** Answers the wizard's questions so that it recommends this kind, and takes what it recommends. The tab is on its invite afterwards. */
  async found(kind: BotKind, name: string): Promise<void> {
    await this.goTo("BoTs");
    await this.main.getByRole("link", { name: "New BoT" }).click();
    for (const answer of ANSWERS[kind]) {
      await this.main.getByRole("radio", { name: answer }).check();
      await this.main.getByRole("button", { name: "Next" }).click();
    }
    await this.main.getByLabel("Name").fill(name);
    const loaded = this.page.waitForEvent("load");
    await this.main.getByRole("button", { name: "Found it" }).click();
    await loaded;
    await this.main.getByRole("heading", { name: `Invite to ${name}` }).waitFor();
  }

  /** Opens another BoT of the list; the tab is on its home afterwards. */
  async change(name: string): Promise<void> {
    const loaded = this.page.waitForEvent("load");
    await this.main.getByRole("button", { name: `Open: ${name}` }).click();
    await loaded;
  }

  async forget(name: string): Promise<void> {
    await this.main.getByRole("button", { name: `Forget: ${name}` }).click();
    await this.page.getByRole("dialog").getByRole("button", { name: "Forget" }).click();
    await expect(this.main.getByText(name, { exact: true })).toHaveCount(0);
    await expect(this.main.getByText("Open now")).toBeVisible();
  }

  /** A block with something in it. */
  async note(note: string): Promise<void> {
    await this.send([["record.write", { about: "kinds", kind: "note", digest: null, note }]]);
  }

  /** The link that the invite's code holds, as a phone's camera reads it. */
  async invite(): Promise<string> {
    return scan(this.main.getByRole("img", { name: "QR code of the invitation" }));
  }

  /** Opens an invite's link in this tab, and joins. */
  async join(link: string): Promise<void> {
    await this.page.goto(link);
    const loaded = this.page.waitForEvent("load");
    await this.main.getByRole("button", { name: "Join", exact: true }).click();
    await loaded;
  }
}
