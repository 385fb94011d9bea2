import { Button } from "@mantine/core";
import {
  IconAlertTriangle,
  IconCloudOff,
  IconDownload,
  IconGitFork,
  IconHourglass,
  IconLockOpen,
  IconPlugConnectedX,
  IconRotateClockwise2,
} from "@tabler/icons-react";
import { useEffect, useState } from "react";
import { Link } from "wouter";
import { Banner } from "../pattern/PageState.tsx";
import { useDeed } from "../pattern/use-deed.ts";
import { useFormat, useText } from "../text/language.tsx";
import { refusalSentence } from "../text/sentences.ts";
import { useOfflineMs } from "./offline.ts";
import { useNameOf, usePeer, usePlatform } from "./peer-context.tsx";
import { ReloadBanner } from "./ReloadBanner.tsx";
import { shortId } from "../pattern/Digest.tsx";

/** A new version waits until this tab has saved all and told the voters that it goes. */
function UpdateNotice() {
  const text = useText();
  const { onUpdateReady } = usePlatform();
  const [apply, setApply] = useState<() => Promise<void>>();
  const { busy, error, run } = useDeed();
  useEffect(() => onUpdateReady((ready) => setApply(() => ready)), [onUpdateReady]);
  if (apply === undefined) return null;
  return (
    <Banner
      tone="live"
      icon={<IconDownload size={20} aria-hidden />}
      action={
        <Button variant="default" size="compact-md" loading={busy} onClick={() => run(apply)}>
          {text.notices.updateNow}
        </Button>
      }
    >
      {text.notices.update}
      {error && <p className="fault">{refusalSentence(text, error)}</p>}
    </Banner>
  );
}

function OfflineNotice() {
  const text = useText();
  const format = useFormat();
  const offlineMs = useOfflineMs();
  const status = usePeer((state) => state.status);
  if (offlineMs === null || status === null || !status.ready) return null;
  return (
    <Banner tone="offline" icon={<IconCloudOff size={22} aria-hidden />}>
      <b>{text.shell.offlineFor(format.span(offlineMs))}. </b>
      {text.notices.offline(format.number(status.final.height))}
    </Banner>
  );
}

/** After this long without anybody the person may rather begin anew. */
const LONG_WAIT_MS = 60_000;

/** A newcomer who met nobody with the ledger: what it shows is not what has happened. */
function StrandedNotice() {
  const code = usePeer((state) => state.status?.joining.find(({ step }) => step === "ledger")?.code);
  return code === "no-members" ? <WaitingForMembers /> : null;
}

function WaitingForMembers() {
  const text = useText();
  const { local } = usePlatform();
  const [long, setLong] = useState(false);
  useEffect(() => {
    const timer = setTimeout(() => setLong(true), LONG_WAIT_MS);
    return () => clearTimeout(timer);
  }, []);
  return (
    <Banner tone="tentative" icon={<IconHourglass size={22} aria-hidden />}>
      {text.codes["no-members"]}
      {long && local && ` ${text.notices.foundAnother}`} {long && local && <code>npm start -- --new</code>}
    </Banner>
  );
}

/** Where the keys are in this tab's memory only, the account ends with it: that comes first, and where to save it. */
function InsecureNotice() {
  const text = useText();
  const { secure } = usePlatform();
  const status = usePeer((state) => state.status);
  const saved = usePeer((state) => state.settings === null || state.settings.exportedMs !== null);
  if (secure) return null;
  const ends = status !== null && !status.keysDurable;
  const onlySeat = status !== null && status.seats.mine && status.seats.total === 1;
  return (
    <Banner
      tone="tentative"
      icon={<IconLockOpen size={22} aria-hidden />}
      action={
        ends &&
        !saved && (
          <Button component={Link} href="/settings" variant="default" size="compact-md">
            {text.notices.saveAccount}
          </Button>
        )
      }
    >
      {ends && <b>{text.notices.accountEnds} </b>}
      {ends && onlySeat && `${text.notices.onlySeatEnds} `}
      {text.notices.insecure}
    </Banner>
  );
}

/** Links that break are not made anew directly any more; what stands goes on. */
function DirectSpentNotice() {
  const text = useText();
  const spent = usePeer((state) => state.network?.directSpent ?? false);
  if (!spent) return null;
  return (
    <ReloadBanner
      icon={<IconPlugConnectedX size={22} aria-hidden />}
      what={text.notices.directSpent}
      reloadable={text.notices.directSpentReload}
      notReloadable={text.notices.directSpentStay}
    />
  );
}

function ConsensusNotice() {
  const text = useText();
  const format = useFormat();
  const nameOf = useNameOf();
  const status = usePeer((state) => state.status);
  if (status === null || !status.ready) return null;
  const { split, waitingFor, strength } = status;
  if (split !== null)
    return (
      <Banner
        tone="refused"
        icon={<IconGitFork size={22} aria-hidden />}
        action={
          <Button component={Link} href="/settings" variant="default" size="compact-md">
            {text.places.settings}
          </Button>
        }
      >
        {text.notices.split(format.number(split.sinceHeight))}
      </Banner>
    );
  if (waitingFor.length > 0)
    return (
      <Banner tone="tentative" icon={<IconHourglass size={22} aria-hidden />}>
        {text.notices.waitingFor(waitingFor.map((account) => nameOf(account) ?? shortId(account)).join(", "))}
      </Banner>
    );
  if (strength !== "full")
    return (
      <Banner tone="recovered" icon={<IconRotateClockwise2 size={22} aria-hidden />}>
        {text.network.strengthTells[strength]}
      </Banner>
    );
  return null;
}

/** Lines above every page: what is wrong or waits, said once. */
export function Notices() {
  const text = useText();
  const fault = usePeer((state) => state.status?.fault ?? null);
  return (
    <>
      <InsecureNotice />
      {fault && (
        <Banner
          tone="refused"
          icon={<IconAlertTriangle size={22} aria-hidden />}
          action={
            <Button component={Link} href="/settings" variant="default" size="compact-md">
              {text.places.settings}
            </Button>
          }
        >
          {refusalSentence(text, fault)}
        </Banner>
      )}
      <UpdateNotice />
      <OfflineNotice />
      <StrandedNotice />
      <ConsensusNotice />
      <DirectSpentNotice />
    </>
  );
}
