/** One port for the app and for libp2p's WebSockets, a circuit relay for tabs that cannot reach each other, and a rendezvous. */
import { lookup } from "node:dns/promises";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import type { Server } from "node:http";
import { isIPv6 } from "node:net";
import { join } from "node:path";
import { circuitRelayServer } from "@libp2p/circuit-relay-v2";
import { generateKeyPair, privateKeyFromProtobuf, privateKeyToProtobuf } from "@libp2p/crypto/keys";
import { identify } from "@libp2p/identify";
import type { Listener, PrivateKey } from "@libp2p/interface";
import { noise } from "@libp2p/noise";
import { ping } from "@libp2p/ping";
import { webSockets } from "@libp2p/websockets";
import { yamux } from "@libp2p/yamux";
import { createLibp2p } from "libp2p";
import { RENDEZVOUS_PROTOCOL } from "../src/protocol/introduction.ts";
import { createApp } from "./app.ts";
import type { Https } from "./https.ts";
import { Introducer } from "./introducer.ts";
import { ManifestStore } from "./manifest.ts";
import type { RelayOptions } from "./options.ts";
import { createRequestHandler, type Metric, type RequestHandler } from "./server.ts";

/** A school's worth of tabs. libp2p's defaults (15 reservations, 128 KiB and two minutes a link, 5 connections a second) would stop a workshop. */
const RESERVATIONS_MAX = 500;
const CONNECTIONS_MAX = 1000;
/** A reservation ends with its tab's last connection; until then it holds, as long as a timer can be. */
const RESERVATION_MS = 20 * 86_400_000;

/** Gives what stops it. */
export async function startRelay(options: RelayOptions): Promise<() => Promise<void>> {
  const manifest = new ManifestStore(options.data, options.new);
  const https = options.https ? await (await import("./https.ts")).openHttps(options.data, options.lan) : undefined;
  const introducer = new Introducer();
  let listener: Listener | undefined;
  const node = await createNode(options, https, (made) => (listener = made));
  // Or tabs that were reloaded would hold the room of others, each for hours.
  node.addEventListener("peer:disconnect", ({ detail: peer }) => {
    const { reservations } = node.services.relay;
    reservations.get(peer)?.signal.clear();
    reservations.delete(peer);
  });
  await node.handle(RENDEZVOUS_PROTOCOL, (stream, connection) => introducer.serve(stream, connection), { maxInboundStreams: 4 });
  const metrics = (): readonly Metric[] => [
    ["bothy_connections", "Open libp2p connections.", node.getConnections().length],
    ["bothy_reservations", "Tabs that may be reached through this relay.", node.services.relay.reservations.size],
    ["bothy_rendezvous_peers", "Tabs at the rendezvous.", introducer.peers],
    ["bothy_rendezvous_refused", "Rendezvous streams cut for a fault.", introducer.refused],
    ["bothy_founded", "Whether the manifest holds a BoT.", manifest.genesis === null ? 0 : 1],
    ["process_resident_memory_bytes", "Resident memory.", process.memoryUsage().rss],
    ["process_uptime_seconds", "Time since the start.", Math.round(process.uptime())],
  ];
  const deps = { options, manifest, app: createApp(options.app), metrics, room: () => https && { app: url, guide } };
  const port = takeServer(listener, createRequestHandler({ ...deps, peerId: node.peerId.toString() }));
  const name = https?.lan[0] ?? options.host;
  const host = isIPv6(name) ? `[${name}]` : name;
  const url = `http${https === undefined ? "" : "s"}://${host}:${port}`;
  const guide = `http://${host}:${port + 1}/certificate`;
  process.stdout.write(`Bothy is at ${url}\n`);
  const stopGuide = await https?.guide({ host: options.host, port: port + 1 }, url, guide);
  node.addEventListener("stop", () => stopGuide?.());
  return async () => node.stop();
}

async function createNode(options: RelayOptions, https: Https | undefined, onListener: (listener: Listener) => Listener) {
  const { address } = await lookup(options.host, { family: isIPv6(options.host) ? 6 : 4 });
  const transport = webSockets(https === undefined ? {} : { https: https.credentials });
  return createLibp2p({
    privateKey: await loadKey(join(options.data, "relay.key")),
    addresses: { listen: [`/${isIPv6(address) ? "ip6" : "ip4"}/${address}/tcp/${options.port}${https === undefined ? "" : "/tls"}/ws`] },
    transports: [
      (components) => {
        const made = transport(components);
        const createListener = made.createListener.bind(made);
        made.createListener = (init) => onListener(createListener(init));
        return made;
      },
    ],
    connectionEncrypters: [noise()],
    streamMuxers: [yamux()],
    // A room of tabs shares one address, and after a restart all come back in the same second.
    connectionManager: {
      maxConnections: CONNECTIONS_MAX,
      inboundConnectionThreshold: RESERVATIONS_MAX,
      maxIncomingPendingConnections: RESERVATIONS_MAX,
    },
    services: {
      identify: identify(),
      ping: ping(),
      relay: circuitRelayServer({
        reservations: { maxReservations: RESERVATIONS_MAX, reservationTtl: RESERVATION_MS, applyDefaultLimit: false },
      }),
    },
  });
}

/** The relay's identity outlives restarts, since tabs keep its address. */
async function loadKey(path: string): Promise<PrivateKey> {
  if (existsSync(path)) return privateKeyFromProtobuf(readFileSync(path));
  const key = await generateKeyPair("Ed25519");
  writeFileSync(path, privateKeyToProtobuf(key), { mode: 0o600 });
  return key;
}

/** Puts our handler in the place of the listener's own, which answers every request with 400 (docs/adr/0031-one-port.md). Gives the port. */
function takeServer(listener: Listener | undefined, handler: RequestHandler): number {
  const { http, https, server } = (listener ?? {}) as { readonly http?: Server; readonly https?: Server; readonly server?: Server };
  const address = server?.address();
  const requests = https ?? http;
  if (requests === undefined || typeof address !== "object" || address === null)
    throw new Error("libp2p's WebSocket listener has changed: no HTTP server found in it");
  requests.removeAllListeners("request").on("request", handler);
  return address.port;
}
