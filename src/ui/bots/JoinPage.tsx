import { Button } from "@mantine/core";
import { useEffect, useState } from "react";
import { Link, useLocation } from "wouter";
import type { Commands, RefusalShape } from "../../sdk/api.ts";
import { Card, PageHead } from "../pattern/Page.tsx";
import { PageState } from "../pattern/PageState.tsx";
import { StatusPill } from "../pattern/StatusPill.tsx";
import { useDeed } from "../pattern/use-deed.ts";
import { useClient, usePlatform } from "../shell/peer-context.tsx";
import { refusalOf } from "../shell/peer-store.ts";
import { useFormat, useText } from "../text/language.tsx";
import { refusalSentence } from "../text/sentences.ts";

type Invited = Commands["inspectInvite"]["result"];

/** What an invite leads to, before anything is done. */
export function JoinPage({ invite }: { invite: string }) {
  const text = useText();
  const format = useFormat();
  const client = useClient();
  const { reload } = usePlatform();
  const [, go] = useLocation();
  const [found, setFound] = useState<Invited | RefusalShape | null>(null);
  const { busy, error, run } = useDeed();
  useEffect(() => {
    let isShown = true;
    client.command("inspectInvite", { invite }).then(
      (info) => isShown && setFound(info),
      (reason: unknown) => isShown && setFound(refusalOf(reason)),
    );
    return () => void (isShown = false);
  }, [client, invite]);
  if (found === null) return null;
  if ("code" in found)
    return (
      <>
        <h1 className="b-sr">{text.bots.join}</h1>
        <PageState state="broken" title={text.bots.noInvite} why={refusalSentence(text, found)}>
          <Button component={Link} href="/bots">
            {text.bots.title}
          </Button>
        </PageState>
      </>
    );
  const join = (): void =>
    run(async () => {
      await client.command("joinBot", { invite });
      go("/");
      reload();
    });
  return (
    <>
      <PageHead title={text.bots.joinTitle(found.name)} back={{ href: "/bots", name: text.bots.title }} />
      <div className="col narrow">
        <Card end={<StatusPill status="live">{text.bots.kinds[found.kind]}</StatusPill>} title={found.name}>
          <div className="col">
            <p>{found.here ? text.bots.already : text.bots.joinWhat[found.kind]}</p>
            {!found.here && found.height > 0 && <p className="quiet">{text.bots.joinAt(format.number(found.height))}</p>}
            {error && <p className="fault">{refusalSentence(text, error)}</p>}
            <div className="decision-acts">
              <Button component={Link} href="/" variant="default">
                {text.places.home}
              </Button>
              {!found.here && (
                <Button loading={busy} onClick={join}>
                  {text.bots.joinNow}
                </Button>
              )}
            </div>
          </div>
        </Card>
      </div>
    </>
  );
}
