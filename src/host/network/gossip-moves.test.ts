import { identify } from "@libp2p/identify";
import type { Connection } from "@libp2p/interface";
import { noise } from "@libp2p/noise";
import { webSockets } from "@libp2p/websockets";
import { yamux } from "@libp2p/yamux";
import { createLibp2p } from "libp2p";
import { afterEach, expect, it, vi } from "vitest";
import { WebSocket } from "ws";
import { Gossip, gossipService, type GossipInternals } from "./gossip.ts";

const CHAIN = "ab".repeat(32);

// Node 20 has none of its own.
globalThis.WebSocket ??= WebSocket as unknown as typeof globalThis.WebSocket;

async function startNode() {
  const node = await createLibp2p({
    addresses: { listen: ["/ip4/127.0.0.1/tcp/0/ws"] },
    transports: [webSockets()],
    connectionEncrypters: [noise()],
    streamMuxers: [yamux()],
    services: { identify: identify(), pubsub: gossipService() },
  });
  const heard: number[] = [];
  const gossip: Gossip = new Gossip({
    pubsub: node.services.pubsub as typeof node.services.pubsub & GossipInternals,
    hearing: () => [],
    onGossip: (id, _topic, _from, bytes) => {
      heard.push(bytes[0]!);
      gossip.judge(id, true);
    },
    onFault: () => undefined,
    nowMs: Date.now,
    random: () => 0,
  });
  gossip.join(CHAIN);
  return { node, gossip, heard };
}

const nodes: Awaited<ReturnType<typeof startNode>>[] = [];

afterEach(async () => {
  for (const { node } of nodes.splice(0)) await node.stop();
});

const streamsOn = (connection: Connection): number =>
  connection.streams.filter(({ protocol, direction }) => direction === "outbound" && protocol.startsWith("/meshsub")).length;

it("what is gossiped while a link moves to another connection all arrives, and the old connection is not needed any more", async () => {
  nodes.push(await startNode(), await startNode());
  const [a, b] = nodes as [(typeof nodes)[0], (typeof nodes)[0]];
  const first = await a.node.dial(b.node.getMultiaddrs());
  await vi.waitFor(() => expect(a.gossip.hears(b.node.peerId.toString())).toBe(true), { timeout: 10_000 });
  const second = await a.node.dial(b.node.getMultiaddrs(), { force: true });
  expect(second.id).not.toBe(first.id);
  expect([streamsOn(first), streamsOn(second)]).toEqual([1, 0]);

  const moved = a.gossip.moveTo(second);
  await a.gossip.publish("consensus", Uint8Array.of(1));
  await moved;
  await a.gossip.publish("consensus", Uint8Array.of(2));
  expect(streamsOn(second)).toBe(1);
  await a.gossip.moveTo(second);
  expect(streamsOn(second)).toBe(1);
  await first.close();
  await a.gossip.publish("consensus", Uint8Array.of(3));
  await vi.waitFor(() => expect(new Set(b.heard)).toEqual(new Set([1, 2, 3])), { timeout: 10_000 });
});
