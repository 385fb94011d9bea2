/**
 * Who is there: how peers of one chain hear of each other. On `/bothy/1/rendezvous` a tab announces itself to a relay and is told recent peers;
 * on `/bothy/1/peers` neighbours tell each other whom they are linked to. Both speak this one message.
 */
import { decode, encode, type Value } from "./codec.ts";
import { fromHex } from "./identifiers.ts";
import { LIMITS } from "./limits.ts";
import { requireThat } from "./refusal.ts";
import { readList, readMap, readText } from "./schema.ts";

export const RENDEZVOUS_PROTOCOL = "/bothy/1/rendezvous";

export interface Introduction {
  /** Hexadecimal text of the chain's identifier. */
  readonly chain: string;
  /** libp2p peer identifiers, base58 text of Ed25519 keys. */
  readonly peers: readonly string[];
  /** Those of `peers` that send the speaker all that is gossiped, so that nobody else need pass their messages on to it. Only a neighbour says it. */
  readonly hears: readonly string[];
  /** Peers whose connection to the relay just ended: a hint to look whether they are still there. Only a relay says it. */
  readonly left: readonly string[];
}

/** The base58 text of an identity multihash of an Ed25519 key (libp2p peer-ids specification). */
const PEER_ID = /^12D3KooW[1-9A-HJ-NP-Za-km-z]{44}$/;

function isPeerIdText(text: string): boolean {
  return PEER_ID.test(text);
}

/** Lists that are left out are empty. */
export type Introducing = Pick<Introduction, "chain"> & Partial<Introduction>;

/** Lists longer than a peer may say are cut. */
export function encodeIntroduction({ chain, peers = [], hears = [], left = [] }: Introducing): Uint8Array {
  const cut = (list: readonly string[]): readonly string[] => list.slice(0, LIMITS.introducedPeersMax);
  return encode({ chain, peers: cut(peers), hears: cut(hears), left: cut(left) });
}

/** @throws {Refusal} `encoding-invalid`, `schema-invalid`. */
export function decodeIntroduction(bytes: Uint8Array): Introduction {
  const map = readMap(decode(bytes, LIMITS.introductionBytesMax), "introduction", ["chain", "peers", "hears", "left"]);
  const chain = readText(map["chain"], "chain", 64, 64);
  fromHex(chain);
  return { chain, peers: readPeers(map["peers"], "peers"), hears: readPeers(map["hears"], "hears"), left: readPeers(map["left"], "left") };
}

function readPeers(value: Value | undefined, field: string): readonly string[] {
  const list = readList(value, field);
  requireThat(list.length <= LIMITS.introducedPeersMax, "schema-invalid", { field, expected: "fewer" });
  return list.map((item) => {
    const peer = readText(item, field, 64);
    requireThat(isPeerIdText(peer), "schema-invalid", { field, expected: "a peer identifier" });
    return peer;
  });
}
