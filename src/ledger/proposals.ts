/** Proposals: what they would change, who voted, and when they carry. */
import { bytesToHex, equalBytes } from "../kit/bytes.ts";
import type { Value } from "../protocol/codec.ts";
import { readParameter, readRoles, TOKEN_PARAMETERS, type Parameters, type Role } from "../protocol/genesis.ts";
import { asAccountId, fromHex, type AccountId, type Hash } from "../protocol/identifiers.ts";
import { LIMITS } from "../protocol/limits.ts";
import { Refusal, requireThat } from "../protocol/refusal.ts";
import { isValueMap, readMap, readOneOf } from "../protocol/schema.ts";
import { genesisOf, parametersOf } from "./accounts.ts";
import { memberRoles, membersOf, votersOf } from "./members.ts";
import { seatsOf } from "./seats.ts";
import type { Overlay, StateView } from "./types.ts";

export type ProposedChange =
  /** An account comes in with these roles, or, where they are null, a member goes. */
  | { readonly kind: "membership"; readonly account: AccountId; readonly roles: readonly Role[] | null }
  | { readonly kind: "roles"; readonly account: AccountId; readonly roles: readonly Role[] }
  /** The parameters named; the others stay. */
  | { readonly kind: "parameters"; readonly parameters: Partial<Parameters> };

export interface CastVote {
  readonly account: AccountId;
  readonly approve: boolean;
}

export interface Proposal {
  readonly proposer: AccountId;
  readonly change: ProposedChange;
  readonly note: string;
  /** Block times, in milliseconds. From `untilMs` on it is over. */
  readonly createdMs: number;
  readonly untilMs: number;
  /** The last vote of each account that had one, the first to vote first. */
  readonly votes: readonly CastVote[];
}

export interface Tally {
  readonly approving: number;
  readonly rejecting: number;
  /** All who may vote now. */
  readonly voters: number;
  /** Votes in favour that it needs. */
  readonly needed: number;
}

const PROPOSAL_PREFIX = "proposal/";
/** The same by the time at which they are over, to be forgotten then. */
const DUE_PREFIX = "proposal-due/";
/** Forgotten at a time: more than one, so that they never pile up. */
const FORGOTTEN_MAX = 4;
/** Started kilobytes that a newcomer can pay for after its bond, out of its grant: to take a seat, to propose and to vote. */
const KILOBYTES_PAID_MIN = 4;

export function proposalKey(proposal: Uint8Array): string {
  return PROPOSAL_PREFIX + bytesToHex(proposal);
}

function dueKey(proposal: Uint8Array, untilMs: number): string {
  return `${DUE_PREFIX}${String(untilMs).padStart(16, "0")}/${bytesToHex(proposal)}`;
}

function valueToProposal(value: Value): Proposal {
  const { votes, ...rest } = value as unknown as Omit<Proposal, "votes"> & { readonly votes: readonly (readonly [AccountId, boolean])[] };
  return { ...rest, votes: votes.map(([account, approve]) => ({ account, approve })) };
}

export function proposalOf(state: StateView, id: Uint8Array): Proposal | undefined {
  const value = state.get(proposalKey(id));
  return value === undefined ? undefined : valueToProposal(value);
}

/** Kept ones, by identifier; some may be over already. */
export function listProposals(state: StateView): readonly (Proposal & { readonly id: Hash })[] {
  return state
    .list(PROPOSAL_PREFIX, undefined, LIMITS.proposalsMax)
    .map(([key, value]) => ({ ...valueToProposal(value), id: fromHex(key.slice(PROPOSAL_PREFIX.length)) }));
}

export function writeProposal(state: Overlay, id: Uint8Array, proposal: Proposal): void {
  const votes = proposal.votes.map(({ account, approve }): Value => [account, approve]);
  state.set(proposalKey(id), { ...proposal, votes } as unknown as Value);
  state.set(dueKey(id, proposal.untilMs), true);
}

export function forgetProposal(state: Overlay, id: Uint8Array, { untilMs }: Proposal): void {
  state.delete(proposalKey(id));
  state.delete(dueKey(id, untilMs));
}

/** Forgets some of those that are over, those first that have been so for longest. */
export function forgetExpired(state: Overlay, timeMs: number): void {
  for (const [key] of state.list(DUE_PREFIX, undefined, FORGOTTEN_MAX)) {
    const [due, id] = key.slice(DUE_PREFIX.length).split("/") as [string, string];
    if (Number(due) > timeMs) return;
    state.delete(key);
    state.delete(PROPOSAL_PREFIX + id);
  }
}

/** @throws {Refusal} `schema-invalid`. */
export function readChange(value: Value | undefined): ProposedChange {
  const kind = readOneOf(isValueMap(value) ? value["kind"] : undefined, "kind", ["membership", "roles", "parameters"]);
  if (kind === "parameters") {
    const given = readMap(value, "change", ["kind", "parameters"])["parameters"];
    requireThat(isValueMap(given) && Object.keys(given).length > 0, "schema-invalid", { field: "parameters", expected: "at least one" });
    return { kind, parameters: Object.fromEntries(Object.entries(given).map(([name, to]) => [name, readParameter(name, to)])) };
  }
  const map = readMap(value, "change", ["kind", "account", "roles"]);
  const account = asAccountId(map["account"]);
  if (kind === "membership") return { kind, account, roles: map["roles"] === null ? null : readRoles(map["roles"]) };
  return { kind, account, roles: readRoles(map["roles"]) };
}

/** What the parameters would be. */
export function changedParameters(state: StateView, parameters: Partial<Parameters>): Parameters {
  return { ...parametersOf(state), ...parameters };
}

function checkParameters(state: StateView, changed: Partial<Parameters>): void {
  const isOfTokens = TOKEN_PARAMETERS.some((name) => (changed[name] ?? 0) > 0);
  requireThat(genesisOf(state).token !== null || !isOfTokens, "no-tokens");
  const { grant, bond, feePerKilobyte } = changedParameters(state, changed);
  requireThat(grant - bond >= KILOBYTES_PAID_MIN * feePerKilobyte, "locks-out", { grant, bond, feePerKilobyte });
}

function checkMember(state: StateView, change: Exclude<ProposedChange, { kind: "parameters" }>): void {
  const genesis = genesisOf(state);
  requireThat(genesis.kind !== "public", "not-supported", { kind: genesis.kind });
  if (genesis.kind === "private" && equalBytes(change.account, genesis.owner)) throw new Refusal("already-exists", { reason: "owner" });
  const isMember = memberRoles(state, change.account) !== null;
  if (change.kind === "membership" && change.roles !== null) {
    requireThat(!isMember, "already-exists");
    requireThat(membersOf(state).length < LIMITS.membersMax, "limit-exceeded", { membersMax: LIMITS.membersMax });
    return;
  }
  requireThat(isMember, "unknown-account");
  if (change.roles?.includes("vote") === true) return;
  const isOther = (account: Uint8Array): boolean => !equalBytes(account, change.account);
  requireThat(votersOf(state).some(isOther), "locks-out", { reason: "last voter" });
  requireThat(
    seatsOf(state).current.some(({ account }) => isOther(account)),
    "locks-out",
    { reason: "last seat" },
  );
}

/**
 * Whether a change can be made as things stand, and leaves somebody who can make the next one.
 * @throws {Refusal} `locks-out`, `not-supported`, `already-exists`, `unknown-account`, `no-tokens`, `limit-exceeded`.
 */
export function checkChange(state: StateView, change: ProposedChange): void {
  if (change.kind === "parameters") checkParameters(state, change.parameters);
  else checkMember(state, change);
}

/** Only the votes of those who have one now count. Parameters need more than half of all, who is in two thirds. */
export function tallyOf(state: StateView, { change, votes }: Pick<Proposal, "change" | "votes">): Tally {
  const voters = votersOf(state);
  const counted = votes.filter(({ account }) => voters.some((voter) => equalBytes(voter, account)));
  const approving = counted.filter(({ approve }) => approve).length;
  const needed = change.kind === "parameters" ? Math.floor(voters.length / 2) + 1 : Math.ceil((2 * voters.length) / 3);
  return { approving, rejecting: counted.length - approving, voters: voters.length, needed };
}
