import { Button, Skeleton } from "@mantine/core";
import { IconRocket } from "@tabler/icons-react";
import { lazy, Suspense, useState } from "react";
import { useLocation } from "wouter";
import type { Queries, RefusalShape } from "../../sdk/api.ts";
import { Confirm, type Question } from "../pattern/Confirm.tsx";
import { Card, PageHead } from "../pattern/Page.tsx";
import { useDeed } from "../pattern/use-deed.ts";
import { useClient } from "../shell/peer-context.tsx";
import { useText } from "../text/language.tsx";
import { refusalSentence } from "../text/sentences.ts";
import { StatusPill } from "../pattern/StatusPill.tsx";
import { compile } from "./compile.ts";
import { useInitArguments, type InitArguments } from "./InitField.tsx";
import { TEMPLATES } from "./templates.ts";
import { TestBench } from "./TestBench.tsx";

const CodeEditor = lazy(() => import("./CodeEditor.tsx").then((module) => ({ default: module.CodeEditor })));

type Inspected = Queries["inspect"]["result"];

/** A draft a template; it outlives a reload, and is this browser's alone until it is deployed. */
const draftKey = (template: string): string => `bothy-contract-draft-${template}`;
const BLANK = "blank";

function DeployCard({
  source,
  init,
  onAsk,
  onDeployed,
}: {
  source: string;
  init: InitArguments;
  onAsk: (question: Question) => void;
  onDeployed: () => void;
}) {
  const text = useText();
  const client = useClient();
  const [, go] = useLocation();
  const [fault, setFault] = useState<RefusalShape | null>(null);
  const { busy, error, run } = useDeed();
  const deploy = (): void =>
    run(async () => {
      setFault(null);
      const compiled = compile(source);
      if ("error" in compiled) return setFault(compiled.error);
      const { name } = await client.query("inspect", { source: compiled.code });
      onAsk({
        title: text.contracts.deployTitle(name),
        why: text.contracts.deployWhy,
        verb: text.contracts.signAndDeploy,
        calls: [
          {
            operation: "contract.deploy",
            arguments: {
              source: compiled.code,
              arguments: init.value ?? null,
              endowment: 0,
            },
          },
        ],
        onFinal: ({ results }) => {
          onDeployed();
          if (typeof results[0] === "string") go(`/contract/${results[0]}`);
        },
      });
    });
  const wrongJson = init.value === undefined;
  const refusal = fault ?? error;
  return (
    <Card title={text.contracts.deploy}>
      <form
        className="form"
        onSubmit={(event) => {
          event.preventDefault();
          if (!wrongJson) deploy();
        }}
      >
        <p className="quiet">{init.typed.trim() === "" ? text.contracts.withoutInit : text.contracts.withInit(init.typed.trim())}</p>
        {refusal && <p className="fault">{refusalSentence(text, refusal)}</p>}
        <Button type="submit" loading={busy} disabled={wrongJson} leftSection={<IconRocket size={18} aria-hidden />}>
          {text.contracts.deploy}…
        </Button>
      </form>
    </Card>
  );
}

export function EditorPage({ template }: { template: string | undefined }) {
  const text = useText();
  const chosen = TEMPLATES.find(({ id }) => id === template);
  const origin = (chosen ?? TEMPLATES[0]!).source;
  const key = draftKey(chosen?.id ?? BLANK);
  const [first, setFirst] = useState(() => ({ source: localStorage.getItem(key) ?? origin, times: 0 }));
  const [source, setSource] = useState(first.source);
  const init = useInitArguments();
  const [inspected, setInspected] = useState<Inspected | null>(null);
  const [question, setQuestion] = useState<Question | null>(null);
  const change = (next: string): void => {
    setSource(next);
    if (next === origin) localStorage.removeItem(key);
    else localStorage.setItem(key, next);
  };
  const beginAgain = (): void => {
    change(origin);
    setFirst(({ times }) => ({ source: origin, times: times + 1 }));
  };
  return (
    <>
      <PageHead
        back={{ href: "/contracts", name: text.places.contracts }}
        title={inspected?.name || text.contracts.newContract}
        lede={
          <span className="inline">
            <StatusPill status="waiting">{text.contracts.draft}</StatusPill>
            {chosen ? text.contracts.fromTemplate(chosen.name) : text.contracts.draftTells}
          </span>
        }
      />
      <div className="cols" data-wide="side">
        <Card
          flush
          title={text.contracts.source}
          end={
            source !== origin && (
              <Button variant="default" size="compact-md" onClick={beginAgain}>
                {text.contracts.beginAgain}
              </Button>
            )
          }
        >
          <Suspense fallback={<Skeleton height={420} aria-label={text.common.loading} />}>
            <CodeEditor key={first.times} source={first.source} label={text.contracts.source} onChange={change} />
          </Suspense>
        </Card>
        <div className="col">
          <TestBench source={source} init={init} onInspect={setInspected} />
          <DeployCard source={source} init={init} onAsk={setQuestion} onDeployed={() => localStorage.removeItem(key)} />
        </div>
      </div>
      <Confirm question={question} onClose={() => setQuestion(null)} />
    </>
  );
}
