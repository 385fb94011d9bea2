import { Button, NativeSelect, Textarea } from "@mantine/core";
import { useState, type ReactNode } from "react";
import { useLocation } from "wouter";
import { LIMITS, type GovernanceInfo, type ProposedChange } from "../../sdk/api.ts";
import { Confirm, type Question } from "../pattern/Confirm.tsx";
import { Card } from "../pattern/Page.tsx";
import { changeLines } from "./change-text.ts";
import { useWords } from "./use-words.ts";

const DAY_MS = 86_400_000;
/** Below the longest that the ledger takes, since its time may be a little behind this machine's. */
const SPANS_MS = { day: DAY_MS, threeDays: 3 * DAY_MS, week: 7 * DAY_MS, fourWeeks: 28 * DAY_MS } as const;
type Span = keyof typeof SPANS_MS;

const bytesOf = (text: string): number => new TextEncoder().encode(text).length;

/** What every proposal has, below what it is about: why, until when, and the question before it is signed. `change` null: what was typed is no change. */
export function ProposeForm({
  info,
  change,
  also,
  onTry,
  children,
}: {
  info: GovernanceInfo;
  change: ProposedChange | null;
  /** Another change that can be proposed from here, which takes something away. */
  also?: { readonly verb: string; readonly change: ProposedChange; readonly tells: string };
  onTry: () => void;
  children: ReactNode;
}) {
  const words = useWords();
  const { text, format } = words;
  const [, go] = useLocation();
  const [note, setNote] = useState("");
  const [span, setSpan] = useState<Span>("week");
  const [question, setQuestion] = useState<Question | null>(null);
  const isTooLong = bytesOf(note) > LIMITS.proposalNoteBytesMax;
  // The proposer's own vote is the only one.
  const atOnce = info.voters === 1;
  const ask = (wanted: ProposedChange, tells = ""): void => {
    if (isTooLong) return;
    const voters = format.number(info.voters);
    const way = atOnce ? text.governance.forAll : text.governance[wanted.kind === "parameters" ? "half" : "twoThirds"](voters);
    const untilMs = Date.now() + (atOnce ? DAY_MS : SPANS_MS[span]);
    setQuestion({
      title: atOnce ? text.governance.askTitleAtOnce : text.governance.askTitle,
      why: [`${changeLines(words, info, wanted).join("; ")}.`, way, tells].filter(Boolean).join(" "),
      verb: atOnce ? text.governance.signAndChange : text.governance.signAndPropose,
      ends: tells !== "",
      calls: [{ operation: "governance.propose", arguments: { change: wanted, note: note.trim(), untilMs } }],
      onFinal: () => go("/governance"),
    });
  };
  return (
    <Card>
      <form
        className="form"
        noValidate
        onSubmit={(event) => {
          event.preventDefault();
          onTry();
          if (change !== null) ask(change);
        }}
      >
        {children}
        <Textarea
          label={text.governance.why}
          description={text.governance.whyTells}
          autosize
          minRows={2}
          value={note}
          error={isTooLong && text.form.faults["too-long"]}
          onChange={(event) => setNote(event.currentTarget.value)}
        />
        {!atOnce && (
          <NativeSelect
            label={text.governance.openFor}
            data={(Object.keys(SPANS_MS) as Span[]).map((value) => ({ value, label: text.governance.spans[value] }))}
            value={span}
            onChange={(event) => setSpan(event.currentTarget.value as Span)}
          />
        )}
        <div className="foot-acts">
          <Button type="submit">{atOnce ? text.governance.signAndChange : text.governance.signAndPropose}…</Button>
          {also && (
            <Button variant="subtle" color="rowan" onClick={() => ask(also.change, also.tells)}>
              {also.verb}…
            </Button>
          )}
        </div>
      </form>
      <Confirm question={question} onClose={() => setQuestion(null)} />
    </Card>
  );
}
