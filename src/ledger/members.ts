/** Who may do what: everybody in a public BoT, members by their roles elsewhere. */
import { bytesToHex, equalBytes } from "../kit/bytes.ts";
import type { Value } from "../protocol/codec.ts";
import { ROLES, type Genesis, type Member, type Role } from "../protocol/genesis.ts";
import { fromHex, type AccountId } from "../protocol/identifiers.ts";
import { LIMITS } from "../protocol/limits.ts";
import { requireThat } from "../protocol/refusal.ts";
import type { TransactionBody } from "../protocol/transaction.ts";
import { genesisOf } from "./accounts.ts";
import { seatsOf } from "./seats.ts";
import type { Overlay, StateView } from "./types.ts";

const MEMBER_PREFIX = "member/";

export function memberKey(account: Uint8Array): string {
  return MEMBER_PREFIX + bytesToHex(account);
}

/** Roles of a member, or null. The owner of a private BoT is none. */
export function memberRoles(state: StateView, account: Uint8Array): readonly Role[] | null {
  return (state.get(memberKey(account)) as readonly Role[] | undefined) ?? null;
}

/** Null takes the member out. */
export function writeMember(state: Overlay, account: Uint8Array, roles: readonly Role[] | null): void {
  if (roles === null) state.delete(memberKey(account));
  else state.set(memberKey(account), roles as unknown as Value);
}

/** By account, ascending; none in a public BoT. */
export function membersOf(state: StateView): readonly Member[] {
  return state
    .list(MEMBER_PREFIX, undefined, LIMITS.membersMax)
    .map(([key, roles]) => [fromHex(key.slice(MEMBER_PREFIX.length)) as Uint8Array as AccountId, roles as unknown as readonly Role[]]);
}

/** What an account may do here. */
export function rolesOf(state: StateView, account: Uint8Array): readonly Role[] {
  const genesis = genesisOf(state);
  if (genesis.kind === "public" || (genesis.kind === "private" && equalBytes(account, genesis.owner))) return ROLES;
  return memberRoles(state, account) ?? [];
}

export function mayDo(state: StateView, account: Uint8Array, role: Role): boolean {
  return rolesOf(state, account).includes(role);
}

/** The role that an operation asks for: a vote is of use only to those who can cast it, so what seats and governance need is the same one. */
function roleFor(operation: string): Role {
  const module = operation.slice(0, operation.indexOf("."));
  if (module === "seat" || module === "governance") return "vote";
  return operation === "contract.deploy" ? "deploy" : "transact";
}

/** @throws {Refusal} `not-authorized` with the role that is missing. */
export function checkRoles(state: StateView, genesis: Genesis, { sender, calls }: Pick<TransactionBody, "sender" | "calls">): void {
  if (genesis.kind === "public") return;
  const roles = rolesOf(state, sender);
  for (const [operation] of calls) {
    const role = roleFor(operation);
    requireThat(roles.includes(role), "not-authorized", { role });
  }
}

/** Who decides, one vote each: whoever has a current seat, the members with that role, or the owner alone. */
export function votersOf(state: StateView): readonly AccountId[] {
  const genesis = genesisOf(state);
  if (genesis.kind === "public") return seatsOf(state).current.map(({ account }) => account);
  if (genesis.kind === "private") return [genesis.owner];
  return membersOf(state).flatMap(([account, roles]) => (roles.includes("vote") ? [account] : []));
}
