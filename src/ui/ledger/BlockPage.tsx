import { Button } from "@mantine/core";
import { useState } from "react";
import { Link } from "wouter";
import type { BlockInfo } from "../../sdk/api.ts";
import { Digest, shortId, Who } from "../pattern/Digest.tsx";
import { Identicon } from "../pattern/Identicon.tsx";
import { Answered, Card, PageHead } from "../pattern/Page.tsx";
import { StatusPill } from "../pattern/StatusPill.tsx";
import { useAsk, useNameOf, useNow, usePeer } from "../shell/peer-context.tsx";
import { useFormat, useText } from "../text/language.tsx";

function Signers({ signers }: { signers: readonly string[] }) {
  const nameOf = useNameOf();
  return (
    <ul className="who-list">
      {signers.map((signer) => (
        <li key={signer}>
          <Link href={`/account/${signer}`} className="bare">
            <Who id={signer} name={nameOf(signer)} />
          </Link>
        </li>
      ))}
    </ul>
  );
}

/** Nobody proposes a recovery, and it has no certificate: each seat that it names has signed it. */
function Recovery({ signers }: { signers: readonly string[] }) {
  const text = useText();
  return (
    <Card title={text.ledger.recovery} end={<StatusPill status="recovered">{text.ledger.recoverySigners(signers.length)}</StatusPill>}>
      <p className="quiet">{text.ledger.recoveryTells}</p>
      <Signers signers={signers} />
    </Card>
  );
}

function Certificate({ block: { kind, certificate, final } }: { block: BlockInfo }) {
  const text = useText();
  const format = useFormat();
  if (kind === "recovery" && certificate !== null) return <Recovery signers={certificate.signers} />;
  return (
    <Card
      title={text.ledger.certificate}
      end={certificate && <StatusPill status="final">{text.ledger.ofSigners(certificate.signers.length, certificate.quorum)}</StatusPill>}
    >
      {certificate === null ? (
        <p className="quiet">{final ? text.ledger.finalByDescendant : text.ledger.noCertificate}</p>
      ) : (
        <>
          <p className="quiet">{text.ledger.certificateTells(format.number(certificate.round))}</p>
          <Signers signers={certificate.signers} />
        </>
      )}
    </Card>
  );
}

/** What a header states; genesis and recoveries have none. */
function HeaderFacts({ block }: { block: BlockInfo }) {
  const text = useText();
  const format = useFormat();
  return (
    <>
      <dt>{text.ledger.round}</dt>
      <dd>{format.number(block.round)}</dd>
      <dt>{text.ledger.stateRoot}</dt>
      <dd>
        <Digest value={block.stateRoot} />
      </dd>
      <dt>{text.ledger.size}</dt>
      <dd>{format.bytes(block.sizeBytes)}</dd>
    </>
  );
}

function BlockFacts({ block }: { block: BlockInfo }) {
  const text = useText();
  const format = useFormat();
  const nameOf = useNameOf();
  const isRecovery = block.kind === "recovery";
  return (
    <Card>
      <dl className="b-facts">
        <dt>{text.ledger.time}</dt>
        <dd>{format.dateTime(block.timeMs)}</dd>
        {!isRecovery && (
          <>
            <dt>{text.ledger.proposedBy}</dt>
            <dd>
              <Link href={`/account/${block.proposer}`} className="bare">
                <Who id={block.proposer} name={nameOf(block.proposer)} />
              </Link>
            </dd>
          </>
        )}
        {block.kind !== "genesis" && (
          <>
            <dt>{isRecovery ? text.ledger.base : text.ledger.parent}</dt>
            <dd>
              <Link href={`/block/${block.parent}`}>{shortId(block.parent)}</Link>
            </dd>
          </>
        )}
        <dt>{text.ledger.epoch}</dt>
        <dd>
          <Digest value={block.epoch} /> {block.endsEpoch && text.ledger.endsEpoch}
        </dd>
        {block.kind === "ordinary" && <HeaderFacts block={block} />}
      </dl>
    </Card>
  );
}

/** Rows of a block's transactions that are drawn at once. */
const ROWS = 100;

function BlockTransactions({ block: { kind, transactionIds } }: { block: BlockInfo }) {
  const text = useText();
  const format = useFormat();
  const [shown, setShown] = useState(ROWS);
  const all = format.number(transactionIds.length);
  const isWhole = shown >= transactionIds.length;
  return (
    <Card
      flush
      title={text.ledger.tabs.transactions}
      end={<span className="quiet">{isWhole ? all : text.ledger.firstOf(format.number(shown), all)}</span>}
    >
      {transactionIds.length === 0 && (
        <p className="quiet pad">{kind === "recovery" ? text.ledger.emptyRecovery : text.ledger.emptyBlock}</p>
      )}
      <ul className="b-rows">
        {transactionIds.slice(0, shown).map((transaction) => (
          <li key={transaction}>
            <Link href={`/transaction/${transaction}`} className="b-row">
              <Identicon id={transaction} kind="block" />
              <span className="b-row-main">
                <span>{shortId(transaction, 8)}</span>
              </span>
            </Link>
          </li>
        ))}
      </ul>
      {!isWhole && (
        <div className="more-rows">
          <Button variant="default" onClick={() => setShown(shown + ROWS)}>
            {text.ledger.showMore}
          </Button>
        </div>
      )}
    </Card>
  );
}

export function BlockPage({ id }: { id: string }) {
  const text = useText();
  const format = useFormat();
  const now = useNow();
  const finalHeight = usePeer((state) => state.status?.final.height ?? 0);
  const answer = useAsk("block", /^\d{1,15}$/.test(id) ? { height: Number(id) } : { digest: id });
  return (
    <Answered answer={answer}>
      {(block) => (
        <>
          <PageHead
            back={{ href: "/ledger", name: text.places.ledger }}
            title={text.ledger.block(format.number(block.height))}
            lede={
              <span className="inline">
                <StatusPill
                  status={block.kind === "recovery" ? "recovered" : block.final || block.height <= finalHeight ? "final" : "tentative"}
                />
                <span>{format.ago(block.timeMs, now)}</span>
                <Digest value={block.digest} />
              </span>
            }
          />
          <div className="cols">
            <div className="col">
              <BlockFacts block={block} />
              <BlockTransactions key={block.digest} block={block} />
            </div>
            <Certificate block={block} />
          </div>
        </>
      )}
    </Answered>
  );
}
