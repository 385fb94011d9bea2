/** How concentrated the votes are among owners: the degree of decentralization (Y.4464, Appendix III). */

export interface Concentration {
  /** Votes by owner, most first. */
  readonly shares: readonly (readonly [account: string, votes: number])[];
  /** The fewest owners without whose votes there is no quorum: together they could stop the BoT. */
  readonly stopping: number;
  /** The fewest owners whose votes are a quorum: together they could decide without the rest. */
  readonly deciding: number;
}

export function concentrationOf(votes: readonly { readonly account: string }[], quorum: number): Concentration {
  const byOwner = new Map<string, number>();
  for (const { account } of votes) byOwner.set(account, (byOwner.get(account) ?? 0) + 1);
  const shares = [...byOwner].toSorted(([, a], [, b]) => b - a);
  const fewestWith = (needed: number): number => {
    let sum = 0;
    return shares.findIndex(([, count]) => (sum += count) >= needed) + 1;
  };
  return { shares, stopping: fewestWith(votes.length - quorum + 1), deciding: fewestWith(quorum) };
}
