import { Button, Checkbox, Modal, NativeSelect, Progress } from "@mantine/core";
import { useState } from "react";
import type { Settings } from "../../sdk/api.ts";
import { Answered, Card } from "../pattern/Page.tsx";
import { useDeed } from "../pattern/use-deed.ts";
import { useAsk, useClient, usePeer, usePlatform } from "../shell/peer-context.tsx";
import { useFormat, useText } from "../text/language.tsx";
import { refusalSentence } from "../text/sentences.ts";

const KEEP_BLOCKS = [100_000, 10_000, 1_000];
const MB = 1_000_000;
const KEEP_BYTES = [1000 * MB, 200 * MB, 50 * MB];

/** Which old blocks are kept. */
function WindowForm({ settings: { keepBlocks, keepBytes } }: { settings: Settings }) {
  const text = useText();
  const format = useFormat();
  const changeSettings = usePeer((state) => state.changeSettings);
  const { busy, error, run } = useDeed();
  const choices = (values: readonly number[], current: number | null, all: string, name: (value: number) => string) => [
    { value: "", label: all },
    ...[...new Set([...values, ...(current === null ? [] : [current])])].map((value) => ({ value: String(value), label: name(value) })),
  ];
  const chosen = (value: string): number | null => (value === "" ? null : Number(value));
  return (
    <div className="form">
      <NativeSelect
        label={text.settings.keepBlocks}
        description={text.settings.keepTells}
        disabled={busy}
        data={choices(KEEP_BLOCKS, keepBlocks, text.settings.keepAll, (value) => text.settings.keepNewest(format.number(value)))}
        value={String(keepBlocks ?? "")}
        onChange={(event) => {
          const blocks = chosen(event.currentTarget.value);
          run(() => changeSettings({ keepBlocks: blocks }));
        }}
      />
      <NativeSelect
        label={text.settings.keepBytes}
        disabled={busy}
        data={choices(KEEP_BYTES, keepBytes, text.settings.keepAnyBytes, (value) => format.bytes(value))}
        value={String(keepBytes ?? "")}
        onChange={(event) => {
          const bytes = chosen(event.currentTarget.value);
          run(() => changeSettings({ keepBytes: bytes }));
        }}
      />
      {error && <p className="fault">{refusalSentence(text, error)}</p>}
    </div>
  );
}

export function StorageCard({ settings }: { settings: Settings | null }) {
  const keepsAll = settings !== null && settings.keepBlocks === null && settings.keepBytes === null;
  const text = useText();
  const format = useFormat();
  const { askPersistence } = usePlatform();
  const answer = useAsk("storage", {});
  // The peer is asked again when the ledger moves, which may take a while.
  const [given, setGiven] = useState<boolean | null>(null);
  return (
    <Card title={text.settings.storage}>
      <Answered answer={answer} skeletonHeight={80}>
        {({ usedBytes, quotaBytes, persistent, blocksKept, joined }) => (
          <div className="col">
            <div className="b-row-main">
              <span>
                {quotaBytes === 0 ? text.settings.usedUnknown : text.settings.used(format.bytes(usedBytes), format.bytes(quotaBytes))}
              </span>
              <span>{text.settings.blocksKept(format.number(blocksKept.from), format.number(blocksKept.to))}</span>
            </div>
            {joined !== null && (
              <p className="quiet">
                {text.settings.joined(format.number(joined.height), format.dateTime(joined.atMs))}{" "}
                {text.settings.joinedWeakest[joined.weakest]}
                {keepsAll && blocksKept.from > 1 && ` ${text.settings.olderBlocksCome}`}
              </p>
            )}
            {quotaBytes > 0 && <Progress value={Math.max(1, (100 * usedBytes) / quotaBytes)} aria-label={text.settings.storage} />}
            {settings !== null && <WindowForm settings={settings} />}
            <p className="quiet">{persistent || given === true ? text.settings.persistent : text.settings.notPersistent}</p>
            {!persistent && given !== true && (
              <Button variant="default" disabled={given === false} onClick={() => void askPersistence().then(setGiven)}>
                {given === false ? text.settings.persistenceRefused : text.settings.askPersistence}
              </Button>
            )}
          </div>
        )}
      </Answered>
    </Card>
  );
}

export function ResetCard() {
  const text = useText();
  const client = useClient();
  const { reload } = usePlatform();
  const [asking, setAsking] = useState(false);
  const keysDurable = usePeer((state) => state.status?.keysDurable ?? true);
  const [chosen, setKeys] = useState(false);
  // The tab starts anew, and keys in its memory end with that.
  const keys = chosen || !keysDurable;
  const { busy, error, run } = useDeed();
  const reset = (): void =>
    run(async () => {
      await client.command("reset", { keys });
      reload();
    });
  return (
    <Card title={text.settings.reset}>
      <p className="quiet">{text.settings.resetTells}</p>
      <Button variant="default" color="rowan" onClick={() => setAsking(true)}>
        {text.settings.resetNow}…
      </Button>
      <Modal
        opened={asking}
        onClose={() => setAsking(false)}
        title={text.settings.resetTitle}
        closeButtonProps={{ "aria-label": text.common.close }}
      >
        <div className="col">
          <p className="ask-why">{text.settings.resetWhy}</p>
          <Checkbox
            label={text.settings.resetKeys}
            description={text.settings.resetKeysTells}
            checked={keys}
            disabled={!keysDurable}
            onChange={(event) => setKeys(event.currentTarget.checked)}
          />
          {error && <p className="fault">{refusalSentence(text, error)}</p>}
          <div className="decision-acts" data-ask>
            <Button variant="default" onClick={() => setAsking(false)}>
              {text.common.notNow}
            </Button>
            <Button color="rowan" loading={busy} onClick={reset}>
              {text.settings.resetNow}
            </Button>
          </div>
        </div>
      </Modal>
    </Card>
  );
}
