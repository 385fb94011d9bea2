import { Card } from "../pattern/Page.tsx";
import { useAsk, useNow } from "../shell/peer-context.tsx";
import { isoTime } from "../text/format.ts";
import { useFormat, useText } from "../text/language.tsx";
import type { EventAffordance } from "./description.ts";
import { useValueText } from "./DeviceTile.tsx";

const READINGS = 500;
const SHOWN = 30;

/** What the device has said: its gateway appends events to its stream like readings, under the event's name. */
export function DeviceEvents({ stream, events }: { stream: string | undefined; events: readonly EventAffordance[] }) {
  const text = useText();
  const format = useFormat();
  const show = useValueText();
  const now = useNow(60_000);
  const readings = useAsk("readings", stream === undefined ? null : { stream, limit: READINGS });
  const titles = new Map(events.map(({ name, title }) => [name, title]));
  const said = (readings.value ?? []).filter(({ property }) => titles.has(property)).toReversed();
  return (
    <Card title={text.devices.tabs.events}>
      {said.length === 0 ? (
        <p className="quiet">{text.devices.noEvents}</p>
      ) : (
        <ol className="feed">
          {said.slice(0, SHOWN).map(({ timeMs, property, value, sequence, final }) => (
            <li key={`${sequence} ${property} ${timeMs}`}>
              <time dateTime={isoTime(timeMs)}>{format.feedTime(timeMs, now)}</time>
              <span className={final ? undefined : "b-tentative"}>
                <b>{titles.get(property)}</b>
                <small>{show(value)}</small>
              </span>
            </li>
          ))}
        </ol>
      )}
    </Card>
  );
}
