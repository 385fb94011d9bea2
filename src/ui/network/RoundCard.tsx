import { useMemo } from "react";
import type { ConsensusInfo } from "../../sdk/api.ts";
import { shortId } from "../pattern/Digest.tsx";
import { Identicon } from "../pattern/Identicon.tsx";
import { Card } from "../pattern/Page.tsx";
import { Explain } from "../pattern/StatCard.tsx";
import { StatusPill } from "../pattern/StatusPill.tsx";
import { useNameOf, useNow, usePeer } from "../shell/peer-context.tsx";
import { useFormat, useText } from "../text/language.tsx";
import { concentrationOf, sharesOf, type Shares } from "./concentration.ts";

function Tally({ label, count, consensus, colour }: { label: string; count: number; consensus: ConsensusInfo; colour: string }) {
  const text = useText();
  const seats = Math.max(1, consensus.votes.length);
  return (
    <>
      <span>{label}</span>
      <span className="track">
        <i style={{ width: `${(100 * count) / seats}%`, background: colour }} />
        <u style={{ left: `${(100 * consensus.quorum) / seats}%` }} />
      </span>
      <b>{text.joining.of(String(count), String(seats))}</b>
    </>
  );
}

/** Two bars a seat (valid, final), outlined until cast; below them the tallies, with the quorum as a line. */
export function RoundCard({ consensus }: { consensus: ConsensusInfo }) {
  const text = useText();
  const format = useFormat();
  const nameOf = useNameOf();
  const { votes, tallies, round, leader, quorum, working, recovery } = consensus;
  return (
    <Card
      title={
        <>
          {text.network.round(format.number(round))}
          <Explain term={text.network.roundWord}>{text.network.roundTells}</Explain>
        </>
      }
      end={<StatusPill status={working ? "waiting" : "final"}>{working ? text.network.working : text.network.resting}</StatusPill>}
    >
      <ul className="seats" aria-label={text.network.votes}>
        {votes.map(({ votingKey, account, mine, notarize, skip, finalize }) => (
          <li key={votingKey} className="seat" title={nameOf(account) ?? shortId(account)}>
            <Identicon id={account} size={26} ring={mine} />
            <span className="seat-votes" aria-hidden>
              <i data-v={notarize ? "notarize" : skip ? "skip" : "none"} />
              <i data-v={finalize ? "finalize" : "none"} />
            </span>
            <span className="b-sr">
              {nameOf(account) ?? shortId(account)}:{" "}
              {notarize ? text.network.votedValid : skip ? text.network.votedSkip : text.network.notVoted}
              {finalize && `, ${text.network.votedFinal}`}
            </span>
          </li>
        ))}
      </ul>
      <div className="quorum">
        <Tally label={text.network.valid} count={tallies.notarize} consensus={consensus} colour="var(--b-tentative-line)" />
        <Tally label={text.network.final} count={tallies.finalize} consensus={consensus} colour="var(--b-stroke)" />
        {tallies.skip > 0 && <Tally label={text.network.skip} count={tallies.skip} consensus={consensus} colour="var(--b-line-strong)" />}
      </div>
      <p className="quiet">{text.network.quorumTells(quorum, nameOf(leader) ?? shortId(leader))}</p>
      {recovery && (
        <p className="quiet">
          {text.network.recovery(recovery.step, recovery.missing.map((account) => nameOf(account) ?? shortId(account)).join(", "))}
        </p>
      )}
    </Card>
  );
}

const OUTCOMES = { final: "final", notarized: "tentative", skipped: "offline", open: "waiting" } as const;

export function RoundsCard({ consensus }: { consensus: ConsensusInfo }) {
  const text = useText();
  const format = useFormat();
  const now = useNow();
  const nameOf = useNameOf();
  return (
    <Card flush title={text.network.rounds}>
      {consensus.rounds.length === 0 && <p className="quiet pad">{text.network.noRounds}</p>}
      <ul className="b-rows" aria-label={text.network.rounds}>
        {consensus.rounds.slice(0, 8).map(({ round, leader, outcome, height, atMs }) => (
          <li key={`${round} ${height} ${atMs}`}>
            <div className="b-row">
              <Identicon id={leader} size={26} />
              <span className="b-row-main">
                <span>{text.network.round(format.number(round))}</span>
                <span>
                  {nameOf(leader) ?? shortId(leader)}
                  {height !== null && ` · ${text.ledger.block(format.number(height))}`}
                </span>
              </span>
              <span className="b-row-end">
                <StatusPill status={OUTCOMES[outcome]} bare>
                  {text.network.outcomes[outcome]}
                </StatusPill>
                {format.ago(atMs, now)}
              </span>
            </div>
          </li>
        ))}
      </ul>
    </Card>
  );
}

const COLOURS = ["--b-stroke", "--b-live-line", "--b-tentative-line", "--b-recovered", "--b-refused", "--b-line-strong"];
const SHARES_SHOWN = 8;

function ShareBar({ shares, label }: { shares: Shares; label: string }) {
  const text = useText();
  const nameOf = useNameOf();
  const colourOf = (index: number): string => `var(${COLOURS[index % COLOURS.length]!})`;
  const total = shares.reduce((sum, [, count]) => sum + count, 0);
  return (
    <>
      <div className="share" aria-hidden>
        {shares.map(([account, count], index) => (
          <i key={account} style={{ flex: count, background: colourOf(index) }} />
        ))}
      </div>
      <ul className="sharekey" aria-label={label}>
        {shares.slice(0, SHARES_SHOWN).map(([account, count], index) => (
          <li key={account}>
            <i style={{ background: colourOf(index) }} />
            {nameOf(account) ?? shortId(account)}
            <span className="quiet">{text.joining.of(String(count), String(total))}</span>
          </li>
        ))}
      </ul>
    </>
  );
}

/** Votes and proposals by owner: one owner with many tabs has many seats, and everybody can see it. */
export function SharesCard() {
  const text = useText();
  const consensus = usePeer((state) => state.consensus);
  const finality = usePeer((state) => state.finality);
  const proposed = useMemo(() => sharesOf(finality.flatMap(({ proposer }) => proposer ?? [])), [finality]);
  if (consensus === null || consensus.votes.length === 0) return null;
  const { votes, quorum } = consensus;
  const { shares, stopping, deciding } = concentrationOf(votes, quorum);
  const blocks = proposed.reduce((sum, [, count]) => sum + count, 0);
  return (
    <Card
      title={
        <>
          {text.network.shares}
          <Explain term={text.network.shares}>{text.network.sharesTells}</Explain>
        </>
      }
    >
      <p>{text.network.couldStop(stopping, deciding)}</p>
      <ShareBar shares={shares} label={text.network.shares} />
      {blocks > 0 && (
        <>
          <p>{text.network.proposed(blocks)}</p>
          <ShareBar shares={proposed} label={text.network.proposals} />
        </>
      )}
    </Card>
  );
}
