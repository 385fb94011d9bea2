/** Where peers stand: settled once by d3-force, deterministic for equal links, so that a picture does not dance. */
import { forceCollide, forceLink, forceManyBody, forceSimulation, forceX, forceY, type SimulationNodeDatum } from "d3-force";
import type { NetworkInfo } from "../../sdk/api.ts";

export interface GraphNode extends SimulationNodeDatum {
  readonly id: string;
  readonly kind: "self" | "peer" | "relay";
}
export interface GraphLink {
  readonly from: string;
  readonly to: string;
  readonly kind: "direct" | "relayed";
  readonly mine: boolean;
}
export interface Graph {
  readonly nodes: readonly GraphNode[];
  readonly links: readonly GraphLink[];
}

export const RELAY = "relay";

/** Peers known by own links and by what neighbours say of theirs. A relayed link bends through the relay. */
export function graphOf(network: NetworkInfo): Graph {
  const links = new Map<string, GraphLink>();
  const peers = new Set<string>([network.self]);
  const put = (link: GraphLink): void => {
    const key = [link.from, link.to].toSorted().join(" ");
    if (!links.has(key)) links.set(key, link);
  };
  const relayed = network.links.some(({ direct }) => !direct) || network.relays.some(({ state }) => state === "linked");
  for (const { peer, direct } of network.links) {
    peers.add(peer);
    if (direct) put({ from: network.self, to: peer, kind: "direct", mine: true });
    else put({ from: RELAY, to: peer, kind: "relayed", mine: true });
  }
  for (const { peer, neighbours } of network.links)
    for (const other of neighbours) {
      if (other === network.self) continue;
      peers.add(other);
      put({ from: peer, to: other, kind: "direct", mine: false });
    }
  if (relayed) put({ from: network.self, to: RELAY, kind: "relayed", mine: true });
  const nodes = [...peers].toSorted().map((id): GraphNode => ({ id, kind: id === network.self ? "self" : "peer" }));
  return { nodes: relayed ? [...nodes, { id: RELAY, kind: "relay" }] : nodes, links: [...links.values()] };
}

const TICKS = 220;
/** Room for a mark and its name at the edge. */
const MARGIN = 36;
/** Few peers stand near each other: a long line between two of them would mean nothing. */
const SCALE_MAX = 1.4;
const HEIGHT_MIN = 160;

export interface Layout {
  readonly height: number;
  /** By identifier. */
  readonly places: ReadonlyMap<string, { readonly x: number; readonly y: number }>;
}

/** Oneself in the middle amid one's links, the others around; as high as it needs to be, up to `heightMax`. */
export function layOut(graph: Graph, width: number, heightMax: number): Layout {
  const nodes = graph.nodes.map((node, index): GraphNode & { x: number; y: number } => {
    const angle = (2 * Math.PI * index) / graph.nodes.length;
    return { ...node, x: Math.cos(angle) * 90, y: Math.sin(angle) * 70, ...(node.kind === "self" ? { fx: 0, fy: 0 } : {}) };
  });
  const simulation = forceSimulation(nodes)
    .force("charge", forceManyBody().strength(-420))
    .force("x", forceX(0).strength(0.06))
    .force("y", forceY(0).strength(0.1))
    .force("collide", forceCollide(34))
    .force(
      "link",
      forceLink<GraphNode, { source: string; target: string }>(graph.links.map(({ from, to }) => ({ source: from, target: to })))
        .id(({ id }) => id)
        .distance(95),
    )
    .stop();
  simulation.tick(TICKS);
  const [xs, ys] = [nodes.map(({ x }) => x), nodes.map(({ y }) => y)];
  const [top, bottom] = [Math.min(...ys), Math.max(...ys)];
  const scaleOf = (room: number, span: number): number => (span === 0 ? 1 : Math.min(SCALE_MAX, (room - 2 * MARGIN) / span));
  const scaleX = scaleOf(width, 2 * Math.max(...xs.map(Math.abs)));
  const scaleY = scaleOf(heightMax, bottom - top);
  const height = Math.max(HEIGHT_MIN, Math.ceil((bottom - top) * scaleY + 2 * MARGIN));
  const middle = (top + bottom) / 2;
  const places = new Map(nodes.map(({ id, x, y }) => [id, { x: width / 2 + x * scaleX, y: height / 2 + (y - middle) * scaleY }]));
  return { height, places };
}
