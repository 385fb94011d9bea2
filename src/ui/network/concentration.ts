/** How concentrated the votes are among owners: the degree of decentralization (Y.4464, Appendix III). */

/** How many are whose, most first. */
export type Shares = readonly (readonly [account: string, count: number])[];

export function sharesOf(accounts: readonly string[]): Shares {
  const byOwner = new Map<string, number>();
  for (const account of accounts) byOwner.set(account, (byOwner.get(account) ?? 0) + 1);
  return [...byOwner].toSorted(([, a], [, b]) => b - a);
}

export interface Concentration {
  /** Votes by owner. */
  readonly shares: Shares;
  /** The fewest owners without whose votes there is no quorum: together they could stop the BoT (the Nakamoto coefficient). */
  readonly stopping: number;
  /** The fewest owners whose votes are a quorum: together they could decide without the rest. */
  readonly deciding: number;
}

export function concentrationOf(votes: readonly { readonly account: string }[], quorum: number): Concentration {
  const shares = sharesOf(votes.map(({ account }) => account));
  const fewestWith = (needed: number): number => {
    let sum = 0;
    return shares.findIndex(([, count]) => (sum += count) >= needed) + 1;
  };
  return { shares, stopping: fewestWith(votes.length - quorum + 1), deciding: fewestWith(quorum) };
}
