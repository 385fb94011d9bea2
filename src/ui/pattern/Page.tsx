import { Button, Skeleton } from "@mantine/core";
import { IconChevronLeft } from "@tabler/icons-react";
import { useState, type ReactNode } from "react";
import { Link } from "wouter";
import type { RefusalShape } from "../../sdk/api.ts";
import { usePeer, type Answer } from "../shell/peer-context.tsx";
import { useText } from "../text/language.tsx";
import { refusalSentence } from "../text/sentences.ts";
import { PageState } from "./PageState.tsx";
import type { ListEnd } from "./use-list.ts";

/** Way back, title, one action at the right, then one quiet line. */
export function PageHead({
  title,
  back,
  lede,
  action,
}: {
  title: ReactNode;
  back?: { readonly href: string; readonly name: string };
  lede?: ReactNode;
  action?: ReactNode;
}) {
  return (
    <div className="page-head" data-act={action ? true : undefined}>
      <div>
        <div>
          {back && (
            <Link href={back.href} className="crumb">
              <IconChevronLeft size={16} aria-hidden />
              {back.name}
            </Link>
          )}
          <h1>{title}</h1>
        </div>
        {lede && <div className="lede">{lede}</div>}
      </div>
      {action}
    </div>
  );
}

/** A page that cannot be shown: not there, forbidden or broken; what is so, why, and what to do. */
function Refused({ error }: { error: RefusalShape }) {
  const text = useText();
  const forbidden = error.code === "not-authorized" || error.code === "not-owner";
  const missing = error.code.startsWith("unknown-") || error.code === "not-found";
  const { title, why } = text.states[forbidden ? "forbidden" : missing ? "missing" : "broken"];
  return (
    <PageState
      state={forbidden ? "forbidden" : missing ? "empty" : "broken"}
      title={title}
      why={
        <>
          {refusalSentence(text, error)} {why}
        </>
      }
      detail={
        <dl className="b-facts">
          <dt>{text.common.code}</dt>
          <dd>{error.code}</dd>
        </dl>
      }
    >
      <Button component={Link} href="/ledger">
        {text.places.ledger}
      </Button>
      <Button component={Link} href="/settings" variant="default">
        {text.settings.report}
      </Button>
    </PageState>
  );
}

/** Shows an answer when it is there, its shape while it is not, and why when it cannot be. What was known stays on the page. */
export function Answered<Value>({
  answer,
  skeletonHeight = 240,
  children,
}: {
  answer: Answer<Value>;
  skeletonHeight?: number;
  children: (value: Value) => ReactNode;
}) {
  const text = useText();
  const knows = usePeer(({ status }) => status !== null && (status.ready || status.fault !== null));
  if (answer.value !== null) return <>{children(answer.value)}</>;
  // Until the ledger is here, not finding something means nothing.
  if (answer.state === "broken" && knows) return <Refused error={answer.error} />;
  return <Skeleton className="b-late" height={skeletonHeight} radius={14} aria-label={text.common.loading} />;
}

/** Says that there is nothing, if that is known: an empty list means nothing before the ledger is here, nor once the peer has stopped. */
export function useNone(): (sentence: string) => string {
  const text = useText();
  const ready = usePeer((state) => state.status?.ready ?? false);
  const stopped = usePeer((state) => (state.status?.fault ?? null) !== null);
  return (sentence) => (stopped ? text.states.stopped : ready ? sentence : text.states.unknown);
}

/** A card with a heading; `flush` for rows that reach its edges. */
export function Card({ title, end, flush, children }: { title?: ReactNode; end?: ReactNode; flush?: boolean; children: ReactNode }) {
  return (
    <section className="b-card" data-flush={flush || undefined}>
      {(title !== undefined || end !== undefined) && (
        <div className="b-card-head">
          <h2>{title}</h2>
          {end}
        </div>
      )}
      {children}
    </section>
  );
}

/** The foot of a list: more of it, and back to where it follows the ledger. */
export function MoreRows({ end: { hasMore, isStill, busy, error, more, follow } }: { end: ListEnd }) {
  const text = useText();
  if (!hasMore && !isStill) return null;
  return (
    <div className="more-rows">
      {error && <p className="fault">{refusalSentence(text, error)}</p>}
      {isStill && (
        <Button variant="subtle" onClick={follow}>
          {text.common.followAgain}
        </Button>
      )}
      {hasMore && (
        <Button variant="default" loading={busy} onClick={more}>
          {text.common.older}
        </Button>
      )}
    </div>
  );
}

/** The first rows of a list that may be long, and all of them on request. */
export function FirstRows<Item>({
  items,
  shown,
  label,
  all,
  keyOf,
  row,
}: {
  items: readonly Item[];
  shown: number;
  label: string;
  /** What to press for all. */
  all: string;
  keyOf: (item: Item, index: number) => string;
  row: (item: Item) => ReactNode;
}) {
  const [isWhole, setIsWhole] = useState(false);
  const first = isWhole ? items : items.slice(0, shown);
  return (
    <>
      <ul className="b-rows" aria-label={label}>
        {first.map((item, index) => (
          <li key={keyOf(item, index)}>{row(item)}</li>
        ))}
      </ul>
      {first.length < items.length && (
        <div className="more-rows">
          <Button variant="default" onClick={() => setIsWhole(true)}>
            {all}
          </Button>
        </div>
      )}
    </>
  );
}
