import { useEffect, useState } from "react";
import type { Value } from "../../sdk/api.ts";
import { Card } from "../pattern/Page.tsx";
import { useAsk, usePeer } from "../shell/peer-context.tsx";
import { useFormat, useText } from "../text/language.tsx";
import { valueText } from "../text/sentences.ts";
import type { EventAffordance } from "./description.ts";
import { useGateway } from "./gateway.tsx";

interface Said {
  readonly name: string;
  readonly data: Value;
  readonly timeMs: number;
}

const SHOWN = 30;

/** What the device says: heard by the driver in this tab, and what the ledger tells of it. */
export function DeviceEvents({ device, events }: { device: string; events: readonly EventAffordance[] }) {
  const text = useText();
  const format = useFormat();
  const gateway = useGateway();
  const ready = usePeer((state) => state.status?.ready ?? false);
  const records = useAsk("records", ready ? { about: device, limit: SHOWN } : null);
  const [heard, setHeard] = useState<readonly Said[]>([]);
  useEffect(
    () =>
      gateway?.subscribe((update) => {
        if (update.kind !== "event" || update.device !== device) return;
        setHeard((before) => [{ name: update.event, data: update.data, timeMs: update.timeMs }, ...before].slice(0, SHOWN));
      }),
    [gateway, device],
  );
  const recorded = (records.value?.items ?? []).map(({ kind, note, timeMs }): Said => ({ name: kind, data: note, timeMs }));
  const shown = [...heard, ...recorded].toSorted((a, b) => b.timeMs - a.timeMs).slice(0, SHOWN);
  const titleOf = (name: string): string => events.find((event) => event.name === name)?.title ?? name;
  return (
    <Card title={text.devices.tabs.events}>
      {shown.length === 0 ? (
        <p className="quiet">{text.devices.noEvents}</p>
      ) : (
        <ol className="feed">
          {shown.map((said) => (
            <li key={`${said.timeMs}${said.name}`}>
              <time dateTime={new Date(said.timeMs).toISOString()}>{format.time(said.timeMs)}</time>
              <span>
                <b>{titleOf(said.name)}</b>
                <small>{said.data === null ? "" : valueText(said.data)}</small>
              </span>
            </li>
          ))}
        </ol>
      )}
    </Card>
  );
}
