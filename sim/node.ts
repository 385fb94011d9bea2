/** What the simulator runs: a machine that takes inputs and gives outputs. The engine with a model ledger is one, a whole peer another. */
import type { ConsensusMessage, ConsensusStatus } from "../src/consensus/engine.ts";
import type { WireMessage } from "../src/consensus/wire.ts";
import type { HashHex, VotingKey } from "../src/protocol/identifiers.ts";
import type { Statement } from "../src/protocol/vote.ts";

export type NodeInput =
  | { readonly kind: "tick" }
  | { readonly kind: "message"; readonly from: string; readonly payload: unknown }
  | { readonly kind: "linked"; readonly peer: string }
  | { readonly kind: "unlinked"; readonly peer: string }
  | { readonly kind: "stored"; readonly id: number; /** Nothing of it was kept. */ readonly isRefused: boolean }
  /** Something the node scheduled for itself: a signature made, a check done. */
  | { readonly kind: "own"; readonly payload: unknown }
  /** A person sends a payment; `mark` names it among all of the run. */
  | { readonly kind: "pay"; readonly mark: number }
  | { readonly kind: "closing" };

export type NodeOutput =
  /** To one peer, to all (`"*"`), or to a random one (`"?"`). */
  | { readonly kind: "send"; readonly to: string; readonly payload: unknown }
  /** An atomic write: `apply` changes the disk. Completed in order, or lost in a crash. */
  | { readonly kind: "store"; readonly id: number; readonly apply: () => void }
  | { readonly kind: "own"; readonly afterMs: number; readonly payload: unknown }
  | { readonly kind: "wake"; readonly atMs: number }
  | { readonly kind: "final"; readonly final: FinalReport }
  /** A payment will outlive its node from now on. */
  | { readonly kind: "sent"; readonly mark: number }
  /** A payment can never be made. */
  | { readonly kind: "refused"; readonly mark: number }
  /** A seat stands accused of two statements that contradict each other. */
  | { readonly kind: "accused"; readonly seat: HashHex }
  /** A peer sent what no honest one sends. */
  | { readonly kind: "blamed"; readonly peer: string; readonly code: string }
  /** It takes no further part, and says why. */
  | { readonly kind: "halted"; readonly code: string }
  /** Its disk holds another ledger now: it is to be closed and opened again. */
  | { readonly kind: "reopen" }
  /** What no honest node may do or meet. */
  | { readonly kind: "fault"; readonly sentence: string };

/** What a node says it holds for final now. */
export interface FinalReport {
  readonly epoch: HashHex;
  readonly head: HashHex;
  readonly height: number;
  /** Blocks that a certificate of their own epoch made final, for the checkers: one for each height of an epoch. */
  readonly certified: readonly { readonly epoch: HashHex; readonly height: number; readonly id: HashHex }[];
  /** Digest of the ledger's state at the head. */
  readonly stateRoot: HashHex;
  readonly strength: ConsensusStatus["strength"];
}

export interface SimNode {
  step(nowMs: number, input: NodeInput): readonly NodeOutput[];
  status(): ConsensusStatus;
  /** Marks of payments that are final here. */
  hasFinal(mark: number): boolean;
  /** The state's digest, for the checker of equal states. */
  stateRootAt(): HashHex;
  /** How far finality has come. */
  finalHeight(): number;
}

/** A consensus message as engines exchange it, or as it travels. */
export type SaidMessage = ConsensusMessage | WireMessage;

/** Makes nodes of one run, and reads what they send for the checkers. */
export interface NodeFactory {
  readonly ids: readonly string[];
  /** Opens a node over what its disk holds. */
  open(id: string, nowMs: number): SimNode | Promise<SimNode>;
  /** The node is gone; of what its disk has not flushed, a part is lost. */
  crashed(id: string): void;
  /** Its disk is emptied: it comes back as a newcomer. */
  wipe(id: string): void;
  /** The consensus message in a payload, if it is one. */
  inspect(payload: unknown): SaidMessage | null;
  /** Whose seat a voting key is. */
  ownerOf(seat: HashHex): string | undefined;
  /** For a seat that lies: another candidate of the same turn than the one in this payload. */
  rivalOf(payload: unknown): unknown;
  /** For a seat that lies: any vote, signed. */
  voteOf(statement: Statement, seat: VotingKey): unknown;
}
