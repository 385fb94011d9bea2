/** Who this tab is linked to: connections gathered by peer, with what the peer has said of itself. */
import type { Connection } from "@libp2p/interface";
import { NEIGHBOURS, PINGS } from "./bounds.ts";

export interface Link {
  readonly peer: string;
  /** When the first connection of now came up. */
  readonly sinceMs: number;
  connections: Connection[];
  /** Whether the peer has said that it is for our chain; only then is it a neighbour. */
  introduced: boolean;
  /** Whether it may hear who else is there. */
  admitted: boolean;
  /** The connection that was in use when the peer worker was last told of this link. */
  announced: string | undefined;
  neighbours: readonly string[];
  /** Those of them from whom it says that it hears all gossip. */
  hears: readonly string[];
  roundTripMs: number | null;
  /** When gossip to and from this peer was last found or made whole. */
  gossipAtMs: number;
  pingedAtMs: number;
  missedPings: number;
}

export function isDirect(connection: Connection): boolean {
  return !connection.remoteAddr.toString().includes("/p2p-circuit");
}

/** The relay of a circuit connection. */
export function relayOf(connection: Connection): string | null {
  return /\/p2p\/(\w+)\/p2p-circuit/.exec(connection.remoteAddr.toString())?.[1] ?? null;
}

/** The connection to use: a direct one before a relayed one, an older before a newer. */
export function bestConnection(link: Link | undefined): Connection | undefined {
  const open = link?.connections.filter((connection) => connection.status === "open") ?? [];
  return open.find(isDirect) ?? open[0];
}

/**
 * Direct connections beside a newer one. When a peer's network changes it comes back over a new one, and the old one is dead long before anybody sees it.
 * Both may live as well: each side dialled the other.
 */
export function olderDirect(link: Link, newest: Connection): readonly Connection[] {
  return link.connections.filter((connection) => connection.id !== newest.id && connection.status === "open" && isDirect(connection));
}

/** The connection in use, if the peer worker does not know of it: what was under way on the one before may be lost, so both sides greet anew. */
export function unannounced(link: Link): Connection | undefined {
  const best = link.introduced ? bestConnection(link) : undefined;
  return best?.id === link.announced ? undefined : best;
}

export class Links {
  readonly #links = new Map<string, Link>();

  get(peer: string): Link | undefined {
    return this.#links.get(peer);
  }

  all(): readonly Link[] {
    return [...this.#links.values()];
  }

  /** Neighbours: introduced, and connected now. */
  neighbours(): readonly Link[] {
    return this.all().filter((link) => link.introduced && bestConnection(link) !== undefined);
  }

  add(connection: Connection, nowMs: number): Link {
    const peer = connection.remotePeer.toString();
    let link = this.#links.get(peer);
    if (link === undefined) {
      link = {
        peer,
        sinceMs: nowMs,
        connections: [],
        introduced: false,
        admitted: false,
        announced: undefined,
        neighbours: [],
        hears: [],
        roundTripMs: null,
        gossipAtMs: nowMs,
        // Spread over the period, so that not all are asked at once.
        pingedAtMs: nowMs - Math.random() * PINGS.everyMs,
        missedPings: 0,
      };
      this.#links.set(peer, link);
    }
    link.connections = [...link.connections.filter(({ id }) => id !== connection.id), connection];
    return link;
  }

  /** Gives the link that the connection belonged to, if any; the link leaves with its last connection. */
  remove(connection: Connection): Link | undefined {
    const link = this.#links.get(connection.remotePeer.toString());
    if (link === undefined) return undefined;
    link.connections = link.connections.filter(({ id, status }) => id !== connection.id && status === "open");
    if (link.connections.length === 0) this.#links.delete(link.peer);
    return link;
  }
}

/**
 * Links to give up: the newest of those above the bound, to peers that have enough others; what a peer tells as its neighbours is without the one whom it
 * tells. Of two peers only the smaller one gives a link up, so that not both give up two links at once where one is too many.
 */
export function surplusOf(self: string, neighbours: readonly Pick<Link, "peer" | "neighbours">[]): readonly string[] {
  const spare = neighbours.filter(({ peer, neighbours: theirs }) => self < peer && theirs.length >= NEIGHBOURS.wanted).reverse();
  return spare.slice(0, Math.max(0, neighbours.length - NEIGHBOURS.kept)).map(({ peer }) => peer);
}
