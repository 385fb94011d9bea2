/** Two tabs over real libp2p connections, one of which dies without a word, as when a phone leaves the Wi-Fi. */
import { once } from "node:events";
import { connect, createServer, type AddressInfo, type Server, type Socket } from "node:net";
import { circuitRelayServer, circuitRelayTransport } from "@libp2p/circuit-relay-v2";
import { identify } from "@libp2p/identify";
import { noise } from "@libp2p/noise";
import { ping } from "@libp2p/ping";
import { webSockets } from "@libp2p/websockets";
import { yamux } from "@libp2p/yamux";
import { multiaddr } from "@multiformats/multiaddr";
import { createLibp2p } from "libp2p";
import { afterEach, expect, it } from "vitest";
import { WebSocket } from "ws";
import type { NetworkEvent } from "../../peer/ports.ts";
import { PINGS } from "./bounds.ts";
import { gossipService } from "./gossip.ts";
import { bestConnection, Links } from "./links.ts";
import type { Node } from "./node.ts";
import { probe } from "./probe.ts";
import { Standing } from "./standing.ts";
import { TabNetwork } from "./tab-network.ts";

// Node 20 has none of its own.
globalThis.WebSocket ??= WebSocket as unknown as typeof globalThis.WebSocket;

const CHAIN = "c".repeat(64);
const ends: (() => Promise<void>)[] = [];

afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end();
});

interface Tab {
  readonly node: Node;
  readonly links: Links;
  readonly network: TabNetwork;
  readonly events: NetworkEvent[];
}

/** A tab that others can dial over TCP, since Node has no WebRTC. */
async function openTab(): Promise<Tab> {
  const node: Node = await createLibp2p({
    addresses: { listen: ["/ip4/127.0.0.1/tcp/0/ws"] },
    transports: [webSockets(), circuitRelayTransport()],
    connectionEncrypters: [noise()],
    streamMuxers: [yamux()],
    connectionManager: { reconnectRetries: 0 },
    services: { identify: identify(), ping: ping(), pubsub: gossipService(), circuit: circuitRelayServer() },
  });
  const links = new Links();
  const events: NetworkEvent[] = [];
  const emit = (event: NetworkEvent): void => void events.push(event);
  const network = new TabNetwork({ node, links, standing: new Standing(), canDialDirectly: false, relays: [], emit });
  ends.push(() => network.stop());
  await network.start();
  network.command({ kind: "join", chain: CHAIN, closed: false });
  return { node, links, network, events };
}

/** A road to a port of this machine on which bytes can cease to come through while both ends believe that it is open. */
async function openRoad(port: number): Promise<{ readonly port: number; die(): void }> {
  const sockets = new Set<Socket>();
  const server: Server = createServer((near) => {
    const far = connect(port, "127.0.0.1");
    for (const socket of [near, far]) {
      sockets.add(socket);
      socket.on("error", () => undefined);
    }
    near.pipe(far).pipe(near);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  ends.push(async () => {
    for (const socket of sockets) socket.destroy();
    server.close();
    await once(server, "close");
  });
  const die = (): void => {
    for (const socket of sockets) socket.unpipe().pause();
  };
  return { port: (server.address() as AddressInfo).port, die };
}

function portOf(node: Node): number {
  return Number(/\/tcp\/(\d+)\//.exec(node.getMultiaddrs()[0]!.toString())![1]);
}

function greetings({ events }: Tab, peer: string): number {
  return events.filter((event) => event.kind === "linked" && event.peer === peer).length;
}

it("a peer that comes back over another network is greeted anew, and the dead connection to it ends within the time of one look", async () => {
  const [here, there] = [await openTab(), await openTab()];
  const [self, peer] = [here.node.peerId.toString(), there.node.peerId.toString()];
  const road = await openRoad(portOf(there.node));
  const old = await here.node.dial(multiaddr(`/ip4/127.0.0.1/tcp/${road.port}/ws/p2p/${peer}`));
  await expect.poll(() => [greetings(here, peer), greetings(there, self)], { timeout: 10_000 }).toEqual([1, 1]);
  expect(await probe(old, PINGS.lookMs)).toBeLessThan(PINGS.lookMs);

  road.die();
  await expect(probe(old, 200)).rejects.toThrow("timed out");
  expect(old.status, "nobody has noticed").toBe("open");
  const fresh = await here.node.dial(multiaddr(`/ip4/127.0.0.1/tcp/${portOf(there.node)}/ws/p2p/${peer}`), { force: true });
  expect(fresh.id).not.toBe(old.id);

  await expect.poll(() => old.status, { timeout: 10_000 }).not.toBe("open");
  await expect.poll(() => [greetings(here, peer), greetings(there, self)], { timeout: 10_000 }).toEqual([2, 2]);
  expect(bestConnection(here.links.get(peer))!.id).toBe(fresh.id);
  expect([...here.events, ...there.events].filter(({ kind }) => kind === "unlinked")).toEqual([]);
  here.network.command({ kind: "send", peer, protocol: "hello", bytes: Uint8Array.of(7) });
  await expect.poll(() => there.events.filter(({ kind }) => kind === "message"), { timeout: 10_000 }).toHaveLength(1);
});

it("of two living connections both stay, and the peer is greeted once", async () => {
  const [here, there] = [await openTab(), await openTab()];
  const [self, peer] = [here.node.peerId.toString(), there.node.peerId.toString()];
  const address = multiaddr(`/ip4/127.0.0.1/tcp/${portOf(there.node)}/ws/p2p/${peer}`);
  await here.node.dial(address);
  await expect.poll(() => [greetings(here, peer), greetings(there, self)], { timeout: 10_000 }).toEqual([1, 1]);
  await here.node.dial(address, { force: true });
  await Promise.all(here.links.get(peer)!.connections.map((connection) => probe(connection, PINGS.lookMs)));
  expect(here.links.get(peer)!.connections.map(({ status }) => status)).toEqual(["open", "open"]);
  expect([greetings(here, peer), greetings(there, self)]).toEqual([1, 1]);
});
