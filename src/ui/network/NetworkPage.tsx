import { lazy, Suspense, useMemo } from "react";
import type { NetworkInfo } from "../../sdk/api.ts";
import { shortId } from "../pattern/Digest.tsx";
import { Identicon } from "../pattern/Identicon.tsx";
import { Card, PageHead } from "../pattern/Page.tsx";
import { PageState } from "../pattern/PageState.tsx";
import { StatCard } from "../pattern/StatCard.tsx";
import { StatusPill } from "../pattern/StatusPill.tsx";
import { usePeer } from "../shell/peer-context.tsx";
import { useFormat, useText } from "../text/language.tsx";
import { IncidentsCard } from "./IncidentsCard.tsx";
import { RoundCard, RoundsCard, SharesCard } from "./RoundCard.tsx";
import { SeatsCard } from "./SeatsCard.tsx";

const PeerGraph = lazy(() => import("./PeerGraph.tsx").then((module) => ({ default: module.PeerGraph })));
const Chart = lazy(() => import("../pattern/Chart.tsx").then((module) => ({ default: module.Chart })));

function median(values: readonly number[]): number | null {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? null;
}

function Numbers({ network }: { network: NetworkInfo }) {
  const text = useText();
  const format = useFormat();
  const finality = usePeer((state) => state.finality);
  const strength = usePeer((state) => (state.status?.ready ? state.status.strength : null));
  const middle = median(finality.map(({ finalityMs }) => finalityMs));
  const roundTrips = network.links.flatMap(({ roundTripMs }) => (roundTripMs === null ? [] : [roundTripMs]));
  const roundTrip = median(roundTrips);
  return (
    <Card>
      <div className="stats" data-n="4">
        <StatCard
          label={text.network.finalIn}
          explain={text.network.finalInTells}
          value={middle === null ? "–" : format.seconds(middle)}
          {...(middle === null ? {} : { unit: "s" })}
          source={middle === null ? text.network.noBlocksSeen : text.network.medianOfBlocks(finality.length)}
        />
        <StatCard
          label={text.network.strength}
          {...(strength === null ? {} : { explain: text.network.strengthTells[strength] })}
          value={strength === null ? "–" : text.network.strengths[strength]}
          source={strength === null ? text.shell.joining : text.network.strengthSource}
        />
        <StatCard
          label={text.network.roundTrip}
          value={roundTrip === null ? "–" : format.number(roundTrip)}
          {...(roundTrip === null ? {} : { unit: "ms" })}
          source={text.network.medianOfLinks(roundTrips.length)}
        />
        <StatCard
          label={text.network.traffic}
          value={format.bytes(network.bytesIn + network.bytesOut)}
          source={text.network.inAndOut(format.bytes(network.bytesIn), format.bytes(network.bytesOut))}
        />
      </div>
    </Card>
  );
}

function Links({ network }: { network: NetworkInfo }) {
  const text = useText();
  const format = useFormat();
  return (
    <Card flush title={text.network.links}>
      <ul className="b-rows">
        {network.links.map(({ peer, direct, roundTripMs, neighbours }) => (
          <li key={peer}>
            <div className="b-row">
              <Identicon id={peer} kind="peer" size={28} />
              <span className="b-row-main">
                <span>{shortId(peer)}</span>
                <span>
                  {direct ? text.network.direct : text.network.relayed} · {text.network.neighbours(neighbours.length)}
                </span>
              </span>
              <span className="b-row-end">{roundTripMs === null ? text.network.unmeasured : `${format.number(roundTripMs)} ms`}</span>
            </div>
          </li>
        ))}
        {network.relays.map(({ address, state }) => (
          <li key={address}>
            <div className="b-row">
              <span className="b-glyph" data-tone={state === "linked" ? "live" : "offline"}>
                ◇
              </span>
              <span className="b-row-main">
                <span>{text.network.relay}</span>
                <span>{address}</span>
              </span>
              <span className="b-row-end">
                <StatusPill status={state === "linked" ? "live" : state === "dialing" ? "waiting" : "offline"} bare>
                  {text.network.relayStates[state]}
                </StatusPill>
              </span>
            </div>
          </li>
        ))}
      </ul>
    </Card>
  );
}

function FinalityCard() {
  const text = useText();
  const format = useFormat();
  const finality = usePeer((state) => state.finality);
  const series = useMemo(
    () => ({
      times: finality.map(({ atMs }) => atMs),
      values: finality.map(({ finalityMs }) => finalityMs / 1000),
      tentative: finality.map(() => null),
    }),
    [finality],
  );
  const slowest = Math.max(0, ...finality.map(({ finalityMs }) => finalityMs));
  return (
    <Card title={text.network.finality}>
      {finality.length < 2 ? (
        <p className="quiet">{text.network.noBlocksSeen}</p>
      ) : (
        <>
          <Suspense>
            <Chart
              series={series}
              unit="s"
              locale={text.locale}
              label={text.network.finalityChart(finality.length, format.seconds(slowest))}
            />
          </Suspense>
          <p className="quiet">{text.network.finalitySource(finality.length)}</p>
        </>
      )}
    </Card>
  );
}

export function NetworkPage() {
  const text = useText();
  const network = usePeer((state) => state.network);
  const consensus = usePeer((state) => state.consensus);
  const status = usePeer((state) => state.status);
  return (
    <>
      <PageHead title={text.places.network} lede={status && text.network.lede(status.slot + 1)} />
      {network && <Numbers network={network} />}
      <div className="cols" data-wide="side">
        <div className="col">
          {network && (
            <Card title={text.network.peersAndLinks}>
              {network.links.length === 0 ? (
                <PageState state="offline" title={text.network.alone} why={text.network.aloneTells} />
              ) : (
                <Suspense>
                  <PeerGraph network={network} />
                </Suspense>
              )}
            </Card>
          )}
          <FinalityCard />
          {network && <Links network={network} />}
          <IncidentsCard />
        </div>
        <div className="col">
          {consensus && <RoundCard consensus={consensus} />}
          <SeatsCard />
          <SharesCard />
          {consensus && <RoundsCard consensus={consensus} />}
        </div>
      </div>
    </>
  );
}
