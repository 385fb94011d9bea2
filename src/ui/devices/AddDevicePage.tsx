import { Button, Textarea, TextInput } from "@mantine/core";
import { IconAlertTriangle, IconBulb, IconDeviceMobile, IconFileDescription, IconTemperature, IconWashMachine } from "@tabler/icons-react";
import { useState } from "react";
import { useLocation } from "wouter";
import { Refusal } from "../../sdk/api.ts";
import { Card, PageHead } from "../pattern/Page.tsx";
import { Banner } from "../pattern/PageState.tsx";
import { useDeed } from "../pattern/use-deed.ts";
import { usePeer, usePlatform } from "../shell/peer-context.tsx";
import { useText } from "../text/language.tsx";
import { refusalSentence } from "../text/sentences.ts";
import { SENSORS_AT_FIRST, SensorChoice, type SensorName } from "./SensorChoice.tsx";
import { useGateway, type Gateway } from "./gateway.tsx";

const ICONS = {
  lamp: IconBulb,
  thermometer: IconTemperature,
  "washing-machine": IconWashMachine,
  sensors: IconDeviceMobile,
  description: IconFileDescription,
} as const;
const WAYS = ["lamp", "thermometer", "washing-machine", "sensors", "description"] as const;
type Way = (typeof WAYS)[number];

/** Nothing here drives what was only described, so a day of silence is normal. */
const DESCRIBED_LEASE_MS = 86_400_000;

/** Registers the device with all that runs it; gives its identifier when final. */
async function addDriven(
  gateway: Gateway,
  { way, title, sensors }: { way: Exclude<Way, "description">; title: string; sensors: readonly SensorName[] },
): Promise<string> {
  const seed = crypto.getRandomValues(new Uint32Array(1))[0]!;
  const choice = way === "sensors" ? ({ kind: way, sensors } as const) : ({ kind: `virtual/${way}` } as const);
  const { device, code } = await gateway.add({ ...choice, title, seed });
  if (device === null) throw new Refusal(code ?? "device-refused");
  return device;
}

export function AddDevicePage() {
  const text = useText();
  const gateway = useGateway();
  const { has, secure } = usePlatform();
  const [, go] = useLocation();
  const send = usePeer((state) => state.send);
  const [way, setWay] = useState<Way>("lamp");
  const [title, setTitle] = useState<string | null>(null);
  const [description, setDescription] = useState("");
  const [sensors, setSensors] = useState(SENSORS_AT_FIRST);
  const { busy, error, run } = useDeed();
  const shownTitle = title ?? text.devices.ways[way].title;
  const ready = way === "description" ? description.trim() !== "" : gateway !== null && (way !== "sensors" || sensors.length > 0);
  const addDescribed = async (): Promise<string> => {
    // With the official schema it is a chunk of its own: only who pastes a description needs it.
    const { parseThingDescription } = await import("../../things/thing-description.ts");
    parseThingDescription(description);
    const call = { operation: "device.register", arguments: { description, leaseMs: DESCRIBED_LEASE_MS } } as const;
    const { results } = await send(text.operations.names[call.operation]!, [call]);
    const [device] = results;
    if (typeof device !== "string") throw new Refusal("internal", { message: "no device" });
    return device;
  };
  const submit = (): void =>
    run(async () => {
      if (way === "description") go(`/device/${await addDescribed()}`);
      else if (gateway !== null) go(`/device/${await addDriven(gateway, { way, title: shownTitle, sensors })}`);
    });
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
            {way === "sensors" && <SensorChoice chosen={sensors} onChange={setSensors} />}
            {error && (
              <Banner tone="refused" icon={<IconAlertTriangle size={20} aria-hidden />}>
                {refusalSentence(text, error)}
              </Banner>
            )}
            <Button type="submit" loading={busy} disabled={!ready}>
              {text.devices.signAndAdd}
            </Button>
          </div>
        </Card>
      </form>
    </>
  );
}
