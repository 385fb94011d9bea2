import { Button } from "@mantine/core";
import { useMediaQuery } from "@mantine/hooks";
import { useState } from "react";
import { Link } from "wouter";
import type { BlockSummary } from "../../sdk/api.ts";
import { Digest, shortId, Who } from "../pattern/Digest.tsx";
import { Answered, Card, useNone } from "../pattern/Page.tsx";
import { StatusPill } from "../pattern/StatusPill.tsx";
import { useAsk, useNameOf, useNow, usePeer } from "../shell/peer-context.tsx";
import { useFormat, useText } from "../text/language.tsx";

const PAGE = 20;

function BlockState({ block }: { block: BlockSummary }) {
  if (block.kind === "recovery") return <StatusPill status="recovered" bare />;
  return <StatusPill status={block.final ? "final" : "tentative"} bare />;
}

function BlockTable({ blocks }: { blocks: readonly BlockSummary[] }) {
  const text = useText();
  const format = useFormat();
  const now = useNow();
  const nameOf = useNameOf();
  return (
    <table className="tbl">
      <thead>
        <tr>
          <th scope="col">{text.ledger.height}</th>
          <th scope="col">{text.ledger.digest}</th>
          <th scope="col" className="num">
            {text.ledger.tabs.transactions}
          </th>
          <th scope="col">{text.ledger.proposedBy}</th>
          <th scope="col">{text.ledger.state}</th>
          <th scope="col" className="num">
            {text.ledger.age}
          </th>
        </tr>
      </thead>
      <tbody>
        {blocks.map((block) => (
          <tr key={block.digest} data-tentative={!block.final || undefined}>
            <td>
              <Link href={`/block/${block.digest}`}>{format.number(block.height)}</Link>
            </td>
            <td>
              <Digest value={block.digest} />
            </td>
            <td className="num">{format.number(block.transactions)}</td>
            <td>
              {block.kind === "recovery" ? (
                text.ledger.recoveryOf
              ) : (
                <Who id={block.proposer} name={nameOf(block.proposer)} note={null} size={24} />
              )}
            </td>
            <td>
              <BlockState block={block} />
            </td>
            <td className="num quiet">{format.age(block.timeMs, now)}</td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

function BlockRows({ blocks }: { blocks: readonly BlockSummary[] }) {
  const text = useText();
  const format = useFormat();
  const now = useNow();
  const nameOf = useNameOf();
  return (
    <ul className="b-rows">
      {blocks.map((block) => (
        <li key={block.digest} data-tentative={!block.final || undefined}>
          <Link href={`/block/${block.digest}`} className="b-row">
            <span className="b-row-main">
              <span>{format.number(block.height)}</span>
              <span>
                {block.kind === "recovery"
                  ? text.ledger.recoveryOf
                  : `${text.ledger.transactionCount(block.transactions)} · ${nameOf(block.proposer) ?? shortId(block.proposer)}`}
              </span>
            </span>
            <span className="b-row-end">
              <BlockState block={block} />
              {format.age(block.timeMs, now)}
            </span>
          </Link>
        </li>
      ))}
    </ul>
  );
}

export function Blocks() {
  const text = useText();
  const wide = useMediaQuery("(min-width: 56em)") ?? false;
  const height = usePeer((state) => state.status?.height);
  const none = useNone();
  /** Null: the newest, following. */
  const [from, setFrom] = useState<number | null>(null);
  const answer = useAsk("blocks", from === null ? { limit: PAGE } : { from, limit: PAGE });
  return (
    <Answered answer={answer} skeletonHeight={480}>
      {(blocks) => {
        const last = blocks.at(-1)?.height ?? 0;
        const first = blocks[0]?.height ?? 0;
        return (
          <Card flush title={text.ledger.tabs.blocks}>
            {blocks.length === 0 && <p className="quiet pad">{none(text.ledger.noBlocks)}</p>}
            {wide ? <BlockTable blocks={blocks} /> : <BlockRows blocks={blocks} />}
            <div className="more-rows">
              {from !== null && (
                <Button variant="default" onClick={() => setFrom(first + PAGE >= (height ?? 0) ? null : first + PAGE)}>
                  {text.common.newer}
                </Button>
              )}
              {last > 0 && (
                <Button variant="default" onClick={() => setFrom(last - 1)}>
                  {text.common.older}
                </Button>
              )}
            </div>
          </Card>
        );
      }}
    </Answered>
  );
}
