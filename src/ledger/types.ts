/** The nouns of the ledger: views of state, what a block does to it, receipts and events. */
import type { SignatureCheckInput } from "./signature-checks.ts";
import type { RefusalShape } from "../protocol/refusal.ts";
import type { ContractMachine } from "../protocol/contract-machine.ts";
import type { Value, ValueMap } from "../protocol/codec.ts";
import type { AccountId, Hash, VotingKey } from "../protocol/identifiers.ts";
import type { Transaction } from "../protocol/transaction.ts";

export type { SignatureCheckInput };

/** A key's new value, or `undefined` where it is deleted. */
export type Change = readonly [key: string, value: Value | undefined];

/** State as of one block. Values are frozen: never change what `get` gives. */
export interface StateView {
  get(key: string): Value | undefined;
  /** Entries whose key begins with `prefix`, in the order of the keys' UTF-8 bytes, after `after`, at most `limit`. */
  list(prefix: string, after: string | undefined, limit: number): readonly (readonly [key: string, value: Value])[];
  /** Root of the state tree; computed at most once per content. */
  root(): Hash;
  /** Canonical proof bytes that `key` has its value, or has none, under `root()`; see `verifyProof`. */
  prove(key: string): Uint8Array;
}

/** A light layer above a state: what one block changes. */
export interface Overlay extends StateView {
  readonly parent: StateView;
  set(key: string, value: Value): void;
  delete(key: string): void;
  /** What differs from the parent, ordered by key. */
  changes(): readonly Change[];
  /** A point to which `rollback` returns. */
  mark(): number;
  rollback(mark: number): void;
  /** Gives back the nodes that its root holds, for a candidate that is dropped; else the next finalization does. */
  release(): void;
}

/** The finalized state. Overlays that do not descend from the finalized one become stale, and reading them is an assertion. */
export interface LedgerState extends StateView {
  /** Number of keys. */
  readonly size: number;
  /** Merges an overlay whose parent is this state. Returns the changes that undo it. */
  finalize(overlay: Overlay): readonly Change[];
  /** Applies stored changes, forward or undoing. All overlays become stale. */
  apply(changes: readonly Change[]): void;
}

/** What execution knows of a block besides its transactions; all of it follows from the header and its certificates. */
export interface BlockContext {
  /** Null for an empty candidate. */
  readonly height: number | null;
  readonly epochId: Hash;
  readonly timeMs: number;
  readonly proposer: VotingKey;
  /** Identifier of the nearest ancestor with a height (block, recovery), or the chain's own for the first block. */
  readonly lastBlock: Hash;
  /** Seats whose verified votes the header carries. */
  readonly participants: readonly VotingKey[];
  /** Seats whose verified `alive` of this epoch the header carries: they end it. */
  readonly alives: readonly VotingKey[];
}

export interface LedgerDeps {
  readonly machine: ContractMachine;
}

/** Something that happened, named `module.what`. Contracts' own events are `contract.emitted` with `{contract, topic, data}`. */
export interface LedgerEvent {
  readonly name: string;
  readonly data: ValueMap;
}

export interface Receipt {
  readonly transaction: Hash;
  /** Null when every call succeeded; else nothing but fee and nonce changed. */
  readonly refusal: RefusalShape | null;
  /** In the token's smallest unit. */
  readonly feePaid: number;
  readonly gasUsed: number;
  /** One result per call, such as the identifier of what was made; empty when refused. */
  readonly results: readonly Value[];
  readonly events: readonly LedgerEvent[];
}

export interface BlockOutcome {
  readonly overlay: Overlay;
  readonly receipts: readonly Receipt[];
  readonly receiptsRoot: Hash;
  readonly stateRoot: Hash;
  readonly seatsDigest: Hash;
  readonly endsEpoch: boolean;
  readonly lastRecovery: Hash | null;
  readonly gasUsed: number;
  /** Of the block itself (seats admitted, lapsed, asleep), after those of its receipts. */
  readonly events: readonly LedgerEvent[];
}

export interface BlockBody extends BlockOutcome {
  readonly transactions: readonly Transaction[];
  /** Candidates that failed `check`, with the reason; those that only did not fit are not among them. */
  readonly refused: readonly (readonly [transaction: Transaction, refusal: RefusalShape])[];
}

export interface Seat {
  readonly votingKey: VotingKey;
  readonly account: AccountId;
  /** Height at which it became current (or fell asleep, or began to wait). */
  readonly sinceHeight: number;
  readonly sinceMs: number;
  /** Its last included participation. */
  readonly lastHeight: number;
  readonly lastTimeMs: number;
}

export interface Seats {
  /** Sorted bytewise by voting key. */
  readonly current: readonly Seat[];
  /** The longest asleep first. */
  readonly sleeping: readonly Seat[];
  /** Admission queue, first come first. */
  readonly waiting: readonly Seat[];
}

/** What the state says of the chain's last block. */
export interface Head {
  readonly height: number;
  readonly timeMs: number;
  /** Epoch of the last block or recovery. */
  readonly epochId: Hash;
  /** Whether the last block ended its epoch; then the next epoch's identifier is that block's. */
  readonly ended: boolean;
  readonly lastAdmissionMs: number;
  readonly lastRecovery: Hash | null;
}
