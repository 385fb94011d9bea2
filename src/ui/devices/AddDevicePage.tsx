import { Button, Textarea, TextInput } from "@mantine/core";
import { IconAlertTriangle, IconBulb, IconDeviceMobile, IconFileDescription, IconTemperature, IconWashMachine } from "@tabler/icons-react";
import { useState } from "react";
import { useLocation } from "wouter";
import { Card, PageHead } from "../pattern/Page.tsx";
import { Banner } from "../pattern/PageState.tsx";
import { useDeed } from "../pattern/use-deed.ts";
import { usePlatform } from "../shell/peer-context.tsx";
import { useText } from "../text/language.tsx";
import { refusalSentence } from "../text/sentences.ts";
import { useGateway, VIRTUAL_KINDS, type Gateway } from "./gateway.tsx";

const ICONS = {
  lamp: IconBulb,
  thermometer: IconTemperature,
  "washing-machine": IconWashMachine,
  sensors: IconDeviceMobile,
  description: IconFileDescription,
} as const;
const WAYS = [...VIRTUAL_KINDS, "sensors", "description"] as const;
type Way = (typeof WAYS)[number];

function add(gateway: Gateway, way: Way, title: string, description: string): Promise<string> {
  if (way === "sensors") return gateway.addSensors(title);
  if (way === "description") return gateway.addDescription(description);
  return gateway.addVirtual(way, title);
}

export function AddDevicePage() {
  const text = useText();
  const gateway = useGateway();
  const { has, secure } = usePlatform();
  const [, go] = useLocation();
  const [way, setWay] = useState<Way>("lamp");
  const [title, setTitle] = useState<string | null>(null);
  const [description, setDescription] = useState("");
  const { busy, error, run } = useDeed();
  const shownTitle = title ?? text.devices.ways[way].title;
  const submit = (): void => {
    if (gateway !== null) run(async () => go(`/device/${await add(gateway, way, shownTitle, description)}`));
  };
  return (
    <>
      <PageHead title={text.home.actions.addDevice} back={{ href: "/devices", name: text.places.devices }} lede={text.devices.addLede} />
      <form
        className="col narrow"
        onSubmit={(event) => {
          event.preventDefault();
          submit();
        }}
      >
        <fieldset className="choices">
          <legend className="b-sr">{text.devices.way}</legend>
          {WAYS.map((choice) => {
            const Icon = ICONS[choice];
            const cannot = choice === "sensors" && !has.sensors;
            return (
              <label key={choice} className="choice" data-off={cannot || undefined}>
                <input type="radio" name="way" value={choice} checked={way === choice} disabled={cannot} onChange={() => setWay(choice)} />
                <b>{text.devices.ways[choice].name}</b>
                <Icon size={24} stroke={1.6} aria-hidden />
                <small>
                  {text.devices.ways[choice].tells}
                  {cannot && ` ${secure ? text.devices.noSensors : text.devices.noSensorsInsecure}`}
                </small>
              </label>
            );
          })}
        </fieldset>
        <Card>
          <div className="form">
            {way === "description" ? (
              <Textarea
                label={text.devices.description}
                description={text.devices.descriptionTells}
                autosize
                minRows={6}
                maxRows={20}
                value={description}
                onChange={(event) => setDescription(event.currentTarget.value)}
              />
            ) : (
              <TextInput
                label={text.devices.name}
                value={shownTitle}
                maxLength={64}
                onChange={(event) => setTitle(event.currentTarget.value)}
              />
            )}
            {error && (
              <Banner tone="refused" icon={<IconAlertTriangle size={20} aria-hidden />}>
                {refusalSentence(text, error)}
              </Banner>
            )}
            <Button type="submit" loading={busy} disabled={gateway === null || (way === "description" && description.trim() === "")}>
              {text.devices.signAndAdd}
            </Button>
          </div>
        </Card>
      </form>
    </>
  );
}
