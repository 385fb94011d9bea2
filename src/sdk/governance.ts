/** Who decides in a BoT, by which rules, and what is proposed. The conventions are those of `api.ts`. */
import type { Parameters } from "../protocol/genesis.ts";
import type { AccountText, BotKind, DigestText, ProposedChange, Role } from "./api.ts";

/** Names of what governance may change in any BoT. */
export type ParameterName = keyof Parameters;

export interface MemberInfo {
  readonly account: AccountText;
  readonly name: string | null;
  /** Ascending. */
  readonly roles: readonly Role[];
  /** Whether it has a seat, or waits or sleeps with one. */
  readonly seated: boolean;
}

export interface ProposalInfo {
  readonly id: DigestText;
  readonly proposer: AccountText;
  readonly change: ProposedChange;
  readonly note: string;
  /** Block times. From `untilMs` on it is over. */
  readonly createdMs: number;
  readonly untilMs: number;
  /** `carried`: enough have voted for it, and anybody may have it executed. What is `expired` is forgotten when something else is proposed or executed. */
  readonly state: "open" | "carried" | "expired";
  readonly approving: number;
  readonly rejecting: number;
  /** Votes for it that it needs, and all who may vote now. */
  readonly needed: number;
  readonly voters: number;
  /** Those that count: of accounts that may vote now, the first to vote first. */
  readonly votes: readonly { readonly account: AccountText; readonly approve: boolean }[];
  /** How this peer's account voted, null where it has not or its vote does not count. */
  readonly mine: boolean | null;
}

export interface GovernanceInfo {
  readonly kind: BotKind;
  /** Whose word decides in a private BoT; null in others. */
  readonly owner: AccountText | null;
  /** What this peer's account may do. */
  readonly mine: readonly Role[];
  /** Whether this peer's account has a vote: in a public BoT that takes a seat. */
  readonly mayVote: boolean;
  /** At most 256; none in a public BoT. The owner of a private one is not among them. */
  readonly members: readonly MemberInfo[];
  readonly voters: number;
  /** In force now; amounts in the token's smallest unit, times in milliseconds. */
  readonly parameters: Parameters;
  /** Newest first. */
  readonly proposals: readonly ProposalInfo[];
}
