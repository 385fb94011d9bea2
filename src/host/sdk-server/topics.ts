/**
 * What subscribers are told. A port has no back-pressure, so nothing is sent faster than a page can use it: states (status, consensus,
 * network) at most twice a second and only when changed, and feeds at a bounded rate, what is above it left out. Whoever needs all
 * asks by queries; one's own transactions are never left out.
 */
import type { Clock } from "../../kit/clock.ts";
import { TokenBucket } from "../../kit/token-bucket.ts";
import { LIMITS } from "../../protocol/limits.ts";
import { requireThat } from "../../protocol/refusal.ts";
import type { TopicName, Topics } from "../../sdk/api.ts";

/** How often states may be told. */
const STATE_PACE_MS = 500;

export type StateTopic = "status" | "consensus" | "network";
export type FeedTopic = Exclude<TopicName, StateTopic>;

const STATE_TOPICS: ReadonlySet<TopicName> = new Set<TopicName>(["status", "consensus", "network"]);

function isStateTopic(topic: TopicName): topic is StateTopic {
  return STATE_TOPICS.has(topic);
}

/** Tells one subscriber. */
type Tell = (value: Topics[TopicName]) => void;

interface Subscription {
  readonly topic: TopicName;
  readonly tell: Tell;
  readonly rate: TokenBucket;
  /** The state told last, as text, to tell only what is new. */
  told: string;
}

export interface FeedsDeps {
  readonly clock: Clock;
  /** The state of now, or nothing while there is none. */
  readonly state: (topic: StateTopic) => Topics[StateTopic] | null;
}

export class Feeds {
  readonly #deps: FeedsDeps;
  readonly #subscriptions = new Map<object, Map<number, Subscription>>();
  #timer: ReturnType<typeof setTimeout> | null = null;

  constructor(deps: FeedsDeps) {
    this.#deps = deps;
  }

  /** @throws {Refusal} `limit-exceeded`, `already-exists`. */
  subscribe(port: object, id: number, topic: TopicName, tell: Tell): void {
    const own = this.#subscriptions.get(port) ?? new Map<number, Subscription>();
    requireThat(own.size < LIMITS.portSubscriptionsMax, "limit-exceeded", { subscriptionsMax: LIMITS.portSubscriptionsMax });
    requireThat(!own.has(id), "already-exists", { id });
    const perSecond = LIMITS.feedUpdatesPerSecondMax;
    const rate = new TokenBucket({ capacity: 2 * perSecond, perSecond, nowMs: this.#deps.clock.nowMs() });
    const subscription: Subscription = { topic, tell, rate, told: "" };
    own.set(id, subscription);
    this.#subscriptions.set(port, own);
    if (!isStateTopic(topic)) return;
    this.#tellState(subscription, topic);
    this.#schedule();
  }

  unsubscribe(port: object, id: number): void {
    this.#subscriptions.get(port)?.delete(id);
  }

  /** Forgets a port that is gone. */
  detach(port: object): void {
    this.#subscriptions.delete(port);
  }

  *#of(topics: (topic: TopicName) => boolean): Generator<Subscription, void, undefined> {
    for (const own of this.#subscriptions.values()) for (const one of own.values()) if (topics(one.topic)) yield one;
  }

  /** Whether anybody listens: what nobody hears need not be made. */
  has(topic: TopicName): boolean {
    return !this.#of((other) => other === topic).next().done;
  }

  /** Tells all who listen and have not heard too much of late; `isOwn` is heard always. The value is made when somebody hears it. */
  tell<Topic extends FeedTopic>(topic: Topic, make: () => Topics[Topic], isOwn = false): void {
    const nowMs = this.#deps.clock.nowMs();
    let value: Topics[Topic] | undefined;
    for (const { rate, tell } of this.#of((other) => other === topic)) if (rate.take(1, nowMs) || isOwn) tell((value ??= make()));
  }

  #tellState(subscription: Subscription, topic: StateTopic): void {
    const value = this.#deps.state(topic);
    if (value === null) return;
    const text = JSON.stringify(value);
    if (text === subscription.told) return;
    subscription.told = text;
    subscription.tell(value);
  }

  #schedule(): void {
    this.#timer ??= setTimeout(() => {
      this.#timer = null;
      let isAnyone = false;
      for (const subscription of this.#of(isStateTopic)) {
        isAnyone = true;
        this.#tellState(subscription, subscription.topic as StateTopic);
      }
      if (isAnyone) this.#schedule();
    }, STATE_PACE_MS);
  }

  stop(): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
    this.#subscriptions.clear();
  }
}
