import { Button, Progress } from "@mantine/core";
import { IconAlertCircle, IconCircle, IconCircleCheckFilled, IconCircleDashed } from "@tabler/icons-react";
import { lazy, Suspense } from "react";
import type { JoiningProgress, JoiningStep } from "../../sdk/api.ts";
import { BothyMark } from "../pattern/BothyMark.tsx";
import { shortId } from "../pattern/Digest.tsx";
import { Explain } from "../pattern/StatCard.tsx";
import { useFormat, useText } from "../text/language.tsx";
import type { Platform } from "./platform.ts";

/** With what draws a QR code: few ever need it. */
const NotMember = lazy(() => import("../bots/NotMember.tsx").then((module) => ({ default: module.NotMember })));

/** What is to come, while the peer itself does not answer yet. */
export const FIRST_STEPS: readonly JoiningProgress[] = (["slot", "keys", "relay", "peers", "ledger", "seat"] as const).map((step) => ({
  step,
  state: step === "slot" ? "working" : "waiting",
}));

const MARKS = { waiting: "ahead", working: "now", done: "done", skipped: "done", failed: "refused" } as const;
const ICONS = {
  waiting: IconCircle,
  working: IconCircleDashed,
  done: IconCircleCheckFilled,
  skipped: IconCircleCheckFilled,
  failed: IconAlertCircle,
} as const;

function Step({ progress: { step, state, done, total, unit, code }, detail }: { progress: JoiningProgress; detail: string | undefined }) {
  const text = useText();
  const format = useFormat();
  const Icon = ICONS[state];
  const written = (count: number): string => (unit === "bytes" ? format.bytes(count) : format.number(count));
  const numbers = done === undefined ? undefined : total === undefined ? written(done) : text.joining.of(written(done), written(total));
  return (
    <li data-mark={MARKS[state]} aria-current={state === "working" ? "step" : undefined}>
      <Icon size={22} aria-hidden />
      <span>
        {text.joining.steps[step]}
        <span className="b-sr">{text.joining.states[state]}</span>
      </span>
      <span>{numbers ?? detail}</span>
      {code && <span>{code === "not-authorized" ? text.bots.notMember : text.codes[code]}</span>}
      {state === "working" && done !== undefined && total !== undefined && total > 0 && (
        <Progress value={(100 * done) / total} aria-label={text.joining.steps[step]} />
      )}
    </li>
  );
}

/** The first minute: what this tab is doing, as a list that fills in. */
export function Joining({
  name,
  steps,
  slot,
  account,
  onSkip,
  platform,
}: {
  name: string;
  steps: readonly JoiningProgress[];
  slot: number | null;
  account: string | null;
  onSkip: (() => void) | null;
  platform: Pick<Platform, "copy" | "inviteAddress">;
}) {
  const text = useText();
  const details: Partial<Record<JoiningStep, string>> = {
    ...(slot === null ? {} : { slot: text.joining.slot(slot + 1) }),
    ...(account === null ? {} : { keys: shortId(account) }),
  };
  return (
    <main className="join">
      <div className="join-in">
        <div className="join-head">
          <BothyMark size={64} lamp="joining" />
          <div>
            <h1>{name ? text.joining.title(name) : text.joining.titleUnnamed}</h1>
            <p className="lede">{text.joining.lede}</p>
          </div>
        </div>
        <section className="b-card" aria-live="polite">
          <ol className="steps">
            {steps.map((progress) => (
              <Step key={progress.step} progress={progress} detail={details[progress.step]} />
            ))}
          </ol>
        </section>
        {account !== null && steps.some(({ step, code }) => step === "ledger" && code === "not-authorized") && (
          <Suspense>
            <NotMember account={account} address={platform.inviteAddress()} copy={platform.copy} />
          </Suspense>
        )}
        <div className="foot-acts">
          <span className="quiet">
            {text.joining.whatIsAPeer} <Explain term={text.joining.peer}>{text.joining.peerTells}</Explain>
          </span>
          {onSkip && (
            <Button variant="default" onClick={onSkip}>
              {text.joining.lookAround}
            </Button>
          )}
        </div>
      </div>
    </main>
  );
}
