import { Button } from "@mantine/core";
import { IconChevronRight, IconPlus } from "@tabler/icons-react";
import { useState } from "react";
import { Link } from "wouter";
import type { GovernanceInfo, MemberInfo } from "../../sdk/api.ts";
import { Confirm, type Question } from "../pattern/Confirm.tsx";
import { Who } from "../pattern/Digest.tsx";
import { Identicon } from "../pattern/Identicon.tsx";
import { Answered, Card, FirstRows, PageHead } from "../pattern/Page.tsx";
import { useAsk, useNameOf, usePeer } from "../shell/peer-context.tsx";
import { useFormat, useText } from "../text/language.tsx";
import { rolesText } from "./change-text.ts";
import { ProposalsCard } from "./ProposalsCard.tsx";
import { ruleNames, ruleText } from "./rules.ts";
import { useWords } from "./use-words.ts";

/** What a phone shows without scrolling for long. */
const SHOWN = 12;

/** Which kind of BoT this is, who has a vote in it, and what this account may do. */
function DecidesCard({ info: { kind, owner, mine, mayVote, voters } }: { info: GovernanceInfo }) {
  const text = useText();
  const format = useFormat();
  const nameOf = useNameOf();
  const account = usePeer((state) => state.status?.account);
  const said = text.governance.kinds[kind];
  return (
    <Card title={said.name}>
      <div className="col">
        <p>{said.tells}</p>
        <dl className="b-facts">
          {owner !== null && (
            <>
              <dt>{text.governance.owner}</dt>
              <dd>
                <Who id={owner} name={nameOf(owner)} you={owner === account} />
              </dd>
            </>
          )}
          <dt>{text.governance.votes}</dt>
          <dd>{text.governance.votesOf[kind](format.number(voters))}</dd>
          <dt>{text.governance.yourVote}</dt>
          <dd>{mayVote ? text.governance.hasVote[kind] : text.governance.noVote[kind]}</dd>
          {kind !== "public" && (
            <>
              <dt>{text.governance.youMay}</dt>
              <dd>{rolesText(text, mine)}</dd>
            </>
          )}
        </dl>
        {kind === "public" && !mayVote && (
          <Button component={Link} href="/wallet" variant="default">
            {text.governance.takeSeat}
          </Button>
        )}
      </div>
    </Card>
  );
}

function MemberRow({ member: { account, roles, seated }, mayVote }: { member: MemberInfo; mayVote: boolean }) {
  const { text, nameOf } = useWords();
  const own = usePeer((state) => state.status?.account);
  return (
    <div className="b-row">
      <Identicon id={account} size={28} ring={account === own} />
      <span className="b-row-main" data-whole>
        <span>
          <Link href={`/account/${account}`} className="bare">
            {nameOf(account)}
          </Link>
          {account === own && <span className="b-you">{text.common.you}</span>}
        </span>
        <span>
          {rolesText(text, roles)}
          {seated && ` · ${text.governance.seated}`}
        </span>
      </span>
      {mayVote && (
        <Link href={`/governance/roles/${account}`} className="more-link" aria-label={text.governance.changeOf(nameOf(account))}>
          {text.governance.change}
          <IconChevronRight size={16} aria-hidden />
        </Link>
      )}
    </div>
  );
}

function MembersCard({ info: { members, mayVote } }: { info: GovernanceInfo }) {
  const text = useText();
  const format = useFormat();
  return (
    <Card flush title={text.governance.members}>
      {members.length === 0 && <p className="quiet pad">{text.governance.noMembers}</p>}
      <FirstRows
        items={members}
        shown={SHOWN}
        label={text.governance.members}
        all={text.governance.allMembers(format.number(members.length))}
        keyOf={({ account }) => account}
        row={(member) => <MemberRow member={member} mayVote={mayVote} />}
      />
    </Card>
  );
}

function RulesCard({ info: { parameters, mayVote } }: { info: GovernanceInfo }) {
  const words = useWords();
  const { text, token } = words;
  return (
    <Card flush title={text.governance.rulesTitle}>
      <ul className="b-rows" aria-label={text.governance.rulesTitle}>
        {ruleNames(token).map((name) => (
          <li key={name}>
            <div className="b-row">
              <span className="b-row-main" data-whole>
                <span>{text.governance.rules[name].name}</span>
                <span>{text.governance.rules[name].tells}</span>
              </span>
              <span className="b-row-end rule-end">
                <b>{ruleText(words, name, parameters[name])}</b>
                {mayVote && (
                  <Link
                    href={`/governance/parameter/${name}`}
                    className="more-link"
                    aria-label={text.governance.changeOf(text.governance.rules[name].name)}
                  >
                    {text.governance.change}
                    <IconChevronRight size={16} aria-hidden />
                  </Link>
                )}
              </span>
            </div>
          </li>
        ))}
      </ul>
    </Card>
  );
}

export function GovernancePage() {
  const text = useText();
  const answer = useAsk("governance", {});
  const [question, setQuestion] = useState<Question | null>(null);
  const info = answer.value;
  return (
    <>
      <PageHead
        title={text.places.governance}
        lede={text.governance.lede}
        action={
          info?.mayVote && (
            <Button
              component={Link}
              href={info.kind === "public" ? "/governance/parameter" : "/governance/admit"}
              // What only waits to be carried out is nearer.
              variant={info.proposals.some(({ state }) => state === "carried") ? "default" : "filled"}
              leftSection={<IconPlus size={18} aria-hidden />}
            >
              {text.governance.propose}
            </Button>
          )
        }
      />
      <Answered answer={answer}>
        {(known) => (
          <div className="cols" data-wide="side">
            <div className="col">
              <DecidesCard info={known} />
              <ProposalsCard info={known} ask={setQuestion} />
              {known.kind !== "public" && <MembersCard info={known} />}
            </div>
            <RulesCard info={known} />
          </div>
        )}
      </Answered>
      <Confirm question={question} onClose={() => setQuestion(null)} />
    </>
  );
}
