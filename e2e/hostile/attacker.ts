/** Somebody who speaks libp2p to the relay and, through it, to tabs, and keeps to no rule above that. */
import "../../tools/vitest-setup.ts";
import { circuitRelayTransport } from "@libp2p/circuit-relay-v2";
import { generateKeyPairFromSeed } from "@libp2p/crypto/keys";
import { RPC } from "@libp2p/gossipsub/message";
import { identify } from "@libp2p/identify";
import type { Connection, Stream } from "@libp2p/interface";
import { noise } from "@libp2p/noise";
import { ping } from "@libp2p/ping";
import { webSockets } from "@libp2p/websockets";
import { yamux } from "@libp2p/yamux";
import { multiaddr } from "@multiformats/multiaddr";
import { createLibp2p, type Libp2p } from "libp2p";
import { WebSocket } from "ws";
import { concatBytes } from "../../src/kit/bytes.ts";
import { encodeFrame } from "../../src/protocol/frames.ts";
import { encodeIntroduction } from "../../src/protocol/introduction.ts";

export const GOSSIP_PROTOCOL = "/meshsub/1.2.0";

globalThis.WebSocket ??= WebSocket as unknown as typeof globalThis.WebSocket;

export class Attacker {
  readonly id: string;
  readonly #node: Libp2p;

  private constructor(node: Libp2p) {
    this.#node = node;
    this.id = node.peerId.toString();
  }

  /** `seed` is its identity, of 32 bytes. */
  static async create(seed: Uint8Array): Promise<Attacker> {
    const node = await createLibp2p({
      privateKey: await generateKeyPairFromSeed("Ed25519", seed),
      transports: [webSockets(), circuitRelayTransport()],
      connectionEncrypters: [noise()],
      streamMuxers: [yamux()],
      services: { identify: identify(), ping: ping() },
    });
    return new Attacker(node);
  }

  /** A connection to the relay itself. */
  dial(relay: string): Promise<Connection> {
    return this.#node.dial(multiaddr(relay));
  }

  /** A connection to a tab through the relay. Rejects if the tab refuses it. */
  async dialTab(relay: string, peer: string): Promise<Connection> {
    return this.#node.dial(multiaddr(`${relay}/p2p-circuit/p2p/${peer}`));
  }

  async stop(): Promise<void> {
    await this.#node.stop();
  }
}

export function open(connection: Connection, protocol: string): Promise<Stream> {
  return connection.newStream(protocol, { runOnLimitedConnection: true });
}

/** Bytes as they are, below the frames. Gives the stream, which stays open. */
export async function sendRaw(connection: Connection, protocol: string, bytes: Uint8Array): Promise<Stream> {
  const stream = await open(connection, protocol);
  stream.send(bytes);
  return stream;
}

export const framesOf = (messages: readonly Uint8Array[]): Uint8Array => concatBytes(...messages.map(encodeFrame));

/** Says that it is of this chain, so that the tab listens to it. */
export function introduce(connection: Connection, chain: string): Promise<Stream> {
  return sendRaw(connection, "/bothy/1/peers", framesOf([encodeIntroduction({ chain })]));
}

/** An unsigned length as protocol buffers write it, before the bytes. */
function prefixed(bytes: Uint8Array): Uint8Array {
  const prefix: number[] = [];
  let rest = bytes.length;
  for (; rest > 127; rest >>>= 7) prefix.push((rest & 127) | 128);
  return concatBytes(Uint8Array.of(...prefix, rest), bytes);
}

/** What a router says when it is new: which topics it listens to. */
export function subscriptionBytes(chain: string): Uint8Array {
  return prefixed(
    RPC.encode({
      subscriptions: ["transactions", "consensus"].map((topic) => ({ subscribe: true, topic: topicOf(chain, topic) })),
      messages: [],
    }),
  );
}

/** Gossip as a router sends it; `copy` (0 to 255) makes the same bytes a new message. */
export function gossipBytes(
  chain: string,
  gossiped: readonly { readonly topic: string; readonly bytes: Uint8Array }[],
  copy: number,
): Uint8Array {
  const messages = gossiped.map(({ topic, bytes }) => ({ topic: topicOf(chain, topic), data: concatBytes(Uint8Array.of(copy), bytes) }));
  return prefixed(RPC.encode({ subscriptions: [], messages }));
}

const topicOf = (chain: string, topic: string): string => `/bothy/1/${chain}/${topic}`;
