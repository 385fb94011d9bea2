/** Where peers stand: settled once by d3-force, deterministic for equal links, so that a picture does not dance. */
import { forceCenter, forceCollide, forceLink, forceManyBody, forceSimulation, forceX, forceY, type SimulationNodeDatum } from "d3-force";
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

/** Positions that fill width and height, by id. */
export function layOut(graph: Graph, width: number, height: number): ReadonlyMap<string, { readonly x: number; readonly y: number }> {
  const nodes = graph.nodes.map((node, index): GraphNode & { x: number; y: number } => {
    const angle = (2 * Math.PI * index) / graph.nodes.length;
    return { ...node, x: width / 2 + Math.cos(angle) * 90, y: height / 2 + Math.sin(angle) * 70 };
  });
  const simulation = forceSimulation(nodes)
    .force("charge", forceManyBody().strength(-420))
    .force("centre", forceCenter(width / 2, height / 2))
    .force("x", forceX(width / 2).strength(0.06))
    .force("y", forceY(height / 2).strength(0.1))
    .force("collide", forceCollide(34))
    .force(
      "link",
      forceLink<GraphNode, { source: string; target: string }>(graph.links.map(({ from, to }) => ({ source: from, target: to })))
        .id(({ id }) => id)
        .distance(95),
    )
    .stop();
  simulation.tick(TICKS);
  const fit = (values: readonly number[], most: number): ((value: number) => number) => {
    const low = Math.min(...values);
    const span = Math.max(...values) - low;
    return (value) => (span === 0 ? most / 2 : MARGIN + ((value - low) / span) * (most - 2 * MARGIN));
  };
  const fitX = fit(
    nodes.map(({ x }) => x),
    width,
  );
  const fitY = fit(
    nodes.map(({ y }) => y),
    height,
  );
  return new Map(nodes.map(({ id, x, y }) => [id, { x: fitX(x), y: fitY(y) }]));
}
