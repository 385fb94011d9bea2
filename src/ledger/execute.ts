/** One transaction on one state: what must hold for a block to carry it, and what it then does. */
import { equalBytes } from "../kit/bytes.ts";
import type { Value } from "../protocol/codec.ts";
import type { ContractMachine } from "../protocol/contract-machine.ts";
import type { Genesis, Parameters } from "../protocol/genesis.ts";
import type { Hash } from "../protocol/identifiers.ts";
import { LIMITS } from "../protocol/limits.ts";
import { Refusal, requireThat } from "../protocol/refusal.ts";
import type { Transaction } from "../protocol/transaction.ts";
import { readAccount, settled, writeAccount, type Account } from "./accounts.ts";
import { feeOf, readTransaction } from "./calls.ts";
import { checkRoles } from "./members.ts";
import { checkSigners } from "./policies.ts";
import type { BlockEffects, CallContext, CheckContext } from "./operation.ts";
import type { LedgerEvent, Overlay, Receipt, StateView } from "./types.ts";

/** Place and time at which transactions are checked. */
export interface Place {
  readonly chain: Hash;
  readonly genesis: Genesis;
  /** In force since the parent: what a block changes counts from the next one on. */
  readonly parameters: Parameters;
  readonly height: number;
  readonly timeMs: number;
}

/** A block in the making. */
export interface BlockRun extends Place {
  readonly state: Overlay;
  readonly machine: ContractMachine;
  readonly lastBlock: Hash;
  readonly effects: BlockEffects;
  gasUsed: number;
}

/**
 * What makes a block that carries the transaction invalid, so that nobody pays for it: form, chain, validity, nonce, whether the
 * sender signed, and whether it can pay. Signatures were verified before. Gives the sender's account as it stands at that time.
 * @throws {Refusal}
 */
function checkEnvelope(state: StateView, transaction: Transaction, place: Place): Account {
  const { body, signatures } = transaction;
  requireThat(equalBytes(body.chain, place.chain), "wrong-chain");
  requireThat(body.validUntilMs >= place.timeMs, "expired", { validUntilMs: body.validUntilMs, timeMs: place.timeMs });
  requireThat(body.validUntilMs <= place.timeMs + LIMITS.validityMsMax, "valid-too-long", { validUntilMs: body.validUntilMs });
  checkSigners(state, { account: body.sender, calls: body.calls, signatures }, place.timeMs);
  checkRoles(state, place.genesis, body);
  const { senderKey, free, gasMax } = readTransaction(transaction);
  const account = settled(readAccount(state, senderKey), place.timeMs);
  const [lane, number] = body.nonce;
  const next = account.lanes[lane] ?? 0;
  if (number !== next) throw new Refusal(number < next ? "nonce-used" : "nonce-gap", { next, number });
  if (free) return account;
  const feeMin = feeOf(transaction, gasMax, place.parameters);
  requireThat(body.fee >= feeMin, "fee-too-low", { fee: body.fee, feeMin });
  requireThat(account.balance >= body.fee, "balance-too-low", { balance: account.balance, amount: body.fee });
  return account;
}

function checkContext(state: StateView, transaction: Transaction, place: Place): CheckContext {
  return {
    state,
    chain: place.chain,
    genesis: place.genesis,
    parameters: place.parameters,
    height: place.height,
    timeMs: place.timeMs,
    sender: transaction.body.sender,
    senderKey: readTransaction(transaction).senderKey,
    transaction,
    callIndex: 0,
  };
}

/**
 * Whether a transaction would be carried and would begin to succeed on this state, before consensus: the envelope, and the first
 * call (a later one may rest on what an earlier one does). @throws {Refusal}
 */
export function checkTransaction(state: StateView, transaction: Transaction, place: Place): void {
  checkEnvelope(state, transaction, place);
  const first = readTransaction(transaction).calls[0]!;
  first.operation.check(checkContext(state, transaction, place), first.arguments);
}

function withNextNumber(lanes: readonly number[], [lane, number]: readonly [lane: number, number: number]): readonly number[] {
  const next = [...lanes];
  while (next.length <= lane) next.push(0);
  next[lane] = number + 1;
  return next;
}

/** Runs all calls or none. @throws {Refusal} when no block may carry the transaction; state is then as before. */
export function executeTransaction(run: BlockRun, transaction: Transaction): Receipt {
  const { state, effects } = run;
  const { calls, senderKey, free, gasMax } = readTransaction(transaction);
  requireThat(run.gasUsed + gasMax <= LIMITS.blockGasMax, "block-full", { gas: gasMax });
  const account = checkEnvelope(state, transaction, run);
  const reserve = free ? 0 : transaction.body.fee;
  const start = state.mark();
  writeAccount(state, senderKey, {
    ...account,
    balance: account.balance - reserve,
    lanes: withNextNumber(account.lanes, transaction.body.nonce),
  });
  const paid = state.mark();
  const effectsBefore = { ...effects };
  const results: Value[] = [];
  const events: LedgerEvent[] = [];
  let gasUsed = 0;
  let refusal: Refusal | null = null;
  const context: CallContext & { callIndex: number } = {
    state,
    chain: run.chain,
    genesis: run.genesis,
    parameters: run.parameters,
    height: run.height,
    timeMs: run.timeMs,
    sender: transaction.body.sender,
    senderKey,
    transaction,
    callIndex: 0,
    machine: run.machine,
    lastBlock: run.lastBlock,
    block: effects,
    emit: (name, data) => void events.push({ name, data }),
    useGas: (gas) => void (gasUsed += gas),
  };
  try {
    for (; context.callIndex < calls.length; context.callIndex++) {
      const call = calls[context.callIndex]!;
      call.operation.check(context, call.arguments);
      results.push(call.operation.apply(context, call.arguments));
    }
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    state.rollback(free ? start : paid);
    Object.assign(effects, effectsBefore);
    if (free) throw error;
    refusal = error;
  }
  const feePaid = free ? 0 : feeOf(transaction, Math.min(gasUsed, gasMax), run.parameters);
  if (feePaid < reserve) {
    const after = readAccount(state, senderKey);
    writeAccount(state, senderKey, { ...after, balance: after.balance + reserve - feePaid });
  }
  effects.burnt += feePaid;
  run.gasUsed += gasUsed;
  return refusal === null
    ? { transaction: transaction.id, refusal: null, feePaid, gasUsed, results, events }
    : { transaction: transaction.id, refusal: { code: refusal.code, data: refusal.data }, feePaid, gasUsed, results: [], events: [] };
}
