import { Button, FileInput } from "@mantine/core";
import { useState } from "react";
import type { LedgerFileInfo } from "../../sdk/api.ts";
import { AskFirst } from "../pattern/AskFirst.tsx";
import { download } from "../pattern/download.ts";
import { bytesOf } from "../pattern/file-bytes.ts";
import { Card } from "../pattern/Page.tsx";
import { useDeed } from "../pattern/use-deed.ts";
import { useClient, usePeer, usePlatform } from "../shell/peer-context.tsx";
import { useFormat, useText } from "../text/language.tsx";
import { refusalSentence } from "../text/sentences.ts";

interface Brought {
  readonly file: File;
  readonly info: LedgerFileInfo;
}

/** The ledger here is replaced for good, so what is lost is said first. */
function AskToTake({ brought, onClose, onTake }: { brought: Brought | null; onClose: () => void; onTake: (brought: Brought) => void }) {
  const text = useText();
  const format = useFormat();
  const height = usePeer((state) => state.status?.final.height ?? 0);
  const info = brought?.info;
  return (
    <AskFirst
      opened={brought !== null}
      title={text.settings.takeLedgerTitle}
      go={text.settings.restoreNow}
      onClose={onClose}
      onGo={brought?.info.here ? () => onTake(brought) : null}
    >
      {info && (
        <p className="ask-why">
          {info.here
            ? text.settings.ledgerHeights(format.number(info.height), format.number(height))
            : text.settings.ledgerOfOther(info.name)}
        </p>
      )}
      {info?.here && height > 0 && <p className="ask-why">{text.settings.importLedger}</p>}
    </AskFirst>
  );
}

function TakeLedger() {
  const text = useText();
  const client = useClient();
  const { reload } = usePlatform();
  const [file, setFile] = useState<File | null>(null);
  const [asked, setAsked] = useState<Brought | null>(null);
  const { busy, error, run } = useDeed();
  const ask = (chosen: File): void =>
    run(async () => setAsked({ file: chosen, info: await client.command("inspectLedger", { bytes: await bytesOf(chosen) }) }));
  const take = (brought: Brought): void =>
    run(async () => {
      setAsked(null);
      await client.command("importLedger", { bytes: await bytesOf(brought.file) });
      reload();
    });
  return (
    <details>
      <AskToTake brought={asked} onClose={() => setAsked(null)} onTake={take} />
      <summary>{text.settings.takeLedger}</summary>
      <form
        className="form"
        onSubmit={(event) => {
          event.preventDefault();
          if (file !== null) ask(file);
        }}
      >
        <p className="quiet">{text.settings.takeLedgerTells}</p>
        <FileInput
          label={text.settings.file}
          accept=".car"
          value={file}
          onChange={setFile}
          clearable
          placeholder={text.settings.chooseFile}
        />
        {error && <p className="fault">{refusalSentence(text, error)}</p>}
        <Button type="submit" variant="default" color="rowan" loading={busy} disabled={file === null}>
          {text.settings.restoreNow}…
        </Button>
      </form>
    </details>
  );
}

/** The ledger as a file that other tools read, too; unlike that of the peer it holds nothing that is anybody's secret. */
export function LedgerFileCard() {
  const text = useText();
  const client = useClient();
  const status = usePeer((state) => state.status);
  const { busy, error, run } = useDeed();
  const save = (): void =>
    run(async () => {
      const bytes = await client.command("exportLedger");
      download(`bothy-${status?.chain.slice(0, 8) ?? ""}.car`, bytes, "application/vnd.ipld.car");
    });
  return (
    <Card title={text.settings.ledgerFile}>
      <div className="col">
        <p className="quiet">{text.settings.ledgerFileTells}</p>
        {error && <p className="fault">{refusalSentence(text, error)}</p>}
        <Button variant="default" loading={busy} disabled={!status?.ready} onClick={save}>
          {text.settings.saveLedger}
        </Button>
        {status?.keysDurable === false ? <p className="quiet">{text.settings.takeLedgerElsewhere}</p> : <TakeLedger />}
      </div>
    </Card>
  );
}
