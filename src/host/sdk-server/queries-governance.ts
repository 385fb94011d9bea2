/** Who decides, by which rules, and what is proposed: an answer from the state as of now. */
import { bytesToHex, equalBytes } from "../../kit/bytes.ts";
import { accountKey, readAccount } from "../../ledger/accounts.ts";
import {
  headOf,
  listProposals,
  membersOf,
  parametersOf,
  rolesOf,
  seatsOf,
  tallyOf,
  votersOf,
  type Proposal,
  type ProposedChange as LedgerChange,
  type StateView,
} from "../../ledger/index.ts";
import type { PeerView } from "../../peer/view.ts";
import type { AccountId, Hash } from "../../protocol/identifiers.ts";
import type { GovernanceInfo, MemberInfo, ProposalInfo, ProposedChange } from "../../sdk/api.ts";
import { nameOf } from "./queries-state.ts";
import { accountText } from "./texts.ts";

export interface GovernanceDeps {
  readonly view: Pick<PeerView, "state" | "genesis" | "account">;
  /** This machine's clock: where nothing moves, block time stands still. */
  readonly nowMs: number;
}

function changeInfo(state: StateView, change: LedgerChange): ProposedChange {
  return change.kind === "parameters" ? change : { ...change, account: accountText(state, change.account) };
}

function memberInfos(state: StateView): readonly MemberInfo[] {
  const { current, waiting, sleeping } = seatsOf(state);
  const seated = new Set([...current, ...waiting, ...sleeping].map(({ account }) => bytesToHex(account)));
  return membersOf(state).map(([account, roles]) => ({
    account: accountText(state, account),
    name: nameOf(state, account, readAccount(state, accountKey(account))),
    roles,
    seated: seated.has(bytesToHex(account)),
  }));
}

function proposalInfo(
  { view: { state, account: own }, nowMs }: GovernanceDeps,
  voters: readonly AccountId[],
  { id, proposer, change, note, createdMs, untilMs, votes }: Proposal & { readonly id: Hash },
): ProposalInfo {
  const tally = tallyOf(state, { change, votes });
  const counted = votes.filter(({ account }) => voters.some((voter) => equalBytes(voter, account)));
  // The next block is no earlier than now: what is over by either clock takes no more votes.
  const isOver = untilMs <= Math.max(headOf(state).timeMs, nowMs);
  return {
    id: bytesToHex(id),
    proposer: accountText(state, proposer),
    change: changeInfo(state, change),
    note,
    createdMs,
    untilMs,
    state: isOver ? "expired" : tally.approving >= tally.needed ? "carried" : "open",
    ...tally,
    votes: counted.map(({ account, approve }) => ({ account: accountText(state, account), approve })),
    mine: counted.find(({ account }) => equalBytes(account, own))?.approve ?? null,
  };
}

export function governance(deps: GovernanceDeps): GovernanceInfo {
  const { state, genesis, account } = deps.view;
  const voters = votersOf(state);
  return {
    kind: genesis.kind,
    owner: genesis.kind === "private" ? accountText(state, genesis.owner) : null,
    mine: rolesOf(state, account),
    mayVote: voters.some((voter) => equalBytes(voter, account)),
    members: genesis.kind === "public" ? [] : memberInfos(state),
    voters: voters.length,
    parameters: parametersOf(state),
    proposals: listProposals(state)
      .toSorted((a, b) => b.createdMs - a.createdMs)
      .map((proposal) => proposalInfo(deps, voters, proposal)),
  };
}
