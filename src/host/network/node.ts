/** The libp2p node of a tab. */
import { circuitRelayServer, circuitRelayTransport } from "@libp2p/circuit-relay-v2";
import { generateKeyPairFromSeed } from "@libp2p/crypto/keys";
import { identify } from "@libp2p/identify";
import type { PeerId, PrivateKey } from "@libp2p/interface";
import { noise } from "@libp2p/noise";
import { ping } from "@libp2p/ping";
import { webSockets } from "@libp2p/websockets";
import { yamux } from "@libp2p/yamux";
import { createLibp2p } from "libp2p";
import { gossipService } from "./gossip.ts";
import { webRtcThroughPeers } from "./webrtc-through-peers.ts";

/** Reservations that a tab grants: more than it has neighbours. */
const RESERVATIONS_MAX = 128;
/** A reservation ends with its neighbour's last connection; until then it holds, as long as a timer can be. */
const RESERVATION_MS = 20 * 86_400_000;

export interface NodeOptions {
  /** A 32-byte Ed25519 seed, or libp2p's form of a private key. */
  readonly identity: Uint8Array | PrivateKey;
  readonly iceServers: RTCIceServer[];
  readonly canDialDirectly: boolean;
  readonly isRefused: (peer: string) => boolean;
  /** Whether a peer that connects directly finds room. */
  readonly hasRoom: (peer: string) => boolean;
}

export type Node = Awaited<ReturnType<typeof createNode>>;

export async function createNode(options: NodeOptions) {
  const privateKey = options.identity instanceof Uint8Array ? await generateKeyPairFromSeed("Ed25519", options.identity) : options.identity;
  const refuse = (peer: PeerId): boolean => options.isRefused(peer.toString()) || !options.hasRoom(peer.toString());
  const node = await createLibp2p({
    privateKey,
    addresses: { listen: options.canDialDirectly ? ["/webrtc"] : [] },
    transports: [
      webSockets(),
      circuitRelayTransport(),
      ...(options.canDialDirectly ? [webRtcThroughPeers({ iceServers: options.iceServers })] : []),
    ],
    connectionEncrypters: [noise()],
    streamMuxers: [yamux()],
    connectionGater: {
      // The default refuses private addresses in browsers; a relay in the room has no other.
      denyDialMultiaddr: () => false,
      denyInboundEncryptedConnection: refuse,
      denyOutboundConnection: (peer) => options.isRefused(peer.toString()),
    },
    connectionManager: {
      // Our own loops reconnect: libp2p's would come back without a reservation.
      reconnectRetries: 0,
      addressDialTimeout: 20_000,
      dialTimeout: 30_000,
      inboundUpgradeTimeout: 30_000,
      inboundConnectionThreshold: 50,
      maxIncomingPendingConnections: 50,
    },
    services: {
      identify: identify(),
      ping: ping(),
      pubsub: gossipService(),
      circuit: circuitRelayServer({
        reservations: { maxReservations: RESERVATIONS_MAX, reservationTtl: RESERVATION_MS, applyDefaultLimit: false },
      }),
    },
  });
  // A neighbour's place ends with its last connection: else those that have gone would take the room of those that come.
  node.addEventListener("peer:disconnect", ({ detail: peer }) => {
    const { reservations } = node.services.circuit;
    reservations.get(peer)?.signal.clear();
    reservations.delete(peer);
  });
  return node;
}
