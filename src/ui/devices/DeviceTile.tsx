import { IconBulb, IconCamera, IconCpu, IconDeviceMobile, IconDoor, IconTemperature, IconWashMachine } from "@tabler/icons-react";
import { Link } from "wouter";
import type { DeviceInfo, Value } from "../../sdk/api.ts";
import { ownOf } from "../pattern/data-schema.ts";
import { Sparkline } from "../pattern/Sparkline.tsx";
import { StatusPill } from "../pattern/StatusPill.tsx";
import { useAsk, useNameOf, useNow } from "../shell/peer-context.tsx";
import { useFormat, useLanguage, useText } from "../text/language.tsx";
import { valueText } from "../text/sentences.ts";
import { readDescription, unitText, type DeviceKind } from "./description.ts";
import { useLive } from "./gateway.tsx";

export const DEVICE_ICONS: Record<DeviceKind, typeof IconCpu> = {
  lamp: IconBulb,
  thermometer: IconTemperature,
  washer: IconWashMachine,
  phone: IconDeviceMobile,
  camera: IconCamera,
  door: IconDoor,
  other: IconCpu,
};

/** How a device is, in a status word: offline is silent for longer than its lease, or said to be away. */
export function presenceOf(
  device: Pick<DeviceInfo, "status" | "lastSeenMs" | "leaseMs">,
  here: boolean,
  nowMs: number,
): "live" | "mending" | "offline" {
  if (here) return "live";
  if (device.status === "maintenance") return "mending";
  return device.status !== "active" || nowMs - device.lastSeenMs > device.leaseMs ? "offline" : "live";
}

/** A value as people read it: on and off, and numbers without a tail of digits. */
export function useValueText(): (value: Value | undefined) => string {
  const text = useText();
  const format = useFormat();
  return (value) => {
    if (value === undefined || value === null) return "–";
    if (typeof value === "boolean") return value ? text.devices.on : text.devices.off;
    if (typeof value === "number") return format.number(value, 2);
    return valueText(value);
  };
}

function DeviceTile({ device }: { device: DeviceInfo }) {
  const text = useText();
  const format = useFormat();
  const now = useNow();
  const nameOf = useNameOf();
  const show = useValueText();
  const stream = device.streams[0];
  const readings = useAsk("readings", stream === undefined ? null : { stream, limit: 60 });
  const { language } = useLanguage();
  const description = readDescription(device.description, language);
  const live = useLive(
    device.device,
    description.properties.map(({ name }) => name),
  );
  const first =
    description.properties.find(({ name }) => Object.hasOwn(device.values, name) || (live !== null && Object.hasOwn(live.values, name))) ??
    description.properties[0];
  const value = first && (ownOf(live?.values ?? {}, first.name) ?? ownOf(device.values, first.name)?.value);
  const series = (readings.value ?? []).filter(
    ({ property, value: read }) => property === first?.name && (typeof read === "number" || typeof read === "boolean"),
  );
  const presence = presenceOf(device, live !== null, now);
  const silent = presence !== "live";
  const Icon = DEVICE_ICONS[description.kind];
  const name = nameOf(device.device) ?? (description.title || text.devices.unnamed);
  return (
    <Link href={`/device/${device.device}`} className="b-card tile" data-off={silent || undefined}>
      <span className="tile-top">
        <span className="b-glyph" data-tone={silent ? "offline" : "house"}>
          <Icon size={20} stroke={1.7} aria-hidden />
        </span>
        {silent ? (
          <StatusPill status={presence} bare />
        ) : (
          <StatusPill status="live" bare>
            {device.lastSeenMs > 0 ? format.age(device.lastSeenMs, now) : text.status.live.word}
          </StatusPill>
        )}
      </span>
      <span className="tile-names">
        <span className="tile-name">{name}</span>
        <small>{first?.title ?? first?.name ?? text.devices.noProperties}</small>
      </span>
      <span className="tile-value">
        {show(value)}
        {value !== undefined && <small>{unitText(first?.unit)}</small>}
      </span>
      <Sparkline
        values={series.map(({ value: read }) => Number(read))}
        tentative={series.filter(({ final }) => !final).length}
        tone={silent ? "offline" : "house"}
        until={silent ? 0.8 : 1}
        label={text.devices.sparkline(name)}
      />
    </Link>
  );
}

export function DeviceTiles({ devices }: { devices: readonly DeviceInfo[] }) {
  return (
    <ul className="tiles">
      {devices.map((device) => (
        <li key={device.device}>
          <DeviceTile device={device} />
        </li>
      ))}
    </ul>
  );
}
