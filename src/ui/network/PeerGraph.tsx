import { useMediaQuery } from "@mantine/hooks";
import { useMemo } from "react";
import type { NetworkInfo } from "../../sdk/api.ts";
import { shortId } from "../pattern/Digest.tsx";
import { Identicon } from "../pattern/Identicon.tsx";
import { useText } from "../text/language.tsx";
import { graphOf, layOut, RELAY } from "./graph.ts";

/** About the size it has on the page, so that names keep theirs. */
const WIDE = { width: 640, heightMax: 400 };
const NARROW = { width: 340, heightMax: 360 };

/** Thick is yours, blue goes through the relay. The same is in a list beside it, for whoever cannot see it. */
export function PeerGraph({ network }: { network: NetworkInfo }) {
  const text = useText();
  const wide = useMediaQuery("(min-width: 48em)") ?? false;
  const { width, heightMax } = wide ? WIDE : NARROW;
  // Round trips and traffic change all the time; the picture changes only with who is linked to whom.
  const shape = JSON.stringify([network.self, network.links.map(({ peer, direct, neighbours }) => [peer, direct, neighbours])]);
  // eslint-disable-next-line react/exhaustive-deps -- `shape` is what of `network` the picture depends on
  const graph = useMemo(() => graphOf(network), [shape]);
  const { height, places } = useMemo(() => layOut(graph, width, heightMax), [graph, width, heightMax]);
  return (
    <>
      <svg className="graph" viewBox={`0 0 ${width} ${height}`} role="img" aria-label={text.network.graph(graph.nodes.length)}>
        {graph.links.map(({ from, to, kind, mine }) => {
          const start = places.get(from)!;
          const end = places.get(to)!;
          return <line key={`${from} ${to}`} className={mine ? `${kind} mine` : kind} x1={start.x} y1={start.y} x2={end.x} y2={end.y} />;
        })}
        {graph.nodes.map(({ id, kind }) => {
          const { x, y } = places.get(id)!;
          if (kind === "relay")
            return (
              <g key={RELAY}>
                <rect className="relay" x={x - 9} y={y - 9} width={18} height={18} rx={2} transform={`rotate(45 ${x} ${y})`} />
                <text x={x} y={y + 30}>
                  {text.network.relay}
                </text>
              </g>
            );
          return (
            <g key={id}>
              {kind === "self" && <circle className="you" cx={x} cy={y} r={21} />}
              <g transform={`translate(${x - 14} ${y - 14})`}>
                <Identicon id={id} kind="peer" size={28} />
              </g>
              <text x={x} y={y + 32} data-you={kind === "self" || undefined}>
                {kind === "self" ? text.network.you : shortId(id)}
              </text>
            </g>
          );
        })}
      </svg>
      <div className="legend">
        <span>
          <svg width="24" height="6" className="graph-key" aria-hidden>
            <path d="M0 3h24" stroke="var(--b-stroke)" strokeWidth="2.6" />
          </svg>
          {text.network.yourLink}
        </span>
        <span>
          <svg width="24" height="6" aria-hidden>
            <path d="M0 3h24" stroke="var(--b-line-strong)" strokeWidth="1.4" />
          </svg>
          {text.network.theirLink}
        </span>
        <span>
          <svg width="24" height="10" aria-hidden>
            <path d="M0 5h24" stroke="var(--b-live-line)" strokeWidth="2" />
            <path d="M12 1l4 4-4 4-4-4z" fill="var(--b-surface)" stroke="var(--b-live-line)" strokeWidth="1.5" />
          </svg>
          {text.network.relayed}
        </span>
      </div>
    </>
  );
}
