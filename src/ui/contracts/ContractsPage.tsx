import { Button } from "@mantine/core";
import { IconArrowRight, IconFileCode2, IconPlus } from "@tabler/icons-react";
import { Link } from "wouter";
import { Amount, shortId } from "../pattern/Digest.tsx";
import { Identicon } from "../pattern/Identicon.tsx";
import { Answered, Card, MoreRows, PageHead, useNone } from "../pattern/Page.tsx";
import { StatusPill } from "../pattern/StatusPill.tsx";
import { useList } from "../pattern/use-list.ts";
import { useNameOf, usePeer } from "../shell/peer-context.tsx";
import { useFormat, useText } from "../text/language.tsx";
import { TEMPLATES } from "./templates.ts";

const PAGE = 50;

export function ContractsPage() {
  const text = useText();
  const none = useNone();
  const format = useFormat();
  const nameOf = useNameOf();
  const account = usePeer((state) => state.status?.account);
  const token = usePeer((state) => state.status?.token ?? "");
  const { answer, end } = useList("contracts", {}, PAGE);
  return (
    <>
      <PageHead
        title={text.places.contracts}
        lede={text.contracts.lede}
        action={
          <Button component={Link} href="/contracts/new" variant="default" leftSection={<IconPlus size={18} aria-hidden />}>
            {text.contracts.new}
          </Button>
        }
      />
      <ul className="gallery">
        {TEMPLATES.map(({ id, name, description }) => (
          <li key={id}>
            <Link href={`/contracts/new/${id}`} className="b-card template">
              <h2>
                <span className="b-glyph" data-tone="house">
                  <IconFileCode2 size={20} aria-hidden />
                </span>
                {name}
              </h2>
              <p>{text.contracts.templates[id] ?? description}</p>
              <footer className="flow">
                {text.contracts.useTemplate} <IconArrowRight size={16} aria-hidden />
              </footer>
            </Link>
          </li>
        ))}
      </ul>
      <Answered answer={answer}>
        {({ items }) => (
          <Card flush title={text.contracts.running}>
            {items.length === 0 && <p className="quiet pad">{none(text.contracts.none)}</p>}
            <ul className="b-rows">
              {items.map(({ contract, name, owner, balance, calls, status }) => (
                <li key={contract}>
                  <Link href={`/contract/${contract}`} className="b-row">
                    <Identicon id={contract} kind="contract" size={32} />
                    <span className="b-row-main">
                      <span>{nameOf(contract) ?? (name || shortId(contract))}</span>
                      <span>
                        {owner === account ? text.contracts.yours : (nameOf(owner) ?? shortId(owner))} ·{" "}
                        {text.contracts.callCount(format.number(calls))}
                      </span>
                    </span>
                    <span className="b-row-end">
                      <Amount value={balance} unit={token} />
                      {status === "terminated" && (
                        <StatusPill status="offline" bare>
                          {text.contracts.terminated}
                        </StatusPill>
                      )}
                    </span>
                  </Link>
                </li>
              ))}
            </ul>
            <MoreRows end={end} />
          </Card>
        )}
      </Answered>
    </>
  );
}
