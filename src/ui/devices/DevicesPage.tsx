import { Button, SegmentedControl } from "@mantine/core";
import { IconFlask, IconPlus } from "@tabler/icons-react";
import { useState } from "react";
import { Link } from "wouter";
import { Answered, Card, MoreRows, PageHead, useNone } from "../pattern/Page.tsx";
import { PageState } from "../pattern/PageState.tsx";
import { useList } from "../pattern/use-list.ts";
import { usePeer } from "../shell/peer-context.tsx";
import { useText } from "../text/language.tsx";
import { DeviceTiles } from "./DeviceTile.tsx";
import { ForgetButton } from "./ForgetButton.tsx";
import { useGateway, useGatewayDevices } from "./gateway.tsx";

const PAGE = 60;

/** Devices of this tab that are not on the ledger yet, or have stopped: what is wrong, and what to do. */
function Unsettled() {
  const text = useText();
  const gateway = useGateway();
  const devices = useGatewayDevices().filter(({ state }) => state !== "running");
  if (gateway === null || devices.length === 0) return null;
  return (
    <Card flush title={text.devices.runHere}>
      <ul className="b-rows">
        {devices.map(({ key, title, state, code, buffered }) => (
          <li key={key}>
            <div className="b-row">
              <span className="b-row-main">
                <span>{title}</span>
                <span>{code === null ? text.devices.gatewayStates[state] : text.codes[code]}</span>
                {buffered > 0 && <span>{text.devices.buffered(buffered)}</span>}
              </span>
              {(state === "failed" || state === "stopped") && (
                <>
                  <Button variant="default" onClick={() => void gateway.start(key).catch(() => undefined)}>
                    {state === "stopped" ? text.devices.startHere : text.common.tryAgain}
                  </Button>
                  <ForgetButton title={title} buffered={buffered} onForget={() => gateway.remove(key)} />
                </>
              )}
            </div>
          </li>
        ))}
      </ul>
    </Card>
  );
}

export function DevicesPage() {
  const text = useText();
  const none = useNone();
  const account = usePeer((state) => state.status?.account);
  const [whose, setWhose] = useState<"mine" | "all">("mine");
  const whoseDevices = whose === "all" ? { retired: false } : account === undefined ? null : { retired: false, owner: account };
  const { answer, end } = useList("devices", whoseDevices, PAGE);
  return (
    <>
      <PageHead
        title={text.places.devices}
        lede={text.devices.lede}
        action={
          <Button component={Link} href="/devices/add" leftSection={<IconPlus size={18} aria-hidden />}>
            {text.devices.add}
          </Button>
        }
      />
      <SegmentedControl
        className="fit"
        aria-label={text.devices.whose}
        value={whose}
        onChange={(value) => setWhose(value === "all" ? "all" : "mine")}
        data={[
          { value: "mine", label: text.devices.mine },
          { value: "all", label: text.devices.everybodys },
        ]}
      />
      <Unsettled />
      <Answered answer={answer}>
        {({ items }) => {
          if (items.length === 0)
            return (
              <>
                <PageState state="empty" title={none(text.devices.none)} why={text.devices.noneTells}>
                  <Button component={Link} href="/devices/add" leftSection={<IconPlus size={18} aria-hidden />}>
                    {text.home.actions.addDevice}
                  </Button>
                  <Button component={Link} href="/devices/add" variant="default" leftSection={<IconFlask size={18} aria-hidden />}>
                    {text.devices.tryVirtual}
                  </Button>
                </PageState>
                <MoreRows end={end} />
              </>
            );
          return (
            <>
              <DeviceTiles devices={items} />
              <MoreRows end={end} />
            </>
          );
        }}
      </Answered>
    </>
  );
}
