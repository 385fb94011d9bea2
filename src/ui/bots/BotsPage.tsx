import { ActionIcon, Button, Textarea } from "@mantine/core";
import { IconPlus, IconTrash } from "@tabler/icons-react";
import { useEffect, useState } from "react";
import { Link, useLocation } from "wouter";
import type { BotInfo } from "../../sdk/api.ts";
import { AskFirst } from "../pattern/AskFirst.tsx";
import { Identicon } from "../pattern/Identicon.tsx";
import { Card, PageHead } from "../pattern/Page.tsx";
import { StatusPill } from "../pattern/StatusPill.tsx";
import { useDeed } from "../pattern/use-deed.ts";
import { useClient, usePlatform } from "../shell/peer-context.tsx";
import { useText } from "../text/language.tsx";
import { refusalSentence } from "../text/sentences.ts";

const JOIN = "#/join/";

/** What is behind `#/join/` of a link, or the text itself. */
function inviteOf(typed: string): string {
  const at = typed.indexOf(JOIN);
  return (at < 0 ? typed : typed.slice(at + JOIN.length)).trim();
}

function BotRow({ bot, onOpen, onForget, busy }: { bot: BotInfo; onOpen: () => void; onForget: () => void; busy: boolean }) {
  const { bots } = useText();
  return (
    <div className="b-row">
      <Identicon id={bot.chain} kind="block" size={36} />
      <span className="b-row-main">
        <b>{bot.name}</b>
        <span className="quiet">{bot.home ? `${bots.kinds[bot.kind]}, ${bots.ofRelay}` : bots.kinds[bot.kind]}</span>
      </span>
      {bot.here ? (
        <StatusPill status="live">{bots.here}</StatusPill>
      ) : (
        <span className="bot-acts">
          {!bot.home && (
            <ActionIcon aria-label={`${bots.forget}: ${bot.name}`} onClick={onForget}>
              <IconTrash size={20} stroke={1.7} />
            </ActionIcon>
          )}
          <Button variant="default" loading={busy} onClick={onOpen} aria-label={`${bots.openIt}: ${bot.name}`}>
            {bots.openIt}
          </Button>
        </span>
      )}
    </div>
  );
}

function JoinForm() {
  const text = useText();
  const [, go] = useLocation();
  const [typed, setTyped] = useState("");
  return (
    <Card title={text.bots.join}>
      <form
        className="form"
        onSubmit={(event) => {
          event.preventDefault();
          go(`/join/${encodeURIComponent(inviteOf(typed))}`);
        }}
      >
        <Textarea
          label={text.bots.invite}
          description={text.bots.joinTells}
          autosize
          minRows={2}
          maxRows={6}
          value={typed}
          spellCheck={false}
          onChange={(event) => setTyped(event.currentTarget.value)}
        />
        <Button type="submit" variant="default" disabled={inviteOf(typed) === ""}>
          {text.bots.look}
        </Button>
      </form>
    </Card>
  );
}

/** The BoTs that this browser knows, and how to come to others. */
export function BotsPage() {
  const text = useText();
  const client = useClient();
  const { reload } = usePlatform();
  const [, go] = useLocation();
  const [known, setKnown] = useState<readonly BotInfo[] | null>(null);
  const [asked, setAsked] = useState<BotInfo | null>(null);
  const { busy, error, run } = useDeed();
  useEffect(() => {
    let isShown = true;
    client.command("listBots").then(
      (list) => isShown && setKnown(list),
      () => isShown && setKnown([]),
    );
    return () => void (isShown = false);
  }, [client]);
  const forget = ({ chain }: BotInfo): void =>
    run(async () => {
      setAsked(null);
      await client.command("forgetBot", { chain });
      setKnown(await client.command("listBots"));
    });
  const open = ({ chain, home }: BotInfo): void =>
    run(async () => {
      await client.command("openBot", { chain: home ? null : chain });
      go("/");
      reload();
    });
  return (
    <>
      <PageHead
        title={text.bots.title}
        lede={text.bots.lede}
        action={
          <Button component={Link} href="/bots/new" leftSection={<IconPlus size={18} aria-hidden />}>
            {text.bots.newBot}
          </Button>
        }
      />
      <div className="col narrow">
        <Card flush>
          {(known ?? []).map((bot) => (
            <BotRow key={bot.chain} bot={bot} busy={busy} onOpen={() => open(bot)} onForget={() => setAsked(bot)} />
          ))}
          {known?.length === 0 && <p className="quiet">{text.bots.none}</p>}
          {error && <p className="fault">{refusalSentence(text, error)}</p>}
        </Card>
        <JoinForm />
      </div>
      <AskFirst
        opened={asked !== null}
        title={text.bots.forgetTitle(asked?.name ?? "")}
        go={text.bots.forget}
        onClose={() => setAsked(null)}
        onGo={asked && (() => forget(asked))}
      >
        <p className="ask-why">{text.bots.forgetWhy}</p>
      </AskFirst>
    </>
  );
}
