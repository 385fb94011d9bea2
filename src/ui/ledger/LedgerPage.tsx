import { TextInput } from "@mantine/core";
import { useDebouncedValue } from "@mantine/hooks";
import { IconSearch } from "@tabler/icons-react";
import { useState } from "react";
import { Link, useLocation } from "wouter";
import { Amount, Who } from "../pattern/Digest.tsx";
import { Answered, Card, MoreRows, PageHead, useNone } from "../pattern/Page.tsx";
import { TabBar, tabId } from "../pattern/TabBar.tsx";
import { useList } from "../pattern/use-list.ts";
import { useAsk, useNameOf, usePeer } from "../shell/peer-context.tsx";
import { useFormat, useText } from "../text/language.tsx";
import { Blocks } from "./Blocks.tsx";
import { hitPath, hitText } from "./hits.ts";
import { TransactionRow } from "./TransactionRow.tsx";

const TABS = ["blocks", "transactions", "accounts"] as const;
type Tab = (typeof TABS)[number];
const PAGE = 25;

function Transactions() {
  const text = useText();
  const none = useNone();
  const { answer, end } = useList("transactions", {}, PAGE);
  return (
    <Answered answer={answer}>
      {({ items }) => (
        <Card flush title={text.ledger.tabs.transactions}>
          {items.length === 0 && <p className="quiet pad">{none(text.ledger.noTransactions)}</p>}
          <ul className="b-rows">
            {items.map((transaction) => (
              <li key={transaction.id}>
                <TransactionRow transaction={transaction} />
              </li>
            ))}
          </ul>
          <MoreRows end={end} />
        </Card>
      )}
    </Answered>
  );
}

function Accounts() {
  const text = useText();
  const nameOf = useNameOf();
  const own = usePeer((state) => state.status?.account);
  const token = usePeer((state) => state.status?.token ?? "");
  const { answer, end } = useList("accounts", {}, PAGE);
  return (
    <Answered answer={answer}>
      {({ items }) => (
        <Card flush title={text.ledger.tabs.accounts}>
          <ul className="b-rows">
            {items.map(({ account, balance, seat }) => (
              <li key={account}>
                <Link href={`/account/${account}`} className="b-row">
                  <span className="grow">
                    <Who id={account} name={nameOf(account)} you={account === own} />
                  </span>
                  <span className="b-row-end">
                    <Amount value={balance} unit={token} />
                    {seat !== null && <span>{text.wallet.hasSeat}</span>}
                  </span>
                </Link>
              </li>
            ))}
          </ul>
          <MoreRows end={end} />
        </Card>
      )}
    </Answered>
  );
}

function Search() {
  const text = useText();
  const [typed, setTyped] = useState("");
  const [wanted] = useDebouncedValue(typed.trim(), 200);
  const hits = useAsk("search", wanted === "" ? null : { text: wanted }, "once");
  return (
    <div className="col" role="search">
      <TextInput
        aria-label={text.ledger.search}
        placeholder={text.ledger.search}
        leftSection={<IconSearch size={20} aria-hidden />}
        value={typed}
        onChange={(event) => setTyped(event.currentTarget.value)}
      />
      {wanted !== "" && (
        <Answered answer={hits} skeletonHeight={60}>
          {(found) => (
            <Card flush>
              {found.length === 0 && <p className="quiet pad">{text.ledger.nothingFound}</p>}
              <ul className="b-rows">
                {found.map((hit) => (
                  <li key={`${hit.kind}${hit.id}`}>
                    <Link href={hitPath(hit)} className="b-row">
                      <span className="b-row-main">
                        <span>{hitText(hit.title)}</span>
                        <span>
                          {text.ledger.kinds[hit.kind]}
                          {hit.note && ` · ${hitText(hit.note)}`}
                        </span>
                      </span>
                    </Link>
                  </li>
                ))}
              </ul>
            </Card>
          )}
        </Answered>
      )}
    </div>
  );
}

function isTab(tab: string | undefined): tab is Tab {
  return TABS.some((name) => name === tab);
}

export function LedgerPage({ tab: wanted }: { tab: string | undefined }) {
  const text = useText();
  const format = useFormat();
  const [, go] = useLocation();
  const height = usePeer((state) => state.status?.final.height ?? 0);
  const tab = isTab(wanted) ? wanted : "blocks";
  return (
    <>
      <PageHead title={text.places.ledger} lede={text.ledger.lede(format.number(height))} />
      <Search />
      <TabBar
        names={TABS}
        chosen={tab}
        label={text.places.ledger}
        panel="ledger-parts"
        said={text.ledger.tabs}
        onChoose={(name) => go(`/ledger/${name}`)}
      />
      <div role="tabpanel" id="ledger-parts" aria-labelledby={tabId("ledger-parts", tab)}>
        {tab === "blocks" && <Blocks />}
        {tab === "transactions" && <Transactions />}
        {tab === "accounts" && <Accounts />}
      </div>
    </>
  );
}
