import { Button, Checkbox, FileInput, PasswordInput, Textarea } from "@mantine/core";
import { IconAlertTriangle, IconKey } from "@tabler/icons-react";
import { useState } from "react";
import type { PeerFileInfo, Settings } from "../../sdk/api.ts";
import { AskFirst } from "../pattern/AskFirst.tsx";
import { download } from "../pattern/download.ts";
import { bytesOf } from "../pattern/file-bytes.ts";
import { Digest } from "../pattern/Digest.tsx";
import { Card } from "../pattern/Page.tsx";
import { Banner } from "../pattern/PageState.tsx";
import { useDeed } from "../pattern/use-deed.ts";
import { useClient, usePeer, usePlatform } from "../shell/peer-context.tsx";
import { useFormat, useText } from "../text/language.tsx";
import { refusalSentence } from "../text/sentences.ts";

/** Shorter ones are guessed in an afternoon. */
const PASSPHRASE_MIN = 8;

function Words() {
  const text = useText();
  const client = useClient();
  const readSettings = usePeer((state) => state.readSettings);
  const { busy, error, run } = useDeed();
  const [words, setWords] = useState<readonly string[] | null>(null);
  const show = (): void => run(async () => setWords(await client.command("identityWords")));
  const keep = (): void =>
    run(async () => {
      await client.command("keepWords");
      await readSettings();
      setWords(null);
    });
  return (
    <>
      {words === null ? (
        <Button variant="default" loading={busy} onClick={show}>
          {text.settings.showWords}
        </Button>
      ) : (
        <>
          <p>{text.settings.wordsTell}</p>
          <ol className="words">
            {words.map((word, index) => (
              // A word may come twice, its place may not.
              <li key={`${index}${word}`}>{word}</li>
            ))}
          </ol>
          <div className="foot-acts">
            <Button loading={busy} onClick={keep}>
              {text.settings.wordsKept}
            </Button>
            <Button variant="default" onClick={() => setWords(null)}>
              {text.settings.hideWords}
            </Button>
          </div>
        </>
      )}
      {error && <p className="fault">{refusalSentence(text, error)}</p>}
    </>
  );
}

function Export() {
  const text = useText();
  const client = useClient();
  const account = usePeer((state) => state.status?.account ?? "");
  const readSettings = usePeer((state) => state.readSettings);
  const [passphrase, setPassphrase] = useState("");
  const [again, setAgain] = useState("");
  const [ledger, setLedger] = useState(false);
  const { busy, error, run } = useDeed();
  const short = passphrase.length < PASSPHRASE_MIN;
  // A slip of the finger would be found out when it is too late.
  const differs = again !== passphrase;
  const save = (): void =>
    run(async () => {
      download(`bothy-${account.slice(-6)}.peer`, await client.command("exportPeer", { passphrase, ledger }), "application/octet-stream");
      setPassphrase("");
      setAgain("");
      await readSettings();
    });
  return (
    <form
      className="form"
      onSubmit={(event) => {
        event.preventDefault();
        if (!short && !differs) save();
      }}
    >
      <PasswordInput
        label={text.settings.passphrase}
        description={text.settings.passphraseTells(PASSPHRASE_MIN)}
        value={passphrase}
        onChange={(event) => setPassphrase(event.currentTarget.value)}
        autoComplete="new-password"
      />
      <PasswordInput
        label={text.settings.passphraseAgain}
        value={again}
        error={again !== "" && differs && text.settings.passphraseDiffers}
        onChange={(event) => setAgain(event.currentTarget.value)}
        autoComplete="new-password"
      />
      <Checkbox label={text.settings.withLedger} checked={ledger} onChange={(event) => setLedger(event.currentTarget.checked)} />
      {error && <p className="fault">{refusalSentence(text, error)}</p>}
      <Button type="submit" variant="default" loading={busy} disabled={short || differs}>
        {text.settings.exportPeer}
      </Button>
    </form>
  );
}

/** What takes the place of the account in this tab: a file and what it tells without its passphrase, or 24 words. */
type Brought = { readonly file: File; readonly info: PeerFileInfo } | { readonly words: readonly string[] };

/** An account is replaced for ever, so it is always asked, and first whether what goes was saved. */
function AskToRestore({ brought, onClose, onTake }: { brought: Brought | null; onClose: () => void; onTake: (brought: Brought) => void }) {
  const text = useText();
  const format = useFormat();
  const exportedMs = usePeer((state) => state.settings?.exportedMs ?? null);
  const info = brought !== null && "info" in brought ? brought.info : null;
  return (
    <AskFirst
      opened={brought !== null}
      title={info === null ? text.settings.wordsTitle : text.settings.importTitle}
      go={text.settings.restoreNow}
      onClose={onClose}
      onGo={brought && (() => onTake(brought))}
    >
      {exportedMs === null ? (
        <Banner tone="refused" icon={<IconAlertTriangle size={20} aria-hidden />}>
          <b>{text.settings.replacesUnsaved}</b> {text.settings.replacesUnsavedTells}
        </Banner>
      ) : (
        <p className="ask-why">{text.settings.replacesSaved(format.dateTime(exportedMs))}</p>
      )}
      {info && !info.here && (
        <p className="ask-why">{info.opens ? text.settings.importOpens(info.name) : text.settings.importOther(info.name)}</p>
      )}
      {info?.ledger && info.here && <p className="ask-why">{text.settings.importLedger}</p>}
    </AskFirst>
  );
}

function Import() {
  const text = useText();
  const client = useClient();
  const { reload } = usePlatform();
  const [file, setFile] = useState<File | null>(null);
  const [passphrase, setPassphrase] = useState("");
  const [words, setWords] = useState("");
  const [asked, setAsked] = useState<Brought | null>(null);
  const { busy, error, run } = useDeed();
  const given = words.trim().split(/\s+/).filter(Boolean);
  const take = (brought: Brought): void =>
    run(async () => {
      setAsked(null);
      if ("words" in brought) await client.command("restoreWords", { words: brought.words });
      else await client.command("importPeer", { bytes: await bytesOf(brought.file), passphrase });
      reload();
    });
  const restore = (): void => {
    if (file === null) setAsked({ words: given });
    else run(async () => setAsked({ file, info: await client.command("inspectPeer", { bytes: await bytesOf(file) }) }));
  };
  return (
    <details>
      <AskToRestore brought={asked} onClose={() => setAsked(null)} onTake={take} />
      <summary>{text.settings.restore}</summary>
      <form
        className="form"
        onSubmit={(event) => {
          event.preventDefault();
          restore();
        }}
      >
        <p className="quiet">{text.settings.restoreTells}</p>
        <FileInput label={text.settings.file} value={file} onChange={setFile} clearable placeholder={text.settings.chooseFile} />
        <PasswordInput
          label={text.settings.passphrase}
          value={passphrase}
          disabled={file === null}
          onChange={(event) => setPassphrase(event.currentTarget.value)}
          autoComplete="off"
        />
        <Textarea
          label={text.settings.orWords}
          value={words}
          disabled={file !== null}
          autosize
          onChange={(event) => setWords(event.currentTarget.value)}
          spellCheck={false}
        />
        {error && <p className="fault">{refusalSentence(text, error)}</p>}
        <Button type="submit" variant="default" color="rowan" loading={busy} disabled={file === null && given.length !== 24}>
          {text.settings.restoreNow}…
        </Button>
      </form>
    </details>
  );
}

/** Who this peer is, and how that outlives the browser. */
export function KeyCards({ settings }: { settings: Settings | null }) {
  const text = useText();
  const format = useFormat();
  const account = usePeer((state) => state.status?.account);
  const keysDurable = usePeer((state) => state.status?.keysDurable ?? true);
  return (
    <Card title={text.settings.identity}>
      <div className="col">
        {account && <Digest value={account} />}
        {settings !== null &&
          (settings.exportedMs === null ? (
            <Banner tone="tentative" icon={<IconKey size={20} aria-hidden />}>
              {keysDurable ? text.home.keyOnlyHere : text.home.keyEndsWithTab}
            </Banner>
          ) : (
            <p className="quiet">{text.settings.exported(format.dateTime(settings.exportedMs))}</p>
          ))}
        <Export />
        <Words />
        {keysDurable ? <Import /> : <p className="quiet">{text.settings.restoreElsewhere}</p>}
      </div>
    </Card>
  );
}
