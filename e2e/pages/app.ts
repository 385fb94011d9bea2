import { expect, type Locator, type Page } from "@playwright/test";
import type { SendResult, Status } from "../../src/sdk/api.ts";
import type { WindowBothy } from "../../src/sdk/window-bothy.ts";

declare global {
  interface Window {
    readonly bothy?: WindowBothy;
  }
}

export type PlaceName = "Home" | "Devices" | "Data" | "Contracts" | "Ledger" | "Network" | "Wallet" | "Invite" | "Settings";

/** Paths of the places, as hash routes. */
const PATHS: Record<PlaceName, string> = {
  Home: "#/",
  Devices: "#/devices",
  Data: "#/data",
  Contracts: "#/contracts",
  Ledger: "#/ledger",
  Network: "#/network",
  Wallet: "#/wallet",
  Invite: "#/invite",
  Settings: "#/settings",
};

const READY_MS = 60_000;

/** One tab of the app: its shell, and its peer by `window.bothy`. */
export class AppPage {
  readonly page: Page;
  readonly main: Locator;
  readonly joining: Locator;
  readonly toasts: Locator;

  constructor(page: Page) {
    this.page = page;
    this.main = page.getByRole("main");
    this.joining = page.getByRole("heading", { name: /^(Joining|Starting)/ });
    this.toasts = page.locator(".toasts");
  }

  /** Opens the app and waits until its peer is ready. */
  async open(address: string): Promise<Status> {
    await this.page.goto(address);
    return this.ready();
  }

  async ready(): Promise<Status> {
    const handle = await this.page.waitForFunction(
      async () => {
        const status = await window.bothy?.status().catch(() => undefined);
        return status?.ready ? status : undefined;
      },
      undefined,
      { timeout: READY_MS },
    );
    return (await handle.jsonValue()) as Status;
  }

  status(): Promise<Status> {
    return this.page.evaluate(() => window.bothy!.status());
  }

  /** Sends calls by `window.bothy` and waits until they are final. */
  send(calls: readonly (readonly [operation: string, arguments_: unknown])[]): Promise<SendResult> {
    return this.page.evaluate((given) => window.bothy!.send(given), calls);
  }

  /** Waits until this tab holds block `height` as final. */
  async finalAt(height: number): Promise<void> {
    await this.page.waitForFunction(async (wanted) => (await window.bothy!.status()).final.height >= wanted, height, { timeout: READY_MS });
  }

  async goTo(place: PlaceName): Promise<void> {
    await this.goToPath(PATHS[place]);
  }

  /** By the address, without a reload: hash routes change nothing else. */
  async goToPath(hash: string): Promise<void> {
    await this.page.evaluate((next) => {
      window.location.hash = next;
    }, hash);
  }

  /** By the navigation, as a person does; on a phone some places are under More. */
  async follow(place: PlaceName): Promise<void> {
    const link = this.page.getByRole("navigation", { name: "Places" }).getByRole("link", { name: place, exact: true });
    if (await link.filter({ visible: true }).count()) return link.filter({ visible: true }).click();
    await this.page.getByRole("button", { name: "More", exact: true }).click();
    await this.page.getByRole("dialog").getByRole("link", { name: place, exact: true }).click();
  }

  heading(name: string | RegExp): Locator {
    return this.page.getByRole("heading", { level: 1, name });
  }

  /** Answers the question that is open by its verb, and waits until the transaction is final. */
  async sign(verb: string): Promise<void> {
    const dialog = this.page.getByRole("dialog");
    await dialog.getByRole("button", { name: verb, exact: true }).click();
    await expect(dialog).toBeHidden();
    await this.settled();
  }

  /** The toast of the last transaction says that it is final. */
  async settled(): Promise<void> {
    await expect(this.toasts.locator('.b-road[data-state="final"]').last()).toBeVisible({ timeout: READY_MS });
  }

  async find(words: string): Promise<Locator> {
    await this.page.keyboard.press("Control+k");
    const field = this.page.getByPlaceholder("Find anything, or say what to do");
    await field.fill(words);
    return this.page.getByRole("dialog");
  }

  /** How far the page scrolls sideways; 0 is right. */
  sidewaysScroll(): Promise<number> {
    return this.page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
  }
}
