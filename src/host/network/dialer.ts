/**
 * Whom to link to, and over which road. libp2p's `peer:discovery` comes once in a peer's life and often before its address, so this keeps its own map of
 * known peers, fed by rendezvous and by neighbours, and tries again with growing pauses.
 */
import type { Libp2p } from "@libp2p/interface";
import { multiaddr } from "@multiformats/multiaddr";
import { BoundedMap } from "../../kit/bounded-map.ts";
import { DIALS, NEIGHBOURS } from "./bounds.ts";
import { bestConnection, isDirect, type Links } from "./links.ts";

interface Known {
  readonly sinceMs: number;
  /** When somebody named it last. */
  namedAtMs: number;
  failures: number;
  notBeforeMs: number;
  /** Which of several roads to try first; moves on with every attempt. */
  turn: number;
}

export interface DialerDeps {
  readonly node: Libp2p;
  readonly links: Links;
  readonly self: string;
  readonly canDialDirectly: boolean;
  /** Addresses of relays that this tab is linked to. */
  readonly relays: () => readonly string[];
  readonly isRefused: (peer: string) => boolean;
  readonly nowMs: () => number;
}

export class Dialer {
  readonly #deps: DialerDeps;
  readonly #known = new BoundedMap<string, Known>(DIALS.knownMax);
  readonly #dialing = new Set<string>();
  readonly #timer: ReturnType<typeof setInterval>;
  /** Of this tab's life, whoever began them. */
  #directAttempts = 0;

  constructor(deps: DialerDeps) {
    this.#deps = deps;
    this.#timer = setInterval(() => this.#tick(), DIALS.tickMs);
  }

  get known(): number {
    return this.#known.size;
  }

  /** Whether the direct connections that a page may have are used up, but for a tab that is left without any. */
  get directSpent(): boolean {
    return this.#directAttempts >= NEIGHBOURS.directAttemptsMax;
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  /** Peers that somebody says are there now. */
  learn(peers: readonly string[]): void {
    const nowMs = this.#deps.nowMs();
    let news = false;
    for (const peer of peers) {
      if (peer === this.#deps.self) continue;
      const known = this.#known.get(peer);
      if (known !== undefined) {
        known.namedAtMs = nowMs;
        continue;
      }
      this.#known.set(peer, { sinceMs: nowMs, namedAtMs: nowMs, failures: 0, notBeforeMs: 0, turn: 0 });
      news = true;
    }
    if (news) this.#tick();
  }

  /** A peer has linked itself directly: that took one of this tab's connections too. */
  countDirect(): void {
    this.#directAttempts++;
  }

  /** It was said to be gone at `saidMs`, and does not answer. Whoever named it later, or still does, knows better. */
  forget(peer: string, saidMs: number): void {
    if ((this.#known.get(peer)?.namedAtMs ?? 0) <= saidMs) this.#known.delete(peer);
  }

  /** A road has opened, such as a relay that came back: past failures say nothing about it. */
  forgive(): void {
    for (const [, known] of this.#known.entries()) {
      known.failures = 0;
      known.notBeforeMs = 0;
    }
    this.#tick();
  }

  /** The peer was let go on purpose, or is gone: not again at once. */
  rest(peer: string, pauseMs: number): void {
    const known = this.#known.get(peer);
    if (known !== undefined) known.notBeforeMs = this.#deps.nowMs() + pauseMs;
  }

  #tick(): void {
    while (this.#dialing.size < DIALS.inFlightMax) {
      const next = this.#choose();
      if (next === undefined) return;
      this.#dialing.add(next.peer);
      void this.#dial(next.peer, next.direct).finally(() => this.#dialing.delete(next.peer));
    }
  }

  /** Upgrades of relayed links come first: they cost the relay; then strangers, while neighbours are wanted, those with fewest failures first. */
  #choose(): { peer: string; direct: boolean } | undefined {
    const { links, self, isRefused } = this.#deps;
    const nowMs = this.#deps.nowMs();
    const wanting = links.neighbours().length + this.#dialing.size < NEIGHBOURS.wanted;
    const mayDialDirectly = this.#mayDialDirectly();
    let best: { peer: string; direct: boolean; rank: number } | undefined;
    for (const [peer, known] of this.#known.entries()) {
      if (this.#dialing.has(peer) || known.notBeforeMs > nowMs || isRefused(peer)) continue;
      const connection = bestConnection(links.get(peer));
      if (connection !== undefined && isDirect(connection)) continue;
      const relayed = connection !== undefined;
      if (!relayed && !wanting) continue;
      const smaller = self < peer && mayDialDirectly;
      // The larger one, and whoever cannot link directly, asks over a relay after a while; the smaller one then dials.
      if (!smaller && (relayed || nowMs - known.sinceMs < DIALS.patienceMs)) continue;
      const direct = smaller && (relayed || known.failures % 3 < 2);
      const rank = (relayed ? 0 : 1) + known.failures * 2 + Math.random();
      if (best === undefined || rank < best.rank) best = { peer, direct, rank };
    }
    return best;
  }

  #mayDialDirectly(): boolean {
    if (!this.#deps.canDialDirectly) return false;
    if (!this.directSpent) return true;
    return !this.#deps.links.neighbours().some((link) => link.connections.some(isDirect));
  }

  /** Roads to a peer: over relays, and over neighbours that say they are linked to it. */
  #roads(peer: string): readonly string[] {
    const overPeers = this.#deps.links
      .neighbours()
      .filter((link) => link.neighbours.includes(peer) && link.connections.some(isDirect))
      .map((link) => `/p2p/${link.peer}`);
    return [...this.#deps.relays(), ...overPeers];
  }

  async #dial(peer: string, direct: boolean): Promise<void> {
    const known = this.#known.get(peer);
    if (known === undefined) return;
    const roads = this.#roads(peer);
    const start = known.turn++;
    const signal = AbortSignal.timeout(DIALS.timeoutMs);
    for (let i = 0; i < roads.length && !signal.aborted; i++) {
      const road = roads[(start + i) % roads.length]!;
      try {
        await this.#deps.node.dial(multiaddr(`${road}/p2p-circuit${direct ? "/webrtc" : ""}/p2p/${peer}`), { signal });
        if (direct) this.#directAttempts++;
        known.failures = 0;
        known.notBeforeMs = this.#deps.nowMs() + DIALS.backoffMs;
        return;
      } catch {
        // The next road may be open.
      }
    }
    // Only an attempt that got as far as signalling made an RTCPeerConnection.
    if (direct && this.#deps.links.get(peer) !== undefined) this.#directAttempts++;
    // Whoever still names it makes it known again.
    if (++known.failures > DIALS.failuresMax) this.#known.delete(peer);
    const pauseMs = Math.min(DIALS.backoffMsMax, DIALS.backoffMs * 2 ** Math.min(16, known.failures));
    known.notBeforeMs = this.#deps.nowMs() + pauseMs * (0.5 + Math.random() / 2);
  }
}
