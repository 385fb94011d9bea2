import { useMediaQuery } from "@mantine/hooks";
import { IconPlayerPlay } from "@tabler/icons-react";
import { useState, type ReactNode } from "react";
import { Link } from "wouter";
import type { DeviceInfo } from "../../sdk/api.ts";
import { Digest, Who } from "../pattern/Digest.tsx";
import { Answered, Card, PageHead } from "../pattern/Page.tsx";
import { Proof } from "../ledger/Proof.tsx";
import { SchemaForm } from "../pattern/SchemaForm.tsx";
import { StatusPill } from "../pattern/StatusPill.tsx";
import { useDeed } from "../pattern/use-deed.ts";
import { TabBar, tabId } from "../pattern/TabBar.tsx";
import { useAsk, useNameOf, useNow, usePeer } from "../shell/peer-context.tsx";
import { useFormat, useLanguage, useText } from "../text/language.tsx";
import { refusalSentence } from "../text/sentences.ts";
import { readDescription, type ActionAffordance, type Description } from "./description.ts";
import { DeviceEvents } from "./DeviceEvents.tsx";
import { DeviceMenu } from "./DeviceMenu.tsx";
import { DEVICE_ICONS, presenceOf } from "./DeviceTile.tsx";
import { PropertyCard } from "./PropertyCard.tsx";
import { SilentSensors } from "./SensorChoice.tsx";
import { useGateway, useLive, type Live } from "./gateway.tsx";

const TABS = ["state", "actions", "events", "about"] as const;
type Tab = (typeof TABS)[number];

function ActionCard({ live, action }: { live: Live | null; action: ActionAffordance }) {
  const text = useText();
  const gateway = useGateway();
  const { busy, error, run } = useDeed();
  return (
    <Card title={action.title}>
      {action.description && <p className="quiet">{action.description}</p>}
      <SchemaForm
        schema={action.input}
        label={action.title}
        variant="default"
        disabled={live === null || busy}
        verb={
          <>
            <IconPlayerPlay size={17} aria-hidden /> {action.title}
          </>
        }
        onSubmit={(input) => {
          if (gateway !== null && live !== null) run(() => gateway.invokeAction(live.key, action.name, input));
        }}
      />
      {live === null && <p className="quiet">{text.devices.notHere}</p>}
      {error && <p className="fault">{refusalSentence(text, error)}</p>}
    </Card>
  );
}

function About({ device, description }: { device: DeviceInfo; description: Description }) {
  const text = useText();
  const format = useFormat();
  const nameOf = useNameOf();
  const account = usePeer((state) => state.status?.account);
  return (
    <>
      <Card title={text.devices.about}>
        {description.description && <p>{description.description}</p>}
        <dl className="b-facts">
          <dt>{text.devices.owner}</dt>
          <dd>
            <Link href={`/account/${device.owner}`} className="bare">
              <Who id={device.owner} name={nameOf(device.owner)} you={device.owner === account} />
            </Link>
          </dd>
          <dt>{text.devices.registered}</dt>
          <dd>{format.dateTime(device.registeredMs)}</dd>
          <dt>{text.devices.lease}</dt>
          <dd>{format.span(device.leaseMs)}</dd>
          <dt>{text.devices.descriptionDigest}</dt>
          <dd>
            <Digest value={device.digest} />
          </dd>
        </dl>
        <details>
          <summary>{text.devices.description}</summary>
          <pre className="diff">{device.description}</pre>
        </details>
      </Card>
      <Proof kind="device" id={device.device} />
    </>
  );
}

function DeviceView({ device }: { device: DeviceInfo }) {
  const text = useText();
  const format = useFormat();
  const now = useNow();
  const nameOf = useNameOf();
  const account = usePeer((state) => state.status?.account);
  const [tab, setTab] = useState<Tab>("state");
  const wide = useMediaQuery("(min-width: 56em)") ?? false;
  const { language } = useLanguage();
  const description = readDescription(device.description, language);
  const live = useLive(
    device.device,
    description.properties.map(({ name }) => name),
  );
  // The first that is said to be a number; without such words the first may turn out to be one.
  const charted = Math.max(
    0,
    description.properties.findIndex(({ type }) => type === "number" || type === "integer"),
  );
  const Icon = DEVICE_ICONS[description.kind];
  const presence = presenceOf(device, live !== null, now);
  const parts: Record<Tab, ReactNode> = {
    state: (
      <>
        {live !== null && <SilentSensors parts={live.parts} />}
        {description.properties.length === 0 && <Card>{text.devices.noProperties}</Card>}
        <div className="props">
          {description.properties.map((property, index) => (
            <PropertyCard
              key={property.name}
              device={device}
              property={property}
              live={live}
              big={index === 0}
              charted={index === charted}
            />
          ))}
        </div>
      </>
    ),
    actions: description.actions.map((action) => <ActionCard key={action.name} live={live} action={action} />),
    events: <DeviceEvents stream={device.streams[0]} events={description.events} />,
    about: <About device={device} description={description} />,
  };
  return (
    <>
      <PageHead
        back={{ href: "/devices", name: text.places.devices }}
        title={
          <span className="titled">
            <span className="b-glyph" data-tone={presence === "live" ? "house" : "offline"}>
              <Icon size={26} stroke={1.7} aria-hidden />
            </span>
            {nameOf(device.device) ?? (description.title || text.devices.unnamed)}
          </span>
        }
        lede={
          <span className="inline">
            {device.status === "retired" ? (
              <StatusPill status="refused">{text.devices.retired}</StatusPill>
            ) : (
              <StatusPill status={presence} bare />
            )}
            {device.lastSeenMs > 0 && <span>{format.ago(device.lastSeenMs, now)}</span>}
            <Digest value={device.device} />
          </span>
        }
        action={device.owner === account && device.status !== "retired" && <DeviceMenu device={device} />}
      />
      {!wide && (
        <TabBar names={TABS} chosen={tab} label={text.devices.parts} panel="device-parts" said={text.devices.tabs} onChoose={setTab} />
      )}
      {wide ? (
        <div className="cols">
          <div className="col">{parts.state}</div>
          <div className="col">
            {parts.actions}
            {parts.events}
            {parts.about}
          </div>
        </div>
      ) : (
        <div className="col" role="tabpanel" id="device-parts" aria-labelledby={tabId("device-parts", tab)}>
          {parts[tab]}
        </div>
      )}
    </>
  );
}

export function DevicePage({ id }: { id: string }) {
  const answer = useAsk("device", { device: id });
  return <Answered answer={answer}>{(device) => <DeviceView device={device} />}</Answered>;
}
