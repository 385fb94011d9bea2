/** The one transition of state, for validation, replay and building. PROTOCOL, "Transactions" and "Seats and epochs". */
import { bytesToHex, equalBytes } from "../kit/bytes.ts";
import type { Block, BlockHeader } from "../protocol/block.ts";
import type { ValueMap } from "../protocol/codec.ts";
import { chainOf } from "../protocol/genesis.ts";
import { digest, type Hash, type VotingKey } from "../protocol/identifiers.ts";
import { LIMITS } from "../protocol/limits.ts";
import { Refusal, requireThat, type RefusalShape } from "../protocol/refusal.ts";
import { includesSeat, seatsAfterRecovery } from "../protocol/seats.ts";
import type { Transaction } from "../protocol/transaction.ts";
import { recoveryBytes, type Recovery } from "../protocol/vote.ts";
import { addToSupply, genesisOf, GENESIS_KEY, parametersOf } from "./accounts.ts";
import { isFree } from "./calls.ts";
import { executeTransaction, type BlockRun, type Place } from "./execute.ts";
import { receiptsRootOf } from "./receipts.ts";
import { rememberBlock } from "./recent-blocks.ts";
import {
  announceLapse,
  blockDueAtMs as dueAtMs,
  headOf,
  listsOf,
  rejoinLists,
  seatsDigestOf,
  seatsOf,
  settleSeats,
  writeHead,
  writeSeats,
} from "./seats.ts";
import { createOverlay } from "./state.ts";
import type { BlockBody, BlockContext, BlockOutcome, LedgerDeps, LedgerEvent, Overlay, Receipt, StateView } from "./types.ts";

/** A refusal that only says "not in this block". */
const LATER: ReadonlySet<string> = new Set(["block-full", "claims-full"]);

const chains = new WeakMap<object, Hash>();

/** The chain's identifier: the digest of the genesis in state. */
export function chainOfState(state: StateView): Hash {
  const bytes = state.get(GENESIS_KEY) as Uint8Array;
  let chain = chains.get(bytes);
  if (chain === undefined) chains.set(bytes, (chain = chainOf(bytes)));
  return chain;
}

export function placeOf(state: StateView, height: number, timeMs: number): Place {
  return { chain: chainOfState(state), genesis: genesisOf(state), parameters: parametersOf(state), height, timeMs };
}

/** Block time from which a block with a height is due even without a transaction: the heartbeat, or the next admission of a seat. */
export function blockDueAtMs(state: StateView): number {
  return dueAtMs(state, parametersOf(state).heartbeatMs);
}

/** What execution needs of a header. `participants`: seats whose verified votes it carries. */
export function contextOf(header: BlockHeader, lastBlock: Hash, participants: readonly VotingKey[]): BlockContext {
  const { height, epochId, timeMs, proposer } = header;
  return { height, epochId, timeMs, proposer, lastBlock, participants, alives: header.alives.map(({ seat }) => seat) };
}

/** @throws {Refusal} `block-invalid`, `time-too-early`, `unknown-epoch`. */
function beginBlock(parent: StateView, context: BlockContext, deps: LedgerDeps): BlockRun {
  const head = headOf(parent);
  const { height, timeMs, lastBlock } = context;
  requireThat(timeMs > head.timeMs, "time-too-early", { timeMs, parentTimeMs: head.timeMs });
  if (height !== null) {
    requireThat(height === head.height + 1, "block-invalid", { height, expected: head.height + 1 });
    // An ended epoch carries no further height, and the next one is named by the block that ended it.
    requireThat(equalBytes(context.epochId, head.ended ? lastBlock : head.epochId), "unknown-epoch");
  }
  const state = createOverlay(parent);
  if (height !== null) rememberBlock(state, head.height, lastBlock);
  return {
    ...placeOf(parent, head.height + 1, timeMs),
    state,
    machine: deps.machine,
    lastBlock,
    effects: { claims: 0, seatsChanged: false, consensusChanged: false, issued: 0, burnt: 0 },
    gasUsed: 0,
  };
}

function finishBlock(run: BlockRun, context: BlockContext, receipts: readonly Receipt[]): BlockOutcome {
  const { state, effects } = run;
  const events: LedgerEvent[] = [];
  let endsEpoch = false;
  if (context.height !== null) {
    const head = headOf(state);
    const settled = settleSeats(
      state,
      {
        height: run.height,
        timeMs: run.timeMs,
        parameters: run.parameters,
        participants: context.participants,
        lastAdmissionMs: head.lastAdmissionMs,
        seatsChanged: effects.seatsChanged,
      },
      (name: string, data: ValueMap) => void events.push({ name, data }),
    );
    endsEpoch = effects.seatsChanged || effects.consensusChanged || settled.changed || context.alives.length > 0;
    if (effects.issued > 0 || effects.burnt > 0) addToSupply(state, effects);
    writeHead(state, {
      height: run.height,
      timeMs: run.timeMs,
      epochId: context.epochId,
      ended: endsEpoch,
      lastAdmissionMs: settled.lastAdmissionMs,
      lastRecovery: head.lastRecovery,
    });
  }
  return outcomeOf(state, { receipts, events, endsEpoch, gasUsed: run.gasUsed });
}

function outcomeOf(overlay: Overlay, made: Pick<BlockOutcome, "receipts" | "events" | "endsEpoch" | "gasUsed">): BlockOutcome {
  return {
    ...made,
    overlay,
    receiptsRoot: receiptsRootOf(made.receipts),
    stateRoot: overlay.root(),
    seatsDigest: seatsDigestOf(seatsOf(overlay)),
    lastRecovery: headOf(overlay).lastRecovery,
  };
}

function checkAlives(parent: StateView, context: BlockContext): void {
  const current = seatsOf(parent).current.map(({ votingKey }) => votingKey);
  for (const seat of context.alives) requireThat(includesSeat(current, seat), "block-invalid", { reason: "alive of no seat" });
}

/**
 * Executes a block on its parent's state; the parent stays as it is.
 * @throws {Refusal} when the block is invalid: its place, its size, or a transaction that no block may carry.
 */
export function applyBlock(parent: StateView, context: BlockContext, transactions: readonly Transaction[], deps: LedgerDeps): BlockOutcome {
  const run = beginBlock(parent, context, deps);
  if (context.height === null) {
    requireThat(transactions.length === 0, "block-invalid", { reason: "transactions without a height" });
  } else {
    checkAlives(parent, context);
    const isBare = transactions.length === 0 && context.alives.length === 0;
    requireThat(!isBare || context.timeMs >= blockDueAtMs(parent), "block-invalid", { reason: "nothing to say" });
    requireThat(transactions.length <= LIMITS.blockTransactionsMax, "block-full", { transactions: transactions.length });
    const bytes = transactions.reduce((sum, transaction) => sum + transaction.bytes.length, 0);
    requireThat(bytes <= LIMITS.blockBytesMax, "block-full", { bytes });
    // Before the work of any is tried, which is dear; the first that shows too little ends the block.
    const claims = transactions.reduce((count, transaction) => count + Number(isFree(transaction)), 0);
    requireThat(claims <= run.parameters.claimsPerBlockMax, "claims-full", { claims });
  }
  return finishBlock(
    run,
    context,
    transactions.map((transaction) => executeTransaction(run, transaction)),
  );
}

function checkOutcome(header: BlockHeader, outcome: BlockOutcome): void {
  requireThat(equalBytes(header.stateRoot, outcome.stateRoot), "root-mismatch", { root: "state" });
  requireThat(equalBytes(header.receiptsRoot, outcome.receiptsRoot), "root-mismatch", { root: "receipts" });
  requireThat(equalBytes(header.seatsDigest, outcome.seatsDigest), "root-mismatch", { root: "seats" });
  requireThat(header.endsEpoch === outcome.endsEpoch, "block-invalid", { reason: "end of the epoch" });
  const { lastRecovery } = outcome;
  const isSame =
    header.lastRecovery === null ? lastRecovery === null : lastRecovery !== null && equalBytes(header.lastRecovery, lastRecovery);
  requireThat(isSame, "block-invalid", { reason: "last recovery" });
}

/**
 * Executes a block and compares what came out with what its header says.
 * @throws {Refusal} as `applyBlock`, `root-mismatch`.
 */
export function validateBlock(
  parent: StateView,
  block: Block,
  lastBlock: Hash,
  participants: readonly VotingKey[],
  deps: LedgerDeps,
): BlockOutcome {
  const outcome = applyBlock(parent, contextOf(block.header, lastBlock, participants), block.transactions, deps);
  try {
    checkOutcome(block.header, outcome);
  } catch (error) {
    outcome.overlay.release();
    throw error;
  }
  return outcome;
}

/**
 * Fills a block from candidates in their order. What no block may carry is left out and named; what does not fit is left for later,
 * and with it what else its sender's lane holds (by its nonce). The result may be empty: whether a bare block may stand is the caller's to know.
 */
export function buildBlockBody(parent: StateView, context: BlockContext, candidates: Iterable<Transaction>, deps: LedgerDeps): BlockBody {
  const run = beginBlock(parent, context, deps);
  const transactions: Transaction[] = [];
  const receipts: Receipt[] = [];
  const refused: (readonly [Transaction, RefusalShape])[] = [];
  const behind = new Set<string>();
  let bytes = 0;
  for (const transaction of context.height === null ? [] : candidates) {
    if (transactions.length >= LIMITS.blockTransactionsMax) break;
    const lane = `${bytesToHex(transaction.body.sender)}/${transaction.body.nonce[0]}`;
    if (behind.has(lane)) continue;
    if (bytes + transaction.bytes.length > LIMITS.blockBytesMax) {
      behind.add(lane);
      continue;
    }
    try {
      receipts.push(executeTransaction(run, transaction));
      transactions.push(transaction);
      bytes += transaction.bytes.length;
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
      behind.add(lane);
      if (!LATER.has(error.code)) refused.push([transaction, { code: error.code, data: error.data }]);
    }
  }
  return { ...finishBlock(run, context, receipts), transactions, refused };
}

/**
 * Executes a recovery on the state of its base: an empty block that changes the seats and begins an epoch of its own. Its signatures
 * were verified before. `epochSeats` are the seats of the epoch that it recovers.
 * @throws {Refusal} `recovery-invalid`, in a consortium always.
 */
export function applyRecovery(parent: StateView, recovery: Recovery, lastBlock: Hash, epochSeats: readonly VotingKey[]): BlockOutcome {
  const head = headOf(parent);
  requireThat(equalBytes(recovery.base, lastBlock), "recovery-invalid", { reason: "base" });
  // Safety comes first there: the rest waits until a quorum is back.
  requireThat(genesisOf(parent).kind !== "consortium", "recovery-invalid", { reason: "consortium" });
  const pool = recovery.sleepers ? seatsOf(parent).sleeping.map(({ votingKey }) => votingKey) : epochSeats;
  for (const seat of recovery.seats) requireThat(includesSeat(pool, seat), "recovery-invalid", { reason: "no such seat" });
  const state = createOverlay(parent);
  const events: LedgerEvent[] = [];
  const moment = { height: head.height + 1, timeMs: head.timeMs + 1, parameters: parametersOf(parent) };
  rememberBlock(state, head.height, lastBlock);
  const before = seatsOf(parent);
  const changed = rejoinLists(before, seatsAfterRecovery(listsOf(before), recovery, epochSeats));
  writeSeats(state, {
    ...changed.seats,
    current: changed.seats.current.map((seat) => ({ ...seat, lastHeight: moment.height, lastTimeMs: moment.timeMs })),
  });
  announceLapse(state, changed, moment, (name, data) => void events.push({ name, data }));
  writeHead(state, {
    height: moment.height,
    timeMs: moment.timeMs,
    epochId: recovery.epochId,
    ended: true,
    lastAdmissionMs: head.lastAdmissionMs,
    lastRecovery: digest(recoveryBytes(recovery)),
  });
  return outcomeOf(state, { receipts: [], events, endsEpoch: true, gasUsed: 0 });
}
