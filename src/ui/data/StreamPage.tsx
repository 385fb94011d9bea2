import { Button, Loader, Menu, SegmentedControl } from "@mantine/core";
import { IconDownload } from "@tabler/icons-react";
import { useState } from "react";
import { Link } from "wouter";
import { READINGS_MAX, type ReadingInfo, type StreamInfo } from "../../sdk/api.ts";
import { useValueText } from "../devices/DeviceTile.tsx";
import { readDescription, unitText } from "../devices/description.ts";
import { Proof } from "../ledger/Proof.tsx";
import { Digest, shortId, Who } from "../pattern/Digest.tsx";
import { download } from "../pattern/download.ts";
import { Answered, Card, PageHead } from "../pattern/Page.tsx";
import { StatCard } from "../pattern/StatCard.tsx";
import { StatusPill } from "../pattern/StatusPill.tsx";
import { useDeed } from "../pattern/use-deed.ts";
import { useAsk, useClient, useNameOf, useNow } from "../shell/peer-context.tsx";
import { useFormat, useLanguage, useText } from "../text/language.tsx";
import { isoTime } from "../text/format.ts";
import { refusalSentence } from "../text/sentences.ts";
import { reachBack, readAllReadings } from "./all-readings.ts";
import { ReadingsChart } from "./ReadingsChart.tsx";
import { numericProperties, readingsToCsv, summaryOf } from "./series.ts";

const SPANS = { hour: 3_600_000, sixHours: 21_600_000, day: 86_400_000, all: Number.POSITIVE_INFINITY } as const;
type Span = keyof typeof SPANS;

function PropertyChart({ readings, property, title }: { readings: readonly ReadingInfo[]; property: string; title: string }) {
  const text = useText();
  const format = useFormat();
  const summary = summaryOf(readings, property);
  if (summary === null) return null;
  const unit = unitText(readings.findLast((reading) => reading.property === property)?.unit);
  const number = (value: number): string => format.number(value, 2);
  return (
    <>
      <Card title={title}>
        <div className="prop-big">
          {number(summary.last)}
          <small>{unit}</small>
        </div>
        <ReadingsChart readings={readings} property={property} title={title} />
      </Card>
      <Card>
        <div className="stats">
          <StatCard
            label={text.data.lowest}
            value={number(summary.lowest)}
            unit={unit}
            source={text.data.of(format.number(summary.count))}
          />
          <StatCard label={text.data.mean} value={number(summary.mean)} unit={unit} source={text.data.of(format.number(summary.count))} />
          <StatCard
            label={text.data.highest}
            value={number(summary.highest)}
            unit={unit}
            source={text.data.of(format.number(summary.count))}
          />
        </div>
      </Card>
    </>
  );
}

function LastReadings({ readings, titleOf }: { readings: readonly ReadingInfo[]; titleOf: (property: string) => string }) {
  const text = useText();
  const format = useFormat();
  const show = useValueText();
  const now = useNow(60_000);
  return (
    <Card title={text.data.last}>
      <ol className="feed">
        {readings
          .slice(-12)
          .toReversed()
          .map(({ timeMs, property, value, unit, sequence, final }) => (
            <li key={`${sequence}${property}${timeMs}`}>
              <time dateTime={isoTime(timeMs)}>{format.feedTime(timeMs, now)}</time>
              <span>
                <span className={final ? undefined : "b-tentative"}>
                  <b>{show(value)}</b> {unitText(unit)}
                </span>
                <small>{titleOf(property)}</small>
              </span>
            </li>
          ))}
      </ol>
    </Card>
  );
}

/** Saves what `read` gives, which may take a while: the button says how far it is. */
function ExportMenu({
  stream,
  disabled,
  deed: { busy, run },
  read,
}: {
  stream: StreamInfo;
  disabled: boolean;
  deed: ReturnType<typeof useDeed>;
  read: (onRead: (count: number) => void) => Promise<readonly ReadingInfo[]>;
}) {
  const text = useText();
  const format = useFormat();
  const [count, setCount] = useState(0);
  const name = stream.name || shortId(stream.stream);
  const save = (write: (readings: readonly ReadingInfo[]) => Promise<void> | void): void =>
    run(async () => {
      setCount(0);
      await write(await read(setCount));
    });
  const saveCsv = (): void => save((readings) => download(`${name}.csv`, readingsToCsv(readings), "text/csv;charset=utf-8"));
  const saveSenml = (): void =>
    save(async (readings) => {
      const { readingsToSenml } = await import("./senml-file.ts");
      download(`${name}.senml`, readingsToSenml(stream.device, readings), "application/senml+json");
    });
  return (
    <Menu position="bottom-end" shadow="md">
      <Menu.Target>
        <Button
          variant="default"
          leftSection={busy ? <Loader size={18} aria-hidden /> : <IconDownload size={18} aria-hidden />}
          disabled={disabled || busy}
          aria-busy={busy}
        >
          {busy ? text.data.exporting(format.number(count)) : text.data.export}
        </Button>
      </Menu.Target>
      <Menu.Dropdown>
        <Menu.Item onClick={saveCsv}>{text.data.asCsv}</Menu.Item>
        <Menu.Item onClick={saveSenml}>{text.data.asSenml}</Menu.Item>
      </Menu.Dropdown>
    </Menu>
  );
}

function StreamView({ stream }: { stream: StreamInfo }) {
  const text = useText();
  const { language } = useLanguage();
  const format = useFormat();
  const now = useNow(5000);
  const nameOf = useNameOf();
  const client = useClient();
  const deed = useDeed();
  const [span, setSpan] = useState<Span>("hour");
  const answer = useAsk("readings", { stream: stream.stream, limit: READINGS_MAX });
  const device = useAsk("device", { device: stream.device }, "once");
  const described = device.value && readDescription(device.value.description, language);
  const deviceName = nameOf(stream.device) ?? (described?.title || null);
  const titleOf = (property: string): string => described?.properties.find(({ name }) => name === property)?.title ?? property;
  const all = answer.value ?? [];
  // Of a stream that has been silent for longer, the span ends with its last reading.
  const end = Math.max(stream.lastMs, 0) || now;
  const fromMs = end - SPANS[span];
  const isInSpan = ({ timeMs }: ReadingInfo): boolean => timeMs >= fromMs;
  const readings = all.filter(isInSpan);
  const isWhole = reachBack(all, fromMs) || stream.readings === 0;
  const readSpan = async (onRead: (count: number) => void): Promise<readonly ReadingInfo[]> =>
    all[0] !== undefined && !isInSpan(all[0]) ? readings : (await readAllReadings(client, stream, onRead)).filter(isInSpan);
  return (
    <>
      <PageHead
        back={{ href: "/data", name: text.places.data }}
        title={deviceName ?? (stream.name || shortId(stream.stream))}
        lede={
          <span className="inline">
            <StatusPill status={stream.status === "open" ? "live" : "offline"} bare>
              {stream.status === "open" ? (stream.lastMs > 0 ? format.ago(stream.lastMs, now) : text.data.nothingYet) : text.data.closed}
            </StatusPill>
            <Digest value={stream.stream} />
          </span>
        }
        action={<ExportMenu stream={stream} disabled={readings.length === 0} deed={deed} read={readSpan} />}
      />
      <SegmentedControl
        className="fit"
        aria-label={text.data.span}
        value={span}
        onChange={(value) => setSpan(value as Span)}
        data={(Object.keys(SPANS) as Span[]).map((value) => ({ value, label: text.data.spans[value] }))}
      />
      {deed.error && <p className="fault">{refusalSentence(text, deed.error)}</p>}
      {answer.state === "ready" && !isWhole && (
        <p className="quiet">{text.data.lastOf(format.number(readings.length), format.number(stream.readings))}</p>
      )}
      <div className="cols">
        <div className="col">
          <Answered answer={answer} skeletonHeight={360}>
            {() =>
              numericProperties(readings).map((property) => (
                <PropertyChart key={property} readings={readings} property={property} title={titleOf(property)} />
              ))
            }
          </Answered>
        </div>
        <div className="col">
          <Card>
            <dl className="b-facts">
              <dt>{text.data.device}</dt>
              <dd>
                <Link href={`/device/${stream.device}`} className="bare">
                  <Who id={stream.device} kind="device" name={deviceName} />
                </Link>
              </dd>
              <dt>{text.devices.owner}</dt>
              <dd>
                <Link href={`/account/${stream.owner}`} className="bare">
                  <Who id={stream.owner} name={nameOf(stream.owner)} />
                </Link>
              </dd>
              <dt>{text.data.onLedger}</dt>
              <dd>{text.data.packs(format.number(stream.packs), format.number(stream.readings))}</dd>
            </dl>
            <p className="quiet">{text.data.plainTells}</p>
          </Card>
          {readings.length > 0 && <LastReadings readings={readings} titleOf={titleOf} />}
          <Proof kind="stream" id={stream.stream} />
        </div>
      </div>
    </>
  );
}

export function StreamPage({ id }: { id: string }) {
  const answer = useAsk("stream", { stream: id });
  return <Answered answer={answer}>{(stream) => <StreamView stream={stream} />}</Answered>;
}
