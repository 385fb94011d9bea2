import { Button, TextInput } from "@mantine/core";
import { useState } from "react";
import { Link } from "wouter";
import { LIMITS, type AccountInfo } from "../../sdk/api.ts";
import { DeviceTiles } from "../devices/DeviceTile.tsx";
import { Amount, Digest, shortId, Who } from "../pattern/Digest.tsx";
import { Answered, Card, MoreRows, PageHead, useNone } from "../pattern/Page.tsx";
import { useDeed } from "../pattern/use-deed.ts";
import { useList } from "../pattern/use-list.ts";
import { useAsk, useNameOf, usePeer } from "../shell/peer-context.tsx";
import { useFormat, useText } from "../text/language.tsx";
import { refusalSentence } from "../text/sentences.ts";
import { Proof } from "./Proof.tsx";
import { TransactionRow } from "./TransactionRow.tsx";

const PAGE = 25;

function Nickname({ id }: { id: string }) {
  const text = useText();
  const settings = usePeer((state) => state.settings);
  const changeSettings = usePeer((state) => state.changeSettings);
  const [typed, setTyped] = useState<string | null>(null);
  const { busy, error, run } = useDeed();
  if (settings === null) return null;
  const { [id]: nickname = "", ...others } = settings.nicknames;
  const save = (): void => {
    const name = (typed ?? nickname).trim();
    run(async () => {
      await changeSettings({ nicknames: name === "" ? others : { ...others, [id]: name } });
      setTyped(null);
    });
  };
  return (
    <form
      className="form"
      onSubmit={(event) => {
        event.preventDefault();
        save();
      }}
    >
      <TextInput
        label={text.ledger.nickname}
        description={text.ledger.nicknameTells}
        maxLength={LIMITS.nameBytesMax}
        value={typed ?? nickname}
        onChange={(event) => setTyped(event.currentTarget.value)}
      />
      {error && <p className="fault">{refusalSentence(text, error)}</p>}
      <Button type="submit" variant="default" loading={busy} disabled={typed === null || typed.trim() === nickname}>
        {text.common.save}
      </Button>
    </form>
  );
}

function AccountView({ info, mine }: { info: AccountInfo; mine: boolean }) {
  const text = useText();
  const none = useNone();
  const format = useFormat();
  const nameOf = useNameOf();
  const token = usePeer((state) => state.status?.token ?? "");
  const devices = useAsk("devices", { owner: info.account, limit: 6 });
  const transactions = useList("transactions", { account: info.account }, PAGE);
  const owned = devices.value?.items ?? [];
  return (
    <>
      <PageHead
        back={{ href: "/ledger/accounts", name: text.places.ledger }}
        title={<Who id={info.account} name={nameOf(info.account) ?? info.name ?? shortId(info.account)} note={null} size={40} you={mine} />}
        lede={<Digest value={info.account} />}
        action={
          !mine && (
            <Button component={Link} href={`/wallet/${info.account}`} variant="default">
              {text.wallet.send}
            </Button>
          )
        }
      />
      <div className="cols">
        <div className="col">
          <Card>
            <dl className="b-facts">
              <dt>{text.wallet.balance}</dt>
              <dd>
                <Amount value={info.balance} unit={token} />
              </dd>
              <dt>{text.wallet.bond}</dt>
              <dd>
                <Amount value={info.bond} unit={token} />
              </dd>
              <dt>{text.wallet.seat}</dt>
              <dd>{info.seat === null ? text.wallet.noSeat : <Digest value={info.seat} />}</dd>
              <dt>{text.ledger.tabs.transactions}</dt>
              <dd>{format.number(info.transactions)}</dd>
            </dl>
          </Card>
          {owned.length > 0 && (
            <section>
              <div className="section-head">
                <h2>{text.places.devices}</h2>
              </div>
              <DeviceTiles devices={owned} />
            </section>
          )}
          <Answered answer={transactions.answer}>
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
                <MoreRows end={transactions.end} />
              </Card>
            )}
          </Answered>
        </div>
        <div className="col">
          {!mine && (
            <Card>
              <Nickname id={info.account} />
            </Card>
          )}
          <Proof kind="account" id={info.account} />
        </div>
      </div>
    </>
  );
}

export function AccountPage({ id }: { id: string }) {
  const account = usePeer((state) => state.status?.account);
  const answer = useAsk("account", { account: id });
  return <Answered answer={answer}>{(info) => <AccountView info={info} mine={id === account} />}</Answered>;
}
