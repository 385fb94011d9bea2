/**
 * The link to one relay, kept up for ever: dial, reserve on that very connection, announce oneself. What counts as linked is an answered reservation on
 * a connection that is open now, never the mere presence of a connection (docs/adr/0030-relay-restart.md). A relay that has no room for one more still
 * introduces, and carries to those it has room for.
 */
import type { Connection, Libp2p, Stream } from "@libp2p/interface";
import type { Multiaddr } from "@multiformats/multiaddr";
import { encodeFrame, FrameReader } from "../../protocol/frames.ts";
import { decodeIntroduction, encodeIntroduction, RENDEZVOUS_PROTOCOL } from "../../protocol/introduction.ts";
import { LIMITS } from "../../protocol/limits.ts";
import { RELAYS } from "./bounds.ts";
import { readRelayAddress } from "./relay-address.ts";
import { reserve } from "./reserve.ts";

export interface RelayLinkDeps {
  readonly node: Libp2p;
  /** Null until the peer has joined one; the relay is linked already, and hears of this tab then. */
  readonly chain: () => string | null;
  /** Whether the tab looks for more neighbours. */
  readonly nowMs: () => number;
  readonly wantsPeers: () => boolean;
  readonly onPeers: (peers: readonly string[]) => void;
  /** The relay says that these went away. */
  readonly onLeft: (peers: readonly string[]) => void;
  /** There is a road over this relay again. */
  readonly onLinked: () => void;
}

export class RelayLink {
  readonly address: string;
  readonly peer: string;
  readonly #deps: RelayLinkDeps;
  readonly #target: Multiaddr;
  #state: "linked" | "dialing" | "unreachable" = "dialing";
  #connection: Connection | undefined;
  #rendezvous: Stream | undefined;
  #failures = 0;
  #reserveAtMs = 0;
  #askedAtMs = 0;
  /** Since when an ask waits for its answer. */
  #unansweredSinceMs: number | undefined;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #stopped = false;

  /** @throws {Refusal} as `readRelayAddress` does. */
  constructor(address: string, deps: RelayLinkDeps) {
    this.address = address;
    ({ target: this.#target, peer: this.peer } = readRelayAddress(address));
    this.#deps = deps;
    this.#schedule(0);
  }

  get state(): "linked" | "dialing" | "unreachable" {
    return this.#state;
  }

  /** A connection closed; if it was ours, come back at once. */
  connectionClosed(connection: Connection): void {
    if (connection.id !== this.#connection?.id) return;
    this.#lose();
    this.#schedule(Math.random() * RELAYS.retryMs);
  }

  /** Ask the rendezvous soon, since a neighbour was lost. */
  askSoon(): void {
    this.#askedAtMs = 0;
  }

  /** There is a chain to announce. */
  announce(): void {
    if (this.#state === "linked") this.#ask();
  }

  stop(): void {
    this.#stopped = true;
    clearTimeout(this.#timer);
    this.#connection?.close().catch(() => undefined);
    this.#lose();
  }

  #lose(): void {
    this.#rendezvous?.abort(new Error("relay link lost"));
    this.#rendezvous = undefined;
    this.#unansweredSinceMs = undefined;
    this.#connection = undefined;
    this.#enter("dialing");
  }

  #enter(state: "linked" | "dialing" | "unreachable"): void {
    if (this.#state === state) return;
    this.#state = state;
    if (state === "linked") this.#deps.onLinked();
  }

  #schedule(delayMs: number): void {
    clearTimeout(this.#timer);
    if (this.#stopped) return;
    this.#timer = setTimeout(() => void this.#turn(), delayMs);
  }

  async #turn(): Promise<void> {
    try {
      await this.#keep();
      this.#failures = 0;
      this.#schedule(RELAYS.retryMs);
    } catch (error) {
      this.#failures++;
      this.#connection?.abort(error instanceof Error ? error : new Error("failed"));
      this.#lose();
      if (this.#failures > 1) this.#enter("unreachable");
      const delayMs = Math.min(RELAYS.retryMsMax, RELAYS.retryMs * 2 ** Math.min(8, this.#failures));
      this.#schedule(delayMs * (0.5 + Math.random() / 2));
    }
  }

  async #keep(): Promise<void> {
    const nowMs = this.#deps.nowMs();
    if (this.#connection?.status !== "open") {
      const signal = AbortSignal.timeout(RELAYS.timeoutMs);
      const connection = await this.#deps.node.dial(this.#target, { signal });
      this.#connection = connection;
      await Promise.all([this.#reserve(connection, signal), this.#openRendezvous(connection, signal)]);
      this.#enter("linked");
      // Not earlier: whoever hears of this tab may dial it over the relay at once.
      this.#ask();
      return;
    }
    const signal = AbortSignal.timeout(RELAYS.timeoutMs);
    if (nowMs >= this.#reserveAtMs) await this.#reserve(this.#connection, signal);
    if (this.#rendezvous?.status !== "open") {
      await this.#openRendezvous(this.#connection, signal);
      this.#ask();
    }
    // After a sleep a WebSocket may look open that the relay has long given up.
    if (this.#unansweredSinceMs !== undefined && nowMs - this.#unansweredSinceMs > RELAYS.timeoutMs) throw new Error("relay is silent");
    const pauseMs = this.#deps.wantsPeers() ? RELAYS.askMs : RELAYS.askContentMs;
    if (nowMs - this.#askedAtMs > pauseMs) this.#ask();
  }

  async #reserve(connection: Connection, signal: AbortSignal): Promise<void> {
    const askedAtMs = this.#deps.nowMs();
    const isReserved = await reserve(connection, signal);
    this.#reserveAtMs = askedAtMs + (isReserved ? RELAYS.renewMs : RELAYS.refusedMs);
  }

  async #openRendezvous(connection: Connection, signal: AbortSignal): Promise<void> {
    const stream = await connection.newStream(RENDEZVOUS_PROTOCOL, { signal });
    this.#rendezvous = stream;
    void this.#listen(stream);
  }

  #ask(): void {
    const chain = this.#deps.chain();
    if (chain === null) return;
    this.#askedAtMs = this.#deps.nowMs();
    this.#unansweredSinceMs ??= this.#askedAtMs;
    if (this.#rendezvous?.status === "open" && !this.#rendezvous.writableNeedsDrain)
      this.#rendezvous.send(encodeFrame(encodeIntroduction({ chain })));
  }

  /** A relay that talks nonsense loses the stream, and is asked again later. */
  async #listen(stream: Stream): Promise<void> {
    const reader = new FrameReader(LIMITS.introductionBytesMax);
    try {
      for await (const part of stream) {
        for (const message of reader.push(part.subarray())) {
          const { chain, peers, left } = decodeIntroduction(message);
          if (chain !== this.#deps.chain()) continue;
          this.#unansweredSinceMs = undefined;
          this.#deps.onPeers(peers);
          this.#deps.onLeft(left);
        }
      }
    } catch (error) {
      stream.abort(error instanceof Error ? error : new Error("failed"));
    }
  }
}
