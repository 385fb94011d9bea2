/**
 * Strangers send 10 000 wrong messages, of every kind on every topic and stream, to real tabs over the real relay; and bytes that are no messages.
 * Whoever breaks a bound is cut, and comes back as somebody else.
 */
import { expect, test } from "@playwright/test";
import type { Connection, Stream } from "@libp2p/interface";
import { randomBytes } from "../src/host/mutations.suite.ts";
import { createRandom } from "../src/kit/random.ts";
import { RENDEZVOUS_PROTOCOL, decodeIntroduction } from "../src/protocol/introduction.ts";
import { FrameReader } from "../src/protocol/frames.ts";
import { accountToDid, didToAccount } from "../src/protocol/identifiers.ts";
import { LIMITS } from "../src/protocol/limits.ts";
import { encodeTransactionBatch } from "../src/protocol/wire.ts";
import { Attacker, framesOf, gossipBytes, GOSSIP_PROTOCOL, introduce, open, sendRaw, subscriptionBytes } from "./hostile/attacker.ts";
import { objectiveCases, subjectiveCases } from "./hostile/cases.ts";
import { Insider, isGossip, KINDS, usualWays, WAYS, type Way, type Wrong } from "./hostile/messages.ts";
import { blamedFor, heardFrom, installWitness, saidBy, whenLinked } from "./hostile/witness.ts";
import { heapBytesOf } from "./harness/heap.ts";
import { RelayProcess } from "./harness/relay.ts";
import { allAgree, allSeated, closeAll, openTabIn } from "./harness/tabs.ts";
import type { AppPage } from "./pages/app.ts";

/** So many have to reach peer workers: that is where a window counts what its network let through. */
const MESSAGES = 10_000;
/** Of one identity at once: more than a tab hears before its peer has blamed the sender often enough. */
const BURST = 800;
/** At once; a tab has room for twelve neighbours. */
const ATTACKERS = 3;
/** Above this, one message in fifty is kept: it takes the place of hundreds. */
const LARGE_BYTES = 2_000;
const STREAMS = ["hello", "sync", "fetch"] as const;
/** Heaps of a tab may grow by what all bounded buffers and caches together may hold, and no more. */
const GROWTH_BYTES_MAX = 64 * 1024 * 1024;

const random = createRandom(1);
let relay: RelayProcess;
/** The last one is never attacked: it hears of strangers only what others pass on. */
let tabs: readonly [AppPage, AppPage, AppPage];
let insider: Insider;
let target: { relay: string; chain: string; peers: readonly string[] };
let heapsBefore: readonly number[];
const pageErrors: string[] = [];

test.describe.configure({ mode: "serial" });

test.beforeAll(async ({ browser }) => {
  relay = await RelayProcess.open();
  const opened: AppPage[] = [];
  while (opened.length < 3) {
    const context = await browser.newContext();
    await context.addInitScript(installWitness);
    context.on("page", (page) => {
      page.on("pageerror", (error) => pageErrors.push(error.stack ?? error.message));
      page.on("crash", () => pageErrors.push("crashed"));
    });
    opened.push(await openTabIn(context, relay));
    // One after another: so the last one is given the blocks of the others.
    await allSeated(opened);
  }
  tabs = opened as [AppPage, AppPage, AppPage];
  await tabs[0].send([["account.setProfile", { name: "Listened to" }]]);
  const statuses = await Promise.all(tabs.map((tab) => tab.status()));
  const manifest = (await (await fetch(`${relay.url}bothy/manifest`)).json()) as { relays: [string] };
  target = { relay: manifest.relays[0], chain: statuses[0]!.chain, peers: statuses.map(({ peer }) => peer) };
  insider = await Insider.create(random, statuses[0]!, await Promise.all(tabs.map(({ page }) => saidBy(page))));
  // An account without tokens is not worth the check of a signature.
  await tabs[0].send([["account.transfer", { to: accountToDid(insider.account), amount: 20 }]]);
  await allAgree(tabs);
  heapsBefore = await Promise.all(tabs.map(({ page }) => heapBytesOf(page)));
});

test.afterAll(async ({ browser }) => closeAll(browser, relay));

interface Stranger {
  readonly id: string;
  readonly attacker: Attacker;
  readonly victim: 0 | 1;
  readonly connection: Connection;
  readonly gossip: Stream;
}

/** As somebody new, linked to a tab. */
async function asStranger(victim: 0 | 1, act: (stranger: Stranger) => Promise<void>): Promise<void> {
  const attacker = await Attacker.create(randomBytes(random, 32));
  const { id } = attacker;
  try {
    const connection = await attacker.dialTab(target.relay, target.peers[victim]!);
    await introduce(connection, target.chain);
    const gossip = await sendRaw(connection, GOSSIP_PROTOCOL, subscriptionBytes(target.chain));
    await whenLinked(tabs[victim].page, id);
    await act({ id, attacker, victim, connection, gossip });
  } finally {
    await attacker.stop();
  }
}

/** All streams first, then all bytes: what is said last has come before the first of it is judged. */
async function say({ connection, gossip }: Stranger, wrongs: readonly Wrong[]): Promise<void> {
  const gossiped = wrongs.filter(({ way }) => isGossip(way)).map(({ way, bytes }) => ({ topic: way, bytes }));
  const parts: (readonly [stream: Stream, bytes: Uint8Array])[] = [];
  if (gossiped.length > 0) {
    // A tab that hears of no subscriptions for some seconds ends the stream, to be given another.
    const heard = gossip.status === "open" ? gossip : await sendRaw(connection, GOSSIP_PROTOCOL, subscriptionBytes(target.chain));
    parts.push([heard, gossipBytes(target.chain, gossiped, random.below(256))]);
  }
  for (const way of STREAMS) {
    const messages = wrongs.filter((wrong) => wrong.way === way).map(({ bytes }) => bytes);
    if (messages.length > 0) parts.push([await open(connection, `/bothy/1/${way}`), framesOf(messages)]);
  }
  for (const [stream, bytes] of parts) stream.send(bytes);
}

async function heardCount({ victim, id }: Stranger): Promise<number> {
  return Object.values(await heardFrom(tabs[victim].page, id)).reduce((sum, count) => sum + count, 0);
}

async function blamed({ victim, id }: Stranger): Promise<string[]> {
  return (await blamedFor(tabs[victim].page, id)).toSorted();
}

async function expectCut({ connection }: Stranger): Promise<void> {
  await expect.poll(() => connection.status, { intervals: [20], timeout: 60_000 }).not.toBe("open");
}

/** The stranger is heard and has cost itself nothing so far: what it says now is blamed on it, and nothing else. */
async function expectHeard(stranger: Stranger): Promise<void> {
  await say(stranger, [{ way: "fetch", bytes: Uint8Array.of(0xff) }]);
  await expect.poll(() => blamed(stranger), { intervals: [50] }).toEqual(["encoding-invalid"]);
  expect(stranger.connection.status).toBe("open");
}

test("what no honest peer says gets its code, one by one", async () => {
  const cases = await objectiveCases(insider);
  const groups = Array.from({ length: Math.ceil(cases.length / 3) }, (_, index) => cases.slice(index * 3, index * 3 + 3));
  const outcomes: unknown[] = [];
  for (const [index, group] of groups.entries()) {
    const victim = (index % 2) as 0 | 1;
    await asStranger(victim, async (stranger) => {
      await say(stranger, group);
      const names = group.map(({ name }) => name).join("; ");
      await expect.poll(() => blamed(stranger), { message: names, intervals: [50] }).toEqual(group.map(({ code }) => code).toSorted());
      expect(stranger.connection.status, names).toBe("open");
      outcomes.push(names);
    });
  }
  expect(outcomes).toHaveLength(groups.length);
});

test("what is stale, replayed, of another chain, unaffordable or not the sender's costs nobody its standing and changes nothing", async () => {
  const before = await Promise.all(tabs.map((tab) => tab.status()));
  const cases = await subjectiveCases(insider, didToAccount(before[1]!.account));
  for (const victim of [0, 1] as const) {
    await asStranger(victim, async (stranger) => {
      await say(stranger, cases);
      await expect.poll(() => heardCount(stranger), { intervals: [50] }).toBe(cases.length);
      await expectHeard(stranger);
    });
  }
  await allAgree(tabs);
  const after = await Promise.all(tabs.map((tab) => tab.status()));
  expect(after.map(({ balance, pending, final }) => [balance, pending, final.stateRoot])).toEqual(
    before.map(({ balance, pending, final }) => [balance, pending, final.stateRoot]),
  );
});

test("validly signed transactions of one who may not, or cannot pay, get their codes in the ledger and do nothing else", async () => {
  const LAMP = JSON.stringify({
    "@context": "https://www.w3.org/2022/wot/td/v1.1",
    title: "Lamp",
    securityDefinitions: { none: { scheme: "nosec" } },
    security: "none",
  });
  const account = accountToDid(insider.account);
  const { results } = await tabs[0].send([["device.register", { description: LAMP, leaseMs: 86_400_000 }]]);
  await allAgree(tabs);
  const others = await Promise.all(tabs.map(async (tab) => tab.query("account", { account: (await tab.status()).account })));
  const device = Uint8Array.from(Buffer.from(results[0] as string, "hex"));
  const refused = [
    ["balance-too-low", "account.transfer", { to: randomBytes(random, 32), amount: 2 ** 40 }],
    ["not-owner", "device.retire", { device }],
    ["unknown-device", "device.retire", { device: new Uint8Array(32) }],
  ] as const;
  const envelopes: Uint8Array[] = [];
  for (const [, operation, given] of refused) envelopes.push((await insider.transaction({ calls: [[operation, given]] })).bytes);
  await asStranger(0, async (stranger) => {
    await say(stranger, [{ way: "transactions", bytes: encodeTransactionBatch(envelopes) }]);
    const codes = async (): Promise<unknown> =>
      (await tabs[2].query("transactions", { account })).items
        .filter(({ sender, block }) => sender === account && block !== null)
        .map(({ refusal }) => refusal?.code)
        .toReversed();
    await expect.poll(codes).toEqual(refused.map(([code]) => code));
    await expectHeard(stranger);
  });
  await allAgree(tabs);
  expect(await Promise.all(others.map(({ account }) => tabs[2].query("account", { account })))).toEqual(others);
  expect((await tabs[2].query("device", { device: results[0] as string })).status).not.toBe("retired");
});

test("bytes that are no frames end a link or nothing, and a stream that ends in the middle of a frame takes nothing with it", async () => {
  const garbage = (length: number): Uint8Array => randomBytes(random, length);
  // A length above the limit is a fault at once, and who announced it is not let in again.
  for (const [index, stream] of [...STREAMS, "peers"].entries()) {
    const victim = (index % 2) as 0 | 1;
    await asStranger(victim, async (stranger) => {
      await sendRaw(stranger.connection, `/bothy/1/${stream}`, Uint8Array.of(0x7f, 0xff, 0xff, 0xff, 1, 2, 3));
      await expectCut(stranger);
      await expect(
        stranger.attacker.dialTab(target.relay, target.peers[victim]!).then((again) => introduce(again, target.chain)),
      ).rejects.toThrow();
    });
  }
  // Introductions are judged in the window: four wrong ones at one moment are enough, and five where time passes between, which forgives a little.
  await asStranger(0, async (stranger) => {
    await sendRaw(stranger.connection, "/bothy/1/peers", framesOf(Array.from({ length: 5 }, () => garbage(40))));
    await expectCut(stranger);
  });
  await asStranger(1, async (stranger) => {
    const { connection } = stranger;
    for (const stream of [...STREAMS, "peers"]) {
      const half = await sendRaw(connection, `/bothy/1/${stream}`, Uint8Array.of(0, 0, 1, 0, 9, 9, 9));
      await half.close();
      const reset = await sendRaw(connection, `/bothy/1/${stream}`, Uint8Array.of(0, 0));
      reset.abort(new Error("gone"));
    }
    await expectHeard(stranger);
  });
  // The protocols below ours: no length, a wrong length, a message of theirs that says nothing, and one far above their limits.
  const below = [GOSSIP_PROTOCOL, "/ipfs/id/1.0.0", "/ipfs/ping/1.0.0", "/webrtc-signaling/0.0.1", "/libp2p/circuit/relay/0.2.0/hop"];
  for (const [index, protocol] of below.entries()) {
    await asStranger((index % 2) as 0 | 1, async ({ connection }) => {
      for (const bytes of [new Uint8Array(16).fill(0xff), garbage(500), Uint8Array.of(2, 8, 99), garbage(200_000)]) {
        if (connection.status !== "open") break;
        await sendRaw(connection, protocol, bytes).catch(() => undefined);
      }
    });
  }
  await Promise.all(tabs.map((tab) => tab.ready()));
});

test("what is no introduction is refused at the rendezvous of the relay, and counted", async () => {
  const refusedSoFar = async (): Promise<number> =>
    Number(/^bothy_rendezvous_refused (\d+)$/m.exec(await (await fetch(`${relay.url}metrics`)).text())![1]);
  const before = await refusedSoFar();
  const stranger = await Attacker.create(randomBytes(random, 32));
  const connection = await stranger.dial(target.relay);
  let refused = 0;
  for (let count = 0; count < 150; count++) {
    const introduction = insider.wrongIntroduction(random);
    const bytes = [framesOf([introduction]), framesOf([introduction]).subarray(0, 3 + random.below(40)), introduction][random.below(3)]!;
    const stream = await sendRaw(connection, RENDEZVOUS_PROTOCOL, bytes);
    if (isRefused(bytes)) {
      refused++;
      await expect.poll(() => stream.status, { intervals: [5] }).not.toBe("open");
    } else {
      await stream.close();
      await expect.poll(() => stream.status, { intervals: [5] }).toBe("closed");
    }
  }
  expect(refused).toBeGreaterThan(50);
  expect(await refusedSoFar()).toBe(before + refused);
  await stranger.stop();
  expect((await fetch(`${relay.url}healthz`)).status).toBe(200);
});

/** Whether a reader of introductions finds a fault in these bytes; without one it waits for more, or answers. */
function isRefused(bytes: Uint8Array): boolean {
  try {
    new FrameReader(LIMITS.introductionBytesMax).push(bytes).map(decodeIntroduction);
    return false;
  } catch {
    return true;
  }
}

async function burst(): Promise<readonly Wrong[]> {
  const wrongs: Wrong[] = [];
  while (wrongs.length < BURST) {
    const wrong = await insider.wrong(random);
    if (wrong.bytes.length < LARGE_BYTES || random.below(50) === 0) wrongs.push(wrong);
  }
  return wrongs;
}

test("10 000 messages of every kind on every topic and stream: nobody falls over, nobody honest is blamed, nothing is lost", async () => {
  // Half a minute where two cores are free.
  test.setTimeout(300_000);
  const accounts = await Promise.all(tabs.map(async (tab) => (await tab.status()).account));
  const balances = (tab: AppPage): Promise<number[]> =>
    Promise.all(accounts.map(async (account) => (await tab.query("account", { account })).balance));
  const { height } = await allAgree(tabs);
  const before = await balances(tabs[0]);
  const sent = [0, 0, 0];
  const transfers: Promise<unknown>[] = [];
  /** From each tab in turn to the next one, in the middle of it all. */
  const transfer = (turn: number): void => {
    const from = turn % 3;
    sent[from]!++;
    transfers.push(tabs[from]!.send([["account.transfer", { to: accounts[(from + 1) % 3], amount: 1 }]]));
  };
  const heard: Record<Way, number> = { transactions: 0, consensus: 0, hello: 0, sync: 0, fetch: 0 };
  const total = (): number => WAYS.reduce((sum, way) => sum + heard[way], 0);
  const codes = new Set<string>();
  /** Of each kind on each way, for whoever was heard to the end. */
  const said: Record<string, number> = { introduction: 0 };
  let identities = 0;
  const attack = async (victim: 0 | 1): Promise<void> => {
    while (total() < MESSAGES) {
      transfer(identities++);
      const wrongs = await burst();
      await asStranger(victim, async (stranger) => {
        const introductions = Array.from({ length: 30 }, () => insider.wrongIntroduction(random));
        // A stream may be cut before all of it is said.
        const isSaid = await say(stranger, wrongs)
          .then(
            () => sendRaw(stranger.connection, "/bothy/1/peers", framesOf(introductions)),
            () => false,
          )
          .catch(() => true);
        if (isSaid) {
          await expectCut(stranger);
          for (const { way, kind } of wrongs) said[`${kind} on ${way}`] = (said[`${kind} on ${way}`] ?? 0) + 1;
          said["introduction"]! += introductions.length;
        }
        const noted = await heardFrom(tabs[victim].page, stranger.id);
        for (const way of WAYS) heard[way] += noted[way] ?? 0;
        for (const code of await blamed(stranger)) codes.add(code);
      });
    }
  };
  await Promise.all(Array.from({ length: ATTACKERS }, (_, index) => attack((index % 2) as 0 | 1)));
  await Promise.all(transfers);
  test.info().annotations.push({ type: "heard", description: JSON.stringify({ ...heard, said, identities, sent, codes: [...codes] }) });
  for (const way of WAYS) expect(heard[way], way).toBeGreaterThan(500);
  const places = KINDS.flatMap((kind) => usualWays(kind).map((way) => `${kind} on ${way}`));
  for (const place of [...places, "introduction"]) expect(said[place], place).toBeGreaterThan(40);
  expect([...codes]).toEqual(expect.arrayContaining(["encoding-invalid", "schema-invalid", "signature-invalid"]));

  // They go on, and agree.
  const last = await tabs[0].send([["account.transfer", { to: accounts[1], amount: 1 }]]);
  const final = await allAgree(tabs, last.height);
  for (const tab of tabs) {
    expect((await tab.query("transaction", { id: last.transaction })).state).toBe("final");
    expect(await tab.ready()).toMatchObject({ fault: null, split: null, waitingFor: [], seats: { total: 3, mine: true } });
  }
  expect(final.height).toBeGreaterThan(height);

  // Nothing is lost: what each had, without what it sent and paid, with what it was sent.
  const { items } = await tabs[2].query("transactions", { limit: 200 });
  const fees = accounts.map((account) =>
    items.filter(({ sender, block }) => sender === account && block!.height > height).reduce((sum, { feePaid }) => sum + feePaid!, 0),
  );
  const expected = before.map((balance, index) => {
    const [own, received] = [sent[index]! + (index === 0 ? 1 : 0), sent[(index + 2) % 3]! + (index === 1 ? 1 : 0)];
    return balance - own + received - fees[index]!;
  });
  for (const tab of tabs) expect(await balances(tab)).toEqual(expected);
});

test("after all of it: no page or worker has failed, no tab blames another, the relay is well, and memory is what it was", async () => {
  expect(pageErrors).toEqual([]);
  for (const { page } of tabs) expect(await page.evaluate(() => window.noted.workerErrors)).toEqual([]);
  for (const { page } of tabs) {
    const penalties = await page.evaluate(() => window.noted.penalties);
    expect(penalties.filter(({ peer }) => target.peers.includes(peer))).toEqual([]);
  }
  expect(await tabs[2].page.evaluate(() => window.noted.penalties)).toEqual([]);
  for (const [index, tab] of tabs.entries()) {
    const others = target.peers.filter((_, other) => other !== index).toSorted();
    await tab.until(
      "only the others are linked",
      ({ peers }) =>
        peers
          .map(({ id }) => id)
          .toSorted()
          .join() === others.join(),
    );
  }
  expect((await fetch(`${relay.url}healthz`)).status).toBe(200);
  const heaps = await Promise.all(tabs.map(({ page }) => heapBytesOf(page)));
  test.info().annotations.push({ type: "heaps", description: `${heapsBefore.join()} then ${heaps.join()}` });
  for (const [index, bytes] of heaps.entries()) expect(bytes - heapsBefore[index]!).toBeLessThan(GROWTH_BYTES_MAX);
});
