/**
 * The face of a consensus engine: a pure machine that takes one input and gives effects. It never sees a clock, a key or the
 * network, and of the ledger it knows only `Chain`. PROTOCOL, "Blocks and finality".
 */
import type { Block } from "../protocol/block.ts";
import type { Hash, VotingKey } from "../protocol/identifiers.ts";
import type { Absent, Alive, Certificate, Recovery, RecoverySignature, Statement, Vote, VoteKind } from "../protocol/vote.ts";

/** What the engine knows of a block that was executed, of genesis, or of a recovery. */
export interface BlockInfo {
  readonly id: Hash;
  /** Null for genesis only. For a recovery its base. */
  readonly parent: Hash | null;
  /** The epoch it was proposed in; for genesis its own id (the chain), for a recovery the epoch that it recovers. */
  readonly epochId: Hash;
  /** 0 for genesis and recoveries. */
  readonly round: number;
  /** Height of the last block with a height at or below this one; a recovery has its base's plus one, genesis 0. */
  readonly height: number;
  /** The last block with a height at or below this one: itself, unless it is an empty candidate. */
  readonly heightedId: Hash;
  /** Header time; a recovery has its base's plus one. */
  readonly timeMs: number;
  /** Seats in force after this block, sorted bytewise. */
  readonly seats: readonly VotingKey[];
  /** Seats that sleep after this block, the longest asleep first. */
  readonly sleeping: readonly VotingKey[];
  /** Whether this very block ends its epoch (`endsEpoch` of its header); true for genesis and recoveries. */
  readonly endsEpoch: boolean;
  /** Set for a recovery. */
  readonly recovery: Recovery | null;
  /** Digest of the last recovery at or below this block. */
  readonly lastRecovery: Hash | null;
}

export interface ProposeRequest {
  readonly parent: Hash;
  readonly epochId: Hash;
  readonly round: number;
  /** The header's time: already above the parent's. */
  readonly timeMs: number;
  readonly proposer: VotingKey;
  /** An empty candidate, without height and transactions: it only makes its ancestors final. */
  readonly empty: boolean;
  /** Whether a block with a height may stand without a transaction: the heartbeat, or alives are carried. */
  readonly mayBeBare: boolean;
  /** For the header as they are; all of the epoch `epochId`. */
  readonly certificate: Certificate | null;
  readonly lateVotes: readonly Vote[];
  readonly alives: readonly Alive[];
}

/** What an engine needs of the ledger: synchronous, deterministic, and without a consequence until a block is final. */
export interface Chain {
  /**
   * Executes a candidate on its parent, which is known, and keeps what it made. Idempotent. Checks all that state decides: height,
   * time above the parent's, roots, `seatsDigest`, `lastRecovery`, `endsEpoch`, that a bare block is a heartbeat or carries alives.
   * @throws {Refusal} when the block is not valid on its parent.
   */
  execute(block: Block): BlockInfo;
  /**
   * The same for a recovery on its base: an empty block of the base's height plus one that changes the seats by
   * `seatsAfterRecovery`. `epochSeats` are those of the epoch that it recovers.
   */
  executeRecovery(recovery: Recovery, id: Hash, epochSeats: readonly VotingKey[]): BlockInfo;
  /** Of genesis, or of a block executed and not dropped since. */
  info(id: Hash): BlockInfo | undefined;
  /** Builds and executes a block. Null when it would stand bare and may not, because nothing could be executed after all. */
  propose(request: ProposeRequest): Block | null;
  /** Whether a transaction of the mempool is executable on this block, or a trigger is due. Called often: it must be cheap. */
  hasWork(id: Hash, wallMs: number): boolean;
}

/** Messages between engines. The caller has verified every signature in them (`signature-checks.ts`), and fetched the bodies. */
export type ConsensusMessage =
  /** A block, its proposer's own vote notarize for it (which authenticates it), and what justifies its parent (rule 3). */
  | { readonly kind: "candidate"; readonly block: Block; readonly vote: Vote; readonly certificates: readonly Certificate[] }
  | { readonly kind: "vote"; readonly vote: Vote }
  | { readonly kind: "certificate"; readonly certificate: Certificate }
  | { readonly kind: "alive"; readonly alive: Alive }
  | { readonly kind: "recover"; readonly recover: RecoverySignature }
  | { readonly kind: "absent"; readonly absent: Absent }
  /**
   * Where a peer stands. `known`: blocks that it holds, newest first and ever more thinly, so that a common one is found. `height` of the last final
   * one is a bare word, good for nothing but to show how far there is to go.
   */
  | { readonly kind: "hello"; readonly epochId: Hash; readonly lastFinal: Hash; readonly height: number; readonly known: readonly Hash[] }
  | { readonly kind: "ask"; readonly id: Hash }
  /** Blocks oldest first, with what proves them: finality certificates and complete recoveries; all of one epoch. */
  | {
      readonly kind: "give";
      readonly blocks: readonly Block[];
      readonly certificates: readonly Certificate[];
      readonly recoveries: readonly CompleteRecovery[];
      /** Whether more stands ready after these: the receiver says hello again at once. */
      readonly more: boolean;
    };

/** A recovery with a signature of every seat that it names, in their order. */
export interface CompleteRecovery {
  readonly recovery: Recovery;
  readonly signatures: readonly Uint8Array[];
}

export type ConsensusInput =
  /** Once, before all but `keys`: the durable records as written, and the final blocks above the tree's root, oldest first, empty ones included: they were executed, and their bodies stay in storage. */
  | { readonly kind: "load"; readonly records: readonly DurableRecord[]; readonly finals: readonly BlockInfo[] }
  /** At a steady pace, `TICK_MS` or less. */
  | { readonly kind: "tick" }
  /** A message of a peer (its link's id), or one of its own, signed (`from` null). */
  | { readonly kind: "message"; readonly from: string | null; readonly message: ConsensusMessage }
  /** A new link stands: say hello. */
  | { readonly kind: "linked"; readonly peer: string }
  | { readonly kind: "unlinked"; readonly peer: string }
  /** A message came whose epoch `seatsOf` does not know, so that it could not be checked; keep it for a while and try again. */
  | { readonly kind: "unknown-epoch"; readonly from: string; readonly epochId: Hash }
  | { readonly kind: "transactions-changed" }
  /** This peer closes or reloads: tell the others not to wait. */
  | { readonly kind: "closing" }
  /** The voting keys this peer holds now; a seat that it votes for is one of them. Comes before `load`, and whenever they change. */
  | { readonly kind: "keys"; readonly keys: readonly VotingKey[] };

export type DurableRecord = readonly [key: string, bytes: Uint8Array];

/** What is to be signed with a seat's voting key. */
export type CastStatement =
  | { readonly kind: "vote"; readonly statement: Statement }
  | { readonly kind: "alive"; readonly alive: Omit<Alive, "seat" | "signature"> }
  | { readonly kind: "recover"; readonly recovery: Recovery }
  | { readonly kind: "absent"; readonly absent: Omit<Absent, "seat" | "signature"> };

export interface FinalizedEffect {
  readonly kind: "finalized";
  /** Newly final, oldest first, of every kind: with height, empty candidates, recoveries. Their bodies were executed. */
  readonly blocks: readonly Hash[];
  /** The last final block with a height (or recovery): the ledger's head. */
  readonly head: Hash;
  /** Finality certificates that prove them, oldest epoch first, to be stored beside them for those who ask. */
  readonly certificates: readonly Certificate[];
  /** Recoveries among `blocks`, with their signatures. */
  readonly recoveries: readonly CompleteRecovery[];
  /** The state at this block must stay restorable: a switch of branches may begin here, never below. */
  readonly root: Hash;
  /** Written in the same transaction as the blocks. */
  readonly puts: readonly DurableRecord[];
  readonly deletes: readonly string[];
  /** At `load`: these were final before the restart and are written already. */
  readonly restored: boolean;
}

export type ConsensusEffect =
  /** One strict write; `then` is released when it is durable, and never if it failed. */
  | {
      readonly kind: "persist";
      readonly puts: readonly DurableRecord[];
      readonly deletes: readonly string[];
      readonly then: readonly ConsensusEffect[];
    }
  /** Sign it, and give it back as a message of `from: null`: then it is broadcast. */
  | { readonly kind: "cast"; readonly seat: VotingKey; readonly cast: CastStatement }
  | { readonly kind: "broadcast"; readonly message: ConsensusMessage }
  | { readonly kind: "send"; readonly peer: string; readonly message: ConsensusMessage }
  /** A block is missing: send `ask` to this peer, or to a random one. */
  | { readonly kind: "ask"; readonly peer: string | null; readonly id: Hash }
  /** A peer asks for a block that the engine holds no more: answer with `give` from storage, or not at all. */
  | { readonly kind: "serve-block"; readonly peer: string; readonly id: Hash }
  /** A peer is behind by more than the engine holds: give it from storage what follows the latest block of these that is on the branch. */
  | { readonly kind: "serve-chain"; readonly peer: string; readonly known: readonly Hash[] }
  | FinalizedEffect
  /** Final blocks were left for a better branch. Comes before the `finalized` of that branch, and belongs in the same write. */
  | { readonly kind: "switched"; readonly undone: readonly Hash[]; readonly common: Hash }
  /** A better branch would undo too much: the BoT has split, and the person chooses. */
  | { readonly kind: "split"; readonly epochId: Hash; readonly recovery: Hash }
  /** Two statements of one seat that contradict each other (PROTOCOL, seat.evidence). */
  | { readonly kind: "evidence"; readonly first: Vote; readonly second: Vote }
  /** Candidates that will never be needed again: their overlays may go. */
  | { readonly kind: "dropped"; readonly blocks: readonly Hash[] }
  /** A tick at this time would be of use, before the next steady one. */
  | { readonly kind: "wake"; readonly atMs: number };

export const STRENGTHS = ["full", "recovered", "provisional"] as const;
/** The weakest link of the last hour: an ordinary epoch or a recovery by a quorum, by over half, by fewer. */
export type Strength = (typeof STRENGTHS)[number];

export interface ConsensusStatus {
  readonly epochId: Hash;
  readonly round: number;
  readonly seats: readonly VotingKey[];
  readonly sleeping: readonly VotingKey[];
  readonly quorum: number;
  /** The seat this peer votes for, if any. */
  readonly seat: VotingKey | null;
  readonly leader: VotingKey;
  readonly finalId: Hash;
  readonly finalHeight: number;
  readonly finalRound: number;
  readonly notarizedId: Hash;
  readonly notarizedRound: number;
  readonly notarizedHeight: number;
  readonly votes: readonly { readonly seat: VotingKey; readonly kinds: readonly VoteKind[] }[];
  /** Seats whose turns are not waited for, because they are gone. */
  readonly absent: readonly VotingKey[];
  readonly working: boolean;
  readonly strength: Strength;
  /** Why nothing is final, when work waits: for votes, or how far the recovery clock has come. */
  readonly recovery: { readonly clockMs: number; readonly promised: boolean; readonly alive: readonly VotingKey[] } | null;
  /** Messages of another branch or future epoch were seen, and what is missing was asked for. */
  readonly behind: boolean;
}

export interface Engine {
  /**
   * @param nowMs what pauses and timeouts go by; it never goes back.
   * @param wallMs milliseconds since 1970, for the times of blocks.
   */
  step(nowMs: number, input: ConsensusInput, wallMs?: number): readonly ConsensusEffect[];
  status(): ConsensusStatus;
  /** The same as in the status, at no cost. */
  readonly epochId: Hash;
  /** The recovery that began the current epoch, if one did, and how many seats the epoch before had. */
  readonly begunBy: { readonly recovery: Recovery; readonly seatsBefore: number } | null;
  /** About what the bodies of executed blocks that it holds take in memory, in bytes. */
  readonly bodiesBytes: number;
  /** Seats of an epoch that the engine knows, to check signatures against; undefined if it does not know the epoch. */
  seatsOf(epochId: Hash): readonly VotingKey[] | undefined;
  /** Seats that slept when the epoch began, as far as that is known, and that sleep now if it is the current one. Within an epoch some may leave. */
  sleepersOf(epochId: Hash): readonly VotingKey[];
}
