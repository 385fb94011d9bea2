import { Button, Checkbox, NativeSelect, TextInput } from "@mantine/core";
import { useState } from "react";
import { Link, useLocation } from "wouter";
import type { GovernanceInfo, ParameterName, Role } from "../../sdk/api.ts";
import { Answered, Card, PageHead } from "../pattern/Page.tsx";
import { TabBar, tabId } from "../pattern/TabBar.tsx";
import { useAsk } from "../shell/peer-context.tsx";
import { useText } from "../text/language.tsx";
import { ProposeForm } from "./ProposeForm.tsx";
import { boundsText, isRule, readRule, ruleNames, ruleText, unitOf } from "./rules.ts";
import { useWords } from "./use-words.ts";

const FORMS = ["admit", "roles", "parameter"] as const;
export type GovernanceForm = (typeof FORMS)[number];

const DID = /^did:key:z6Mk[1-9A-HJ-NP-Za-km-z]{40,48}$/;
const ROLES: readonly Role[] = ["read", "transact", "deploy", "vote"];
const ROLES_AT_FIRST: readonly Role[] = ["read", "transact"];

function RoleChoice({ chosen, error, onChange }: { chosen: readonly Role[]; error: string; onChange: (chosen: readonly Role[]) => void }) {
  const text = useText();
  return (
    <fieldset className="checks">
      <legend>{text.governance.mayDo}</legend>
      {ROLES.map((role) => (
        <Checkbox
          key={role}
          label={text.governance.roles[role].name}
          description={text.governance.roles[role].tells}
          checked={chosen.includes(role)}
          onChange={(event) => onChange(event.currentTarget.checked ? [...chosen, role] : chosen.filter((one) => one !== role))}
        />
      ))}
      {error !== "" && <p className="fault">{error}</p>}
    </fieldset>
  );
}

function AdmitForm({ info, about }: { info: GovernanceInfo; about: string }) {
  const text = useText();
  const [typed, setTyped] = useState(about);
  const [roles, setRoles] = useState(ROLES_AT_FIRST);
  const [tried, setTried] = useState(false);
  const account = typed.trim();
  const isWrong = !DID.test(account);
  const isIn = account === info.owner || info.members.some((member) => member.account === account);
  const fault = isIn ? text.governance.isMember : tried && isWrong && text.governance.wrongWhom;
  const change = isWrong || isIn || roles.length === 0 ? null : ({ kind: "membership", account, roles } as const);
  return (
    <ProposeForm info={info} change={change} onTry={() => setTried(true)}>
      <TextInput
        label={text.governance.whom}
        description={text.governance.whomTells}
        value={typed}
        error={fault}
        onChange={(event) => setTyped(event.currentTarget.value)}
        autoComplete="off"
        spellCheck={false}
      />
      <RoleChoice chosen={roles} error={tried && roles.length === 0 ? text.governance.noRole : ""} onChange={setRoles} />
    </ProposeForm>
  );
}

const isSame = (a: readonly Role[], b: readonly Role[]): boolean => a.length === b.length && a.every((role) => b.includes(role));

function MemberForm({ info, about }: { info: GovernanceInfo; about: string }) {
  const { text, nameOf } = useWords();
  const [wanted, setAccount] = useState(about);
  const [chosen, setChosen] = useState<readonly Role[] | null>(null);
  const [tried, setTried] = useState(false);
  const member = info.members.find(({ account }) => account === wanted) ?? info.members[0];
  if (member === undefined) return <Card>{text.governance.noMembers}</Card>;
  const { account } = member;
  const roles = chosen ?? member.roles;
  const fault = roles.length === 0 ? text.governance.noRole : isSame(roles, member.roles) ? text.governance.sameRoles : "";
  return (
    <ProposeForm
      info={info}
      change={fault === "" ? { kind: "roles", account, roles } : null}
      also={{
        verb: text.governance.letGo,
        change: { kind: "membership", account, roles: null },
        tells: text.governance.goesTells,
      }}
      onTry={() => setTried(true)}
    >
      <NativeSelect
        label={text.governance.member}
        data={info.members.map((one) => ({ value: one.account, label: nameOf(one.account) }))}
        value={account}
        onChange={(event) => {
          setAccount(event.currentTarget.value);
          setChosen(null);
          setTried(false);
        }}
      />
      <RoleChoice chosen={roles} error={tried ? fault : ""} onChange={setChosen} />
    </ProposeForm>
  );
}

function RuleForm({ info, about }: { info: GovernanceInfo; about: string }) {
  const words = useWords();
  const { text, token } = words;
  const names = ruleNames(token);
  const [wanted, setName] = useState(about);
  const [typed, setTyped] = useState("");
  const [tried, setTried] = useState(false);
  const name: ParameterName = isRule(wanted) && names.includes(wanted) ? wanted : names[0]!;
  const now = info.parameters[name];
  const value = readRule(name, typed, text.locale);
  const isSaid = typed.trim() !== "" || tried;
  const fault = value === null ? text.governance.wrongValue : value === now ? text.governance.sameValue : "";
  const unit = unitOf(words, name);
  return (
    <ProposeForm
      info={info}
      change={value === null || value === now ? null : { kind: "parameters", parameters: { [name]: value } }}
      onTry={() => setTried(true)}
    >
      <NativeSelect
        label={text.governance.rule}
        description={text.governance.rules[name].tells}
        data={names.map((one) => ({ value: one, label: text.governance.rules[one].name }))}
        value={name}
        onChange={(event) => {
          setName(event.currentTarget.value);
          setTyped("");
          setTried(false);
        }}
      />
      <TextInput
        label={text.governance.newValue}
        description={`${text.governance.nowIs(ruleText(words, name, now))} ${boundsText(words, name)}`}
        inputMode={unit === "s" || unit === "h" ? "decimal" : "numeric"}
        value={typed}
        error={isSaid && fault}
        onChange={(event) => setTyped(event.currentTarget.value)}
        rightSection={<span className="quiet">{unit}</span>}
        rightSectionWidth={60}
        autoComplete="off"
      />
    </ProposeForm>
  );
}

const OF_FORM = { admit: AdmitForm, roles: MemberForm, parameter: RuleForm } as const;
const PANEL = "governance-form";

function Forms({ info, form, about }: { info: GovernanceInfo; form: GovernanceForm; about: string }) {
  const text = useText();
  const [, go] = useLocation();
  const isPublic = info.kind === "public";
  const refusal = !info.mayVote ? text.governance.noVote[info.kind] : isPublic && form !== "parameter" ? text.governance.allAreIn : null;
  if (refusal !== null)
    return (
      <Card>
        <div className="col">
          <p>{refusal}</p>
          <Button component={Link} href="/governance">
            {text.places.governance}
          </Button>
        </div>
      </Card>
    );
  const Form = OF_FORM[form];
  return (
    <>
      {isPublic ? (
        <Form info={info} about={about} />
      ) : (
        <>
          <TabBar
            names={FORMS}
            chosen={form}
            label={text.governance.what}
            panel={PANEL}
            said={text.governance.forms}
            onChoose={(name) => go(`/governance/${name}`)}
          />
          <div id={PANEL} role="tabpanel" aria-labelledby={tabId(PANEL, form)}>
            <Form key={form} info={info} about={about} />
          </div>
        </>
      )}
    </>
  );
}

/** Proposes what the address says: to let in an account, to change a member, or a rule. */
export function ProposePage({ form, about }: { form: GovernanceForm; about: string | undefined }) {
  const text = useText();
  const answer = useAsk("governance", {});
  return (
    <>
      <PageHead
        title={text.governance.propose}
        back={{ href: "/governance", name: text.places.governance }}
        lede={answer.value?.mayVote && answer.value.voters === 1 ? text.governance.atOnce : text.governance.formLede}
      />
      <div className="col narrow">
        <Answered answer={answer}>{(info) => <Forms info={info} form={form} about={about ?? ""} />}</Answered>
      </div>
    </>
  );
}
