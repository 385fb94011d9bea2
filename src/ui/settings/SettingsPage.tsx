import { Button, NativeSelect, SegmentedControl, Switch, Textarea, TextInput, useMantineColorScheme } from "@mantine/core";
import { IconRefresh } from "@tabler/icons-react";
import { useState } from "react";
import { LIMITS, type Settings } from "../../sdk/api.ts";
import { download } from "../pattern/download.ts";
import { Card, PageHead } from "../pattern/Page.tsx";
import { useDeed } from "../pattern/use-deed.ts";
import { pageFaults } from "../shell/page-faults.ts";
import { useClient, usePeer, usePlatform } from "../shell/peer-context.tsx";
import { ReloadBanner } from "../shell/ReloadBanner.tsx";
import { LANGUAGES, useLanguage, useText, type Language } from "../text/language.tsx";
import { refusalSentence, valueText } from "../text/sentences.ts";
import { KeyCards } from "./KeyCards.tsx";
import { LedgerFileCard } from "./LedgerFileCard.tsx";
import { NicknamesCard } from "./NicknamesCard.tsx";
import { ResetCard, StorageCard } from "./StorageCards.tsx";

function NameCard() {
  const text = useText();
  const send = usePeer((state) => state.send);
  const account = usePeer((state) => state.status?.account ?? "");
  const known = usePeer((state) => state.names[account] ?? "");
  const [typed, setTyped] = useState<string | null>(null);
  const { busy, error, run } = useDeed();
  // The ledger counts bytes: a letter may be up to four.
  const tooLong = new TextEncoder().encode((typed ?? known).trim()).length > LIMITS.nameBytesMax;
  const save = (): void =>
    run(() =>
      send(text.operations.names["account.setProfile"]!, [
        { operation: "account.setProfile", arguments: { name: (typed ?? known).trim() } },
      ]),
    );
  return (
    <Card title={text.settings.name}>
      <form
        className="form"
        onSubmit={(event) => {
          event.preventDefault();
          if (!tooLong) save();
        }}
      >
        <TextInput
          label={text.settings.yourName}
          description={text.settings.nameTells}
          value={typed ?? known}
          error={tooLong && text.settings.nameTooLong(LIMITS.nameBytesMax)}
          onChange={(event) => setTyped(event.currentTarget.value)}
          autoComplete="nickname"
        />
        {error && <p className="fault">{refusalSentence(text, error)}</p>}
        <Button type="submit" variant="default" loading={busy} disabled={typed === null || tooLong || typed.trim() === known}>
          {text.settings.signName}
        </Button>
      </form>
    </Card>
  );
}

function AppearanceCard() {
  const text = useText();
  const { language, setLanguage } = useLanguage();
  const { colorScheme, setColorScheme } = useMantineColorScheme();
  return (
    <Card title={text.settings.appearance}>
      <div className="form">
        <NativeSelect
          label={text.settings.language}
          value={language}
          onChange={(event) => setLanguage(event.currentTarget.value as Language)}
          data={Object.entries(LANGUAGES).map(([value, label]) => ({ value, label }))}
        />
        <SegmentedControl
          aria-label={text.settings.scheme}
          value={colorScheme}
          onChange={(value) => setColorScheme(value === "dark" ? "dark" : value === "light" ? "light" : "auto")}
          data={(["auto", "light", "dark"] as const).map((value) => ({ value, label: text.settings.schemes[value] }))}
        />
      </div>
    </Card>
  );
}

const linesOf = (typed: string): readonly string[] =>
  typed
    .split("\n")
    .map((line) => line.trim())
    .filter((line) => line !== "");

function NetworkCard({ settings }: { settings: Settings }) {
  const text = useText();
  const changeSettings = usePeer((state) => state.changeSettings);
  const [relays, setRelays] = useState(settings.relays.join("\n"));
  const [iceServers, setIceServers] = useState(settings.iceServers.join("\n"));
  const { busy, error, run } = useDeed();
  // Links are made with what was set when the tab was opened.
  const [isLater, setIsLater] = useState(false);
  const otherServers = linesOf(iceServers).join("\n") !== settings.iceServers.join("\n");
  const unchanged = linesOf(relays).join("\n") === settings.relays.join("\n") && !otherServers;
  const save = (): void =>
    run(async () => {
      await changeSettings({ relays: linesOf(relays), iceServers: linesOf(iceServers) });
      if (otherServers) setIsLater(true);
    });
  return (
    <Card title={text.places.network}>
      <form
        className="form"
        onSubmit={(event) => {
          event.preventDefault();
          save();
        }}
      >
        <Textarea
          label={text.settings.relays}
          description={text.settings.relaysTell}
          autosize
          value={relays}
          onChange={(event) => setRelays(event.currentTarget.value)}
          spellCheck={false}
        />
        <Textarea
          label={text.settings.iceServers}
          description={text.settings.iceServersTell}
          autosize
          value={iceServers}
          onChange={(event) => setIceServers(event.currentTarget.value)}
          spellCheck={false}
        />
        {error && <p className="fault">{refusalSentence(text, error)}</p>}
        {isLater && (
          <ReloadBanner
            icon={<IconRefresh size={20} aria-hidden />}
            what={text.settings.iceServersSaved}
            reloadable={text.settings.iceServersLater}
            notReloadable={text.settings.iceServersNextStart}
          />
        )}
        <Button type="submit" variant="default" loading={busy} disabled={unchanged}>
          {text.common.save}
        </Button>
      </form>
    </Card>
  );
}

function PeerCard({ settings }: { settings: Settings }) {
  const text = useText();
  const token = usePeer((state) => state.status?.token ?? "");
  const keysDurable = usePeer((state) => state.status?.keysDurable ?? true);
  const changeSettings = usePeer((state) => state.changeSettings);
  const [limit, setLimit] = useState(String(settings.windowLimit));
  const wrong = !/^[0-9]{1,15}$/.test(limit.trim());
  const { busy, error, run } = useDeed();
  return (
    <Card title={text.settings.peer}>
      <form
        className="form"
        onSubmit={(event) => {
          event.preventDefault();
          if (!wrong) run(() => changeSettings({ windowLimit: Number(limit) }));
        }}
      >
        <Switch
          label={text.settings.seatWanted}
          description={keysDurable ? text.settings.seatWantedTells : `${text.settings.seatWantedTells} ${text.settings.seatEndsWithTab}`}
          checked={settings.seatWanted}
          onChange={(event) => {
            const seatWanted = event.currentTarget.checked;
            run(() => changeSettings({ seatWanted }));
          }}
        />
        <TextInput
          label={text.settings.windowLimit}
          description={text.settings.windowLimitTells}
          inputMode="numeric"
          value={limit}
          error={wrong && text.wallet.wrongAmount}
          onChange={(event) => setLimit(event.currentTarget.value)}
          rightSection={<span className="quiet">{token}</span>}
          rightSectionWidth={60}
        />
        {error && <p className="fault">{refusalSentence(text, error)}</p>}
        <Button type="submit" variant="default" loading={busy} disabled={wrong || Number(limit) === settings.windowLimit}>
          {text.common.save}
        </Button>
      </form>
    </Card>
  );
}

function ReportCard() {
  const text = useText();
  const client = useClient();
  const { version } = usePlatform();
  const { busy, error, run } = useDeed();
  const save = (): void =>
    run(async () => {
      const facts = await client.command("diagnostics");
      download(
        "bothy-diagnostics.json",
        valueText({
          format: "bothy-diagnostics",
          version,
          savedMs: Date.now(),
          userAgent: navigator.userAgent,
          pageFaults: pageFaults(),
          facts,
        }),
        "application/json",
      );
    });
  return (
    <Card title={text.settings.report}>
      <p className="quiet">{text.settings.reportTells}</p>
      {error && <p className="fault">{refusalSentence(text, error)}</p>}
      <div className="foot-acts">
        <Button variant="default" loading={busy} onClick={save}>
          {text.settings.saveReport}
        </Button>
        <span className="quiet">{text.settings.version(version)}</span>
      </div>
    </Card>
  );
}

export function SettingsPage() {
  const text = useText();
  const settings = usePeer((state) => state.settings);
  const slot = usePeer((state) => state.status?.slot ?? 0);
  return (
    <>
      <PageHead title={text.places.settings} lede={text.settings.lede(slot + 1)} />
      <div className="halves">
        <div className="col">
          <NameCard />
          <KeyCards settings={settings} />
          {settings && <PeerCard settings={settings} />}
        </div>
        <div className="col">
          <AppearanceCard />
          <NicknamesCard />
          <StorageCard settings={settings} />
          <LedgerFileCard />
          {settings && <NetworkCard settings={settings} />}
          <ReportCard />
          <ResetCard />
        </div>
      </div>
    </>
  );
}
