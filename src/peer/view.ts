/** What may be read of a running peer between two steps: everything is synchronous and of this very moment. */
import type { ConsensusStatus } from "../consensus/engine.ts";
import type { StateView } from "../ledger/index.ts";
import type { Genesis } from "../protocol/genesis.ts";
import type { AccountId, Hash, VotingKey } from "../protocol/identifiers.ts";
import type { RefusalShape } from "../protocol/refusal.ts";
import type { Transaction } from "../protocol/transaction.ts";
import type { CommittedBlock } from "./effects.ts";
import type { NetworkStatus } from "./ports.ts";
import type { Joined } from "./rows.ts";

export interface PeerView {
  readonly chain: Hash;
  readonly genesis: Genesis;
  readonly account: AccountId;
  /** The finalized state. */
  readonly state: StateView;
  /** State after the highest notarized block: what a dry run and an estimate should be made on. */
  readonly tentativeState: StateView;
  readonly consensus: ConsensusStatus;
  /** Null until the network said something. */
  readonly network: NetworkStatus | null;
  readonly final: { readonly height: number; readonly id: Hash; readonly stateRoot: Hash; readonly timeMs: number };
  /** Blocks above the final one on the way to the highest notarized one, oldest first. */
  readonly tentativeBlocks: readonly CommittedBlock[];
  /** About what the bodies of executed blocks take in memory, in bytes: all others are in storage alone. One that is not final yet counts twice. */
  readonly bodiesBytes: number;
  /** Own transactions that are not final yet. */
  readonly ownPending: readonly Transaction[];
  /** Transactions in the mempool, own and others'. */
  readonly waiting: number;
  /** Whether this peer has caught up with those it is linked to, as far as it can tell. */
  readonly caughtUp: boolean;
  /** Whether nobody who has the ledger has been met, and there is no more than the genesis here. */
  readonly stranded: boolean;
  /** Whether members keep this peer out of their BoT, or will: its account has no role, as far as this ledger says. */
  readonly isShutOut: boolean;
  /** The greatest height that neighbours said is final, while this peer is behind it. Their word alone: to be shown, and not to be built on. */
  readonly targetHeight: number | null;
  /** What the seat keeper is doing. */
  readonly seatWork: "none" | "claiming" | "taking" | "waiting" | "seated" | "unwanted";
  /** Seats that must return before anything is final again; empty while all is well. */
  readonly waitingFor: readonly VotingKey[];
  /** Where this ledger begins, if not with the genesis, and how far that is to be believed. */
  readonly joined: Joined | null;
  /** Blocks at and below this height are not in storage. */
  readonly historyFloor: number;
  /** Bytes of a snapshot that are here, of how many, while one is read. */
  readonly joining: { readonly bytes: number; readonly total: number } | null;
  readonly split: { readonly epochId: Hash; readonly recovery: Hash; readonly sinceHeight: number } | null;
  /** Why this peer votes no more. */
  readonly halted: RefusalShape | null;
}
