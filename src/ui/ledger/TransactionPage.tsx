import { IconAlertTriangle } from "@tabler/icons-react";
import { Link } from "wouter";
import type { TransactionInfo } from "../../sdk/api.ts";
import { Amount, Digest, Who } from "../pattern/Digest.tsx";
import { Answered, Card, PageHead } from "../pattern/Page.tsx";
import { Banner } from "../pattern/PageState.tsx";
import { Road, type RoadStop } from "../pattern/Road.tsx";
import { StatusPill } from "../pattern/StatusPill.tsx";
import { useAsk, useNameOf, usePeer } from "../shell/peer-context.tsx";
import { useFormat, useText } from "../text/language.tsx";
import { callsTitle, refusalSentence, valueText } from "../text/sentences.ts";
import { Proof } from "./Proof.tsx";
import { roadOf } from "./TransactionRow.tsx";

function useStops(transaction: TransactionInfo): readonly RoadStop[] {
  const text = useText();
  const format = useFormat();
  const { road, block } = transaction;
  const after = (atMs: number | undefined): string | undefined =>
    atMs === undefined || road.signed === undefined ? undefined : `+${format.seconds(atMs - road.signed)} s`;
  return [
    { at: road.signed === undefined ? undefined : format.time(road.signed) },
    { at: after(road.shared) },
    { at: after(road["in-block"]), note: block ? text.ledger.block(format.number(block.height)) : undefined },
    { at: after(road.final) },
  ];
}

function Facts({ transaction }: { transaction: TransactionInfo }) {
  const text = useText();
  const format = useFormat();
  const nameOf = useNameOf();
  const status = usePeer((state) => state.status);
  const { sender, block, feePaid, feeMax, gasUsed, nonce, validUntilMs, sizeBytes } = transaction;
  const token = status?.token ?? "";
  return (
    <Card>
      <dl className="b-facts">
        <dt>{text.common.signedBy}</dt>
        <dd>
          <Link href={`/account/${sender}`} className="bare">
            <Who id={sender} name={nameOf(sender)} you={sender === status?.account} />
          </Link>
        </dd>
        <dt>{text.ledger.fee}</dt>
        <dd>
          {feePaid === null ? <span>{text.ledger.atMost(format.number(feeMax), token)}</span> : <Amount value={feePaid} unit={token} />}
        </dd>
        {gasUsed !== null && gasUsed > 0 && (
          <>
            <dt>{text.contracts.gas}</dt>
            <dd>{format.number(gasUsed)}</dd>
          </>
        )}
        <dt>{text.ledger.inBlock}</dt>
        <dd>
          {block ? <Link href={`/block/${block.digest}`}>{format.number(block.height)}</Link> : text.ledger.notYet}
          {block && <span className="quiet">{text.ledger.position(block.index + 1)}</span>}
        </dd>
        <dt>{text.ledger.nonce}</dt>
        <dd>{text.ledger.laneAndNumber(nonce[0], format.number(nonce[1]))}</dd>
        <dt>{text.ledger.validUntil}</dt>
        <dd>{format.dateTime(validUntilMs)}</dd>
        <dt>{text.ledger.size}</dt>
        <dd>{format.bytes(sizeBytes)}</dd>
      </dl>
    </Card>
  );
}

function Calls({ transaction }: { transaction: TransactionInfo }) {
  const text = useText();
  return (
    <Card title={text.ledger.calls}>
      {transaction.calls.map((call, index) => {
        const result = transaction.results?.[index];
        return (
          // The calls of a transaction never change, so their places are their names.
          <div key={`${index}${call.operation}`} className="call">
            <h3>{call.operation}</h3>
            <pre className="diff">{valueText(call.arguments)}</pre>
            {result !== undefined && result !== null && (
              <p className="quiet">
                {text.ledger.gave} <code>{valueText(result)}</code>
              </p>
            )}
          </div>
        );
      })}
    </Card>
  );
}

function Events({ transaction }: { transaction: TransactionInfo }) {
  const text = useText();
  if (transaction.events.length === 0) return null;
  return (
    <Card title={text.contracts.events}>
      <ol className="feed">
        {transaction.events.map(({ index, source, topic, data }) => (
          <li key={index}>
            <span className="quiet">{index + 1}</span>
            <span>
              <b>{topic}</b>
              <small>{source}</small>
              <small>{valueText(data)}</small>
            </span>
          </li>
        ))}
      </ol>
    </Card>
  );
}

function TransactionView({ transaction }: { transaction: TransactionInfo }) {
  const text = useText();
  const format = useFormat();
  const token = usePeer((state) => state.status?.token ?? "");
  const stops = useStops(transaction);
  const { reached, state } = roadOf(transaction);
  return (
    <>
      <PageHead
        back={{ href: "/ledger/transactions", name: text.places.ledger }}
        title={callsTitle(text, format, transaction.calls, token)}
        lede={
          <span className="inline">
            <StatusPill status={state === "refused" ? "refused" : state === "final" ? "final" : "tentative"} />
            <Digest value={transaction.id} />
          </span>
        }
      />
      <Card>
        <Road reached={reached} state={state} stops={stops} />
      </Card>
      {transaction.refusal && (
        <Banner tone="refused" icon={<IconAlertTriangle size={22} aria-hidden />}>
          {refusalSentence(text, transaction.refusal)}
        </Banner>
      )}
      <div className="cols">
        <div className="col">
          <Facts transaction={transaction} />
          <Calls transaction={transaction} />
          <Events transaction={transaction} />
        </div>
        <Proof kind="account" id={transaction.sender} title={text.proof.ofSender} tells={text.proof.ofSenderTells} />
      </div>
    </>
  );
}

export function TransactionPage({ id }: { id: string }) {
  const answer = useAsk("transaction", { id });
  return <Answered answer={answer}>{(transaction) => <TransactionView transaction={transaction} />}</Answered>;
}
