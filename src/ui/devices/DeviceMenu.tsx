import { Button, Menu } from "@mantine/core";
import { IconDots } from "@tabler/icons-react";
import { useState } from "react";
import type { DeviceInfo } from "../../sdk/api.ts";
import { Confirm, type Question } from "../pattern/Confirm.tsx";
import { usePeer } from "../shell/peer-context.tsx";
import { useText } from "../text/language.tsx";
import { useGateway, useGatewayDevices, type Gateway, type GatewayDevice } from "./gateway.tsx";

/** Ends and begins again what this tab does for the device; the ledger keeps it either way. */
function DriverItem({ gateway, here: { key, state } }: { gateway: Gateway; here: GatewayDevice }) {
  const text = useText();
  if (state === "registering") return null;
  // What fails is said by the device's state, which the pages show.
  if (state === "stopped" || state === "failed")
    return <Menu.Item onClick={() => void gateway.start(key).catch(() => undefined)}>{text.devices.startHere}</Menu.Item>;
  return <Menu.Item onClick={() => void gateway.stop(key).catch(() => undefined)}>{text.devices.stopHere}</Menu.Item>;
}

/** What its owner may do with a device. */
export function DeviceMenu({ device }: { device: DeviceInfo }) {
  const text = useText();
  const gateway = useGateway();
  const here = useGatewayDevices().find((one) => one.device === device.device);
  const [question, setQuestion] = useState<Question | null>(null);
  const send = usePeer((state) => state.send);
  // Of a device that is run here its driver says how it is, every few minutes: a word that it would take back is not offered.
  const isSpokenFor = here !== undefined && here.state !== "stopped" && here.state !== "failed";
  const setStatus = (status: "active" | "maintenance"): void => {
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
          {gateway !== null && here !== undefined && <DriverItem gateway={gateway} here={here} />}
          {here === undefined && device.status !== "active" && (
            <Menu.Item onClick={() => setStatus("active")}>{text.devices.setStatus.active}</Menu.Item>
          )}
          {!isSpokenFor && device.status !== "maintenance" && (
            <Menu.Item onClick={() => setStatus("maintenance")}>{text.devices.setStatus.maintenance}</Menu.Item>
          )}
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
