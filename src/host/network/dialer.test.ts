import type { Connection, Libp2p } from "@libp2p/interface";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { DIALS, NEIGHBOURS } from "./bounds.ts";
import { Dialer } from "./dialer.ts";
import { Links } from "./links.ts";

const RELAY = "/dns4/relay.example/tcp/443/tls/ws/p2p/12D3KooWHNz4HkVbqJ9YePXyGr1GAGpBFWifsTQMwTjyqAi7L3nM";
const SELF = "12D3KooWGzBkXdJ1RvCwPEjVRUjeLGhTjLPMCHFxZrNsXjVbqAAA";

/** Peers whose identifiers are above or below our own. */
const peer = (letter: string): string => `12D3KooW${letter}${SELF.slice(9)}`;
const LARGER = peer("P");
const SMALLER = peer("C");

let dialer: Dialer | undefined;
beforeEach(() => vi.useFakeTimers());
afterEach(() => {
  dialer?.stop();
  vi.useRealTimers();
});

function setUp(outcome: (address: string) => Promise<Connection>, options: { canDialDirectly?: boolean } = {}) {
  const dialled: string[] = [];
  const links = new Links();
  const node = {
    dial: (address: unknown) => {
      dialled.push(String(address));
      return outcome(String(address));
    },
  } as unknown as Libp2p;
  dialer = new Dialer({
    node,
    links,
    self: SELF,
    canDialDirectly: options.canDialDirectly ?? true,
    relays: () => [RELAY],
    isRefused: (name) => name === peer("Q"),
    nowMs: () => Date.now(),
  });
  return { dialer, dialled, links };
}

const connectionOf = (name: string, address: string): Connection =>
  ({
    id: name + address,
    status: "open",
    remotePeer: { toString: () => name },
    remoteAddr: { toString: () => address },
    streams: [],
  }) as unknown as Connection;
const fails = (): Promise<Connection> => Promise.reject(new Error("no answer"));

describe("the dialer", () => {
  it("dials a larger peer directly at once, itself and refused peers never", async () => {
    const { dialer, dialled } = setUp(fails);
    dialer.learn([SELF, LARGER, peer("Q")]);
    expect(dialled).toEqual([`${RELAY}/p2p-circuit/webrtc/p2p/${LARGER}`]);
  });

  it("leaves dialling to a smaller peer, and asks over the relay when nothing came", async () => {
    const { dialer, dialled } = setUp(fails);
    dialer.learn([SMALLER]);
    await vi.advanceTimersByTimeAsync(DIALS.patienceMs - DIALS.tickMs);
    expect(dialled).toEqual([]);
    await vi.advanceTimersByTimeAsync(2 * DIALS.tickMs);
    expect(dialled).toEqual([`${RELAY}/p2p-circuit/p2p/${SMALLER}`]);
  });

  it("tries a relayed link after two direct failures, with growing pauses, and forgets who never answers", async () => {
    const { dialer, dialled } = setUp(fails);
    dialer.learn([LARGER]);
    await vi.advanceTimersByTimeAsync(20_000);
    expect(dialled.slice(0, 3).map((address) => address.includes("/webrtc/"))).toEqual([true, true, false]);
    expect(dialled.length).toBeLessThan(8);
    await vi.advanceTimersByTimeAsync(600_000);
    expect(dialled).toHaveLength(DIALS.failuresMax + 1);
    expect(dialer.known).toBe(0);
  });

  it("leaves alone who is said to be gone, until somebody names it again", async () => {
    const { dialer, dialled } = setUp(fails);
    dialer.learn([LARGER]);
    await vi.advanceTimersByTimeAsync(1);
    dialer.forget(LARGER, Date.now() - 1_000);
    expect(dialer.known).toBe(1);
    dialer.forget(LARGER, Date.now());
    await vi.advanceTimersByTimeAsync(60_000);
    expect(dialled).toHaveLength(1);
    dialer.learn([LARGER]);
    expect(dialled).toHaveLength(2);
  });

  it("turns a relayed link into a direct one also when it has neighbours enough, and goes over neighbours too", async () => {
    const { dialer, dialled, links } = setUp(fails);
    const neighbours = ["D", "E", "F", "G", "H", "J"].map(peer);
    for (const name of neighbours) links.add(connectionOf(name, `/p2p/${name}`), 0).introduced = true;
    links.get(neighbours[0]!)!.neighbours = [LARGER];
    expect(neighbours).toHaveLength(NEIGHBOURS.wanted);
    dialer.learn([LARGER]);
    await vi.advanceTimersByTimeAsync(2_000);
    expect(dialled).toEqual([]);
    links.add(connectionOf(LARGER, `${RELAY}/p2p-circuit/p2p/${LARGER}`), 0);
    await vi.advanceTimersByTimeAsync(DIALS.tickMs);
    expect(dialled).toEqual([`${RELAY}/p2p-circuit/webrtc/p2p/${LARGER}`, `/p2p/${neighbours[0]}/p2p-circuit/webrtc/p2p/${LARGER}`]);
  });

  it("spares the direct connections that a page may have, those that others began too, for a tab that has no direct link", async () => {
    const { dialer, dialled, links } = setUp(fails);
    for (let i = 1; i < NEIGHBOURS.directAttemptsMax; i++) dialer.countDirect();
    expect(dialer.directSpent).toBe(false);
    dialer.countDirect();
    expect(dialer.directSpent).toBe(true);
    const link = links.add(connectionOf(SMALLER, `/p2p/${SMALLER}`), Date.now());
    link.introduced = true;
    dialer.learn([LARGER]);
    await vi.advanceTimersByTimeAsync(DIALS.patienceMs + DIALS.tickMs);
    expect(dialled.length).toBeGreaterThan(0);
    expect(dialled.filter((address) => address.includes("/webrtc"))).toEqual([]);
    links.remove(link.connections[0]!);
    dialer.forgive();
    await vi.advanceTimersByTimeAsync(60_000);
    expect(dialled.some((address) => address.includes("/webrtc"))).toBe(true);
  });

  it("has at most two dials in flight, and none directly where there is no WebRTC", async () => {
    const { dialer, dialled } = setUp(() => new Promise(() => undefined), { canDialDirectly: false });
    dialer.learn(["P", "R", "S", "T", "U"].map(peer));
    await vi.advanceTimersByTimeAsync(DIALS.patienceMs + DIALS.tickMs);
    expect(dialled).toHaveLength(DIALS.inFlightMax);
    for (const address of dialled) expect(address).not.toContain("/webrtc");
  });
});
