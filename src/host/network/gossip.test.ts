import { TopicValidatorResult, type GossipsubMessage, type TopicValidatorFn } from "@libp2p/gossipsub";
import type { PeerId } from "@libp2p/interface";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { LIMITS } from "../../protocol/limits.ts";
import { GOSSIP_BOUNDS } from "./bounds.ts";
import { Gossip } from "./gossip.ts";

const CHAIN = "ab".repeat(32);
const TOPIC = `/bothy/1/${CHAIN}/consensus`;

beforeEach(() => vi.useFakeTimers());
afterEach(() => vi.useRealTimers());

function setUp(links: Readonly<Record<string, readonly string[]>> = {}) {
  const heard: string[] = [];
  const faults: string[] = [];
  const results: string[] = [];
  const told: string[] = [];
  const published: Uint8Array[] = [];
  let drawn = 0;
  const topicValidators = new Map<string, TopicValidatorFn>();
  let onMessage: (event: CustomEvent<GossipsubMessage>) => void = () => undefined;
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
      addEventListener: (_: string, listener: unknown) => (onMessage = listener as typeof onMessage),
      reportMessageValidationResult: (id, from, result) => results.push(`${id} ${from} ${result}`),
      getMeshPeers: () => [],
      allowedTopics: null,
      streamsOutbound: new Map(),
      createOutboundStream: () => Promise.resolve(),
      mcache: { observeDuplicate: (id, peer) => told.push(`${id} ${peer}`) },
    },
    hearing: (peer) => links[peer] ?? [],
    onGossip: (id, topic, from, bytes) => heard.push(`${id} ${topic} ${from} ${bytes.join()}`),
    onFault: (peer, code) => faults.push(`${peer} ${code}`),
    nowMs: () => 0,
    random: () => (drawn++ % 8) / 8,
  });
  gossip.join(CHAIN);
  /** As gossipsub does: first the validator, then the message. */
  const receive = (from: string, data: Uint8Array) => {
    const msg = { type: "unsigned", topic: TOPIC, data } as const;
    const propagationSource = { toString: () => from } as PeerId;
    const result = topicValidators.get(TOPIC)!(propagationSource, msg) as TopicValidatorResult;
    const detail = { msgId: data.join(), propagationSource, msg };
    if (result === TopicValidatorResult.Accept) onMessage({ detail } as CustomEvent<GossipsubMessage>);
    return result;
  };
  return { gossip, heard, faults, results, told, published, receive };
}

describe("gossip", () => {
  it("is given to the peer at once, and passed on only when the peer found it sound", () => {
    const { gossip, heard, results, receive } = setUp();
    receive("honest", Uint8Array.of(0, 7));
    receive("sinner", Uint8Array.of(0, 8));
    receive("honest", Uint8Array.of(0, 9));
    expect(heard).toEqual(["1 consensus honest 7", "2 consensus sinner 8", "3 consensus honest 9"]);
    gossip.judge(2, false);
    gossip.judge(1, true);
    expect(results).toEqual(["0,8 sinner ignore", "0,7 honest accept"]);
    vi.advanceTimersByTime(5_000);
    expect(results[2]).toBe("0,9 honest ignore");
    gossip.judge(3, true);
    expect(results).toHaveLength(3);
    expect(vi.getTimerCount()).toBe(0);
  });

  it("is not passed on to neighbours that are hear from whom it came from, but for a spare copy now and then", () => {
    const { gossip, told, results, receive } = setUp({ near: ["a", "b"] });
    for (let i = 1; i <= 200; i++) {
      receive("near", Uint8Array.of(0, i));
      gossip.judge(i, true);
    }
    expect(results).toHaveLength(200);
    expect(told).toHaveLength((200 * 2 * 7) / 8);
    receive("far", Uint8Array.of(1, 1));
    const before = told.length;
    gossip.judge(201, true);
    expect(told).toHaveLength(before);
    receive("near", Uint8Array.of(1, 2));
    gossip.judge(202, false);
    expect(told).toHaveLength(before);
  });

  it("that is published again differs, so that nobody takes it for a duplicate", async () => {
    const { gossip, published } = setUp();
    await gossip.publish("consensus", Uint8Array.of(5));
    await gossip.publish("consensus", Uint8Array.of(6));
    await gossip.publish("consensus", Uint8Array.of(5));
    expect(published).toEqual([Uint8Array.of(0, 5), Uint8Array.of(0, 6), Uint8Array.of(1, 5)]);
  });

  it("that is empty, too large or too much is refused with its code", () => {
    const { faults, receive } = setUp();
    expect(receive("a", new Uint8Array(1))).toBe(TopicValidatorResult.Reject);
    expect(receive("b", new Uint8Array(LIMITS.messageBytesMax + 2))).toBe(TopicValidatorResult.Reject);
    expect(faults).toEqual(["a too-large", "b too-large"]);
    for (let i = 0; i < GOSSIP_BOUNDS.messagesPerSecond * GOSSIP_BOUNDS.burstSeconds; i++) receive("c", Uint8Array.of(0, 1));
    expect(faults).toHaveLength(2);
    expect(receive("c", Uint8Array.of(0, 1))).toBe(TopicValidatorResult.Reject);
    expect(faults.at(-1)).toBe("c rate-limited");
  });
});
