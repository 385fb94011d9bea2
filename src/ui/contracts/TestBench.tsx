import { Button, NativeSelect, TextInput } from "@mantine/core";
import { useDebouncedValue } from "@mantine/hooks";
import { IconPlayerPlay } from "@tabler/icons-react";
import { useEffect, useState } from "react";
import type { ContractMethodInfo, Queries, RefusalShape, RunResult, TrialCall, Value } from "../../sdk/api.ts";
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
import { InitField, type InitArguments } from "./InitField.tsx";
import { RunOutcome, schemaOf } from "./RunOutcome.tsx";

/** What was tried so far, on one contract that is deployed in memory only: its source and how it began. */
interface Trial {
  readonly source: string;
  readonly initArguments: Value;
  readonly calls: readonly TrialCall[];
}

function sameBeginning(trial: Trial, began: Omit<Trial, "calls">): boolean {
  return trial.source === began.source && JSON.stringify(trial.initArguments) === JSON.stringify(began.initArguments);
}

/** Runs calls of the draft one after the other against the current state, without sending them. */
export function TestBench({
  source,
  init,
  onInspect,
}: {
  source: string;
  init: InitArguments;
  onInspect: (inspected: Queries["inspect"]["result"] | null) => void;
}) {
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
  const [amount, setAmount] = useState("");
  const [outcome, setOutcome] = useState<RunResult | null>(null);
  const [trial, setTrial] = useState<Trial | null>(null);
  const token = usePeer((state) => state.status?.token ?? "");
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
  const wrongAmount = !/^[0-9]{0,15}$/.test(amount.trim());
  const tryOut = (input: Value): void => {
    const compiled = compile(source);
    if ("error" in compiled) return setFault(compiled.error);
    if (init.value === undefined || wrongAmount) return;
    const began = { source: compiled.code, initArguments: init.value };
    // Another source or another beginning is another contract.
    const before = trial && sameBeginning(trial, began) ? trial.calls : [];
    const call = method && { method: method.name, arguments: input, amount: method.view ? 0 : Number(amount) };
    run(async () => {
      const result = await client.query("dryRun", { ...began, before, ...call });
      setOutcome(result);
      setTrial({ ...began, calls: result.ok && call && !method.view ? [...before, call] : before });
    });
  };
  const forget = (): void => {
    setTrial(null);
    setOutcome(null);
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
            <>
              <InitField init={init} />
              {methods.length > 0 && (
                <NativeSelect
                  label={text.contracts.method}
                  description={method?.description || undefined}
                  data={methods.map((one) => one.name)}
                  value={method?.name ?? ""}
                  onChange={(event) => setName(event.currentTarget.value)}
                />
              )}
              {method && !method.view && (
                <TextInput
                  label={text.contracts.attach}
                  inputMode="numeric"
                  value={amount}
                  error={wrongAmount && text.wallet.wrongAmount}
                  onChange={(event) => setAmount(event.currentTarget.value)}
                  rightSection={<span className="quiet">{token}</span>}
                  rightSectionWidth={60}
                />
              )}
            </>
          }
          verb={
            <>
              <IconPlayerPlay size={17} aria-hidden /> {text.contracts.runAgainst(format.number(height))}
            </>
          }
          onSubmit={tryOut}
        />
        {trial && trial.calls.length > 0 && (
          <div className="foot-acts">
            <span className="quiet">{text.contracts.triedBefore(trial.calls.map((call) => call.method).join(", "))}</span>
            <Button variant="default" size="compact-md" onClick={forget}>
              {text.contracts.tryAnew}
            </Button>
          </div>
        )}
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
