import { Button, NativeSelect, TextInput } from "@mantine/core";
import { useState } from "react";
import { Link } from "wouter";
import type { ContractInfo, OperationCall, RunResult, Value } from "../../sdk/api.ts";
import { Proof } from "../ledger/Proof.tsx";
import { Confirm, type Question } from "../pattern/Confirm.tsx";
import { Amount, Digest, shortId, Who } from "../pattern/Digest.tsx";
import { Answered, Card, MoreRows, PageHead } from "../pattern/Page.tsx";
import { SchemaForm } from "../pattern/SchemaForm.tsx";
import { StatusPill } from "../pattern/StatusPill.tsx";
import { useDeed } from "../pattern/use-deed.ts";
import { useList } from "../pattern/use-list.ts";
import { useAsk, useClient, useNameOf, useNow, usePeer } from "../shell/peer-context.tsx";
import { shortfall } from "../shell/peer-store.ts";
import { useFormat, useLanguage, useText } from "../text/language.tsx";
import { isoTime } from "../text/format.ts";
import { refusalSentence, valueText } from "../text/sentences.ts";
import { gasMaxOf } from "./gas.ts";
import { RunOutcome, schemaOf } from "./RunOutcome.tsx";

type Ask = (question: Question) => void;
const EVENTS = 20;
const ENTRIES = 50;

function CallCard({ contract, ask }: { contract: ContractInfo; ask: Ask }) {
  const text = useText();
  const format = useFormat();
  const { language } = useLanguage();
  const client = useClient();
  const token = usePeer((state) => state.status?.token ?? "");
  const balance = usePeer((state) => state.status?.balance ?? 0);
  const [name, setName] = useState<string | null>(null);
  const [amount, setAmount] = useState("0");
  const [outcome, setOutcome] = useState<RunResult | null>(null);
  const [given, setGiven] = useState<{ value: Value } | null>(null);
  const { busy, error, run } = useDeed();
  const method = contract.methods.find((one) => one.name === name) ?? contract.methods[0];
  const attached = /^[0-9]{1,15}$/.test(amount.trim()) ? Number(amount) : Number.NaN;
  const short = shortfall({ balance, amount: attached, fee: 0 });
  if (method === undefined) return <Card title={text.contracts.call}>{text.contracts.noMethods}</Card>;
  const submit = (input: Value): void => {
    setOutcome(null);
    setGiven(null);
    if (method.view)
      return run(async () =>
        setGiven({ value: await client.query("view", { contract: contract.contract, method: method.name, arguments: input }) }),
      );
    if (!Number.isFinite(attached) || short !== null) return undefined;
    return run(async () => {
      const tried = await client.query("dryRun", { contract: contract.contract, method: method.name, arguments: input, amount: attached });
      setOutcome(tried);
      if (!tried.ok) return;
      ask({
        title: text.contracts.callTitle(method.name, contract.name),
        why: text.contracts.callWhy(format.number(tried.gasUsed), `${format.number(attached)} ${token}`),
        verb: text.contracts.signAndCall,
        calls: [
          {
            operation: "contract.call",
            arguments: {
              contract: contract.contract,
              method: method.name,
              arguments: input,
              gasMax: gasMaxOf(tried.gasUsed),
              amount: attached,
            },
          },
        ],
        onFinal: ({ results }) => setGiven({ value: results[0] ?? null }),
      });
    });
  };
  return (
    <Card title={text.contracts.call}>
      <SchemaForm
        key={method.name}
        schema={schemaOf(method, language)}
        label={method.name}
        disabled={busy || contract.status === "terminated"}
        verb={method.view ? text.contracts.look : `${text.contracts.callVerb}…`}
        variant={method.view ? "default" : "filled"}
        before={
          <>
            <NativeSelect
              label={text.contracts.method}
              description={method.description || undefined}
              data={contract.methods.map((one) => ({
                value: one.name,
                label: one.view ? `${one.name} (${text.contracts.view})` : one.name,
              }))}
              value={method.name}
              onChange={(event) => setName(event.currentTarget.value)}
            />
            {!method.view && (
              <TextInput
                label={text.contracts.attach}
                inputMode="numeric"
                value={amount}
                error={short ? refusalSentence(text, short) : !Number.isFinite(attached) && text.wallet.wrongAmount}
                onChange={(event) => setAmount(event.currentTarget.value)}
                rightSection={<span className="quiet">{token}</span>}
                rightSectionWidth={60}
              />
            )}
          </>
        }
        onSubmit={submit}
      />
      {given && <pre className="diff">{valueText(given.value)}</pre>}
      {outcome && !outcome.ok && <RunOutcome run={outcome} />}
      {error && <p className="fault">{refusalSentence(text, error)}</p>}
    </Card>
  );
}

function EventsCard({ contract }: { contract: string }) {
  const text = useText();
  const format = useFormat();
  const now = useNow();
  const { answer, end } = useList("events", { source: contract }, EVENTS);
  return (
    <Card title={text.contracts.events}>
      <Answered answer={answer} skeletonHeight={80}>
        {({ items }) => (
          <>
            {items.length === 0 && <p className="quiet">{text.contracts.noEvents}</p>}
            <ol className="feed">
              {items.map(({ height, index, topic, data, timeMs, transaction }) => (
                <li key={`${height} ${index}`}>
                  <time dateTime={isoTime(timeMs)}>{format.age(timeMs, now)}</time>
                  <span>
                    <b>{topic}</b>{" "}
                    {transaction && <Link href={`/transaction/${transaction}`}>{text.ledger.block(format.number(height))}</Link>}
                    <small>{valueText(data)}</small>
                  </span>
                </li>
              ))}
            </ol>
            <MoreRows end={end} />
          </>
        )}
      </Answered>
    </Card>
  );
}

function StateCard({ contract }: { contract: string }) {
  const text = useText();
  const { answer, end } = useList("contractState", { contract }, ENTRIES);
  return (
    <Card title={text.contracts.state}>
      <Answered answer={answer} skeletonHeight={80}>
        {({ items }) =>
          items.length === 0 ? (
            <p className="quiet">{text.contracts.noState}</p>
          ) : (
            <>
              <dl className="b-facts">
                {items.map(({ key, value }) => [<dt key={`${key} key`}>{key}</dt>, <dd key={key}>{valueText(value)}</dd>])}
              </dl>
              <MoreRows end={end} />
            </>
          )
        }
      </Answered>
    </Card>
  );
}

function OwnerCard({ contract, mine, ask }: { contract: ContractInfo; mine: boolean; ask: Ask }) {
  const text = useText();
  const format = useFormat();
  const token = usePeer((state) => state.status?.token ?? "");
  const has = usePeer((state) => state.status?.balance ?? 0);
  const [amount, setAmount] = useState("");
  const whole = /^[0-9]{1,15}$/.test(amount.trim()) ? Number(amount) : 0;
  const calls: readonly OperationCall[] = [{ operation: "contract.fund", arguments: { contract: contract.contract, amount: whole } }];
  const cost = useAsk("estimate", whole === 0 ? null : { calls });
  const short = shortfall(cost.value ?? { balance: has, amount: whole, fee: 0 });
  const sum = `${format.number(whole)} ${token}`;
  const fund = (): void =>
    ask({
      title: text.contracts.fundTitle(sum),
      why: text.contracts.fundWhy(contract.name),
      verb: text.contracts.signAndFund,
      calls,
      onFinal: () => setAmount(""),
    });
  const terminate = (): void =>
    ask({
      title: text.contracts.terminateTitle(contract.name),
      why: text.contracts.terminateWhy(`${format.number(contract.balance)} ${token}`),
      verb: text.contracts.terminate,
      ends: true,
      calls: [{ operation: "contract.terminate", arguments: { contract: contract.contract } }],
    });
  return (
    <Card title={text.contracts.balance}>
      <p className="tile-value">
        <Amount value={contract.balance} unit={token} />
      </p>
      <form
        className="form"
        onSubmit={(event) => {
          event.preventDefault();
          if (whole > 0 && short === null) fund();
        }}
      >
        <TextInput
          label={text.contracts.fund}
          inputMode="numeric"
          value={amount}
          error={short && refusalSentence(text, short)}
          onChange={(event) => setAmount(event.currentTarget.value)}
        />
        <div className="foot-acts">
          <Button type="submit" variant="default" disabled={whole === 0}>
            {text.contracts.fund}…
          </Button>
          {mine && (
            <Button variant="subtle" color="rowan" onClick={terminate}>
              {text.contracts.terminate}…
            </Button>
          )}
        </div>
      </form>
    </Card>
  );
}

function ContractView({ contract }: { contract: ContractInfo }) {
  const text = useText();
  const format = useFormat();
  const nameOf = useNameOf();
  const account = usePeer((state) => state.status?.account);
  const [question, setQuestion] = useState<Question | null>(null);
  const ended = contract.status === "terminated";
  return (
    <>
      <PageHead
        back={{ href: "/contracts", name: text.places.contracts }}
        title={nameOf(contract.contract) ?? (contract.name || shortId(contract.contract))}
        lede={
          <span className="inline">
            <StatusPill status={ended ? "offline" : "final"}>{ended ? text.contracts.terminated : text.contracts.active}</StatusPill>
            <Digest value={contract.contract} />
          </span>
        }
      />
      {contract.description && <p>{contract.description}</p>}
      <div className="cols" data-wide="side">
        <div className="col">
          {!ended && <CallCard contract={contract} ask={setQuestion} />}
          <EventsCard contract={contract.contract} />
          <StateCard contract={contract.contract} />
          <Card title={text.contracts.source}>
            <pre className="diff">{contract.source}</pre>
          </Card>
        </div>
        <div className="col">
          <Card>
            <dl className="b-facts">
              <dt>{text.devices.owner}</dt>
              <dd>
                <Link href={`/account/${contract.owner}`} className="bare">
                  <Who id={contract.owner} name={nameOf(contract.owner)} you={contract.owner === account} />
                </Link>
              </dd>
              <dt>{text.contracts.deployed}</dt>
              <dd>
                {format.dateTime(contract.deployedMs)}{" "}
                <Link href={`/block/${contract.height}`}>{text.ledger.block(format.number(contract.height))}</Link>
              </dd>
              <dt>{text.contracts.calls}</dt>
              <dd>{format.number(contract.calls)}</dd>
              <dt>{text.contracts.sourceDigest}</dt>
              <dd>
                <Digest value={contract.sourceDigest} />
              </dd>
            </dl>
          </Card>
          {!ended && <OwnerCard contract={contract} mine={contract.owner === account} ask={setQuestion} />}
          <Proof kind="contract" id={contract.contract} />
        </div>
      </div>
      <Confirm question={question} onClose={() => setQuestion(null)} />
    </>
  );
}

export function ContractPage({ id }: { id: string }) {
  const answer = useAsk("contract", { contract: id });
  return <Answered answer={answer}>{(contract) => <ContractView contract={contract} />}</Answered>;
}
