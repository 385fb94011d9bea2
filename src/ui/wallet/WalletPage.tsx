import { Button, TextInput } from "@mantine/core";
import { IconArmchair, IconGift, IconQrcode, IconSend } from "@tabler/icons-react";
import { useState } from "react";
import type { AccountInfo, OperationCall, SeatInfo } from "../../sdk/api.ts";
import { TransactionRow } from "../ledger/TransactionRow.tsx";
import { Confirm, type Question } from "../pattern/Confirm.tsx";
import { Amount, Digest, shortId, Who } from "../pattern/Digest.tsx";
import { Answered, Card, MoreRows, PageHead, useNone } from "../pattern/Page.tsx";
import { PageState } from "../pattern/PageState.tsx";
import { QrCode } from "../pattern/QrCode.tsx";
import { Explain } from "../pattern/StatCard.tsx";
import { StatusPill } from "../pattern/StatusPill.tsx";
import { useList } from "../pattern/use-list.ts";
import { useAsk, useNameOf, usePeer } from "../shell/peer-context.tsx";
import { shortfall } from "../shell/peer-store.ts";
import { useFormat, useText } from "../text/language.tsx";
import { refusalSentence } from "../text/sentences.ts";

type Ask = (question: Question) => void;
const ACCOUNT = /^(did:key:z6Mk[1-9A-HJ-NP-Za-km-z]{40,48}|[0-9a-f]{64})$/;

/** Refusals of whom is to be paid: digits that are no account's and no contract's. */
const PAYEE_CODES: readonly string[] = ["unknown-contract", "contract-terminated"];

function SendCard({ to: given, ask }: { to: string | undefined; ask: Ask }) {
  const text = useText();
  const format = useFormat();
  const nameOf = useNameOf();
  const status = usePeer((state) => state.status);
  const [to, setTo] = useState(given ?? "");
  const [amount, setAmount] = useState("");
  const [tried, setTried] = useState(false);
  const whole = /^[0-9]{1,15}$/.test(amount.trim()) ? Number(amount) : Number.NaN;
  const wrongTo = !ACCOUNT.test(to.trim());
  const wrongAmount = !(whole > 0);
  const account = to.trim();
  const calls: readonly OperationCall[] = [{ operation: "account.transfer", arguments: { to: account, amount: whole } }];
  const cost = useAsk("estimate", wrongTo || wrongAmount ? null : { calls });
  if (status === null) return null;
  // The amount alone is judged at once; with the fee, as soon as the peer has said it.
  const refusedTo = PAYEE_CODES.includes(cost.error?.code ?? "") ? cost.error : null;
  const short = wrongAmount ? null : shortfall(cost.value ?? { balance: status.balance, amount: whole, fee: 0 });
  const submit = (): void => {
    setTried(true);
    if (wrongTo || wrongAmount || refusedTo !== null || short !== null) return;
    const who = nameOf(account) ?? shortId(account);
    const sum = `${format.number(whole)} ${status.token}`;
    ask({
      title: text.wallet.sendTitle(sum, who),
      why: text.wallet.sendWhy(sum, who),
      verb: text.wallet.signAndSend,
      calls,
      onFinal: () => {
        setAmount("");
        setTried(false);
      },
    });
  };
  return (
    <Card title={text.wallet.send}>
      <form
        className="form"
        noValidate
        onSubmit={(event) => {
          event.preventDefault();
          submit();
        }}
      >
        <TextInput
          label={text.wallet.to}
          description={text.wallet.toTells}
          value={to}
          error={refusedTo ? refusalSentence(text, refusedTo) : tried && wrongTo && text.wallet.wrongTo}
          onChange={(event) => setTo(event.currentTarget.value)}
          autoComplete="off"
          spellCheck={false}
        />
        <TextInput
          label={text.wallet.amount}
          inputMode="numeric"
          value={amount}
          error={short ? refusalSentence(text, short) : tried && wrongAmount && text.wallet.wrongAmount}
          onChange={(event) => setAmount(event.currentTarget.value)}
          rightSection={<span className="quiet">{status.token}</span>}
          rightSectionWidth={60}
          autoComplete="off"
        />
        <Button type="submit" leftSection={<IconSend size={18} aria-hidden />}>
          {text.wallet.send}…
        </Button>
      </form>
    </Card>
  );
}

/** How this very peer stands to the seat of its account, which another peer of the same person may hold. */
type SeatStanding = SeatInfo["state"] | "elsewhere" | "none";
const STANDING_PILLS = { active: "final", queued: "waiting", sleeping: "offline", elsewhere: "offline", none: "offline" } as const;

function seatStanding(isVoting: boolean, seats: readonly SeatInfo[] | null): SeatStanding {
  if (isVoting) return "active";
  const state = seats?.find(({ mine }) => mine)?.state ?? "none";
  return state === "active" ? "elsewhere" : state;
}

function SeatCard({ info, ask }: { info: AccountInfo; ask: Ask }) {
  const text = useText();
  const format = useFormat();
  const status = usePeer((state) => state.status);
  const parameters = useAsk("parameters", {}).value;
  const settings = usePeer((state) => state.settings);
  const changeSettings = usePeer((state) => state.changeSettings);
  const seats = useAsk("seats", {}).value;
  if (status === null || parameters === null) return null;
  const has = info.seat !== null;
  const standing = seatStanding(status.seats.mine, seats);
  const bond = `${format.number(parameters.bond)} ${status.token}`;
  const question = (): Question => {
    const calls: readonly OperationCall[] = has
      ? [{ operation: "seat.leave", arguments: {} }]
      : [{ operation: "seat.take", arguments: {} }];
    const want = (seatWanted: boolean) => changeSettings({ seatWanted });
    if (!has)
      return { title: text.wallet.takeTitle, why: text.wallet.takeWhy(bond), verb: text.wallet.takeSeat, calls, onFinal: () => want(true) };
    const wanted = settings?.seatWanted ?? true;
    return {
      title: text.wallet.leaveTitle,
      why: text.wallet.leaveWhy(bond),
      verb: text.wallet.leaveSeat,
      ends: true,
      calls,
      // Not when it is final: by then the peer would have taken the next seat by itself.
      onSign: () => want(false),
      onRefused: () => want(wanted),
    };
  };
  return (
    <Card
      title={
        <>
          {text.wallet.seat}
          <Explain term={text.wallet.seat}>{text.network.seatTells}</Explain>
        </>
      }
      end={<StatusPill status={STANDING_PILLS[standing]}>{text.wallet.seatStands[standing]}</StatusPill>}
    >
      <p className="quiet">
        {text.wallet.seatTells[standing](bond)} {!status.keysDurable && text.settings.seatEndsWithTab}
      </p>
      <div className="foot-acts">
        <Button variant="default" leftSection={<IconArmchair size={18} aria-hidden />} onClick={() => ask(question())}>
          {has ? text.wallet.leaveSeat : text.wallet.takeSeat}…
        </Button>
      </div>
    </Card>
  );
}

function ClaimCard({ info }: { info: AccountInfo }) {
  const text = useText();
  const format = useFormat();
  const send = usePeer((state) => state.send);
  const token = usePeer((state) => state.status?.token ?? "");
  const parameters = useAsk("parameters", {}).value;
  const [asked, setAsked] = useState(false);
  if (info.claimed || parameters === null) return null;
  const claim = (): void => {
    setAsked(true);
    const calls: readonly OperationCall[] = [{ operation: "token.claim", arguments: {} }];
    send(text.operations.names["token.claim"]!, calls, { feeMax: 0 }).catch(() => setAsked(false));
  };
  return (
    <Card title={text.wallet.grant}>
      <p className="quiet">{text.wallet.grantTells(`${format.number(parameters.grant)} ${token}`)}</p>
      <Button variant="default" loading={asked} leftSection={<IconGift size={18} aria-hidden />} onClick={claim}>
        {text.wallet.claim}
      </Button>
    </Card>
  );
}

function ReceiveCard({ account }: { account: string }) {
  const text = useText();
  const nameOf = useNameOf();
  return (
    <Card
      title={
        <>
          <IconQrcode size={20} aria-hidden /> {text.wallet.receive}
        </>
      }
    >
      <div className="col">
        <QrCode content={account} label={text.wallet.receiveQr} />
        <div className="centred">
          <Who id={account} name={nameOf(account)} note={null} you />
          <Digest value={account} />
        </div>
      </div>
    </Card>
  );
}

const PAGE = 20;

export function WalletPage({ to }: { to: string | undefined }) {
  const text = useText();
  const format = useFormat();
  const none = useNone();
  const status = usePeer((state) => state.status);
  const [question, setQuestion] = useState<Question | null>(null);
  const info = useAsk("account", status ? { account: status.account } : null);
  const history = useList("transactions", status && { account: status.account }, PAGE);
  if (status === null) return null;
  if (status.ready && status.token === "")
    return (
      <>
        <h1 className="b-sr">{text.places.wallet}</h1>
        <PageState state="empty" title={text.bots.noTokens} why={text.bots.noTokensTell} />
      </>
    );
  return (
    <>
      <PageHead title={text.places.wallet} lede={text.wallet.lede} />
      <div className="cols">
        <div className="col">
          <Card>
            <div className="b-stat">
              <div className="b-stat-label">{text.wallet.balance}</div>
              <div className="prop-big">
                <Amount value={status.balance} unit={status.token} />
              </div>
              <div className="b-stat-source">{text.wallet.balanceSource(format.number(status.final.height))}</div>
            </div>
          </Card>
          <Answered answer={info}>
            {(own) => (
              <>
                <ClaimCard info={own} />
                <SendCard to={to} ask={setQuestion} />
                <SeatCard info={own} ask={setQuestion} />
              </>
            )}
          </Answered>
          <Card flush title={text.wallet.history}>
            <Answered answer={history.answer}>
              {({ items }) => (
                <>
                  {items.length === 0 && <p className="quiet pad">{none(text.ledger.noTransactions)}</p>}
                  <ul className="b-rows">
                    {items.map((transaction) => (
                      <li key={transaction.id}>
                        <TransactionRow transaction={transaction} />
                      </li>
                    ))}
                  </ul>
                  <MoreRows end={history.end} />
                </>
              )}
            </Answered>
          </Card>
        </div>
        <ReceiveCard account={status.account} />
      </div>
      <Confirm question={question} onClose={() => setQuestion(null)} />
    </>
  );
}
