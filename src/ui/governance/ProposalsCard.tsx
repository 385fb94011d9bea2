import { Button } from "@mantine/core";
import type { GovernanceInfo, ProposalInfo } from "../../sdk/api.ts";
import type { Question } from "../pattern/Confirm.tsx";
import { Card, FirstRows, useNone } from "../pattern/Page.tsx";
import { StatusPill } from "../pattern/StatusPill.tsx";
import { useDeed } from "../pattern/use-deed.ts";
import { useNow, usePeer } from "../shell/peer-context.tsx";
import { useFormat, useText } from "../text/language.tsx";
import { refusalSentence } from "../text/sentences.ts";
import { changeLines } from "./change-text.ts";
import { useWords } from "./use-words.ts";

const PILLS = { open: "waiting", carried: "waiting", expired: "offline" } as const;
/** What a phone shows without scrolling for long. */
const SHOWN = 6;

type Ask = (question: Question) => void;

/** What can be done about a proposal: vote, vote otherwise, and carry it out. */
function Acts({ proposal, info, ask }: { proposal: ProposalInfo; info: GovernanceInfo; ask: Ask }) {
  const words = useWords();
  const { text } = words;
  const send = usePeer((state) => state.send);
  const { busy, error, run } = useDeed();
  const { id, state, mine, change } = proposal;
  const cast = (approve: boolean): void =>
    run(() => send(text.operations.names["governance.vote"]!, [{ operation: "governance.vote", arguments: { proposal: id, approve } }]));
  const carry = (): void =>
    ask({
      title: text.governance.carryTitle,
      why: text.governance.carryWhy(changeLines(words, info, change).join("; ")),
      verb: text.governance.signAndCarryOut,
      calls: [{ operation: "governance.execute", arguments: { proposal: id } }],
    });
  const mayCarry = state === "carried" && info.mine.includes("vote");
  if (state === "expired" || (!info.mayVote && !mayCarry)) return null;
  return (
    <>
      {error && <p className="fault">{refusalSentence(text, error)}</p>}
      <div className="inline">
        {mayCarry && <Button onClick={carry}>{text.governance.carryOut}…</Button>}
        {info.mayVote && mine !== true && (
          <Button variant="default" loading={busy} onClick={() => cast(true)}>
            {text.governance.voteFor}
          </Button>
        )}
        {info.mayVote && mine !== false && (
          <Button variant="default" loading={busy} onClick={() => cast(false)}>
            {text.governance.voteAgainst}
          </Button>
        )}
      </div>
    </>
  );
}

function Proposal({ proposal, info, ask }: { proposal: ProposalInfo; info: GovernanceInfo; ask: Ask }) {
  const words = useWords();
  const { text, format, nameOf } = words;
  const now = useNow();
  const { proposer, change, note, createdMs, untilMs, state, approving, rejecting, needed, votes, mine } = proposal;
  const namesOf = (approve: boolean): string =>
    votes
      .filter((vote) => vote.approve === approve)
      .map(({ account }) => nameOf(account))
      .join(", ");
  return (
    <article className="proposal" data-off={state === "expired" || undefined}>
      <div className="proposal-head">
        <h3>
          {changeLines(words, info, change).map((line) => (
            <span key={line}>{line}</span>
          ))}
        </h3>
        <StatusPill status={PILLS[state]}>{text.governance.states[state]}</StatusPill>
      </div>
      {note !== "" && <blockquote>{note}</blockquote>}
      <p className="quiet">{text.governance.by(nameOf(proposer), format.ago(createdMs, now))}</p>
      <p>
        <b>{text.governance.votesNeeded(format.number(approving), format.number(needed))}</b>
        {rejecting > 0 && ` · ${text.governance.against(format.number(rejecting))}`}
        {" · "}
        {state === "expired" ? text.governance.endedAgo(format.ago(untilMs, now)) : text.governance.left(format.span(untilMs - now))}
      </p>
      {votes.length > 0 && (
        <p className="quiet">
          {approving > 0 && text.governance.votedFor(namesOf(true))}
          {approving > 0 && rejecting > 0 && " "}
          {rejecting > 0 && text.governance.votedAgainst(namesOf(false))}
          {mine !== null && ` ${text.governance.mine[mine ? "for" : "against"]}`}
        </p>
      )}
      <Acts proposal={proposal} info={info} ask={ask} />
    </article>
  );
}

/** What is proposed, newest first; what is over comes last, until the ledger forgets it. */
export function ProposalsCard({ info, ask }: { info: GovernanceInfo; ask: Ask }) {
  const text = useText();
  const format = useFormat();
  const none = useNone();
  const now = useNow();
  // Between two blocks nobody is asked again, and time goes on.
  const shown = info.proposals.map((proposal) => (proposal.untilMs <= now ? ({ ...proposal, state: "expired" } as const) : proposal));
  const sorted = shown.toSorted((a, b) => Number(a.state === "expired") - Number(b.state === "expired"));
  return (
    <Card flush title={text.governance.proposals}>
      {sorted.length === 0 && <p className="quiet pad">{none(text.governance.nothingProposed)}</p>}
      {sorted.length > 0 && !info.mayVote && <p className="quiet pad">{text.governance.noVote[info.kind]}</p>}
      <FirstRows
        items={sorted}
        shown={SHOWN}
        label={text.governance.proposals}
        all={text.governance.allProposals(format.number(sorted.length))}
        keyOf={({ id }) => id}
        row={(proposal) => <Proposal proposal={proposal} info={info} ask={ask} />}
      />
    </Card>
  );
}
