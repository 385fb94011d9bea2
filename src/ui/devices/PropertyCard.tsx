import { Switch } from "@mantine/core";
import { useMemo } from "react";
import { Link } from "wouter";
import type { DeviceInfo, Value } from "../../sdk/api.ts";
import { ReadingsChart } from "../data/ReadingsChart.tsx";
import { ownOf } from "../pattern/data-schema.ts";
import { SchemaForm } from "../pattern/SchemaForm.tsx";
import { Sparkline } from "../pattern/Sparkline.tsx";
import { StatusPill } from "../pattern/StatusPill.tsx";
import { useDeed } from "../pattern/use-deed.ts";
import { useAsk, useNow } from "../shell/peer-context.tsx";
import { useFormat, useText } from "../text/language.tsx";
import { refusalSentence } from "../text/sentences.ts";
import { unitText, type PropertyAffordance } from "./description.ts";
import { useValueText } from "./DeviceTile.tsx";
import { useGateway, type Live } from "./gateway.tsx";

const POINTS = 400;

/** What a driver takes: SenML has numbers, texts and booleans. */
function isPlain(value: Value): value is number | string | boolean {
  return typeof value === "number" || typeof value === "string" || typeof value === "boolean";
}

/** What a writable property of a device driven in this tab is set with. */
function PropertyInput({ live, property, value }: { live: Live; property: PropertyAffordance; value: Value | undefined }) {
  const text = useText();
  const gateway = useGateway();
  const { busy, error, run } = useDeed();
  const title = property.title ?? property.name;
  const write = (next: Value): void => {
    if (gateway !== null && isPlain(next)) run(() => gateway.writeProperty(live.key, property.name, next));
  };
  return (
    <>
      {property.type === "boolean" ? (
        <Switch size="lg" label={title} checked={value === true} disabled={busy} onChange={(event) => write(event.currentTarget.checked)} />
      ) : (
        <SchemaForm
          schema={property}
          label={title}
          value={value}
          variant="default"
          verb={text.devices.set}
          disabled={busy}
          onSubmit={write}
        />
      )}
      {error && <p className="fault">{refusalSentence(text, error)}</p>}
    </>
  );
}

/** One property as the Thing Description gives it: its value, its past, and an input where it may be written here. */
export function PropertyCard({
  device,
  property,
  live,
  big,
  charted,
}: {
  device: DeviceInfo;
  property: PropertyAffordance;
  live: Live | null;
  big: boolean;
  /** Its numbers are drawn with axes, and not as a line for a glance. */
  charted: boolean;
}) {
  const text = useText();
  const format = useFormat();
  const now = useNow();
  const show = useValueText();
  const stream = device.streams[0];
  const readings = useAsk("readings", stream === undefined ? null : { stream, limit: POINTS });
  const series = useMemo(
    () => (readings.value ?? []).filter(({ property: name, value }) => name === property.name && typeof value === "number"),
    [readings.value, property.name],
  );
  const numbers = series.map(({ value }) => value as number);
  const stored = ownOf(device.values, property.name);
  const value = ownOf(live?.values ?? {}, property.name) ?? stored?.value;
  // A value that a driver here has read stands ahead of the ledger until a block carries it.
  const ahead = live !== null && value !== undefined && stored !== undefined && JSON.stringify(stored.value) !== JSON.stringify(value);
  const title = property.title ?? property.name;
  return (
    <section
      className="b-card prop"
      data-big={big || undefined}
      data-charted={charted || undefined}
      data-tentative={ahead || undefined}
      aria-label={title}
    >
      <div className="prop-top">
        <h2>{title}</h2>
        {ahead ? <StatusPill status="tentative" bare /> : stored && <span className="quiet">{format.ago(stored.timeMs, now)}</span>}
      </div>
      {property.description && big && <p className="quiet">{property.description}</p>}
      <div className={big ? "prop-big" : "tile-value"}>
        <span className={ahead ? "b-tentative" : undefined}>{show(value)}</span>
        {value !== undefined && <small>{unitText(property.unit ?? stored?.unit)}</small>}
      </div>
      {numbers.length > 1 && (
        <>
          {charted ? (
            <ReadingsChart readings={series} property={property.name} title={title} />
          ) : (
            <Sparkline
              values={numbers}
              width={big ? 480 : 160}
              height={big ? 96 : 36}
              tentative={series.filter(({ final }) => !final).length}
              label={text.devices.sparkline(title)}
            />
          )}
          <div className="tile-foot">
            <span>
              {text.devices.range(format.number(Math.min(...numbers), 1), format.number(Math.max(...numbers), 1), numbers.length)}
            </span>
            {(big || charted) && (
              <Link className="more-link" href={`/stream/${stream}`}>
                {text.devices.history}
              </Link>
            )}
          </div>
        </>
      )}
      {live !== null && !property.readOnly && <PropertyInput live={live} property={property} value={value} />}
    </section>
  );
}
