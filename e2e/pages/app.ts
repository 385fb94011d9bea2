import { expect, type Locator, type Page } from "@playwright/test";
import type { Queries, QueryName, SendResult, Status } from "../../src/sdk/api.ts";
import type { WindowBothy } from "../../src/sdk/window-bothy.ts";

declare global {
  interface Window {
    readonly bothy?: WindowBothy;
  }
}

export type PlaceName =
  | "Home"
  | "Devices"
  | "Data"
  | "Contracts"
  | "Ledger"
  | "Network"
  | "Wallet"
  | "Governance"
  | "Invite"
  | "BoTs"
  | "Settings";

/** Paths of the places, as hash routes. */
const PATHS: Record<PlaceName, string> = {
  Home: "#/",
  Devices: "#/devices",
  Data: "#/data",
  Contracts: "#/contracts",
  Ledger: "#/ledger",
  Network: "#/network",
  Wallet: "#/wallet",
  Governance: "#/governance",
  Invite: "#/invite",
  BoTs: "#/bots",
  Settings: "#/settings",
};

const READY_MS = 60_000;
const ANSWER_MS = 2_000;

/** The status, or why there is none. */
async function askStatus(answerMs: number): Promise<Status | string> {
  if (window.bothy === undefined) return "no window.bothy yet";
  const late = new Promise<string>((resolve) => setTimeout(resolve, answerMs, "no answer"));
  return Promise.race([late, window.bothy.status().catch((error: Error & { code?: string }) => error.code ?? error.message)]);
}

function askWindow([name, parameters]: readonly [string, unknown]): Promise<unknown> {
  return (window.bothy!.query as unknown as (name: string, parameters: unknown) => Promise<unknown>)(name, parameters);
}

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

  ready(): Promise<Status> {
    return this.until("ready", ({ ready, peer }) => ready && peer !== "");
  }

  /** Waits until the status of this tab's peer is as wanted, and gives it. */
  async until(what: string, wanted: (status: Status) => boolean, timeoutMs = READY_MS): Promise<Status> {
    let status: Status | undefined;
    const ask = async (): Promise<string> => {
      // While the page is between two documents there is nobody to ask, and a peer that starts may take its time.
      const answer = await this.page.evaluate(askStatus, ANSWER_MS).catch((error: Error) => error.message);
      if (typeof answer === "string") return answer;
      status = answer;
      return wanted(answer) ? what : JSON.stringify(answer);
    };
    await expect.poll(ask, { message: what, timeout: timeoutMs, intervals: [100, 200] }).toBe(what);
    return status!;
  }

  status(): Promise<Status> {
    return this.page.evaluate(() => window.bothy!.status());
  }

  query<Name extends QueryName>(name: Name, parameters: Queries[Name]["parameters"]): Promise<Queries[Name]["result"]> {
    // By name only: into the page goes no type.
    const ask = (asked: string, given: unknown): Promise<unknown> => this.page.evaluate(askWindow, [asked, given] as const);
    return ask(name, parameters) as Promise<Queries[Name]["result"]>;
  }

  /** Sends calls by `window.bothy` and waits until they are final. */
  send(calls: readonly (readonly [operation: string, arguments_: unknown])[]): Promise<SendResult> {
    return this.page.evaluate(
      (given) =>
        window.bothy!.send(given).catch((error: Error & { code?: string; data?: unknown }) => {
          // Playwright carries only the message of an error out of the page.
          throw new Error(`${error.code ?? error.message} ${JSON.stringify(error.data ?? null)}`);
        }),
      calls,
    );
  }

  /** The code with which a send is refused, or "final". */
  refusal(calls: readonly (readonly [operation: string, arguments_: unknown])[]): Promise<string> {
    return this.page.evaluate(
      (given) =>
        window.bothy!.send(given).then(
          () => "final",
          (error: Error & { code?: string }) => error.code ?? error.message,
        ),
      calls,
    );
  }

  /** Waits until this tab holds block `height` as final. */
  async finalAt(height: number): Promise<Status> {
    return this.until(`block ${height} is final`, ({ final }) => final.height >= height);
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
