/** The bounds of the rendezvous, by streams that are only queues. */
import type { Connection, Stream } from "@libp2p/interface";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { encodeFrame, FrameReader } from "../src/protocol/frames.ts";
import { decodeIntroduction, encodeIntroduction, type Introduction } from "../src/protocol/introduction.ts";
import { LIMITS } from "../src/protocol/limits.ts";
import { Introducer } from "./introducer.ts";

const CHAINS_MAX = 256;
const PEERS_PER_CHAIN_MAX = 1024;
const BURST = 60;
const PER_SECOND = 2;
const ANNOUNCED_TO_MAX = 32;

const START_MS = 1_800_000_000_000;
beforeEach(() => void vi.useFakeTimers({ toFake: ["Date"], now: START_MS }));
afterEach(() => void vi.useRealTimers());

/** A peer identifier: its last letters count, in a base without those that base58 lacks. */
const peerOf = (number: number): string =>
  `12D3KooW${number
    .toString(8)
    .replace(/[0-7]/g, (digit) => "abcdefgh"[Number(digit)]!)
    .padStart(44, "A")}`;
const LATE = peerOf(8 ** 6);
const LATER = peerOf(8 ** 6 + 1);

const chainOf = (number: number): string => number.toString(16).padStart(64, "0");

/** A tab at the rendezvous: what it asks, and what it is told. */
class Tab {
  readonly name: string;
  readonly heard: Introduction[] = [];
  isSlow = false;
  status: "open" | "aborted" | "closed" = "open";
  readonly #reader = new FrameReader(LIMITS.introductionBytesMax);
  #wake: (() => void) | null = null;
  #asked: Uint8Array[] = [];
  #isAtEnd = false;
  #served: Promise<void> = Promise.resolve();

  constructor(name: string) {
    this.name = name;
  }

  join(introducer: Introducer): this {
    const stream = this as unknown as Stream;
    this.#served = introducer.serve(stream, { remotePeer: { toString: () => this.name } } as unknown as Connection);
    return this;
  }

  /** Resolves when the relay has taken it. */
  async ask(chain: string): Promise<void> {
    this.#asked.push(encodeFrame(encodeIntroduction({ chain, peers: [] })));
    this.#wake?.();
    await vi.waitUntil(() => this.#asked.length === 0 || this.status !== "open", { interval: 1 });
    // What it took it answers before it asks its stream for more.
    await new Promise(setImmediate);
  }

  async leave(): Promise<void> {
    this.#isAtEnd = true;
    this.#wake?.();
    await this.#served;
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<{ subarray(): Uint8Array }> {
    while (this.status === "open") {
      const bytes = this.#asked.shift();
      if (bytes !== undefined) yield { subarray: () => bytes };
      else if (this.#isAtEnd) return;
      else await new Promise<void>((resolve) => (this.#wake = resolve));
    }
  }

  get writableNeedsDrain(): boolean {
    return this.isSlow;
  }

  send(bytes: Uint8Array): boolean {
    this.heard.push(...[...this.#reader.push(bytes)].map(decodeIntroduction));
    return true;
  }

  close(): Promise<void> {
    this.status = "closed";
    return Promise.resolve();
  }

  abort(): void {
    this.status = "aborted";
  }
}

async function crowd(introducer: Introducer, count: number, chain: (number: number) => string): Promise<Tab[]> {
  const tabs: Tab[] = [];
  for (let number = 0; number < count; number++) {
    const tab = new Tab(peerOf(number)).join(introducer);
    await tab.ask(chain(number));
    tabs.push(tab);
  }
  return tabs;
}

const peersIn = (introduction: Introduction | undefined): readonly string[] => introduction?.peers ?? [];

describe("the list of recent peers", () => {
  it("gives so many of one chain at a time, never oneself, and over several asks all", async () => {
    const introducer = new Introducer();
    const tabs = await crowd(introducer, LIMITS.introducedPeersMax + 20, () => chainOf(1));
    await crowd(introducer, 3, () => chainOf(2));
    const [first] = tabs as [Tab];
    const told = new Set<string>();
    for (let ask = 0; ask < 40; ask++) {
      first.heard.length = 0;
      await first.ask(chainOf(1));
      const peers = peersIn(first.heard.at(-1));
      expect(peers).toHaveLength(LIMITS.introducedPeersMax);
      for (const peer of peers) told.add(peer);
    }
    expect(told.has(first.name)).toBe(false);
    expect(told.size).toBe(tabs.length - 1);
  });

  it("holds so many peers of one chain: the one that asked longest ago makes room", async () => {
    const introducer = new Introducer();
    const tabs = await crowd(introducer, PEERS_PER_CHAIN_MAX, () => chainOf(1));
    expect(introducer.peers).toBe(PEERS_PER_CHAIN_MAX);
    await tabs[0]!.ask(chainOf(1));
    const late = new Tab(LATE).join(introducer);
    await late.ask(chainOf(1));
    expect(introducer.peers).toBe(PEERS_PER_CHAIN_MAX);
    // The second has made room, so that its leaving changes nothing; the first has not.
    await tabs[1]!.leave();
    expect(introducer.peers).toBe(PEERS_PER_CHAIN_MAX);
    await tabs[0]!.leave();
    expect(introducer.peers).toBe(PEERS_PER_CHAIN_MAX - 1);
  });

  it("holds so many chains, and forgets one when its last peer has left", async () => {
    const introducer = new Introducer();
    const tabs = await crowd(introducer, CHAINS_MAX + 5, chainOf);
    expect(introducer.peers).toBe(CHAINS_MAX);
    for (const tab of tabs) await tab.leave();
    expect(introducer.peers).toBe(0);
  });

  it("has a peer in one chain at a time", async () => {
    const introducer = new Introducer();
    const [tab, other] = (await crowd(introducer, 2, () => chainOf(1))) as [Tab, Tab];
    await tab.ask(chainOf(2));
    expect(introducer.peers).toBe(2);
    await other.ask(chainOf(1));
    expect(peersIn(other.heard.at(-1))).toEqual([]);
  });

  it("tells so many others of one who comes, and skips who does not read", async () => {
    const introducer = new Introducer();
    const tabs = await crowd(introducer, 2 * ANNOUNCED_TO_MAX, () => chainOf(1));
    for (const tab of tabs) tab.heard.length = 0;
    await new Tab(LATE).join(introducer).ask(chainOf(1));
    const told = (): number => tabs.filter(({ heard }) => heard.some((introduction) => peersIn(introduction).includes(LATE))).length;
    expect(told()).toBe(ANNOUNCED_TO_MAX);
    for (const tab of tabs) {
      tab.heard.length = 0;
      tab.isSlow = true;
    }
    await new Tab(LATER).join(introducer).ask(chainOf(1));
    expect(tabs.flatMap(({ heard }) => heard)).toEqual([]);
  });
});

describe("the rate of asks", () => {
  it("is a burst, and then so many a second: who asks more often is cut, counted and forgotten", async () => {
    const introducer = new Introducer();
    const [tab, other] = (await crowd(introducer, 2, () => chainOf(1))) as [Tab, Tab];
    for (let ask = 1; ask < BURST; ask++) await tab.ask(chainOf(1));
    expect([tab.status, introducer.refused]).toEqual(["open", 0]);
    await tab.ask(chainOf(1));
    expect([tab.status, introducer.refused, introducer.peers]).toEqual(["aborted", 1, 1]);
    expect(other.heard.at(-1)).toMatchObject({ left: [tab.name] });
    expect(other.status).toBe("open");
  });

  it("lets who keeps to it ask for ever", async () => {
    const introducer = new Introducer();
    const [tab] = (await crowd(introducer, 1, () => chainOf(1))) as [Tab];
    for (let ask = 0; ask < 3 * BURST; ask++) {
      vi.setSystemTime(START_MS + ((ask + 1) * 1000) / PER_SECOND);
      await tab.ask(chainOf(1));
    }
    expect([tab.status, introducer.refused]).toEqual(["open", 0]);
  });
});
