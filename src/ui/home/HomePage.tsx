import { Button } from "@mantine/core";
import { IconChevronRight, IconDevicesPlus, IconFileCode2, IconKey, IconUserPlus } from "@tabler/icons-react";
import { Link } from "wouter";
import { DeviceTiles } from "../devices/DeviceTile.tsx";
import { TransactionRow } from "../ledger/TransactionRow.tsx";
import { Answered, Card, useNone } from "../pattern/Page.tsx";
import { StatCard } from "../pattern/StatCard.tsx";
import { StatusPill } from "../pattern/StatusPill.tsx";
import { useAsk, usePeer } from "../shell/peer-context.tsx";
import { useFormat, useText } from "../text/language.tsx";

const ACTS = [
  { name: "addDevice", href: "/devices/add", Icon: IconDevicesPlus, main: true },
  { name: "writeContract", href: "/contracts/new", Icon: IconFileCode2, main: false },
  { name: "invite", href: "/invite", Icon: IconUserPlus, main: false },
] as const;

function KeyDecision() {
  const text = useText();
  const settings = usePeer((state) => state.settings);
  const keysDurable = usePeer((state) => state.status?.keysDurable ?? true);
  if (settings === null || settings.exportedMs !== null) return null;
  return (
    <Card title={text.home.waiting} end={<StatusPill status="waiting">{text.home.oneThing}</StatusPill>}>
      <div className="decision">
        <p>{keysDurable ? text.home.keyOnlyHere : text.home.keyEndsWithTab}</p>
        <Button component={Link} href="/settings" variant="default" leftSection={<IconKey size={18} aria-hidden />}>
          {text.home.keepKey}
        </Button>
      </div>
    </Card>
  );
}

function NetworkCard() {
  const text = useText();
  const format = useFormat();
  const status = usePeer((state) => state.status);
  if (status === null) return null;
  const direct = status.peers.filter((peer) => peer.direct).length;
  const { p50Ms, samples } = status.finality;
  return (
    <Card
      title={text.places.network}
      end={
        <Link className="more-link" href="/network">
          {text.common.open}
          <IconChevronRight size={16} aria-hidden />
        </Link>
      }
    >
      <div className="stats">
        <StatCard
          label={text.network.peers}
          value={format.number(status.peers.length)}
          source={text.network.directAndRelayed(direct, status.peers.length - direct)}
        />
        <StatCard
          label={text.network.finalIn}
          explain={text.network.finalInTells}
          value={p50Ms === null ? "–" : format.seconds(p50Ms)}
          {...(p50Ms === null ? {} : { unit: "s" })}
          source={p50Ms === null ? text.network.noSamples : text.network.medianOf(samples)}
        />
        <StatCard
          label={text.network.seats}
          explain={text.network.seatTells}
          value={format.number(status.seats.total)}
          source={status.seats.mine ? text.network.oneIsMine : text.network.noneIsMine}
        />
      </div>
    </Card>
  );
}

export function HomePage() {
  const text = useText();
  const account = usePeer((state) => state.status?.account);
  const none = useNone();
  const devices = useAsk("devices", account === undefined ? null : { owner: account, retired: false, limit: 6 });
  const lately = useAsk("transactions", { limit: 6 });
  return (
    <>
      <h1 className="b-sr">{text.places.home}</h1>
      <div className="only-phone">
        <KeyDecision />
      </div>
      <div className="cols">
        <div className="col">
          <section>
            <div className="section-head">
              <h2>{text.home.myDevices}</h2>
              <Link className="more-link" href="/devices">
                {text.common.all}
                <IconChevronRight size={16} aria-hidden />
              </Link>
            </div>
            <Answered answer={devices}>
              {({ items }) =>
                items.length === 0 ? <div className="b-card quiet">{none(text.home.noDevices)}</div> : <DeviceTiles devices={items} />
              }
            </Answered>
          </section>
          <Card
            flush
            title={text.home.lately}
            end={
              <Link className="more-link" href="/ledger">
                {text.places.ledger}
                <IconChevronRight size={16} aria-hidden />
              </Link>
            }
          >
            <Answered answer={lately}>
              {({ items }) =>
                items.length === 0 ? (
                  <p className="quiet pad">{none(text.home.nothingYet)}</p>
                ) : (
                  <ul className="b-rows">
                    {items.map((transaction) => (
                      <li key={transaction.id}>
                        <TransactionRow transaction={transaction} />
                      </li>
                    ))}
                  </ul>
                )
              }
            </Answered>
          </Card>
        </div>
        <div className="col side">
          <div className="only-desk">
            <KeyDecision />
          </div>
          <NetworkCard />
          <nav className="acts" aria-label={text.home.acts}>
            {ACTS.map(({ name, href, Icon, main }) => (
              <Link key={name} href={href} className="b-card act" data-main={main || undefined}>
                <span className="b-glyph" data-tone="house">
                  <Icon size={20} aria-hidden />
                </span>
                {text.home.actions[name]}
              </Link>
            ))}
          </nav>
        </div>
      </div>
    </>
  );
}
