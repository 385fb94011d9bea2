import { ActionIcon, Drawer, UnstyledButton, useComputedColorScheme, useMantineColorScheme } from "@mantine/core";
import { useHotkeys, useDisclosure } from "@mantine/hooks";
import { IconDots, IconMoon, IconSearch, IconSun } from "@tabler/icons-react";
import { lazy, Suspense, useEffect, useRef, type ReactNode } from "react";
import { Link, useLocation } from "wouter";
import { BothyMark, type Lamp } from "../pattern/BothyMark.tsx";
import { Who } from "../pattern/Digest.tsx";
import { Identicon } from "../pattern/Identicon.tsx";
import { useFormat, useText } from "../text/language.tsx";
import { Notices } from "./Notices.tsx";
import { isOnline, type PeerState } from "./peer-store.ts";
import { useOfflineMs } from "./offline.ts";
import { useNameOf, usePeer } from "./peer-context.tsx";
import { DAILY_PLACES, isAt, useOtherPlaces, type Place } from "./places.ts";
import { Toasts } from "./Toasts.tsx";

const Palette = lazy(() => import("./Palette.tsx").then((module) => ({ default: module.Palette })));

function PlaceLink({ place, onClick }: { place: Place; onClick?: () => void }) {
  const text = useText();
  const [location] = useLocation();
  return (
    <Link href={place.path} className="place" aria-current={isAt(place, location) ? "page" : undefined} onClick={onClick}>
      <i>
        <place.Icon size={22} stroke={1.7} aria-hidden />
      </i>
      {text.places[place.name]}
    </Link>
  );
}

/** The lamp is the peer: lit while linked, breathing while joining, dark when offline or stopped by a fault. */
function lampOf({ status }: PeerState): Lamp {
  if (status?.fault) return "dark";
  if (status === null || !status.ready) return "joining";
  return isOnline(status) ? "lit" : "dark";
}

function BotName() {
  const text = useText();
  const format = useFormat();
  const status = usePeer((state) => state.status);
  const offlineMs = useOfflineMs();
  const lamp = usePeer(lampOf);
  const lineOf = (): string => {
    if (status?.fault) return text.shell.stopped;
    if (status === null || !status.ready) return text.shell.joining;
    return offlineMs === null
      ? text.shell.linked(text.bots.kinds[status.kind], status.peers.length)
      : text.shell.offlineFor(format.span(offlineMs));
  };
  const line = lineOf();
  return (
    <Link href="/network" className="bot" aria-label={`${status?.name || text.shell.app}: ${line}`}>
      <BothyMark lamp={lamp} />
      <span className="bot-name">
        <b>{status?.name || text.shell.app}</b>
        <span>{line}</span>
      </span>
    </Link>
  );
}

function SchemeButton() {
  const text = useText();
  const { setColorScheme } = useMantineColorScheme();
  const scheme = useComputedColorScheme("light");
  const next = scheme === "light" ? "dark" : "light";
  return (
    <ActionIcon className="only-desk" aria-label={text.shell.scheme[next]} onClick={() => setColorScheme(next)}>
      {scheme === "light" ? <IconMoon size={22} stroke={1.7} /> : <IconSun size={22} stroke={1.7} />}
    </ActionIcon>
  );
}

function Top({ onFind }: { onFind: () => void }) {
  const text = useText();
  const account = usePeer((state) => state.status?.account);
  const hasTokens = usePeer((state) => state.status?.token !== "");
  return (
    <header className="top">
      <div className="top-in">
        <BotName />
        <button type="button" className="ask" onClick={onFind}>
          <IconSearch size={19} stroke={1.7} aria-hidden />
          {text.shell.find}
          <kbd className="kbd">Ctrl K</kbd>
        </button>
        <div className="top-end">
          <ActionIcon className="only-phone" aria-label={text.shell.find} onClick={onFind}>
            <IconSearch size={23} stroke={1.7} />
          </ActionIcon>
          <SchemeButton />
          {account && (
            <ActionIcon component={Link} href={hasTokens ? "/wallet" : `/account/${account}`} aria-label={text.shell.you}>
              <Identicon id={account} size={30} />
            </ActionIcon>
          )}
        </div>
      </div>
    </header>
  );
}

function MoreSheet({ opened, onClose }: { opened: boolean; onClose: () => void }) {
  const text = useText();
  const account = usePeer(({ status }) => status?.account);
  const seated = usePeer(({ status }) => status?.seats.mine ?? false);
  const nameOf = useNameOf();
  const places = useOtherPlaces();
  return (
    <Drawer
      opened={opened}
      onClose={onClose}
      position="bottom"
      size={280}
      title={
        account !== undefined && <Who id={account} name={nameOf(account)} note={seated ? text.shell.withSeat : text.shell.withoutSeat} />
      }
      closeButtonProps={{ "aria-label": text.common.close }}
    >
      <nav className="sheet-grid" aria-label={text.shell.more}>
        {places.map(({ name, path, Icon }) => (
          <Link key={name} href={path} className="sheet-item" onClick={onClose}>
            <span className="b-glyph">
              <Icon size={24} stroke={1.7} aria-hidden />
            </span>
            {text.places[name]}
          </Link>
        ))}
      </nav>
    </Drawer>
  );
}

export function Shell({ children }: { children: ReactNode }) {
  const text = useText();
  const [location] = useLocation();
  const [more, moreActions] = useDisclosure(false);
  const [finding, findActions] = useDisclosure(false);
  const otherPlaces = useOtherPlaces();
  const main = useRef<HTMLElement>(null);
  const shown = useRef(location);
  const lamp = usePeer(lampOf);
  useHotkeys([["mod+K", findActions.open]], []);
  useEffect(() => {
    // A new page begins at its top, and a screen reader hears it.
    if (shown.current === location) return;
    shown.current = location;
    // A tab that is chosen keeps the focus, or the arrow keys would lead no further; only its panel is another.
    if (document.activeElement?.getAttribute("role") === "tab") return;
    window.scrollTo(0, 0);
    main.current?.focus({ preventScroll: true });
  }, [location]);
  return (
    <div className="shell">
      <a className="skip" href="#main" onClick={(event) => (event.preventDefault(), main.current?.focus())}>
        {text.shell.skip}
      </a>
      <nav className="rail" aria-label={text.shell.places}>
        <Link href="/network" className="rail-mark" aria-label={text.places.network}>
          <BothyMark size={38} lamp={lamp} />
        </Link>
        {DAILY_PLACES.map((place) => (
          <PlaceLink key={place.name} place={place} />
        ))}
        <hr />
        {otherPlaces.map((place) => (
          <PlaceLink key={place.name} place={place} />
        ))}
      </nav>
      <Top onFind={findActions.open} />
      <main className="main" id="main" ref={main} tabIndex={-1}>
        <Notices />
        {children}
      </main>
      <nav className="bar" aria-label={text.shell.places}>
        {DAILY_PLACES.map((place) => (
          <PlaceLink key={place.name} place={place} />
        ))}
        <UnstyledButton
          className="place"
          aria-expanded={more}
          aria-current={otherPlaces.some((place) => isAt(place, location)) ? "page" : undefined}
          onClick={moreActions.open}
        >
          <i>
            <IconDots size={22} stroke={1.7} aria-hidden />
          </i>
          {text.shell.more}
        </UnstyledButton>
      </nav>
      <MoreSheet opened={more} onClose={moreActions.close} />
      <Toasts />
      {finding && (
        <Suspense>
          <Palette onClose={findActions.close} />
        </Suspense>
      )}
    </div>
  );
}
