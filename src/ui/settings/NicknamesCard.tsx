import { Button, TextInput } from "@mantine/core";
import { useState } from "react";
import { LIMITS, type Settings } from "../../sdk/api.ts";
import { shortId } from "../pattern/Digest.tsx";
import { Card } from "../pattern/Page.tsx";
import { useDeed } from "../pattern/use-deed.ts";
import { usePeer } from "../shell/peer-context.tsx";
import { useText } from "../text/language.tsx";
import { refusalSentence } from "../text/sentences.ts";

/** What may have a nickname: an account, or the digits of a device, stream or contract. */
const NAMED = /^(did:key:z[1-9A-HJ-NP-Za-km-z]{1,60}|[0-9a-f]{64})$/;

const NONE: Settings["nicknames"] = {};

/** What this person calls others: only in this browser, and so nowhere else to be found. */
export function NicknamesCard() {
  const text = useText();
  const nicknames = usePeer((state) => state.settings?.nicknames ?? NONE);
  const changeSettings = usePeer((state) => state.changeSettings);
  const [id, setId] = useState("");
  const [name, setName] = useState("");
  const [tried, setTried] = useState(false);
  const { busy, error, run } = useDeed();
  const wrongId = !NAMED.test(id.trim());
  const rows = Object.entries(nicknames).toSorted(([, a], [, b]) => a.localeCompare(b, text.locale));
  const save = (): void => {
    setTried(true);
    if (wrongId || name.trim() === "") return;
    run(async () => {
      await changeSettings({ nicknames: { ...nicknames, [id.trim()]: name.trim() } });
      setId("");
      setName("");
      setTried(false);
    });
  };
  const remove = (gone: string): void =>
    run(() => changeSettings({ nicknames: Object.fromEntries(Object.entries(nicknames).filter(([key]) => key !== gone)) }));
  return (
    <Card title={text.settings.nicknames}>
      <div className="col">
        <p className="quiet">{rows.length === 0 ? text.settings.noNicknames : text.settings.nicknamesTell}</p>
        {rows.length > 0 && (
          <ul className="b-rows nicknames">
            {rows.map(([key, called]) => (
              <li key={key}>
                <div className="b-row">
                  <span className="b-row-main">
                    <span>{called}</span>
                    <span>{shortId(key)}</span>
                  </span>
                  <Button
                    variant="default"
                    size="compact-md"
                    aria-label={text.settings.changeNickname(called)}
                    onClick={() => {
                      setId(key);
                      setName(called);
                    }}
                  >
                    {text.settings.change}
                  </Button>
                  <Button
                    variant="subtle"
                    color="rowan"
                    size="compact-md"
                    disabled={busy}
                    aria-label={text.settings.removeNickname(called)}
                    onClick={() => remove(key)}
                  >
                    {text.settings.remove}
                  </Button>
                </div>
              </li>
            ))}
          </ul>
        )}
        <form
          className="form"
          noValidate
          onSubmit={(event) => {
            event.preventDefault();
            save();
          }}
        >
          <TextInput
            label={text.settings.whom}
            description={text.settings.whomTells}
            value={id}
            error={tried && wrongId && text.settings.wrongWhom}
            onChange={(event) => setId(event.currentTarget.value)}
            autoComplete="off"
            spellCheck={false}
          />
          <TextInput
            label={text.ledger.nickname}
            maxLength={LIMITS.nameBytesMax}
            value={name}
            error={tried && name.trim() === "" && text.form.faults.required}
            onChange={(event) => setName(event.currentTarget.value)}
            autoComplete="off"
          />
          {error && <p className="fault">{refusalSentence(text, error)}</p>}
          <Button type="submit" variant="default" loading={busy}>
            {text.common.save}
          </Button>
        </form>
      </div>
    </Card>
  );
}
