/** The rendezvous: each tab keeps one stream here, says its chain, and is told of recent peers of it. Bounded in every direction. */
import type { Connection, Stream } from "@libp2p/interface";
import { BoundedMap } from "../src/kit/bounded-map.ts";
import { encodeFrame, FrameReader } from "../src/protocol/frames.ts";
import { decodeIntroduction, encodeIntroduction } from "../src/protocol/introduction.ts";
import { LIMITS } from "../src/protocol/limits.ts";

/** Chains that one relay introduces peers of; a stranger's announcements push out the oldest, not the process. */
const CHAINS_MAX = 256;
const PEERS_PER_CHAIN_MAX = 1024;
/** A tab announces itself on connecting, then asks again while it lacks neighbours: two a second is far above both. */
const ASKS_PER_MINUTE_MAX = 120;
/** A newcomer is announced to this many others at once; the rest hear of it as they ask. */
const ANNOUNCED_TO_MAX = 16;

export class Introducer {
  readonly #chains = new BoundedMap<string, BoundedMap<string, Stream>>(CHAINS_MAX);
  #refused = 0;

  /** Peers at the rendezvous over all chains. */
  get peers(): number {
    let count = 0;
    for (const [, peers] of this.#chains.entries()) count += peers.size;
    return count;
  }

  /** Streams that were cut for a fault or for asking too often. */
  get refused(): number {
    return this.#refused;
  }

  async serve(stream: Stream, connection: Connection): Promise<void> {
    const peer = connection.remotePeer.toString();
    const reader = new FrameReader(LIMITS.introductionBytesMax);
    let asks = ASKS_PER_MINUTE_MAX;
    let refilledMs = Date.now();
    let joined: string | undefined;
    try {
      for await (const bytes of stream) {
        for (const message of reader.push(bytes.subarray())) {
          const nowMs = Date.now();
          asks = Math.min(ASKS_PER_MINUTE_MAX, asks + ((nowMs - refilledMs) * ASKS_PER_MINUTE_MAX) / 60_000) - 1;
          refilledMs = nowMs;
          if (asks < 0) throw new Error("asks too often");
          const { chain } = decodeIntroduction(message);
          if (joined !== chain) this.#leave(joined, peer, stream);
          joined = chain;
          this.#introduce(chain, peer, stream);
        }
      }
    } catch (error) {
      this.#refused++;
      stream.abort(error instanceof Error ? error : new Error("refused"));
    } finally {
      this.#leave(joined, peer, stream);
    }
  }

  #introduce(chain: string, peer: string, stream: Stream): void {
    const peers = this.#chains.get(chain) ?? new BoundedMap<string, Stream>(PEERS_PER_CHAIN_MAX);
    this.#chains.set(chain, peers);
    const isNew = peers.get(peer) !== stream;
    peers.set(peer, stream);
    const others = shuffled([...peers.entries()].filter(([other]) => other !== peer));
    tell(
      stream,
      chain,
      others.slice(0, LIMITS.introducedPeersMax).map(([other]) => other),
    );
    if (isNew) for (const [, other] of others.slice(0, ANNOUNCED_TO_MAX)) tell(other, chain, [peer]);
  }

  #leave(chain: string | undefined, peer: string, stream: Stream): void {
    if (chain === undefined) return;
    const peers = this.#chains.get(chain);
    if (peers?.get(peer) !== stream) return;
    peers.delete(peer);
    if (peers.size === 0) this.#chains.delete(chain);
  }
}

/** A tab that does not read what it asked for is skipped: the next answer holds the same. */
function tell(stream: Stream, chain: string, peers: readonly string[]): void {
  if (stream.status !== "open" || stream.writableNeedsDrain) return;
  stream.send(encodeFrame(encodeIntroduction({ chain, peers })));
}

function shuffled<T>(items: T[]): T[] {
  for (let i = items.length - 1; i > 0; i--) {
    const j = Math.floor(Math.random() * (i + 1));
    [items[i], items[j]] = [items[j]!, items[i]!];
  }
  return items;
}
