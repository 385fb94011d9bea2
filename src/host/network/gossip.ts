/** The two topics of a chain over gossipsub, unsigned: what is gossiped carries its own signatures. */
import type { GossipSub, Message } from "@libp2p/gossipsub";
import { gossipsub, StrictNoSign, TopicValidatorResult } from "@libp2p/gossipsub";
import { BoundedMap } from "../../kit/bounded-map.ts";
import { concatBytes } from "../../kit/bytes.ts";
import { digest, toHex } from "../../protocol/identifiers.ts";
import { LIMITS } from "../../protocol/limits.ts";
import { GOSSIP_TOPICS, type GossipTopic } from "../../peer/ports.ts";
import type { RejectCode } from "../../protocol/codes.ts";
import { GOSSIP_BOUNDS } from "./bounds.ts";
import { Rate } from "./channels.ts";

/** One byte before the payload: how often these bytes were published before. Else gossipsub would swallow a vote that is sent again. */
const COUNT_BYTES = 1;
const PUBLISHED_MAX = 4096;
const PEERS_MAX = 64;
/** A peer worker that has not said by then whether a message is sound is too busy to pass anything on. */
const VERDICT_MS_MAX = 5_000;

export function gossipService(): ReturnType<typeof gossipsub> {
  return gossipsub({
    globalSignaturePolicy: StrictNoSign,
    msgIdFn: (message) => digest(message.data),
    allowPublishToZeroTopicPeers: true,
    ignoreDuplicatePublishError: true,
    emitSelf: false,
    fallbackToFloodsub: false,
    floodPublish: false,
    runOnLimitedConnection: true,
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

export interface GossipDeps {
  readonly pubsub: Pick<GossipSub, "topicValidators" | "subscribe" | "unsubscribe" | "publish" | "getSubscribers">;
  /** What was heard; `judge` is to be called with its identifier. */
  readonly onGossip: (id: number, topic: GossipTopic, from: string, bytes: Uint8Array) => void;
  readonly onFault: (peer: string, code: RejectCode) => void;
  readonly nowMs: () => number;
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
  }

  join(chain: string): void {
    const { pubsub } = this.#deps;
    for (const name of this.#topics.keys()) {
      pubsub.unsubscribe(name);
      pubsub.topicValidators.delete(name);
    }
    this.#topics = new Map(GOSSIP_TOPICS.map((topic) => [`/bothy/1/${chain}/${topic}`, topic]));
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

  /** The peer worker's verdict on what it was given under this identifier. */
  judge(id: number, accept: boolean): void {
    this.#held.get(id)?.(accept);
  }

  forget(peer: string): void {
    this.#rates.delete(peer);
  }

  /** Called once for each new message; it is given to the peer worker at once, and passed on when the returned promise says so. */
  #validate(peer: string, message: Pick<Message, "topic" | "data">): TopicValidatorResult | Promise<TopicValidatorResult> {
    const nowMs = this.#deps.nowMs();
    const { topic: name, data } = message;
    const topic = this.#topics.get(name);
    if (topic === undefined) return TopicValidatorResult.Ignore;
    const rate = this.#rates.get(peer) ?? new Rate(GOSSIP_BOUNDS, nowMs);
    this.#rates.set(peer, rate);
    if (data.length <= COUNT_BYTES || data.length > LIMITS.messageBytesMax + COUNT_BYTES) return this.#refuse(peer, "too-large");
    if (!rate.takeMessage(nowMs) || !rate.takeBytes(data.length, nowMs)) return this.#refuse(peer, "rate-limited");
    const id = this.#nextId++;
    const verdict = this.#verdictOn(id);
    this.#deps.onGossip(id, topic, peer, data.slice(COUNT_BYTES));
    return verdict;
  }

  #refuse(peer: string, code: RejectCode): TopicValidatorResult {
    this.#deps.onFault(peer, code);
    return TopicValidatorResult.Reject;
  }

  /**
   * Who passes on garbage is punished for it like its author, since unsigned gossip names nobody else. So nothing is passed on before the peer worker found
   * it sound.
   */
  #verdictOn(id: number): Promise<TopicValidatorResult> {
    return new Promise((resolve) => {
      const settle = (accept: boolean): void => {
        clearTimeout(timer);
        this.#held.delete(id);
        resolve(accept ? TopicValidatorResult.Accept : TopicValidatorResult.Ignore);
      };
      const timer = setTimeout(() => settle(false), VERDICT_MS_MAX);
      this.#held.set(id, settle);
    });
  }
}
