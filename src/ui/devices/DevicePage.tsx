import { Button, Menu } from "@mantine/core";
import { useMediaQuery } from "@mantine/hooks";
import { IconDots, IconPlayerPlay } from "@tabler/icons-react";
import { useState, type ReactNode } from "react";
import { Link } from "wouter";
import type { DeviceInfo } from "../../sdk/api.ts";
import { Confirm, type Question } from "../pattern/Confirm.tsx";
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
import { DEVICE_ICONS, isSilent } from "./DeviceTile.tsx";
import { PropertyCard } from "./PropertyCard.tsx";
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

function DeviceMenu({ device, mine }: { device: DeviceInfo; mine: boolean }) {
  const text = useText();
  const [question, setQuestion] = useState<Question | null>(null);
  const send = usePeer((state) => state.send);
  if (!mine || device.status === "retired") return null;
  const away = device.status !== "active";
  const setStatus = (): void => {
    const status = away ? "active" : "maintenance";
    send(text.devices.setStatus[status], [{ operation: "device.setStatus", arguments: { device: device.device, status } }]).catch(
      () => undefined,
    );
  };
  return (
    <>
      <Menu position="bottom-end" shadow="md">
        <Menu.Target>
          <Button variant="default" aria-label={text.devices.more}>
            <IconDots size={20} aria-hidden />
          </Button>
        </Menu.Target>
        <Menu.Dropdown>
          <Menu.Item onClick={setStatus}>{text.devices.setStatus[away ? "active" : "maintenance"]}</Menu.Item>
          <Menu.Item
            color="var(--b-refused)"
            onClick={() =>
              setQuestion({
                title: text.devices.retireTitle,
                why: text.devices.retireWhy,
                verb: text.devices.retire,
                ends: true,
                calls: [{ operation: "device.retire", arguments: { device: device.device } }],
              })
            }
          >
            {text.devices.retire}…
          </Menu.Item>
        </Menu.Dropdown>
      </Menu>
      <Confirm question={question} onClose={() => setQuestion(null)} />
    </>
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
  const Icon = DEVICE_ICONS[description.kind];
  const silent = live === null && isSilent(device, now);
  const parts: Record<Tab, ReactNode> = {
    state: (
      <>
        {description.properties.length === 0 && <Card>{text.devices.noProperties}</Card>}
        <div className="props">
          {description.properties.map((property, index) => (
            <PropertyCard key={property.name} device={device} property={property} live={live} big={index === 0} />
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
            <span className="b-glyph" data-tone={silent ? "offline" : "house"}>
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
              <StatusPill status={silent ? "offline" : "live"} bare />
            )}
            {device.lastSeenMs > 0 && <span>{format.ago(device.lastSeenMs, now)}</span>}
            <Digest value={device.device} />
          </span>
        }
        action={<DeviceMenu device={device} mine={device.owner === account} />}
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
