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
/** Longer than a signature worker takes for a batch; neighbours of the author get it without this pause, and a room of nine tabs are all neighbours. */
const HOLD_MS = 50;

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
    maxInboundDataLength: LIMITS.messageBytesMax + 64 * 1024,
    maxOutboundBufferSize: 16 * 1024 * 1024,
    maxTopicBytesPerPeer: 16 * 1024,
    maxInboundStreams: 4,
    maxOutboundStreams: 4,
  });
}

export interface GossipDeps {
  readonly pubsub: Pick<GossipSub, "topicValidators" | "subscribe" | "unsubscribe" | "publish" | "getSubscribers">;
  /** Whether timers run late, as in a hidden tab. */
  readonly isThrottled: () => boolean;
  readonly onGossip: (topic: GossipTopic, from: string, bytes: Uint8Array) => void;
  readonly onFault: (peer: string, code: RejectCode) => void;
  readonly nowMs: () => number;
}

export class Gossip {
  readonly #deps: GossipDeps;
  readonly #published = new BoundedMap<string, number>(PUBLISHED_MAX);
  readonly #rates = new BoundedMap<string, Rate>(PEERS_MAX);
  /** What is heard but not yet passed on, by the neighbour it came from. */
  readonly #held = new Map<string, Set<(verdict: TopicValidatorResult) => void>>();
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

  /** The peer worker found a fault in what this neighbour sends: what is still held of it is not passed on. */
  suspect(peer: string): void {
    for (const release of this.#held.get(peer) ?? []) release(TopicValidatorResult.Ignore);
  }

  forget(peer: string): void {
    this.#rates.delete(peer);
  }

  /** Called once for each new message; it is delivered at once, and passed on when the returned promise says so. */
  #validate(peer: string, message: Pick<Message, "topic" | "data">): TopicValidatorResult | Promise<TopicValidatorResult> {
    const nowMs = this.#deps.nowMs();
    const { topic: name, data } = message;
    const topic = this.#topics.get(name);
    if (topic === undefined) return TopicValidatorResult.Ignore;
    const rate = this.#rates.get(peer) ?? new Rate(GOSSIP_BOUNDS, nowMs);
    this.#rates.set(peer, rate);
    if (data.length <= COUNT_BYTES || data.length > LIMITS.messageBytesMax + COUNT_BYTES) return this.#refuse(peer, "too-large");
    if (!rate.takeMessage(nowMs) || !rate.takeBytes(data.length, nowMs)) return this.#refuse(peer, "rate-limited");
    this.#deps.onGossip(topic, peer, data.slice(COUNT_BYTES));
    return this.#deps.isThrottled() ? TopicValidatorResult.Accept : this.#hold(peer);
  }

  #refuse(peer: string, code: RejectCode): TopicValidatorResult {
    this.#deps.onFault(peer, code);
    return TopicValidatorResult.Reject;
  }

  /**
   * Who passes on garbage is punished for it like its author, since unsigned gossip names nobody else. So nothing is passed on before the peer worker had
   * the time to find fault with it.
   */
  #hold(peer: string): Promise<TopicValidatorResult> {
    const held = this.#held.get(peer) ?? new Set();
    this.#held.set(peer, held);
    return new Promise((resolve) => {
      const release = (verdict: TopicValidatorResult): void => {
        clearTimeout(timer);
        held.delete(release);
        if (held.size === 0 && this.#held.get(peer) === held) this.#held.delete(peer);
        resolve(verdict);
      };
      const timer = setTimeout(() => release(TopicValidatorResult.Accept), HOLD_MS);
      held.add(release);
    });
  }
}
