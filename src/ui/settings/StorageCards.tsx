import { Button, Checkbox, Modal, Progress } from "@mantine/core";
import { useState } from "react";
import { Answered, Card } from "../pattern/Page.tsx";
import { useDeed } from "../pattern/use-deed.ts";
import { useAsk, useClient, usePeer, usePlatform } from "../shell/peer-context.tsx";
import { useFormat, useText } from "../text/language.tsx";
import { refusalSentence } from "../text/sentences.ts";

export function StorageCard() {
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
                {blocksKept.from > 1 && ` ${text.settings.olderBlocksCome}`}
              </p>
            )}
            {quotaBytes > 0 && <Progress value={Math.max(1, (100 * usedBytes) / quotaBytes)} aria-label={text.settings.storage} />}
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
