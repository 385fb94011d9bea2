/** The rendezvous: each tab keeps one stream here, says its chain, and is told of recent peers of it. Bounded in every direction. */
import type { Connection, Stream } from "@libp2p/interface";
import { BoundedMap } from "../src/kit/bounded-map.ts";
import { TokenBucket } from "../src/kit/token-bucket.ts";
import { encodeFrame, FrameReader } from "../src/protocol/frames.ts";
import { decodeIntroduction, encodeIntroduction, type Introducing } from "../src/protocol/introduction.ts";
import { LIMITS } from "../src/protocol/limits.ts";

/** Chains that one relay introduces peers of; a stranger's announcements push out the oldest, not the process. */
const CHAINS_MAX = 256;
const PEERS_PER_CHAIN_MAX = 1024;
/** A tab announces itself on connecting, then asks every three seconds while it lacks neighbours. */
const ASKS = { capacity: 60, perSecond: 2 } as const;
/** Who comes or goes is announced to this many others at once; the rest hear of it as they ask. */
const ANNOUNCED_TO_MAX = 32;

export class Introducer {
  readonly #chains = new BoundedMap<string, BoundedMap<string, Stream>>(CHAINS_MAX);
  /** Streams that were cut for a fault or for asking too often. */
  refused = 0;

  /** Peers at the rendezvous over all chains. */
  get peers(): number {
    return [...this.#chains.entries()].reduce((sum, [, peers]) => sum + peers.size, 0);
  }

  async serve(stream: Stream, connection: Connection): Promise<void> {
    const peer = connection.remotePeer.toString();
    const reader = new FrameReader(LIMITS.introductionBytesMax);
    const asks = new TokenBucket({ ...ASKS, nowMs: Date.now() });
    let joined: string | undefined;
    try {
      for await (const bytes of stream) {
        for (const message of reader.push(bytes.subarray())) {
          if (!asks.take(1, Date.now())) throw new Error("asks too often");
          const { chain } = decodeIntroduction(message);
          if (joined !== chain) this.#leave(joined, peer, stream);
          joined = chain;
          this.#introduce(chain, peer, stream);
        }
      }
      // Whoever has said all on a stream takes no place for another one.
      await stream.close();
    } catch (error) {
      // A connection that breaks is no fault of anybody's.
      if (stream.status === "open") this.refused++;
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
    tell(stream, { chain, peers: this.#others(chain, peer, LIMITS.introducedPeersMax).map(([other]) => other) });
    if (isNew) for (const [, other] of this.#others(chain, peer, ANNOUNCED_TO_MAX)) tell(other, { chain, peers: [peer] });
  }

  #leave(chain: string | undefined, peer: string, stream: Stream): void {
    const peers = this.#chains.get(chain ?? "");
    if (chain === undefined || peers?.get(peer) !== stream) return;
    peers.delete(peer);
    if (peers.size === 0) this.#chains.delete(chain);
    for (const [, other] of this.#others(chain, peer, ANNOUNCED_TO_MAX)) tell(other, { chain, left: [peer] });
  }

  /** At most `count` others of the chain, from a random place on: over several asks one hears of all. */
  #others(chain: string, peer: string, count: number): readonly (readonly [string, Stream])[] {
    const others = [...(this.#chains.get(chain)?.entries() ?? [])].filter(([other]) => other !== peer);
    const start = Math.floor(Math.random() * others.length);
    return [...others.slice(start), ...others.slice(0, start)].slice(0, count);
  }
}

/** A tab that does not read what it asked for is skipped: the next answer holds the same. */
function tell(stream: Stream, introduction: Introducing): void {
  if (stream.status === "open" && !stream.writableNeedsDrain) stream.send(encodeFrame(encodeIntroduction(introduction)));
}
