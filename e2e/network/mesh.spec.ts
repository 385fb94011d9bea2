import { expect, test } from "@playwright/test";
import { NEIGHBOURS } from "../../src/host/network/bounds.ts";
import { openTab, relayForEachTest, type RelayProcess, type Tab, waitForDirect, waitForText } from "./harness.ts";

let relay: RelayProcess;

relayForEachTest((started) => (relay = started));

/** Keeps what the tab gives to its WebSockets from now on, as text. */
function keepSent(): void {
  const send = Reflect.get(WebSocket.prototype, "send") as (this: WebSocket, data: unknown) => void;
  window.sentToRelay = "";
  WebSocket.prototype.send = function (data) {
    if (typeof data === "string" || data instanceof Blob) throw new Error("a kind of data that this test does not read");
    window.sentToRelay += new TextDecoder("latin1").decode(data);
    send.call(this, data);
  };
}

declare global {
  interface Window {
    sentToRelay: string;
  }
}

test("[R12][C9a][C9b][C9c] tabs in separate contexts link directly, past the relay, gossip and messages flow, and a closed one is missed soon", async ({
  browser,
}) => {
  const tabs: Tab[] = [await openTab(browser, relay, { before: keepSent })];
  for (let i = 1; i < 4; i++) tabs.push(await openTab(browser, relay));
  for (const tab of tabs)
    await waitForDirect(
      tab,
      tabs.filter((other) => other !== tab),
      30_000,
    );
  const [a, b, , d] = tabs as [Tab, Tab, Tab, Tab];
  const long = `one${"!".repeat(1_000_000)}`;
  await a.page.evaluate(([id, text]) => window.tab.sendText(id, "sync", text), [b.id, long] as const);
  await waitForText(b, "message", long.slice(0, 64), 15_000);
  // By the name that the sender's key has proven, and none of it by way of the relay.
  expect(await b.page.evaluate(() => window.tab.texts().map(({ from }) => from))).toEqual([a.id]);
  expect(await a.page.evaluate(() => window.sentToRelay.length)).toBeLessThan(100_000);
  await a.page.evaluate(() => window.tab.publishText("consensus", "vote"));
  for (const tab of tabs.slice(1)) await waitForText(tab, "gossip", "vote", 15_000);
  await d.page.close();
  await a.page.waitForFunction((id) => !(id in window.tab.linked()), d.id, { timeout: 4_000 });
  expect(await a.page.evaluate(() => Object.values(window.tab.linked()))).toEqual([true, true]);
});

test("what is gossiped twice arrives twice", async ({ browser }) => {
  const a = await openTab(browser, relay);
  const b = await openTab(browser, relay);
  await waitForDirect(a, [b], 30_000);
  // The first may come before the two know of each other's topics; the same bytes, published again, must still arrive.
  for (let sent = 0; (await b.page.evaluate(() => window.tab.texts().length)) < 2; sent++) {
    expect(sent).toBeLessThan(40);
    await a.page.evaluate(() => window.tab.publishText("consensus", "same"));
    await a.page.evaluate(() => new Promise((resolve) => requestAnimationFrame(resolve)));
  }
});

const WALLS: readonly (readonly [what: string, before: () => void])[] = [
  [
    "without WebRTC",
    () => {
      Reflect.deleteProperty(globalThis, "RTCPeerConnection");
    },
  ],
  [
    // As behind a NAT that lets nothing through: signalling works, and ICE, which may use TURN servers only and has none, never ends well.
    "whose direct attempts all fail",
    () => {
      const Native = RTCPeerConnection;
      globalThis.RTCPeerConnection = class extends Native {
        constructor(configuration?: RTCConfiguration) {
          super({ ...configuration, iceTransportPolicy: "relay" });
        }
      };
    },
  ],
];

for (const [what, wall] of WALLS) {
  test(`[C9a][C12] a tab ${what} has relayed links that carry messages and gossip, unreadable for the relay`, async ({ browser }) => {
    const a = await openTab(browser, relay);
    const b = await openTab(browser, relay);
    const walled = await openTab(browser, relay, { before: wall });
    await walled.page.evaluate(keepSent);
    await waitForDirect(a, [b], 30_000);
    for (const other of [a, b]) {
      await other.page.waitForFunction((id) => window.tab.linked()[id] === false, walled.id, { timeout: 30_000 });
      await walled.page.waitForFunction((id) => window.tab.linked()[id] === false, other.id, { timeout: 30_000 });
      await walled.page.evaluate((id) => window.tab.sendText(id, "hello", "over the relay"), other.id);
      await waitForText(other, "message", "over the relay", 15_000);
    }
    await a.page.evaluate((id) => window.tab.sendText(id, "fetch", "and back"), walled.id);
    await waitForText(walled, "message", "and back", 15_000);
    await expect(async () => {
      await walled.page.evaluate(() => window.tab.publishText("transactions", "relayed"));
      await waitForText(a, "gossip", "relayed", 2_000);
      await waitForText(b, "gossip", "relayed", 2_000);
    }).toPass({ timeout: 40_000 });
    const sent = await walled.page.evaluate(() => window.sentToRelay);
    expect(sent.length).toBeGreaterThan(200);
    expect(sent).not.toMatch(/over the relay|relayed/);
  });
}

/** Each could have nine neighbours, and keeps eight. */
const TABS = 10;

type LinksById = ReadonlyMap<string, readonly string[]>;

/** The tabs that can be reached from the first, over links that both sides know. */
function reachedFrom(linksById: LinksById): Set<string> {
  const reached = new Set([...linksById.keys()].slice(0, 1));
  for (const from of reached) for (const to of linksById.get(from) ?? []) if (linksById.get(to)?.includes(from)) reached.add(to);
  return reached;
}

/** Above eight, and with somebody to let go: of two peers only the smaller one lets go, and only of one that has enough others (`links.test.ts`). */
function mayLetGo(self: string, linksById: LinksById): boolean {
  const links = linksById.get(self)!;
  return links.length > NEIGHBOURS.kept && links.some((peer) => self < peer && linksById.get(peer)!.length > NEIGHBOURS.wanted);
}

test("ten tabs become one mesh, each with six neighbours or more, and with more than eight only where nobody can be let go; what one gossips reaches all others", async ({
  browser,
}) => {
  // Half a minute where two cores are free.
  test.setTimeout(150_000);
  const tabs = await Promise.all(Array.from({ length: TABS }, () => openTab(browser, relay)));
  const readLinks = async (): Promise<LinksById> =>
    new Map(
      await Promise.all(tabs.map(async ({ id, page }) => [id, await page.evaluate(() => Object.keys(window.tab.linked()))] as const)),
    );
  await expect
    .poll(
      async () => {
        const linksById = await readLinks();
        const degrees = [...linksById.values()].map(({ length }) => length);
        const areEnough = degrees.every((degree) => degree >= NEIGHBOURS.wanted);
        const areSettled = tabs.every(({ id }) => !mayLetGo(id, linksById));
        return areEnough && areSettled && reachedFrom(linksById).size === tabs.length ? "one mesh" : `neighbours: ${degrees.join(", ")}`;
      },
      { timeout: 100_000, intervals: [100] },
    )
    .toBe("one mesh");
  const [first, ...others] = tabs as [Tab, ...Tab[]];
  await first.page.evaluate(() => window.tab.publishText("consensus", "to all"));
  for (const other of others) await waitForText(other, "gossip", "to all", 15_000);
});
