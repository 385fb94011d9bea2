import { Link } from "wouter";
import type { SeatInfo } from "../../sdk/api.ts";
import { shortId } from "../pattern/Digest.tsx";
import { Identicon } from "../pattern/Identicon.tsx";
import { Answered, Card, FirstRows, useNone } from "../pattern/Page.tsx";
import { Explain } from "../pattern/StatCard.tsx";
import { StatusPill } from "../pattern/StatusPill.tsx";
import { useAsk, useNameOf, useNow } from "../shell/peer-context.tsx";
import { useFormat, useText } from "../text/language.tsx";

const PILLS = { active: "final", queued: "waiting", sleeping: "offline" } as const;
/** What a phone shows without scrolling for long. */
const SHOWN = 12;

function SeatRow({ seat: { votingKey, account, state, sinceHeight, lastSeenMs, mine } }: { seat: SeatInfo }) {
  const text = useText();
  const format = useFormat();
  const nameOf = useNameOf();
  const now = useNow();
  return (
    <Link href={`/account/${account}`} className="b-row">
      <Identicon id={account} size={28} ring={mine} />
      <span className="b-row-main">
        <span>
          {nameOf(account) ?? shortId(account)}
          {mine && <span className="b-you">{text.common.you}</span>}
        </span>
        <span>
          {shortId(votingKey)} · {text.network.sinceBlock(format.number(sinceHeight))}
        </span>
      </span>
      <span className="b-row-end">
        <StatusPill status={PILLS[state]} bare>
          {text.network.seatStates[state]}
        </StatusPill>
        {state === "sleeping" && <span>{format.ago(lastSeenMs, now)}</span>}
      </span>
    </Link>
  );
}

/** Who has a vote, who waits for one, and who is away; one's own first. */
export function SeatsCard() {
  const text = useText();
  const none = useNone();
  const answer = useAsk("seats", {});
  return (
    <Card
      flush
      title={
        <>
          {text.network.seats}
          <Explain term={text.network.seats}>{text.network.seatTells}</Explain>
        </>
      }
    >
      <Answered answer={answer} skeletonHeight={120}>
        {(seats) => {
          const sorted = seats.toSorted((a, b) => Number(b.mine) - Number(a.mine));
          return (
            <>
              {seats.length === 0 && <p className="quiet pad">{none(text.network.noSeats)}</p>}
              {seats.length > 0 && !seats.some(({ mine }) => mine) && <p className="quiet pad">{text.network.noneIsYours}</p>}
              <FirstRows
                items={sorted}
                shown={SHOWN}
                label={text.network.seats}
                all={text.network.allSeats(seats.length)}
                keyOf={({ votingKey }) => votingKey}
                row={(seat) => <SeatRow seat={seat} />}
              />
            </>
          );
        }}
      </Answered>
    </Card>
  );
}
