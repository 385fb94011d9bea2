import type { Stream } from "@libp2p/interface";
import { noise } from "@libp2p/noise";
import { webSockets } from "@libp2p/websockets";
import { yamux } from "@libp2p/yamux";
import { createLibp2p, type Libp2p } from "libp2p";
import { afterEach, expect, it, vi } from "vitest";
import { WebSocket } from "ws";
import { encodeFrame } from "../../protocol/frames.ts";
import { encodeIntroduction, RENDEZVOUS_PROTOCOL } from "../../protocol/introduction.ts";
import { RELAYS } from "./bounds.ts";
import { RelayLink } from "./relay-link.ts";

const HOP_PROTOCOL = "/libp2p/circuit/relay/0.2.0/hop";
const CHAIN = "ab".repeat(32);
const OTHER = "12D3KooWEyoppNCUx8Yx66oV9fJnriXwCcXwDDUA2kj6vnc6iDEp";
/** A HopMessage of type STATUS with RESERVATION_REFUSED, and with OK. */
const REFUSED = Uint8Array.of(5, 0x08, 2, 0x28, 0xc8, 0x01);
const OK = Uint8Array.of(4, 0x08, 2, 0x28, 100);

// What a browser has, and Node 20 has not.
globalThis.WebSocket ??= WebSocket as unknown as typeof globalThis.WebSocket;

const stops: (() => unknown)[] = [];
afterEach(async () => {
  for (const stop of stops.splice(0)) await stop();
});

async function openNode(listen: readonly string[] = []): Promise<Libp2p> {
  const node = await createLibp2p({
    addresses: { listen: [...listen] },
    transports: [webSockets()],
    connectionEncrypters: [noise()],
    streamMuxers: [yamux()],
    connectionGater: { denyDialMultiaddr: () => false },
  });
  stops.push(() => node.stop());
  return node;
}

it("keeps the rendezvous of a relay that has no room, and asks for room again", async () => {
  const relay = await openNode(["/ip4/127.0.0.1/tcp/0/ws"]);
  const answers = [REFUSED, OK, OK];
  let asked = 0;
  await relay.handle(HOP_PROTOCOL, (stream: Stream) => void stream.send(answers[asked++]!));
  const introduced: Stream[] = [];
  await relay.handle(RENDEZVOUS_PROTOCOL, (stream: Stream) => {
    introduced.push(stream);
    stream.addEventListener("message", () =>
      stream.send(encodeFrame(encodeIntroduction({ chain: CHAIN, peers: [OTHER], hears: [], left: [] }))),
    );
  });
  const tab = await openNode();
  let nowMs = 1_000_000;
  const heard: string[] = [];
  const link = new RelayLink(relay.getMultiaddrs()[0]!.toString(), {
    node: tab,
    chain: () => CHAIN,
    nowMs: () => nowMs,
    wantsPeers: () => false,
    onPeers: (peers) => heard.push(...peers),
    onLeft: () => undefined,
    onLinked: () => undefined,
  });
  stops.push(() => link.stop());
  await vi.waitUntil(() => heard.length > 0 && link.state === "linked", { timeout: 10_000 });
  expect(heard).toEqual([OTHER]);
  expect(asked).toBe(1);
  nowMs += RELAYS.refusedMs;
  await vi.waitUntil(() => asked === 2, { timeout: 10_000 });
  // One connection and one rendezvous all the time.
  expect(introduced).toHaveLength(1);
  expect(tab.getConnections()).toHaveLength(1);
  nowMs += RELAYS.renewMs;
  await vi.waitUntil(() => asked === 3, { timeout: 10_000 });
  expect(link.state).toBe("linked");
});
