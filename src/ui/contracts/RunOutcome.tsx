import type { ContractMethodInfo, RunResult } from "../../sdk/api.ts";
import { isJson, readSchema, type DataSchema } from "../pattern/data-schema.ts";
import { StatusPill } from "../pattern/StatusPill.tsx";
import { useFormat, useText } from "../text/language.tsx";
import { refusalSentence, valueText } from "../text/sentences.ts";

/** What a method takes, as its author wrote it: read like any stranger's document. */
export function schemaOf(method: ContractMethodInfo | undefined, language: string): DataSchema | null {
  const input = method?.input;
  return isJson(input) ? readSchema(input, language) : null;
}

/** What a run did, or why it failed: shown the same for the test bench and for views. */
export function RunOutcome({ run }: { run: RunResult }) {
  const text = useText();
  const format = useFormat();
  const lines = run.ok
    ? [
        ...run.changes.flatMap(({ key, before, after }) => [
          ...(before === null ? [] : [{ mark: "−", tone: "del" as const, said: `${key}  ${valueText(before)}` }]),
          ...(after === null ? [] : [{ mark: "+", tone: "ins" as const, said: `${key}  ${valueText(after)}` }]),
        ]),
        ...run.events.map(({ topic, data }) => ({ mark: "»", tone: "span" as const, said: `${topic}  ${valueText(data)}` })),
      ]
    : [];
  return (
    <div className="out">
      <div className="foot-acts">
        <StatusPill status={run.ok ? "final" : "refused"}>{run.ok ? text.contracts.wouldSucceed : text.contracts.wouldFail}</StatusPill>
        <span className="quiet">
          {text.contracts.gas} {format.number(run.gasUsed)}
        </span>
      </div>
      {run.ok ? (
        <p>{text.contracts.gives(valueText(run.result))}</p>
      ) : (
        <p className="fault">{refusalSentence(text, { code: run.code, data: { message: run.message } })}</p>
      )}
      {lines.length > 0 && (
        <pre className="diff">
          {lines.map(({ mark, tone: Tone, said }) => (
            <Tone key={mark + said}>{`${mark} ${said}\n`}</Tone>
          ))}
        </pre>
      )}
      {run.logs.length > 0 && <pre className="diff">{run.logs.join("\n")}</pre>}
    </div>
  );
}
