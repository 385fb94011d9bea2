/** The ledger's face: state, its one transition, and the mempool. Pure: no clock, no randomness, no I/O. */
import type { HashHex } from "../protocol/identifiers.ts";
import type { Transaction } from "../protocol/transaction.ts";
import type { StateView } from "./types.ts";

export type * from "./types.ts";
export type { Account, Bond, Profile, Supply } from "./accounts.ts";
export { genesisOf, heldSupply, nextNonceOf, parametersOf, supplyOf } from "./accounts.ts";
export { applyBlock, applyRecovery, blockDueAtMs, buildBlockBody, chainOfState, contextOf, placeOf, validateBlock } from "./apply-block.ts";
export { feeOf, signatureChecksOf } from "./calls.ts";
export { checkTransaction, type Place } from "./execute.ts";
export { createLedgerState } from "./genesis-state.ts";
export { decodeReceipts, encodeReceipts, receiptsRootOf } from "./receipts.ts";
export { headOf, seatsDigestOf, seatsOf } from "./seats.ts";
export { createOverlay, decodeChanges, decodeState, encodeChanges, encodeState } from "./state.ts";
export { verifyProof } from "./tree.ts";

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
