import { TopicValidatorResult, type TopicValidatorFn } from "@libp2p/gossipsub";
import type { PeerId } from "@libp2p/interface";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { LIMITS } from "../../protocol/limits.ts";
import { GOSSIP_BOUNDS } from "./bounds.ts";
import { Gossip } from "./gossip.ts";

const CHAIN = "ab".repeat(32);
const TOPIC = `/bothy/1/${CHAIN}/consensus`;

beforeEach(() => vi.useFakeTimers());
afterEach(() => vi.useRealTimers());

function setUp() {
  const heard: string[] = [];
  const faults: string[] = [];
  const published: Uint8Array[] = [];
  const topicValidators = new Map<string, TopicValidatorFn>();
  const gossip = new Gossip({
    pubsub: {
      topicValidators,
      subscribe: () => undefined,
      unsubscribe: () => undefined,
      getSubscribers: () => [],
      publish: (_, data = new Uint8Array()) => {
        published.push(data);
        return Promise.resolve({ recipients: [] });
      },
    },
    onGossip: (id, topic, from, bytes) => heard.push(`${id} ${topic} ${from} ${bytes.join()}`),
    onFault: (peer, code) => faults.push(`${peer} ${code}`),
    nowMs: () => 0,
  });
  gossip.join(CHAIN);
  const receive = (from: string, data: Uint8Array) =>
    Promise.resolve(topicValidators.get(TOPIC)!({ toString: () => from } as PeerId, { type: "unsigned", topic: TOPIC, data }));
  return { gossip, heard, faults, published, receive };
}

describe("gossip", () => {
  it("is given to the peer at once, and passed on only when the peer found it sound", async () => {
    const { gossip, heard, receive } = setUp();
    const good = receive("honest", Uint8Array.of(0, 7));
    const bad = receive("sinner", Uint8Array.of(0, 8));
    const unjudged = receive("honest", Uint8Array.of(0, 9));
    expect(heard).toEqual(["1 consensus honest 7", "2 consensus sinner 8", "3 consensus honest 9"]);
    gossip.judge(2, false);
    gossip.judge(1, true);
    expect(await bad).toBe(TopicValidatorResult.Ignore);
    expect(await good).toBe(TopicValidatorResult.Accept);
    await vi.advanceTimersByTimeAsync(5_000);
    expect(await unjudged).toBe(TopicValidatorResult.Ignore);
    gossip.judge(3, true);
    expect(vi.getTimerCount()).toBe(0);
  });

  it("that is published again differs, so that nobody takes it for a duplicate", async () => {
    const { gossip, published } = setUp();
    await gossip.publish("consensus", Uint8Array.of(5));
    await gossip.publish("consensus", Uint8Array.of(6));
    await gossip.publish("consensus", Uint8Array.of(5));
    expect(published).toEqual([Uint8Array.of(0, 5), Uint8Array.of(0, 6), Uint8Array.of(1, 5)]);
  });

  it("that is empty, too large or too much is refused with its code", async () => {
    const { faults, receive } = setUp();
    expect(await receive("a", new Uint8Array(1))).toBe(TopicValidatorResult.Reject);
    expect(await receive("b", new Uint8Array(LIMITS.messageBytesMax + 2))).toBe(TopicValidatorResult.Reject);
    expect(faults).toEqual(["a too-large", "b too-large"]);
    for (let i = 0; i < GOSSIP_BOUNDS.messagesPerSecond * GOSSIP_BOUNDS.burstSeconds; i++) void receive("c", Uint8Array.of(0, 1));
    expect(faults).toHaveLength(2);
    expect(await receive("c", Uint8Array.of(0, 1))).toBe(TopicValidatorResult.Reject);
    expect(faults.at(-1)).toBe("c rate-limited");
  });
});
