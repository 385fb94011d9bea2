/** Four tabs that share nothing but a relay: one ledger, one state, whatever any of them does. */
import { readFileSync } from "node:fs";
import { expect, test } from "@playwright/test";
import type { EventInfo, ReadingInfo, Value } from "../src/sdk/api.ts";
import { RelayProcess } from "./harness/relay.ts";
import { allAgree, closeAll, openSeats, openTab } from "./harness/tabs.ts";
import type { AppPage } from "./pages/app.ts";
import { NetworkPage } from "./pages/network.ts";
import { SettingsPage } from "./pages/settings.ts";

const TALLY = readFileSync("src/sdk/templates/tally.contract.js", "utf8");
const LAMP = JSON.stringify({
  "@context": "https://www.w3.org/2022/wot/td/v1.1",
  title: "Lamp in the hall",
  securityDefinitions: { none: { scheme: "nosec" } },
  security: "none",
  properties: { on: { type: "boolean", forms: [{ href: "bothy:on" }] } },
});
const DAY_MS = 86_400_000;

let relay: RelayProcess;
let tabs: AppPage[];

test.describe.configure({ mode: "serial" });

test.beforeAll(async ({ browser }) => {
  relay = await RelayProcess.open();
  tabs = await openSeats(browser, relay, 4);
});

test.afterAll(async ({ browser }) => closeAll(browser, relay));

/** What a tab hears of a topic from now on. */
async function listen<Heard>(tab: AppPage, topic: "event" | "reading"): Promise<() => Promise<Heard[]>> {
  const heard = await tab.page.evaluateHandle((wanted) => {
    const values: unknown[] = [];
    window.bothy!.subscribe(wanted, (value) => values.push(value));
    return values;
  }, topic);
  return async () => (await heard.jsonValue()) as Heard[];
}

test("[R1] [C1a] [C4a] [C5b] [C5d] [10.1-1] [10.1-2] [10.1-4] four tabs finalize each other's transactions and hold the same blocks and state roots", async () => {
  const accounts = await Promise.all(tabs.map(async (tab) => (await tab.status()).account));
  expect(new Set(accounts).size).toBe(4);
  const sent = await Promise.all(tabs.map((tab, index) => tab.send([["account.transfer", { to: accounts[(index + 1) % 4], amount: 1 }]])));
  const { height } = await allAgree(tabs, Math.max(...sent.map((one) => one.height)));
  for (let at = 1; at <= height; at++) {
    const blocks = await Promise.all(tabs.map((tab) => tab.query("block", { height: at })));
    for (const { digest, stateRoot, final } of blocks) {
      expect({ digest, stateRoot, final }).toEqual({ digest: blocks[0]!.digest, stateRoot: blocks[0]!.stateRoot, final: true });
    }
  }
  for (const { transaction } of sent) {
    for (const tab of tabs) expect((await tab.query("transaction", { id: transaction })).state).toBe("final");
  }
  // Not one tab's word: most of the seats have signed it.
  const { certificate } = await tabs[0]!.query("block", { height });
  expect(certificate!.quorum).toBe(3);
  expect(new Set(certificate!.signers).size).toBeGreaterThanOrEqual(3);
});

test("[10.6a-1] [10.6a-2] [10.6a-status] [10.6a-discover] a device registered in tab 1 is on tabs 2 to 4, which hear of it and of its status", async () => {
  const [owner, ...others] = tabs as [AppPage, ...AppPage[]];
  const heard = await Promise.all(others.map((tab) => listen<EventInfo>(tab, "event")));
  const { results, height } = await owner.send([["device.register", { description: LAMP, leaseMs: DAY_MS }]]);
  const device = results[0] as string;
  await owner.send([["device.setStatus", { device, status: "maintenance" }]]);
  const { account } = await owner.status();
  for (const [index, tab] of others.entries()) {
    await tab.finalAt(height + 1);
    expect(await tab.query("device", { device })).toMatchObject({ owner: account, description: LAMP, status: "maintenance" });
    expect((await tab.query("devices", { owner: account })).items.map((item) => item.device)).toEqual([device]);
    await expect.poll(async () => (await heard[index]!()).filter(({ source }) => source === "device").length).toBeGreaterThanOrEqual(2);
  }
});

test("[10.7-1] [10.7-2] [10.7-discover] [R9] [R10] readings that tab 1 appends are stored by every tab, which finds them and hears of them", async () => {
  const [owner, ...others] = tabs as [AppPage, ...AppPage[]];
  const registered = await owner.send([["device.register", { description: LAMP, leaseMs: DAY_MS }]]);
  const opened = await owner.send([["stream.open", { device: registered.results[0], name: "temperature" }]]);
  const stream = opened.results[0] as string;
  const heard = await Promise.all(others.map((tab) => listen<{ stream: string; readings: ReadingInfo[] }>(tab, "reading")));
  const pack = [{ bn: "lamp/", bt: 1_700_000_000, n: "temperature", u: "Cel", v: 21.5 }];
  const { height } = await owner.send([["stream.append", { stream, sequence: 0, pack }]]);
  for (const [index, tab] of others.entries()) {
    await tab.finalAt(height);
    expect((await tab.query("readings", { stream })).map(({ value, unit }) => [value, unit])).toEqual([[21.5, "Cel"]]);
    expect((await tab.query("streams", {})).items.map((item) => item.stream)).toContain(stream);
    await expect.poll(async () => (await heard[index]!()).map((one) => one.stream)).toContain(stream);
  }
});

test("[R11] only who owns a device writes its data, in its order; every tab reads the same, and proves it", async () => {
  const [owner, stranger] = tabs as [AppPage, AppPage];
  const registered = await owner.send([["device.register", { description: LAMP, leaseMs: DAY_MS }]]);
  const opened = await owner.send([["stream.open", { device: registered.results[0], name: "genuine" }]]);
  const stream = opened.results[0] as string;
  await stranger.finalAt(opened.height);
  const append = (sequence: number, v: number): readonly (readonly [string, unknown])[] => [
    ["stream.append", { stream, sequence, pack: [{ bt: 1_700_000_000 + sequence, n: "temperature", u: "Cel", v }] }],
  ];
  await owner.send(append(0, 20));
  expect(await stranger.refusal(append(1, 99))).toBe("not-authorized");
  // Nobody, the owner neither, writes over what stands there or leaves a gap.
  expect(await owner.refusal(append(0, 98))).toBe("sequence-wrong");
  expect(await owner.refusal(append(7, 97))).toBe("sequence-wrong");
  const { height } = await owner.send(append(1, 21));
  await allAgree(tabs, height);
  for (const tab of tabs) {
    expect((await tab.query("readings", { stream })).map(({ value }) => value)).toEqual([20, 21]);
    const { root, height: provedAt, checked } = await tab.query("proof", { kind: "stream", id: stream });
    expect(checked).toBe(true);
    expect((await owner.query("block", { height: provedAt })).stateRoot).toBe(root);
  }
});

test("the network page shows who is linked to whom, who has voted, and which rounds were final, as they come", async () => {
  const [tab] = tabs as [AppPage];
  const network = new NetworkPage(tab.page);
  await network.goTo("Network");
  // Four tabs and the relay.
  await expect(network.graph).toHaveAccessibleName(/^Picture of 5 peers/);
  await expect(network.votes).toHaveCount(4);
  await expect(network.seats).toHaveCount(4);
  await expect(network.seats.filter({ hasText: "you" })).toHaveCount(1);
  const { height } = await tab.send([["account.setProfile", { name: "Seen in a round" }]]);
  await expect(network.rounds.filter({ hasText: `Block ${height}` })).toContainText("Final");
  await expect(network.figure("Final in")).toHaveText(/^[0-9.]+\s?s$/);
});

test("[III-1] the network page says how many owners together could stop the BoT, how many could decide, and who proposed the blocks", async () => {
  for (const tab of tabs) {
    const network = new NetworkPage(tab.page);
    await network.goTo("Network");
    await expect(network.main.getByText("2 owners together could stop it; 3 together could decide without the rest.")).toBeVisible();
    const samples = (await network.query("finality", {})).filter(({ proposer }) => proposer !== null);
    expect(samples.length).toBeGreaterThan(0);
    await expect(network.proposers).not.toHaveCount(0);
    await expect(network.proposers.first()).toContainText(/\d+ of \d+/);
  }
});

test("[R5] [R27] [C7b] [C8] [10.2-1] [10.2-4] [10.2-5] [10.2-6] [10.2-7] [10.2-8] [10.2-9] [10.2-10] a contract deployed in tab 2 is called in tab 3, and its event is heard in tab 4", async () => {
  const [, two, three, four] = tabs as [AppPage, AppPage, AppPage, AppPage];
  const heard = await Promise.all([two, four].map((tab) => listen<EventInfo>(tab, "event")));
  const deployed = await two.send([["contract.deploy", { source: TALLY, arguments: null, endowment: 0 }]]);
  const contract = deployed.results[0] as string;
  const call = async (tab: AppPage, method: string, given: Value): Promise<number> => {
    const run = await tab.query("dryRun", { contract, method, arguments: given });
    const gasMax = 2 * run.gasUsed;
    return (await tab.send([["contract.call", { contract, method, arguments: given, gasMax, amount: 0 }]])).height;
  };
  const asked = await call(two, "ask", { question: "Tea?", answers: ["yes", "no"] });
  await three.finalAt(asked);
  const height = await call(three, "answer", { answer: "yes" });
  const { account } = await three.status();
  for (const hear of heard) {
    await expect
      .poll(async () => (await hear()).filter(({ source }) => source === contract).map(({ topic, data }) => [topic, data]))
      .toContainEqual(["answered", { account, answer: "yes" }]);
  }
  for (const tab of tabs) {
    await tab.finalAt(height);
    expect((await tab.query("contract", { contract })).source).toBe(TALLY);
    expect(await tab.query("view", { contract, method: "result", arguments: null })).toMatchObject({
      counts: [
        { answer: "yes", count: 1 },
        { answer: "no", count: 0 },
      ],
    });
  }
});

test("[D3] [C2a] [C2c] a transfer moves its tokens once, in every tab's ledger", async () => {
  const [from, to] = tabs as [AppPage, AppPage];
  const balances = async (tab: AppPage): Promise<number[]> =>
    Promise.all([from, to].map(async (one) => (await tab.query("account", { account: (await one.status()).account })).balance));
  const [hadFrom, hadTo] = (await balances(from)) as [number, number];
  const { transaction, height } = await from.send([["account.transfer", { to: (await to.status()).account, amount: 7 }]]);
  for (const tab of tabs) {
    await tab.finalAt(height);
    const { feePaid } = await tab.query("transaction", { id: transaction });
    expect(await balances(tab)).toEqual([hadFrom - 7 - feePaid!, hadTo + 7]);
  }
});

test("[D4] two peers of one account send at once: each of their transfers moves its tokens once", async ({ browser }) => {
  const [first, receiver] = tabs as [AppPage, AppPage];
  const settings = new SettingsPage(first.page);
  await settings.goTo("Settings");
  const words = await settings.words();
  const second = await openTab(browser, relay);
  const other = new SettingsPage(second.page);
  await other.goTo("Settings");
  await other.restoreWords(words);
  const { account, peer } = await first.status();
  const status = await second.until("the account of the first tab", (one) => one.ready && one.account === account);
  expect(status.peer).not.toBe(peer);
  const to = (await receiver.status()).account;
  const balanceOf = async (tab: AppPage, of: string): Promise<number> => (await tab.query("account", { account: of })).balance;
  const { height } = await allAgree([...tabs, second]);
  const [hadFrom, hadTo] = [await balanceOf(first, account), await balanceOf(first, to)];
  const calls = [["account.transfer", { to, amount: 5 }]] as const;
  // Two peers of an account number their transactions apart in 15 of 16 cases; else the later one is refused and nothing of it happens.
  const sendAnew = (tab: AppPage) =>
    tab.send(calls).catch((error: Error) => (expect(error.message).toContain("nonce-used"), tab.send(calls)));
  const sent = await Promise.all([first, second].map(sendAnew));
  expect(sent[0]!.transaction).not.toBe(sent[1]!.transaction);
  await allAgree([...tabs, second], height + 1);
  for (const tab of [...tabs, second]) {
    expect(await balanceOf(tab, to)).toBe(hadTo + 10);
    // Nothing else of the account's is paid for: its second peer asks for no seat while the first has one.
    await expect(async () => {
      const { items } = await tab.query("transactions", { account });
      const own = items.filter(({ sender, block }) => sender === account && block !== null && block.height > height);
      const fees = own.reduce((sum, { feePaid }) => sum + feePaid!, 0);
      expect(own.flatMap(({ calls }) => calls.map(({ operation }) => operation))).toEqual(["account.transfer", "account.transfer"]);
      expect(await balanceOf(tab, account)).toBe(hadFrom - 10 - fees);
    }).toPass({ timeout: 20_000 });
  }
});
