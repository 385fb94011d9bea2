import { Button, Switch, TextInput } from "@mantine/core";
import { IconAlertTriangle, IconCheck, IconMinus, IconUser, IconUsersGroup, IconWorld } from "@tabler/icons-react";
import { useState } from "react";
import { useLocation } from "wouter";
import type { BotKind } from "../../sdk/api.ts";
import { Card, PageHead } from "../pattern/Page.tsx";
import { Banner } from "../pattern/PageState.tsx";
import { StatusPill } from "../pattern/StatusPill.tsx";
import { useDeed } from "../pattern/use-deed.ts";
import { useClient, usePeer, usePlatform } from "../shell/peer-context.tsx";
import { useText } from "../text/language.tsx";
import { refusalSentence } from "../text/sentences.ts";
import { ANSWERS, QUESTIONS, recommend, type Answers, type Question, type Recommendation } from "./recommend.ts";

const ICONS: Record<BotKind, typeof IconUser> = { private: IconUser, consortium: IconUsersGroup, public: IconWorld };
const KINDS: readonly BotKind[] = ["private", "consortium", "public"];
const NAME_MAX = 64;

function Progress({ step }: { step: number }) {
  return (
    <div className="wiz" aria-hidden>
      {[...QUESTIONS, "make"].map((name, index) => (
        <i key={name} data-on={index <= step || undefined} />
      ))}
    </div>
  );
}

function Advice({ recommended: { kind, reason } }: { recommended: Recommendation }) {
  const { bots } = useText();
  return (
    <Card>
      <div className="advice" aria-live="polite">
        <p className="quiet">{bots.pointsTo}</p>
        <p className="advice-kind">{bots.kinds[kind]}</p>
        <p>{bots.reasons[reason]}</p>
        <ul className="why">
          {bots.goods[kind].map((line) => (
            <li key={line}>
              <IconCheck size={20} aria-hidden />
              {line}
            </li>
          ))}
          <li data-no>
            <IconMinus size={20} aria-hidden />
            {bots.bads[kind]}
          </li>
        </ul>
      </div>
    </Card>
  );
}

function Ask({ question, answers, onAnswer }: { question: Question; answers: Answers; onAnswer: (answer: string) => void }) {
  const { title, answers: said } = useText().bots.questions[question];
  const words = said as Readonly<Record<string, { readonly name: string; readonly tells: string }>>;
  return (
    <fieldset className="choices">
      <legend>
        <h2>{title}</h2>
      </legend>
      {ANSWERS[question].map((answer) => (
        <label key={answer} className="choice">
          <input type="radio" name={question} value={answer} checked={answers[question] === answer} onChange={() => onAnswer(answer)} />
          <b>{words[answer]!.name}</b>
          <small>{words[answer]!.tells}</small>
        </label>
      ))}
    </fieldset>
  );
}

function KindChoice({ kind, recommended, onKind }: { kind: BotKind; recommended: BotKind; onKind: (kind: BotKind) => void }) {
  const { bots } = useText();
  return (
    <fieldset className="choices">
      <legend className="b-sr">{bots.kind}</legend>
      {KINDS.map((choice) => {
        const Icon = ICONS[choice];
        return (
          <label key={choice} className="choice">
            <input type="radio" name="kind" value={choice} checked={kind === choice} onChange={() => onKind(choice)} />
            <b>{bots.kinds[choice]}</b>
            {choice === recommended ? (
              <StatusPill status="live">{bots.recommended}</StatusPill>
            ) : (
              <Icon size={24} stroke={1.6} aria-hidden />
            )}
            <small>{bots.bads[choice]}</small>
          </label>
        );
      })}
    </fieldset>
  );
}

function Make({ recommended, onBack }: { recommended: BotKind; onBack: () => void }) {
  const text = useText();
  const client = useClient();
  const { reload } = usePlatform();
  const [, go] = useLocation();
  const keysDurable = usePeer((state) => state.status?.keysDurable ?? true);
  const [kind, setKind] = useState(recommended);
  const [name, setName] = useState("");
  const [tokens, setTokens] = useState(false);
  const { busy, error, run } = useDeed();
  const make = (): void =>
    run(async () => {
      await client.command("foundBot", { name: name.trim(), kind, tokens });
      go("/invite");
      reload();
    });
  return (
    <form
      className="col narrow"
      onSubmit={(event) => {
        event.preventDefault();
        make();
      }}
    >
      <h2>{text.bots.makeTitle}</h2>
      <KindChoice kind={kind} recommended={recommended} onKind={setKind} />
      <Card>
        <div className="form">
          <TextInput
            label={text.bots.name}
            description={text.bots.nameTells}
            value={name}
            maxLength={NAME_MAX}
            required
            onChange={(event) => setName(event.currentTarget.value)}
          />
          {kind === "private" && (
            <Switch
              label={text.bots.tokens}
              description={text.bots.tokensTell}
              checked={tokens}
              onChange={(event) => setTokens(event.currentTarget.checked)}
            />
          )}
          <p className="quiet">{keysDurable ? text.bots.makeTells : text.bots.cannotMake}</p>
          {error && (
            <Banner tone="refused" icon={<IconAlertTriangle size={20} aria-hidden />}>
              {refusalSentence(text, error)}
            </Banner>
          )}
          <div className="decision-acts">
            <Button variant="default" onClick={onBack}>
              {text.bots.back}
            </Button>
            <Button type="submit" loading={busy} disabled={name.trim() === "" || !keysDurable}>
              {text.bots.make}
            </Button>
          </div>
        </div>
      </Card>
    </form>
  );
}

/** A short wizard: who takes part, who decides, how often devices are asleep; what that points to, and why. EXPERIENCE, "New BoT". */
export function NewBotPage() {
  const { bots } = useText();
  const [step, setStep] = useState(0);
  const [answers, setAnswers] = useState<Answers>({});
  const recommended = recommend(answers);
  const question = QUESTIONS[step];
  return (
    <>
      <PageHead title={bots.newBot} back={{ href: "/bots", name: bots.title }} lede={bots.steps(step + 1, QUESTIONS.length + 1)} />
      <Progress step={step} />
      {question === undefined ? (
        <Make recommended={recommended?.kind ?? "public"} onBack={() => setStep(step - 1)} />
      ) : (
        <div className="col narrow">
          <Ask question={question} answers={answers} onAnswer={(answer) => setAnswers({ ...answers, [question]: answer } as Answers)} />
          <div className="decision-acts">
            {step > 0 && (
              <Button variant="default" onClick={() => setStep(step - 1)}>
                {bots.back}
              </Button>
            )}
            <Button disabled={answers[question] === undefined} onClick={() => setStep(step + 1)}>
              {bots.next}
            </Button>
          </div>
          {recommended !== null && <Advice recommended={recommended} />}
        </div>
      )}
    </>
  );
}
