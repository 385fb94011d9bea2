import { useState } from "react";
import type { Page, PageRequest, Queries, QueryName, RefusalShape } from "../../sdk/api.ts";
import type { ParametersOf } from "../../sdk/client.ts";
import { useAsk, useClient, type Answer } from "../shell/peer-context.tsx";
import { useDeed } from "./use-deed.ts";

/** Queries that answer in pages. */
export type ListName = { [Name in QueryName]: Queries[Name]["result"] extends Page<unknown> ? Name : never }[QueryName];
type ItemOf<Name extends ListName> = Queries[Name]["result"]["items"][number];

/** A peer gives no more at once, and to ask for more every second would be too much for a phone. */
const FOLLOWED_MAX = 200;

/** What the foot of a list needs: `MoreRows`. */
export interface ListEnd {
  readonly hasMore: boolean;
  /** The list is longer than what is followed: it stands still until `follow`. */
  readonly isStill: boolean;
  readonly busy: boolean;
  readonly error: RefusalShape | null;
  readonly more: () => void;
  readonly follow: () => void;
}

interface Kept<Item> {
  readonly key: string;
  readonly page: Page<Item>;
  readonly isStill: boolean;
}

/**
 * A list that grows by `step`. Its first 200 rows follow the ledger; what lies behind them is fetched page by page, and then nothing moves
 * under a reader's eyes. `wanted` null: not yet.
 */
export function useList<Name extends ListName>(
  name: Name,
  wanted: Omit<Queries[Name]["parameters"], keyof PageRequest> | null,
  step: number,
): { readonly answer: Answer<Page<ItemOf<Name>>>; readonly end: ListEnd } {
  type List = Page<ItemOf<Name>>;
  type Parameters = Queries[Name]["parameters"];
  const client = useClient();
  const { busy, error, run } = useDeed();
  const key = JSON.stringify([name, wanted]);
  const [grown, setGrown] = useState({ key, limit: step });
  const [held, setHeld] = useState<Kept<ItemOf<Name>> | null>(null);
  const limit = grown.key === key ? grown.limit : step;
  const kept = held?.key === key ? held : null;
  const isStill = kept?.isStill ?? false;
  const live = useAsk(name, wanted === null || isStill ? null : ({ ...wanted, limit } as Parameters));
  const followed = live.value as List | null;
  // While a longer list is being fetched the shorter one stays.
  if (followed !== null && held?.page !== followed) setHeld({ key, page: followed, isStill: false });
  const page = followed ?? kept?.page ?? null;
  const answer = page !== null && followed === null ? ({ state: "ready", value: page, error: null } as const) : (live as Answer<List>);
  const fetchMore = async (from: List): Promise<void> => {
    const parameters = { ...wanted, limit: FOLLOWED_MAX, after: from.next } as unknown as Parameters;
    const further = (await client.query(name, ...([parameters] as unknown as ParametersOf<Queries[Name]>))) as List;
    setHeld({ key, page: { items: [...from.items, ...further.items], next: further.next }, isStill: true });
  };
  return {
    answer,
    end: {
      hasMore: page !== null && page.next !== null,
      isStill,
      busy,
      error,
      more: () => {
        if (!isStill && limit < FOLLOWED_MAX) setGrown({ key, limit: Math.min(limit + step, FOLLOWED_MAX) });
        else if (page !== null) run(() => fetchMore(page));
      },
      follow: () => setHeld(kept && { ...kept, isStill: false }),
    },
  };
}
