import type { IncidentInfo } from "../../sdk/api.ts";
import { shortId } from "../pattern/Digest.tsx";
import { Answered, Card, FirstRows } from "../pattern/Page.tsx";
import { Explain } from "../pattern/StatCard.tsx";
import { StatusPill } from "../pattern/StatusPill.tsx";
import { useAsk, useNameOf, useNow } from "../shell/peer-context.tsx";
import { useFormat, useText } from "../text/language.tsx";
import { refusalSentence } from "../text/sentences.ts";

/** What a phone shows without scrolling for long. */
const SHOWN = 6;
const PILLS = { stalled: "waiting", behind: "waiting", recovery: "recovered", reorganization: "recovered" } as const;

function pillOf({ kind }: IncidentInfo): (typeof PILLS)[keyof typeof PILLS] | "refused" {
  return kind in PILLS ? PILLS[kind as keyof typeof PILLS] : "refused";
}

function IncidentRow({ incident }: { incident: IncidentInfo }) {
  const text = useText();
  const format = useFormat();
  const nameOf = useNameOf();
  const now = useNow();
  const { kind, sinceMs, untilMs, isOver, height, who, offMs, code } = incident;
  const sentence = text.network.incidentTells[kind]({
    who: who.map((account) => nameOf(account) ?? shortId(account)).join(", "),
    height: format.number(height ?? 0),
    seconds: format.seconds(offMs ?? 0),
    why: code === null ? "" : refusalSentence(text, { code, data: {} }),
  });
  const lasted = untilMs - sinceMs;
  return (
    <div className="b-row">
      <span className="b-row-main" data-whole>
        <span>
          <StatusPill status={pillOf(incident)}>{text.network.incidentKinds[kind]}</StatusPill>
        </span>
        <span>{sentence}</span>
      </span>
      <span className="b-row-end">
        {format.ago(sinceMs, now)}
        {!isOver && <span>{text.network.incidentGoesOn}</span>}
        {isOver && lasted > 0 && <span>{text.network.incidentLasted(format.seconds(lasted))}</span>}
      </span>
    </div>
  );
}

/** What went wrong around this peer, newest first. */
export function IncidentsCard() {
  const text = useText();
  const answer = useAsk("incidents", {});
  return (
    <Card
      flush
      title={
        <>
          {text.network.incidents}
          <Explain term={text.network.incidents}>{text.network.incidentsTell}</Explain>
        </>
      }
    >
      <Answered answer={answer} skeletonHeight={60}>
        {(incidents) => {
          return (
            <>
              {incidents.length === 0 && <p className="quiet pad">{text.network.noIncidents}</p>}
              <FirstRows
                items={incidents}
                shown={SHOWN}
                label={text.network.incidents}
                all={text.network.allIncidents(incidents.length)}
                // Two may begin in one moment.
                keyOf={({ kind, sinceMs }, index) => `${kind} ${sinceMs} ${index}`}
                row={(incident) => <IncidentRow incident={incident} />}
              />
            </>
          );
        }}
      </Answered>
    </Card>
  );
}
