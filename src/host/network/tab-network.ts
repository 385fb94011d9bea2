/** Joins node, relays, dialer, channels and gossip: turns connections into links, commands into bytes, and bytes into events. */
import type { Connection, Stream } from "@libp2p/interface";
import { OBJECTIVE_FAULTS, type RejectCode } from "../../protocol/codes.ts";
import { decodeIntroduction, encodeIntroduction } from "../../protocol/introduction.ts";
import { Refusal } from "../../protocol/refusal.ts";
import type { NetworkCommand, NetworkEvent, StreamProtocol } from "../../peer/ports.ts";
import { createSystemClock } from "../clock/clock.ts";
import { DIALS, NEIGHBOURS, PINGS, RELAYS, STANDING, type ChannelProtocol } from "./bounds.ts";
import { Channels } from "./channels.ts";
import { Dialer } from "./dialer.ts";
import { Gossip, type GossipInternals } from "./gossip.ts";
import { bestConnection, isDirect, Links, olderDirect, relayOf, surplusOf, unannounced, type Link } from "./links.ts";
import type { NetworkOptions } from "./network.ts";
import { createNode, type Node } from "./node.ts";
import { probe } from "./probe.ts";
import { RelayLink } from "./relay-link.ts";
import { reserve } from "./reserve.ts";
import { Standing } from "./standing.ts";

/** Of all that is measured here: links, pauses and bans outlast a clock that is set back. */
const clock = createSystemClock();
const nowMs = (): number => clock.nowMs();

const TURN_MS = 1_000;
/** Neighbours are told of changes at the next turn, and otherwise this often, so that a lost message heals. */
const INTRODUCE_EVERY_MS = 15_000;
/** How long a neighbour may be without known subscriptions. */
const GOSSIP_MEND_MS = 3_000;
/** How long a peer that was let go, because there were too many links, is left alone. */
const LET_GO_MS = 60_000;
/** Long enough for a last word to go out. */
const REFUSAL_MS = 500;

export async function startTabNetwork(options: NetworkOptions, emit: (event: NetworkEvent) => void): Promise<TabNetwork> {
  const standing = new Standing();
  const links = new Links();
  const canDialDirectly = "RTCPeerConnection" in globalThis;
  const node = await createNode({
    identity: options.identity,
    iceServers: options.iceServers,
    canDialDirectly,
    isRefused: (peer) => standing.isBanned(peer, nowMs()),
    hasRoom: (peer) => links.get(peer) !== undefined || links.neighbours().length < NEIGHBOURS.max,
  });
  const network = new TabNetwork({ node, links, standing, canDialDirectly, relays: options.relays, emit });
  await network.start();
  return network;
}

function gossipStreams(streams: readonly Stream[]): Stream[] {
  return streams.filter(({ protocol }) => protocol.startsWith("/meshsub"));
}

interface TabNetworkDeps {
  readonly node: Node;
  readonly links: Links;
  readonly standing: Standing;
  readonly canDialDirectly: boolean;
  readonly relays: readonly string[];
  readonly emit: (event: NetworkEvent) => void;
}

export class TabNetwork {
  readonly #node: Node;
  readonly #links: Links;
  readonly #standing: Standing;
  readonly #emit: (event: NetworkEvent) => void;
  readonly #self: string;
  readonly #channels: Channels;
  readonly #gossip: Gossip;
  readonly #dialer: Dialer;
  readonly #reserved = new Set<string>();
  readonly #timer: ReturnType<typeof setInterval>;
  #chain: string | null = null;
  /** Whether its members alone may know of each other. */
  #isClosed = false;
  #addresses: readonly string[];
  #relays: RelayLink[] = [];
  #introducedNeighbours = "";
  #introducedAtMs = 0;
  #status = "";
  #bytesIn = 0;
  #bytesOut = 0;

  constructor(deps: TabNetworkDeps) {
    this.#node = deps.node;
    this.#links = deps.links;
    this.#standing = deps.standing;
    this.#emit = deps.emit;
    this.#addresses = deps.relays;
    this.#self = deps.node.peerId.toString();
    const onFault = (peer: string, code: RejectCode): void => this.#fault(peer, code);
    this.#channels = new Channels({
      node: deps.node,
      connectionTo: (peer) => bestConnection(this.#links.get(peer)),
      onMessage: (peer, protocol, bytes) => this.#receive(peer, protocol, bytes),
      onFault,
      nowMs,
    });
    this.#gossip = new Gossip({
      pubsub: deps.node.services.pubsub as typeof deps.node.services.pubsub & GossipInternals,
      hearing: (peer) =>
        this.#links
          .neighbours()
          .filter(({ hears }) => hears.includes(peer))
          .map((link) => link.peer),
      random: Math.random,
      onGossip: (id, topic, from, bytes) => {
        this.#bytesIn += bytes.length;
        this.#emit({ kind: "gossip", id, topic, from, bytes });
      },
      onFault,
      nowMs,
    });
    this.#dialer = new Dialer({
      node: deps.node,
      links: this.#links,
      self: this.#self,
      canDialDirectly: deps.canDialDirectly,
      relays: () => this.#relays.filter(({ state }) => state === "linked").map(({ address }) => address),
      isRefused: (peer) => this.#standing.isBanned(peer, nowMs()),
      nowMs,
    });
    deps.node.addEventListener("connection:open", ({ detail }) => this.#opened(detail));
    deps.node.addEventListener("connection:close", ({ detail }) => this.#closed(detail));
    this.#timer = setInterval(() => this.#turn(), TURN_MS);
  }

  async start(): Promise<void> {
    await this.#channels.start();
    this.#connectRelays();
  }

  /** Ends all links, synchronously. */
  leave(): void {
    clearInterval(this.#timer);
    this.#dialer.stop();
    for (const connection of this.#node.getConnections()) connection.abort(new Error("page closed"));
    for (const relay of this.#relays) relay.stop();
  }

  async stop(): Promise<void> {
    this.leave();
    await this.#node.stop();
  }

  command(command: NetworkCommand): void {
    switch (command.kind) {
      case "join":
        return this.#join(command.chain, command.closed);
      case "admit":
        return this.#admit(command.peer);
      case "refuse":
        return this.#refuse(command.peer);
      case "publish":
        void this.#gossip.publish(command.topic, command.bytes).then(
          (neighbours) => (this.#bytesOut += neighbours * command.bytes.length),
          () => undefined,
        );
        return;
      case "send":
        if (this.#channels.send(command.peer, command.protocol, command.bytes)) this.#bytesOut += command.bytes.length;
        return;
      case "penalize":
        if (this.#standing.penalize(command.peer, command.code, nowMs())) this.#cut(command.peer);
        return;
      case "verdict":
        return this.#gossip.judge(command.id, command.accept);
      case "setRelays":
        this.#addresses = command.relays;
        this.#connectRelays();
        return;
    }
  }

  #join(chain: string, closed: boolean): void {
    if (chain === this.#chain) return;
    this.#chain = chain;
    this.#isClosed = closed;
    for (const link of this.#links.all()) this.#cut(link.peer);
    this.#gossip.join(closed ? null : chain);
    for (const relay of this.#relays) relay.announce();
  }

  #admit(peer: string): void {
    const link = this.#links.get(peer);
    if (link === undefined) return;
    link.admitted = true;
    this.#introduce(peer);
  }

  /** After what is under way, so that it hears why. */
  #refuse(peer: string): void {
    this.#standing.refuse(peer, nowMs());
    this.#dialer.rest(peer, STANDING.refusedMs);
    setTimeout(() => this.#cut(peer), REFUSAL_MS);
  }

  #connectRelays(): void {
    const wanted = new Set(this.#addresses);
    for (const relay of this.#relays) if (!wanted.has(relay.address)) relay.stop();
    const kept = this.#relays.filter(({ address }) => wanted.has(address));
    for (const { address } of kept) wanted.delete(address);
    this.#relays = [...kept, ...[...wanted].flatMap((address) => this.#connectRelay(address))];
  }

  #connectRelay(address: string): RelayLink[] {
    try {
      return [
        new RelayLink(address, {
          node: this.#node,
          chain: () => this.#chain,
          nowMs,
          wantsPeers: () => this.#links.neighbours().length < NEIGHBOURS.wanted,
          onPeers: (peers) => this.#dialer.learn(peers),
          onLeft: (peers) => peers.forEach((peer) => void this.#look(peer)),
          onLinked: () => this.#dialer.forgive(),
        }),
      ];
    } catch {
      // From a manifest, or kept by an older version, it may be none; the others still count.
      return [];
    }
  }

  #isRelay(peer: string): boolean {
    return this.#relays.some((relay) => relay.peer === peer);
  }

  #opened(connection: Connection): void {
    const peer = connection.remotePeer.toString();
    if (this.#isRelay(peer)) return;
    if (this.#chain === null) return void connection.close().catch(() => undefined);
    const link = this.#links.add(connection, nowMs());
    this.#dialer.learn([peer]);
    if (isDirect(connection)) {
      if (connection.direction === "inbound") this.#dialer.countDirect();
      void this.#reserveOn(connection);
      void this.#retireRelayed(link, connection);
      for (const older of olderDirect(link, connection)) void this.#lookAt(older, PINGS.timeoutMs);
    }
    this.#introduce(peer);
    this.#announce(link);
  }

  #closed(connection: Connection): void {
    for (const relay of this.#relays) relay.connectionClosed(connection);
    this.#reserved.delete(connection.id);
    const link = this.#links.remove(connection);
    if (link === undefined) return;
    if (bestConnection(link) !== undefined) {
      if (link.introduced) this.#mendGossip(link, nowMs());
      return this.#announce(link);
    }
    this.#channels.forget(link.peer);
    this.#gossip.forget(link.peer);
    this.#dialer.rest(link.peer, DIALS.backoffMs);
    if (link.announced !== undefined) this.#emit({ kind: "unlinked", peer: link.peer });
    for (const relay of this.#relays) relay.askSoon();
  }

  /** So that others reach this tab through the neighbour, when the relay is dead. */
  async #reserveOn(connection: Connection): Promise<void> {
    this.#reserved.add(connection.id);
    try {
      if (await reserve(connection, AbortSignal.timeout(RELAYS.timeoutMs))) return;
    } catch {
      // As below.
    }
    // The next turn tries again.
    this.#reserved.delete(connection.id);
  }

  /** A relayed connection beside a direct one costs the relay, and libp2p may pick it for signalling when it is long dead. */
  async #retireRelayed(link: Link, direct: Connection): Promise<void> {
    await this.#gossip.moveTo(direct);
    await new Promise((resolve) => setTimeout(resolve, DIALS.graceMs));
    if (direct.status !== "open") return;
    // gossipsub may have been opening its stream on the relayed one.
    await this.#gossip.moveTo(direct);
    for (const connection of link.connections)
      if (!isDirect(connection)) connection.close().catch((error: Error) => connection.abort(error));
  }

  #introduce(peer: string): void {
    const link = this.#links.get(peer);
    if (this.#chain === null || link === undefined || !this.#mayName(link)) return;
    const peers = !this.#isClosed || link.admitted ? this.#neighbourNames(peer) : [];
    this.#channels.send(peer, "peers", encodeIntroduction({ chain: this.#chain, peers, hears: this.#heardFrom(peers) }));
  }

  /** Who dials names the chain first: to whoever knows of none, a closed one is not named. */
  #mayName({ introduced, connections }: Link): boolean {
    return !this.#isClosed || introduced || connections.some(({ direction }) => direction === "outbound");
  }

  #neighbourNames(except: string): string[] {
    return this.#links
      .neighbours()
      .map(({ peer }) => peer)
      .filter((peer) => peer !== except);
  }

  /** Not while a link moves from one connection to another, or before the peer's stream is there: what it says then may not come. */
  #heardFrom(peers: readonly string[]): string[] {
    return peers.filter((peer) => {
      const open = this.#links.get(peer)?.connections.filter(({ status }) => status === "open") ?? [];
      const streams = open.length === 1 ? open[0]!.streams : [];
      return (
        this.#gossip.isHeardFrom(peer) &&
        gossipStreams(streams).some(({ direction, status }) => direction === "inbound" && status === "open")
      );
    });
  }

  #receive(peer: string, protocol: ChannelProtocol, bytes: Uint8Array): void {
    this.#bytesIn += bytes.length;
    const link = this.#links.get(peer);
    if (link === undefined) return;
    if (protocol === "peers") return this.#introduced(link, bytes);
    if (link.introduced) this.#emit({ kind: "message", from: peer, protocol: protocol satisfies StreamProtocol, bytes });
  }

  #introduced(link: Link, bytes: Uint8Array): void {
    try {
      const { chain, peers, hears } = decodeIntroduction(bytes);
      // Not a fault: somebody may have dialled before changing the chain.
      if (chain !== this.#chain) return this.#cut(link.peer);
      link.neighbours = peers.filter((peer) => peer !== this.#self);
      link.hears = hears;
      this.#dialer.learn(link.neighbours);
      if (!link.introduced) {
        this.#introducedNeighbours = "";
        link.introduced = true;
        // It may not have been named to this one yet.
        if (this.#isClosed) this.#introduce(link.peer);
      }
      this.#announce(link);
    } catch (error) {
      if (error instanceof Refusal) this.#fault(link.peer, error.code);
    }
  }

  #announce(link: Link): void {
    const connection = unannounced(link);
    if (connection === undefined) return;
    link.announced = connection.id;
    link.missedPings = 0;
    this.#emit({ kind: "linked", peer: link.peer, self: this.#self, direct: isDirect(connection) });
  }

  /** Breaking the transport's own bounds is cut at once; a wrong message only counts. */
  #fault(peer: string, code: RejectCode): void {
    if (code === "too-large" || code === "rate-limited") this.#standing.ban(peer, nowMs());
    else if (!OBJECTIVE_FAULTS.has(code) || !this.#standing.penalize(peer, code, nowMs())) return;
    this.#cut(peer);
  }

  #cut(peer: string): void {
    for (const connection of this.#links.get(peer)?.connections ?? []) connection.abort(new Error("link cut"));
  }

  #turn(): void {
    const atMs = nowMs();
    for (const link of this.#links.all()) this.#tend(link, atMs);
    this.#letGo();
    const neighbours = this.#neighbourNames("").sort();
    const names = [...neighbours, "heard", ...this.#heardFrom(neighbours)].join();
    if (names !== this.#introducedNeighbours || atMs - this.#introducedAtMs > INTRODUCE_EVERY_MS) {
      this.#introducedNeighbours = names;
      this.#introducedAtMs = atMs;
      for (const { peer } of this.#links.all()) this.#introduce(peer);
    }
    this.#tellStatus();
  }

  #tend(link: Link, atMs: number): void {
    if (!link.introduced && atMs - link.sinceMs > DIALS.introductionMs) return this.#cut(link.peer);
    const best = bestConnection(link);
    if (best === undefined) return;
    if (isDirect(best) && !this.#reserved.has(best.id)) void this.#reserveOn(best);
    if (link.introduced) this.#mendGossip(link, atMs);
    if (atMs - link.pingedAtMs >= PINGS.everyMs) void this.#ping(link, atMs);
  }

  /**
   * gossipsub opens its stream to a peer on the first connection and never again when that connection closes beside another: identifying anew makes it.
   * The peer's stream to us is the peer's to make; ending what is left of it tells the peer so.
   */
  #mendGossip(link: Link, atMs: number): void {
    if (this.#isClosed) return;
    const streams = gossipStreams(link.connections.flatMap((connection) => connection.streams));
    const best = bestConnection(link);
    if (best !== undefined && !streams.some(({ direction }) => direction === "outbound"))
      this.#node.services.identify.identify(best).catch(() => undefined);
    if (this.#gossip.hears(link.peer)) link.gossipAtMs = atMs;
    else if (atMs - link.gossipAtMs > GOSSIP_MEND_MS) {
      link.gossipAtMs = atMs;
      for (const stream of streams)
        if (stream.direction === "inbound" && Date.now() - stream.timeline.open > GOSSIP_MEND_MS)
          stream.abort(new Error("no subscriptions came over it"));
    }
  }

  async #ping(link: Link, atMs: number): Promise<void> {
    link.pingedAtMs = atMs;
    const best = bestConnection(link);
    if (best === undefined) return;
    try {
      link.roundTripMs = await probe(best, PINGS.timeoutMs);
      link.missedPings = 0;
    } catch {
      if (++link.missedPings >= PINGS.missesMax) best.abort(new Error("no answer to pings"));
    }
  }

  /** Somebody says that this peer went away: WebRTC itself would take eight seconds or more to see it. */
  async #look(peer: string): Promise<void> {
    const saidMs = nowMs();
    const best = bestConnection(this.#links.get(peer));
    if (best === undefined) return this.#dialer.forget(peer, saidMs);
    if (!(await this.#lookAt(best, PINGS.lookMs))) this.#dialer.forget(peer, saidMs);
  }

  /** Ends this connection alone if it is dead, and gives whether it lives: the peer may have come back over another meanwhile. */
  async #lookAt(connection: Connection, timeoutMs: number): Promise<boolean> {
    try {
      await probe(connection, timeoutMs);
      return true;
    } catch {
      connection.abort(new Error("no answer on it"));
      return false;
    }
  }

  /** Gives up the newest links above the bound, to peers that have enough others. */
  #letGo(): void {
    for (const peer of surplusOf(this.#self, this.#links.neighbours())) {
      this.#dialer.rest(peer, LET_GO_MS);
      this.#cut(peer);
    }
  }

  #tellStatus(): void {
    const status = {
      self: this.#self,
      relays: this.#relays.map(({ address, state }) => ({ address, state })),
      links: this.#links.neighbours().map((link) => {
        const best = bestConnection(link)!;
        const direct = isDirect(best);
        return { peer: link.peer, direct, via: direct ? null : relayOf(best), roundTripMs: link.roundTripMs, neighbours: link.neighbours };
      }),
      known: this.#dialer.known,
      directSpent: this.#dialer.directSpent,
      bytesIn: this.#bytesIn,
      bytesOut: this.#bytesOut,
    };
    const text = JSON.stringify(status);
    if (text === this.#status) return;
    this.#status = text;
    this.#emit({ kind: "network-status", status });
  }
}
