import { Checkbox } from "@mantine/core";
import { IconAlertTriangle } from "@tabler/icons-react";
import type { GatewayDevice } from "./gateway.tsx";
import { Card } from "../pattern/Page.tsx";
import { Banner } from "../pattern/PageState.tsx";
import { useText } from "../text/language.tsx";

export type SensorName = NonNullable<GatewayDevice["sensors"]>[number];

const SENSORS: readonly SensorName[] = ["motion", "orientation", "light", "battery", "location"];
/** All but the place: where a person is all day is nothing to be told by having missed a checkbox. */
export const SENSORS_AT_FIRST: readonly SensorName[] = SENSORS.filter((name) => name !== "location");

/** What of this machine is told, and to whom and for how long, before anything is. */
export function SensorChoice({ chosen, onChange }: { chosen: readonly SensorName[]; onChange: (chosen: readonly SensorName[]) => void }) {
  const text = useText();
  return (
    <>
      <Banner tone="tentative" icon={<IconAlertTriangle size={20} aria-hidden />}>
        {text.devices.sensorsPublic}
      </Banner>
      <fieldset className="checks">
        <legend>{text.devices.sensorsTold}</legend>
        {SENSORS.map((name) => (
          <Checkbox
            key={name}
            label={text.devices.sensors[name].name}
            description={text.devices.sensors[name].tells}
            checked={chosen.includes(name)}
            onChange={(event) => onChange(event.currentTarget.checked ? [...chosen, name] : chosen.filter((one) => one !== name))}
          />
        ))}
      </fieldset>
    </>
  );
}

/** Which sensors of this machine say nothing, and why: the value of one that was refused is only a dash. */
export function SilentSensors({ parts }: { parts: GatewayDevice["parts"] }) {
  const text = useText();
  const silent = SENSORS.flatMap((name) => {
    const state = parts?.[name];
    return state === undefined || state === "running" ? [] : [{ name, state }];
  });
  if (silent.length === 0) return null;
  return (
    <Card flush title={text.devices.silentSensors}>
      <ul className="b-rows">
        {silent.map(({ name, state }) => (
          <li key={name}>
            <div className="b-row">
              <span className="b-row-main">
                <span>{text.devices.sensors[name].name}</span>
                <span>{text.devices.partStates[state]}</span>
              </span>
            </div>
          </li>
        ))}
      </ul>
    </Card>
  );
}
