/** The relay introduces tabs to each other and serves the app; the BoT does not need it. */
import { test } from "@playwright/test";
import type { Status } from "../src/sdk/api.ts";
import { RelayProcess } from "./harness/relay.ts";
import { allAgree, allSeated, closeAll, openSeats, openTab } from "./harness/tabs.ts";

const ROUNDS = 3;
/** The issue's own figure, from the relay's return and from the newcomer's first byte. */
const REACHED_MS = 15_000;

let relay: RelayProcess;

test.beforeEach(async () => {
  relay = await RelayProcess.open();
});

test.afterEach(async ({ browser }) => closeAll(browser, relay));

test(`[R12] [C9c] [C12] ${ROUNDS} times the relay is killed and returns: meanwhile blocks become final, then all find it again and a newcomer reaches all`, async ({
  browser,
}) => {
  const tabs = await openSeats(browser, relay, 2);
  for (let round = 0; round < ROUNDS; round++) {
    await relay.kill();
    for (const tab of tabs) await tab.until("the relay is gone", (status) => !status.relay);
    const { height } = await tabs[0]!.send([["account.setProfile", { name: `Without a relay ${round}` }]]);
    await allAgree(tabs, height);
    await relay.start();
    const back = Promise.all(tabs.map((tab) => tab.until("the relay is found again", (status) => status.relay, REACHED_MS)));
    const newcomer = await openTab(browser, relay);
    const direct = ({ peers }: Status): number => peers.filter((peer) => peer.direct).length;
    const met = newcomer.until("linked to all", (status) => direct(status) === tabs.length, REACHED_MS);
    await Promise.all([back, met]);
    tabs.push(newcomer);
    await allSeated(tabs);
  }
});
