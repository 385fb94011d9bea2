import { NativeSelect } from "@mantine/core";
import { useDebouncedValue } from "@mantine/hooks";
import { IconPlayerPlay } from "@tabler/icons-react";
import { useEffect, useState } from "react";
import type { ContractMethodInfo, Queries, RefusalShape, RunResult, Value } from "../../sdk/api.ts";
import { Card } from "../pattern/Page.tsx";
import { SchemaForm } from "../pattern/SchemaForm.tsx";
import { Explain } from "../pattern/StatCard.tsx";
import { StatusPill } from "../pattern/StatusPill.tsx";
import { useDeed } from "../pattern/use-deed.ts";
import { refusalOf } from "../shell/peer-store.ts";
import { useClient, usePeer } from "../shell/peer-context.tsx";
import { useFormat, useLanguage, useText } from "../text/language.tsx";
import { refusalSentence } from "../text/sentences.ts";
import { compile } from "./compile.ts";
import { RunOutcome, schemaOf } from "./RunOutcome.tsx";

/** Runs a call of the draft against the current state, without sending it. */
export function TestBench({ source, onInspect }: { source: string; onInspect: (inspected: Queries["inspect"]["result"] | null) => void }) {
  const text = useText();
  const format = useFormat();
  const { language } = useLanguage();
  const client = useClient();
  const height = usePeer((state) => state.status?.height ?? 0);
  const ready = usePeer((state) => state.status?.ready ?? false);
  const [settled] = useDebouncedValue(source, 500);
  const [methods, setMethods] = useState<readonly ContractMethodInfo[]>([]);
  const [fault, setFault] = useState<RefusalShape | null>(null);
  const [name, setName] = useState<string | null>(null);
  const [outcome, setOutcome] = useState<RunResult | null>(null);
  const { busy, error, run } = useDeed();
  useEffect(() => {
    let current = true;
    const compiled = compile(settled);
    const inspected = "error" in compiled ? Promise.reject(compiled.error) : client.query("inspect", { source: compiled.code });
    inspected.then(
      (found) => {
        if (!current) return;
        setMethods(found.methods);
        setFault(null);
        onInspect(found);
      },
      (reason: unknown) => {
        if (!current) return;
        setFault("error" in compiled ? compiled.error : refusalOf(reason));
        onInspect(null);
      },
    );
    return () => {
      current = false;
    };
  }, [client, settled, onInspect, ready]);
  const method = methods.find((one) => one.name === name) ?? methods[0];
  const tryOut = (input: Value): void => {
    const compiled = compile(source);
    if ("error" in compiled) return setFault(compiled.error);
    run(async () =>
      setOutcome(await client.query("dryRun", { source: compiled.code, ...(method ? { method: method.name, arguments: input } : {}) })),
    );
  };
  return (
    <Card
      title={
        <>
          {text.contracts.testBench}
          <Explain term={text.contracts.testBench}>{text.contracts.testBenchTells}</Explain>
        </>
      }
      end={<span className="quiet">{text.contracts.nothingSent}</span>}
    >
      <div className="col">
        <SchemaForm
          key={`${method?.name}${JSON.stringify(method?.input)}`}
          schema={schemaOf(method, language)}
          label={text.contracts.testBench}
          variant="default"
          disabled={busy || fault !== null}
          before={
            methods.length > 0 && (
              <NativeSelect
                label={text.contracts.method}
                description={method?.description || undefined}
                data={methods.map((one) => one.name)}
                value={method?.name ?? ""}
                onChange={(event) => setName(event.currentTarget.value)}
              />
            )
          }
          verb={
            <>
              <IconPlayerPlay size={17} aria-hidden /> {text.contracts.runAgainst(format.number(height))}
            </>
          }
          onSubmit={tryOut}
        />
        {fault ? (
          <p className="fault">{refusalSentence(text, fault)}</p>
        ) : (
          <StatusPill status="final" bare>
            {text.contracts.noProblems}
          </StatusPill>
        )}
        {error && <p className="fault">{refusalSentence(text, error)}</p>}
        {outcome && fault === null && <RunOutcome run={outcome} />}
      </div>
    </Card>
  );
}
