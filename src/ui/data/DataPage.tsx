import { SegmentedControl, TextInput } from "@mantine/core";
import { IconChartLine, IconSearch } from "@tabler/icons-react";
import { useState } from "react";
import { Link } from "wouter";
import type { StreamInfo } from "../../sdk/api.ts";
import { useValueText } from "../devices/DeviceTile.tsx";
import { readDescription, unitText } from "../devices/description.ts";
import { shortId } from "../pattern/Digest.tsx";
import { Answered, Card, MoreRows, PageHead, useNone } from "../pattern/Page.tsx";
import { PageState } from "../pattern/PageState.tsx";
import { useList } from "../pattern/use-list.ts";
import { useAsk, useNameOf, useNow, usePeer } from "../shell/peer-context.tsx";
import { useFormat, useLanguage, useText } from "../text/language.tsx";

const PAGE = 50;
const DEVICES = 200;

/** Names of the devices that this peer knows, by identifier: a stream is known by whose it is. */
function useDeviceNames(): (device: string) => string | null {
  const { language } = useLanguage();
  const nameOf = useNameOf();
  const devices = useAsk("devices", { limit: DEVICES });
  const titles = new Map(
    devices.value?.items.map(({ device, description }) => [device, readDescription(description, language).title] as const),
  );
  return (device) => nameOf(device) ?? (titles.get(device) || null);
}

function StreamRow({ stream, device }: { stream: StreamInfo; device: string | null }) {
  const text = useText();
  const format = useFormat();
  const now = useNow();
  const nameOf = useNameOf();
  const show = useValueText();
  const values = Object.entries(stream.values);
  return (
    <Link href={`/stream/${stream.stream}`} className="b-row">
      <span className="b-glyph" data-tone={stream.status === "open" ? "house" : "offline"}>
        <IconChartLine size={20} aria-hidden />
      </span>
      <span className="b-row-main">
        <span>{device ?? (stream.name || shortId(stream.stream))}</span>
        <span>
          {nameOf(stream.owner) ?? shortId(stream.owner)} · {text.data.readings(format.number(stream.readings))}
          {stream.lastMs > 0 && ` · ${format.ago(stream.lastMs, now)}`}
        </span>
      </span>
      <span className="b-row-end">
        {values.slice(0, 2).map(([name, { value, unit }]) => (
          <span key={name}>
            <b>{show(value)}</b> {unitText(unit)}
          </span>
        ))}
        {stream.status === "closed" && text.data.closed}
      </span>
    </Link>
  );
}

export function DataPage() {
  const text = useText();
  const account = usePeer((state) => state.status?.account);
  const [whose, setWhose] = useState<"mine" | "all">("all");
  const [wanted, setWanted] = useState("");
  const none = useNone();
  const deviceName = useDeviceNames();
  const { answer, end } = useList("streams", whose === "all" ? {} : account === undefined ? null : { owner: account }, PAGE);
  return (
    <>
      <PageHead title={text.places.data} lede={text.data.lede} />
      <div className="filters">
        <SegmentedControl
          aria-label={text.devices.whose}
          value={whose}
          onChange={(value) => setWhose(value === "mine" ? "mine" : "all")}
          data={[
            { value: "all", label: text.devices.everybodys },
            { value: "mine", label: text.devices.mine },
          ]}
        />
        <TextInput
          aria-label={text.data.find}
          placeholder={text.data.find}
          leftSection={<IconSearch size={18} aria-hidden />}
          value={wanted}
          onChange={(event) => setWanted(event.currentTarget.value)}
        />
      </div>
      <Answered answer={answer}>
        {({ items }) => {
          const needle = wanted.trim().toLocaleLowerCase();
          const shown = items.filter((stream) =>
            [stream.name, stream.stream, deviceName(stream.device) ?? "", ...Object.keys(stream.values)].some((word) =>
              word.toLocaleLowerCase().includes(needle),
            ),
          );
          if (shown.length === 0)
            return (
              <>
                {items.length === 0 ? (
                  <PageState state="empty" title={none(text.data.none)} why={text.data.noneTells} />
                ) : (
                  <PageState state="empty" title={text.ledger.nothingFound} why={text.data.noMatch(items.length, end.hasMore)} />
                )}
                <MoreRows end={end} />
              </>
            );
          return (
            <Card flush>
              <ul className="b-rows">
                {shown.map((stream) => (
                  <li key={stream.stream}>
                    <StreamRow stream={stream} device={deviceName(stream.device)} />
                  </li>
                ))}
              </ul>
              <MoreRows end={end} />
            </Card>
          );
        }}
      </Answered>
    </>
  );
}
