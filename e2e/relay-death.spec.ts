/** The relay introduces tabs to each other and serves the app; the BoT does not need it. */
import { expect, test } from "@playwright/test";
import type { Status } from "../src/sdk/api.ts";
import { RelayProcess } from "./harness/relay.ts";
import { allAgree, allSeated, closeAll, openSeats, openTab } from "./harness/tabs.ts";
import type { AppPage } from "./pages/app.ts";
import { WalletPage } from "./pages/wallet.ts";

/** `BOTHY_ROUNDS` for a longer look. */
const ROUNDS = Number(process.env["BOTHY_ROUNDS"] ?? 10);
/** From the relay's return, at which the newcomer begins to open the app. */
const REACHED_MS = 15_000;

let relay: RelayProcess;

test.beforeEach(async () => {
  relay = await RelayProcess.open();
});

test.afterEach(async ({ browser }) => closeAll(browser, relay));

/** Each round waits for other things before the relay returns: whether it was found again hung on the moment (docs/adr/0030-relay-restart.md). */
const PAUSES: readonly ((tabs: readonly AppPage[]) => Promise<unknown>)[] = [
  // At once: some have not even seen it go.
  async () => undefined,
  (tabs) => Promise.all(tabs.map((tab) => tab.until("the relay is gone", (status) => !status.relay))),
  // Attempts have failed, and the pauses between them have grown.
  (tabs) => Promise.all(tabs.map((tab) => expect.poll(() => relayState(tab), { message: "the relay is given up" }).toBe("unreachable"))),
];

async function relayState(tab: AppPage): Promise<string | undefined> {
  return (await tab.query("network", {})).relays[0]?.state;
}

test(`[R12] [C9c] ${ROUNDS} times the relay is killed and returns: meanwhile blocks become final, then all find it again and a newcomer reaches all`, async ({
  browser,
}) => {
  test.setTimeout(60_000 + ROUNDS * 60_000);
  const tabs = await openSeats(browser, relay, 3);
  for (let round = 0; round < ROUNDS; round++) {
    await relay.kill();
    await PAUSES[round % PAUSES.length]!(tabs);
    const { height } = await tabs[round % tabs.length]!.send([["account.setProfile", { name: `Without a relay ${round}` }]]);
    await allAgree(tabs, height);
    await relay.start();
    const dueMs = Date.now() + REACHED_MS;
    const back = Promise.all(tabs.map((tab) => tab.until("the relay is found again", (status) => status.relay, REACHED_MS)));
    const newcomer = await openTab(browser, relay);
    const direct = ({ peers }: Status): number => peers.filter((peer) => peer.direct).length;
    const met = newcomer.until("linked to all", (status) => direct(status) === tabs.length, dueMs - Date.now());
    await Promise.all([back, met]);
    // It goes as one should, or each round would leave a seat that nobody votes for.
    await allSeated([...tabs, newcomer]);
    const wallet = new WalletPage(newcomer.page);
    await wallet.goTo("Wallet");
    await wallet.leaveSeat();
    await wallet.page.context().close();
    await allSeated(tabs);
  }
});
