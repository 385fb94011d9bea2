/** The ledger's face: state, its one transition, and the mempool. Pure: no clock, no randomness, no I/O. */
import type { Block, BlockHeader } from "../protocol/block.ts";
import type { Genesis, Parameters } from "../protocol/genesis.ts";
import type { AccountId, Hash, HashHex } from "../protocol/identifiers.ts";
import type { Transaction } from "../protocol/transaction.ts";
import type { Recovery } from "../protocol/vote.ts";
import type { SignatureCheckInput } from "./signature-checks.ts";
import type {
  BlockBody,
  BlockContext,
  BlockOutcome,
  Change,
  Head,
  LedgerDeps,
  LedgerState,
  Overlay,
  Receipt,
  Seats,
  StateView,
} from "./types.ts";

export type * from "./types.ts";

// state
export declare function createLedgerState(genesisBytes: Uint8Array): LedgerState;
export declare function encodeState(state: LedgerState): Uint8Array;
export declare function decodeState(bytes: Uint8Array): LedgerState;
export declare function createOverlay(parent: StateView): Overlay;
export declare function encodeChanges(changes: readonly Change[]): Uint8Array;
export declare function decodeChanges(bytes: Uint8Array): readonly Change[];
/** `value` null: proves absence. */
export declare function verifyProof(root: Hash, key: string, value: Uint8Array | null, proof: Uint8Array): boolean;

// transition; all throw Refusal when the block is invalid
/** Reads `header.alives` too: a block that carries a current seat's promise ends its epoch. */
export declare function contextOf(header: BlockHeader, lastBlock: Hash, participants: BlockContext["participants"]): BlockContext;
export declare function applyBlock(
  parent: StateView,
  context: BlockContext,
  transactions: readonly Transaction[],
  deps: LedgerDeps,
): BlockOutcome;
/** applyBlock and compare all roots of the header: `root-mismatch`, `block-invalid`. */
export declare function validateBlock(
  parent: StateView,
  block: Block,
  lastBlock: Hash,
  participants: BlockContext["participants"],
  deps: LedgerDeps,
): BlockOutcome;
export declare function applyRecovery(parent: StateView, recovery: Recovery, lastBlock: Hash): BlockOutcome;
export declare function buildBlockBody(
  parent: StateView,
  context: BlockContext,
  candidates: Iterable<Transaction>,
  deps: LedgerDeps,
): BlockBody;
export declare function encodeReceipts(receipts: readonly Receipt[]): Uint8Array;
export declare function decodeReceipts(bytes: Uint8Array): readonly Receipt[];
/** Everything that must be verified outside: envelope signatures, voting keys of seat.take, votes of evidence, alive. */
export declare function signatureChecksOf(transaction: Transaction): readonly SignatureCheckInput[];

// what consensus asks of state
export declare function headOf(state: StateView): Head;
export declare function seatsOf(state: StateView): Seats;
export declare function parametersOf(state: StateView): Parameters;
export declare function genesisOf(state: StateView): Genesis;
/** The next number of an account's lane. */
export declare function nextNonceOf(state: StateView, account: AccountId, lane: number): number;
/** Block time from which an empty block with a height is due (heartbeat, admissions). */
export declare function blockDueAtMs(state: StateView): number;

// mempool
export type AddOutcome = { readonly added: true; readonly replaced: HashHex | null };
export interface Mempool {
  /** Number of transactions and of their bytes. */
  readonly size: number;
  readonly bytes: number;
  has(id: HashHex): boolean;
  get(id: HashHex): Transaction | undefined;
  /** All that `add` would refuse, without adding; cheap, and done before signatures are verified. @throws Refusal as `add`. */
  check(transaction: Transaction, state: StateView, nowMs: number): void;
  /** @throws Refusal already-known, expired, nonce-used, nonce-gap, fee-too-low, sender-limit, mempool-full, balance-too-low … */
  add(transaction: Transaction, state: StateView, nowMs: number): AddOutcome;
  /** In the order in which a leader would take them: each lane in order, higher fee per byte first, then older. */
  executable(
    state: StateView,
    limits?: { readonly bytesMax?: number; readonly countMax?: number; readonly timeMs?: number },
  ): readonly Transaction[];
  /** Whether something could go into a block now (cheap). */
  hasExecutable(state: StateView): boolean;
  /** Removes what a final block has or made impossible; gives the identifiers that were dropped with the reason. */
  onFinal(transactions: readonly Transaction[], state: StateView): readonly Transaction[];
  /** Puts back what another branch had; those that cannot return are given back, to be reported. */
  readd(transactions: readonly Transaction[], state: StateView, nowMs: number): readonly Transaction[];
  remove(id: HashHex): void;
  /** Drops what expired; gives them. */
  expire(nowMs: number): readonly Transaction[];
  /** Transactions of one sender that wait, by lane and number. */
  ofSender(account: Uint8Array): readonly Transaction[];
}
export declare function createMempool(): Mempool;
