import { Link } from "wouter";
import type { BlockInfo } from "../../sdk/api.ts";
import { Digest, shortId, Who } from "../pattern/Digest.tsx";
import { Identicon } from "../pattern/Identicon.tsx";
import { Answered, Card, PageHead } from "../pattern/Page.tsx";
import { StatusPill } from "../pattern/StatusPill.tsx";
import { useAsk, useNameOf, useNow, usePeer } from "../shell/peer-context.tsx";
import { useFormat, useText } from "../text/language.tsx";

function Certificate({ block }: { block: BlockInfo }) {
  const text = useText();
  const format = useFormat();
  const nameOf = useNameOf();
  const { certificate } = block;
  return (
    <Card
      title={text.ledger.certificate}
      end={certificate && <StatusPill status="final">{text.ledger.ofSigners(certificate.signers.length, certificate.quorum)}</StatusPill>}
    >
      {certificate === null ? (
        <p className="quiet">{block.final ? text.ledger.finalByDescendant : text.ledger.noCertificate}</p>
      ) : (
        <>
          <p className="quiet">{text.ledger.certificateTells(format.number(certificate.round))}</p>
          <ul className="who-list">
            {certificate.signers.map((signer) => (
              <li key={signer}>
                <Link href={`/account/${signer}`} className="bare">
                  <Who id={signer} name={nameOf(signer)} />
                </Link>
              </li>
            ))}
          </ul>
        </>
      )}
    </Card>
  );
}

function BlockFacts({ block }: { block: BlockInfo }) {
  const text = useText();
  const format = useFormat();
  const nameOf = useNameOf();
  return (
    <Card>
      <dl className="b-facts">
        <dt>{text.ledger.time}</dt>
        <dd>{format.dateTime(block.timeMs)}</dd>
        <dt>{text.ledger.proposedBy}</dt>
        <dd>
          <Link href={`/account/${block.proposer}`} className="bare">
            <Who id={block.proposer} name={nameOf(block.proposer)} />
          </Link>
        </dd>
        <dt>{text.ledger.parent}</dt>
        <dd>{block.height > 0 ? <Link href={`/block/${block.parent}`}>{shortId(block.parent)}</Link> : <Digest value={block.parent} />}</dd>
        <dt>{text.ledger.round}</dt>
        <dd>{format.number(block.round)}</dd>
        <dt>{text.ledger.epoch}</dt>
        <dd>
          <Digest value={block.epoch} /> {block.endsEpoch && text.ledger.endsEpoch}
        </dd>
        <dt>{text.ledger.stateRoot}</dt>
        <dd>
          <Digest value={block.stateRoot} />
        </dd>
        <dt>{text.ledger.size}</dt>
        <dd>{format.bytes(block.sizeBytes)}</dd>
      </dl>
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
              <Card flush title={text.ledger.tabs.transactions} end={<span className="quiet">{format.number(block.transactions)}</span>}>
                {block.transactionIds.length === 0 && <p className="quiet pad">{text.ledger.emptyBlock}</p>}
                <ul className="b-rows">
                  {block.transactionIds.map((transaction) => (
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
              </Card>
            </div>
            <Certificate block={block} />
          </div>
        </>
      )}
    </Answered>
  );
}
