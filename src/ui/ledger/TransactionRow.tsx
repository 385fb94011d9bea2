import { Link } from "wouter";
import type { TransactionInfo } from "../../sdk/api.ts";
import { Identicon } from "../pattern/Identicon.tsx";
import { RoadMark, type RoadState } from "../pattern/Road.tsx";
import { shortId } from "../pattern/Digest.tsx";
import { useNameOf, useNow, usePeer } from "../shell/peer-context.tsx";
import { useFormat, useText } from "../text/language.tsx";
import { callsTitle } from "../text/sentences.ts";

/** How far a transaction is, as the road counts it. */
export function roadOf(transaction: TransactionInfo): { readonly reached: number; readonly state: RoadState } {
  switch (transaction.state) {
    case "pending":
      return { reached: transaction.road.shared === undefined ? 1 : 2, state: "under-way" };
    case "in-block":
      return { reached: 3, state: transaction.refusal ? "refused" : "under-way" };
    case "final":
      return transaction.refusal ? { reached: 3, state: "refused" } : { reached: 4, state: "final" };
    case "refused":
      return { reached: transaction.block === null ? 2 : 3, state: "refused" };
  }
}

export function TransactionRow({ transaction }: { transaction: TransactionInfo }) {
  const text = useText();
  const format = useFormat();
  const now = useNow();
  const nameOf = useNameOf();
  const account = usePeer((state) => state.status?.account);
  const token = usePeer((state) => state.status?.token ?? "");
  const { sender, block, calls, id, road } = transaction;
  const who = sender === account ? text.common.you : (nameOf(sender) ?? shortId(sender));
  const atMs = block?.timeMs ?? road.signed;
  return (
    <Link href={`/transaction/${id}`} className="b-row">
      <Identicon id={sender} size={28} ring={sender === account} />
      <span className="b-row-main">
        <span>{callsTitle(text, format, calls, token)}</span>
        <span>
          {who}
          {atMs !== undefined && ` · ${format.ago(atMs, now)}`}
        </span>
      </span>
      <span className="b-row-end">
        <RoadMark {...roadOf(transaction)} />
      </span>
    </Link>
  );
}
