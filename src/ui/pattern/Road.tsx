import { IconCheck, IconX } from "@tabler/icons-react";
import { useText } from "../text/language.tsx";

export type RoadState = "under-way" | "final" | "recovered" | "refused";
export interface RoadStop {
  readonly at?: string | undefined;
  readonly note?: string | undefined;
}
type Mark = "done" | "refused" | "now" | "ahead";

const STOPS = [0, 1, 2, 3] as const;

/** Solid = behind it, dashed = under way, hollow = ahead. When refused, the stop after `reached` is where it ended. */
function markOf(stop: number, reached: number, state: RoadState): Mark {
  if (stop < reached) return "done";
  if (stop > reached) return "ahead";
  return state === "refused" ? "refused" : state === "under-way" ? "now" : "ahead";
}

const stateOf = (reached: number, state: RoadState | undefined): RoadState => state ?? (reached === 4 ? "final" : "under-way");

/** The road of a transaction; `reached` counts the stops behind it (0 to 4). */
export function Road({
  reached,
  state: given,
  stops = [],
}: {
  reached: number;
  state?: RoadState | undefined;
  stops?: readonly RoadStop[];
}) {
  const { road } = useText();
  const state = stateOf(reached, given);
  return (
    <ol className="b-road" data-state={state} aria-label={road.label}>
      {STOPS.map((stop) => {
        const mark = markOf(stop, reached, state);
        const name = stop === 3 && state === "recovered" ? road.recovered : mark === "refused" ? road.refused : road.stops[stop];
        return (
          <li key={stop} data-mark={mark} aria-current={mark === "now" ? "step" : undefined}>
            <span className="b-road-dot">
              {mark === "done" && <IconCheck size={14} stroke={3} aria-hidden />}
              {mark === "refused" && <IconX size={14} stroke={3} aria-hidden />}
            </span>
            <span className="b-road-name">
              {name}
              <span className="b-sr">{road.marks[mark]}</span>
            </span>
            {stops[stop]?.at && <span className="b-road-at">{stops[stop].at}</span>}
            {stops[stop]?.note && <span className="b-road-note">{stops[stop].note}</span>}
          </li>
        );
      })}
    </ol>
  );
}

/** The same road in a list row: four short bars and a word. */
export function RoadMark({ reached, state: given }: { reached: number; state?: RoadState | undefined }) {
  const { road } = useText();
  const state = stateOf(reached, given);
  const word =
    state === "refused" ? road.refused : state === "recovered" ? road.recovered : road.stops[Math.max(0, Math.min(3, reached - 1)) as 0];
  return (
    <span className="b-roadmark" data-state={state}>
      <span className="b-roadmark-bars" aria-hidden>
        {STOPS.map((stop) => (
          <i key={stop} data-mark={markOf(stop, reached, state)} />
        ))}
      </span>
      {word}
    </span>
  );
}
