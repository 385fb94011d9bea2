/** The two topics of a chain over gossipsub, unsigned: what is gossiped carries its own signatures. */
import type { Connection, PeerId, Stream } from "@libp2p/interface";
import type { GossipSub, GossipsubMessage, Message } from "@libp2p/gossipsub";
import { gossipsub, StrictNoSign, TopicValidatorResult } from "@libp2p/gossipsub";
import { BoundedMap } from "../../kit/bounded-map.ts";
import { concatBytes } from "../../kit/bytes.ts";
import { digest, toHex } from "../../protocol/identifiers.ts";
import { LIMITS } from "../../protocol/limits.ts";
import { GOSSIP_TOPICS, type GossipTopic } from "../../peer/ports.ts";
import type { RejectCode } from "../../protocol/codes.ts";
import { GOSSIP_BOUNDS, NEIGHBOURS } from "./bounds.ts";
import { Rate } from "./channels.ts";

/** One byte before the payload: how often these bytes were published before. Else gossipsub would swallow a vote that is sent again. */
const COUNT_BYTES = 1;
const PUBLISHED_MAX = 4096;
const PEERS_MAX = 64;
/**
 * One copy in so many goes also to a neighbour that says it hears gossip from whom we have it from: such a neighbour should have it already, but not if the one
 * between keeps it back.
 */
const SPARE_COPIES = 8;
/** A peer worker that has not said by then whether a message is sound is too busy to pass anything on. */
const VERDICT_MS_MAX = 5_000;

export function gossipService(): ReturnType<typeof gossipsub> {
  return gossipsub({
    globalSignaturePolicy: StrictNoSign,
    // With the topic: bytes that somebody says on the wrong one first must not hide them on theirs.
    msgIdFn: (message) =>
      concatBytes(Uint8Array.of(GOSSIP_TOPICS.findIndex((topic) => message.topic.endsWith(`/${topic}`)) + 1), digest(message.data)),
    allowPublishToZeroTopicPeers: true,
    ignoreDuplicatePublishError: true,
    emitSelf: false,
    fallbackToFloodsub: false,
    // What is said first goes to all, also where a link is so young that the mesh lacks it.
    floodPublish: true,
    runOnLimitedConnection: true,
    // Messages wait for the peer worker's verdict, and meanwhile it is noted who sent them too.
    asyncValidation: true,
    // All neighbours are in the mesh: `skipTold` relies on it.
    D: NEIGHBOURS.max,
    Dlo: NEIGHBOURS.max,
    Dhi: NEIGHBOURS.max + 2,
    // All tabs of a room share an address.
    scoreParams: { IPColocationFactorWeight: 0 },
    // Below this a copy that nobody needed costs less than telling every neighbour not to send it.
    idontwantMinDataSize: 16 * 1024,
    maxInboundDataLength: LIMITS.messageBytesMax + 64 * 1024,
    maxOutboundBufferSize: 16 * 1024 * 1024,
    maxTopicBytesPerPeer: 16 * 1024,
    maxInboundStreams: 4,
    maxOutboundStreams: 4,
  });
}

/** What the service has and its published type leaves out. `e2e/network/gossip.spec.ts` sees it work. */
export interface GossipInternals {
  reportMessageValidationResult(id: string, from: string, result: TopicValidatorResult): void;
  /** Messages that wait for their verdict, and who sent them too: to those they are not passed on. */
  readonly mcache: { observeDuplicate(id: string, from: string): void };
  /** Messages on others are not even remembered: no validator would see them, so nothing would bound them. */
  allowedTopics: ReadonlySet<string> | null;
  /** Who sends us what is gossiped on a topic, and we them. */
  getMeshPeers(topic: string): readonly string[];
  /** What is said to each peer goes over one stream. */
  readonly streamsOutbound: Map<string, { readonly rawStream: Stream; close(): Promise<void> }>;
  /** Opens that stream, unless there is one. */
  createOutboundStream(peer: PeerId, connection: Connection): Promise<void>;
}

type PubSub = Pick<GossipSub, "topicValidators" | "subscribe" | "unsubscribe" | "publish" | "getSubscribers" | "addEventListener">;

export interface GossipDeps {
  readonly pubsub: PubSub & GossipInternals;
  /** Neighbours that say they hear all gossip from this peer. */
  readonly hearing: (peer: string) => readonly string[];
  /** What was heard; `judge` is to be called with its identifier. */
  readonly onGossip: (id: number, topic: GossipTopic, from: string, bytes: Uint8Array) => void;
  readonly onFault: (peer: string, code: RejectCode) => void;
  readonly nowMs: () => number;
  /** Evenly in [0, 1). */
  readonly random: () => number;
}

export class Gossip {
  readonly #deps: GossipDeps;
  readonly #published = new BoundedMap<string, number>(PUBLISHED_MAX);
  readonly #rates = new BoundedMap<string, Rate>(PEERS_MAX);
  /** What is heard but not judged yet, by its identifier. */
  readonly #held = new Map<number, (accept: boolean) => void>();
  #nextId = 1;
  #topics = new Map<string, GossipTopic>();

  constructor(deps: GossipDeps) {
    this.#deps = deps;
    deps.pubsub.addEventListener("gossipsub:message", ({ detail }) => this.#onMessage(detail));
  }

  /** Null where nothing is gossiped. */
  join(chain: string | null): void {
    const { pubsub } = this.#deps;
    for (const name of this.#topics.keys()) {
      pubsub.unsubscribe(name);
      pubsub.topicValidators.delete(name);
    }
    this.#topics = new Map(chain === null ? [] : GOSSIP_TOPICS.map((topic) => [`/bothy/1/${chain}/${topic}`, topic]));
    pubsub.allowedTopics = new Set(this.#topics.keys());
    for (const name of this.#topics.keys()) {
      pubsub.topicValidators.set(name, (peer, message) => this.#validate(peer.toString(), message));
      pubsub.subscribe(name);
    }
  }

  /** Gives the number of neighbours it went to. */
  async publish(topic: GossipTopic, bytes: Uint8Array): Promise<number> {
    const name = [...this.#topics].find(([, known]) => known === topic)?.[0];
    if (name === undefined || bytes.length > LIMITS.messageBytesMax) return 0;
    const key = toHex(digest(bytes));
    const count = this.#published.get(key) ?? 0;
    this.#published.set(key, (count + 1) % 256);
    const { recipients } = await this.#deps.pubsub.publish(name, concatBytes(Uint8Array.of(count), bytes));
    return recipients.length;
  }

  /** Whether this peer is known to listen to every topic; each member of a chain does, so one that is not known to has lost its stream to us. */
  hears(peer: string): boolean {
    return [...this.#topics.keys()].every((name) => this.#deps.pubsub.getSubscribers(name).some((other) => other.toString() === peer));
  }

  /**
   * Moves what is said to a peer to a better connection, before the one that carries it closes: gossipsub opens a stream only where it has none, and says
   * nothing to the peer in between.
   */
  async moveTo(connection: Connection): Promise<void> {
    const { streamsOutbound } = this.#deps.pubsub;
    const peer = connection.remotePeer.toString();
    const old = streamsOutbound.get(peer);
    if (old !== undefined && connection.streams.includes(old.rawStream)) return;
    streamsOutbound.delete(peer);
    const opened = this.#deps.pubsub.createOutboundStream(connection.remotePeer, connection);
    if (old === undefined) return opened;
    // Until the new one is there.
    streamsOutbound.set(peer, old);
    await opened;
    if (streamsOutbound.get(peer) !== old) await old.close();
  }

  /** Whether the peer sends us all that is gossiped. */
  isHeardFrom(peer: string): boolean {
    return [...this.#topics.keys()].every((name) => this.#deps.pubsub.getMeshPeers(name).includes(peer));
  }

  /** The peer worker's verdict on what it was given under this identifier. */
  judge(id: number, accept: boolean): void {
    this.#held.get(id)?.(accept);
  }

  forget(peer: string): void {
    this.#rates.delete(peer);
  }

  /** Called first for each new message, in the order they come: what breaks a bound goes no further. */
  #validate(peer: string, { topic: name, data }: Pick<Message, "topic" | "data">): TopicValidatorResult {
    const nowMs = this.#deps.nowMs();
    if (!this.#topics.has(name)) return TopicValidatorResult.Ignore;
    const rate = this.#rates.get(peer) ?? new Rate(GOSSIP_BOUNDS, nowMs);
    this.#rates.set(peer, rate);
    if (data.length <= COUNT_BYTES || data.length > LIMITS.messageBytesMax + COUNT_BYTES) return this.#refuse(peer, "too-large");
    if (!rate.takeMessage(nowMs) || !rate.takeBytes(data.length, nowMs)) return this.#refuse(peer, "rate-limited");
    return TopicValidatorResult.Accept;
  }

  #refuse(peer: string, code: RejectCode): TopicValidatorResult {
    this.#deps.onFault(peer, code);
    return TopicValidatorResult.Reject;
  }

  /**
   * It is given to the peer worker at once. Who passes on garbage is punished for it like its author, since unsigned gossip names nobody else. So nothing
   * is passed on before the peer worker found it sound.
   */
  #onMessage({ msgId, propagationSource, msg }: GossipsubMessage): void {
    const topic = this.#topics.get(msg.topic);
    if (topic === undefined) return;
    const from = propagationSource.toString();
    const id = this.#nextId++;
    const settle = (accept: boolean): void => {
      clearTimeout(timer);
      this.#held.delete(id);
      if (accept) this.#skipTold(msgId, from);
      const result = accept ? TopicValidatorResult.Accept : TopicValidatorResult.Ignore;
      this.#deps.pubsub.reportMessageValidationResult(msgId, from, result);
    };
    const timer = setTimeout(() => settle(false), VERDICT_MS_MAX);
    this.#held.set(id, settle);
    this.#deps.onGossip(id, topic, from, msg.data.slice(COUNT_BYTES));
  }

  /** In a room where all are linked to all, each message would go over every link twice (ADR 35). */
  #skipTold(msgId: string, from: string): void {
    for (const peer of this.#deps.hearing(from)) {
      if (this.#deps.random() * SPARE_COPIES >= 1) this.#deps.pubsub.mcache.observeDuplicate(msgId, peer);
    }
  }
}
