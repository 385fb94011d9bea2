/**
 * The ledger as consensus sees it: every executed block with what it did, above the finalized state. Execution happens on
 * overlays, so a candidate that is never final leaves nothing behind. PROTOCOL, "State".
 */
import type { BlockInfo, Chain, ProposeRequest } from "../consensus/engine.ts";
import { assert } from "../kit/assert.ts";
import { equalBytes } from "../kit/bytes.ts";
import {
  applyBlock,
  applyRecovery,
  blockDueAtMs,
  buildBlockBody,
  contextOf,
  createOverlay,
  headOf,
  seatsOf,
  validateBlock,
  type BlockOutcome,
  type Change,
  type LedgerDeps,
  type LedgerState,
  type Mempool,
  type Receipt,
  type StateView,
} from "../ledger/index.ts";
import { BLOCK_VERSION, createBlock, heldBytesOfBlock, transactionsRootOf, type Block, type BlockHeader } from "../protocol/block.ts";
import type { RefusalShape } from "../protocol/refusal.ts";
import { toHex, type Hash, type HashHex, type VotingKey } from "../protocol/identifiers.ts";
import { LIMITS } from "../protocol/limits.ts";
import { requireThat } from "../protocol/refusal.ts";
import type { Transaction } from "../protocol/transaction.ts";
import type { Recovery } from "../protocol/vote.ts";

/** What a block carries: so much of it is known also where its body is left to storage. */
export interface BlockContent {
  readonly transactions: number;
  readonly bytes: number;
}

/** What execution made of a block. The receipts outlive the overlay, which is merged or dropped. */
export interface ExecutedBlock {
  readonly info: BlockInfo;
  /** Null for genesis and recoveries, and where it is left to storage, with its receipts and events. */
  readonly block: Block | null;
  readonly receipts: readonly Receipt[];
  readonly events: BlockOutcome["events"];
  /** Null while the body is at hand, and where there never was one. */
  readonly stored: BlockContent | null;
}

type Mutable<Fields> = { -readonly [Key in keyof Fields]: Fields[Key] };

interface Entry extends Mutable<ExecutedBlock> {
  /** Undefined once merged, stale, or for genesis; it can be made again from the parent. */
  overlay: StateView | undefined;
  /** Whether its changes are in the finalized state. */
  isFinal: boolean;
  /** Of a recovery: the seats of the epoch that it recovers. */
  readonly epochSeats: readonly VotingKey[];
}

interface FinalStep {
  readonly id: HashHex;
  readonly height: number;
  readonly undo: readonly Change[];
}

export interface LedgerChainOptions {
  readonly chain: Hash;
  readonly state: LedgerState;
  readonly deps: LedgerDeps;
  readonly mempool: Mempool;
  /** Called with the transactions of every block that was executed. */
  readonly onExecuted: (transactions: readonly Transaction[]) => void;
  /** Called with transactions that a leader could not include for a reason that will not go away. */
  readonly onRefused: (transaction: Transaction, refusal: RefusalShape) => void;
}

/** What a stored final block brings back after a restart. */
export interface RestoredStep {
  readonly info: BlockInfo;
  /** Null for a recovery. */
  readonly stored: BlockContent | null;
  readonly undo: readonly Change[];
}

export class LedgerChain implements Chain {
  readonly #options: LedgerChainOptions;
  readonly #entries = new Map<HashHex, Entry>();
  /** Final blocks with a height, oldest first, back to the lowest one that a better branch may still replace. */
  #finalSteps: FinalStep[] = [];
  #headId: HashHex;

  constructor(options: LedgerChainOptions, root: BlockInfo) {
    this.#options = options;
    this.#headId = toHex(root.id);
    this.#entries.set(this.#headId, {
      info: root,
      block: null,
      receipts: [],
      events: [],
      stored: null,
      overlay: undefined,
      isFinal: true,
      epochSeats: [],
    });
  }

  /** About what the bodies of blocks take in memory, in bytes. */
  get bodiesBytes(): number {
    let bytes = 0;
    for (const { block } of this.#entries.values()) if (block !== null) bytes += heldBytesOfBlock(block);
    return bytes;
  }

  /** The finalized state. */
  get state(): LedgerState {
    return this.#options.state;
  }

  get head(): BlockInfo {
    return this.#entry(this.#headId).info;
  }

  info(id: Hash): BlockInfo | undefined {
    return this.#entries.get(toHex(id))?.info;
  }

  executed(id: Hash): ExecutedBlock | undefined {
    return this.#entries.get(toHex(id));
  }

  #entry(id: HashHex): Entry {
    const entry = this.#entries.get(id);
    assert(entry !== undefined, `block ${id} was dropped`);
    return entry;
  }

  /** Puts back a final block after a restart: its changes are in the state already. */
  restore({ info, stored, undo }: RestoredStep): void {
    const id = toHex(info.id);
    this.#entries.set(id, {
      info,
      block: null,
      receipts: [],
      events: [],
      stored,
      overlay: undefined,
      isFinal: true,
      epochSeats: [],
    });
    if (equalBytes(info.heightedId, info.id)) {
      this.#finalSteps.push({ id, height: info.height, undo });
      this.#headId = id;
    }
  }

  #held(id: HashHex): Entry {
    const entry = this.#entries.get(id);
    requireThat(entry !== undefined, "unknown-parent", { block: id });
    return entry;
  }

  /** State after a block. @throws {Refusal} `unknown-parent` when it was dropped, or is final and below what can still be undone. */
  stateAt(id: Hash): StateView {
    const heighted = toHex(this.#held(toHex(id)).info.heightedId);
    if (heighted === this.#headId) return this.state;
    const holder = this.#held(heighted);
    holder.overlay ??= this.#rewind(heighted) ?? this.#again(holder);
    return holder.overlay;
  }

  /** State as of a final block below the head: the finalized one with the later changes undone. */
  #rewind(id: HashHex): StateView | undefined {
    const index = this.#finalSteps.findIndex((step) => step.id === id);
    const isRoot = index < 0 && this.#isBelowFirstStep(id);
    if (index < 0 && !isRoot) return undefined;
    const overlay = createOverlay(this.state);
    for (let i = this.#finalSteps.length - 1; i > index; i--) {
      for (const [key, value] of this.#finalSteps[i]!.undo) {
        if (value === undefined) overlay.delete(key);
        else overlay.set(key, value);
      }
    }
    return overlay;
  }

  #isBelowFirstStep(id: HashHex): boolean {
    const first = this.#finalSteps[0];
    if (first === undefined) return false;
    const parent = this.#entry(first.id).info.parent;
    return parent !== null && toHex(this.#entry(toHex(parent)).info.heightedId) === id;
  }

  #again(entry: Entry): StateView {
    const { info } = entry;
    // What it changed is part of the finalized state, and how to undo that was forgotten: no branch begins so deep.
    requireThat(!entry.isFinal, "unknown-parent", { height: info.height });
    assert(info.parent !== null, "genesis is final");
    const parent = this.stateAt(info.parent);
    const lastBlock = this.#heightedOf(info.parent);
    if (info.recovery !== null) return applyRecovery(parent, info.recovery, lastBlock, entry.epochSeats).overlay;
    assert(entry.block !== null, "the body of a block that is not final is at hand");
    const context = contextOf(entry.block.header, lastBlock, this.#participants(entry.block.header));
    return applyBlock(parent, context, entry.block.transactions, this.#options.deps).overlay;
  }

  #heightedOf(id: Hash): Hash {
    return this.#entry(toHex(id)).info.heightedId;
  }

  /**
   * Seats whose votes the header carries; their signatures were verified before the block came here. The epoch's seats are those in
   * force after the parent: they change only where an epoch ends, and above that only empty candidates follow, where nobody is counted.
   */
  #participants(header: BlockHeader): readonly VotingKey[] {
    if (header.height === null) return [];
    const { seats } = this.#entry(toHex(header.parent)).info;
    const taking = new Map<HashHex, VotingKey>();
    for (const index of header.certificate?.signers ?? []) {
      const seat = seats[index];
      requireThat(seat !== undefined, "certificate-invalid", { signer: index });
      taking.set(toHex(seat), seat);
    }
    for (const { seat } of [...header.lateVotes, ...header.alives]) taking.set(toHex(seat), seat);
    return [...taking.values()];
  }

  execute(block: Block): BlockInfo {
    const known = this.#entries.get(toHex(block.id));
    if (known !== undefined) return known.info;
    const { header } = block;
    requireThat(equalBytes(header.chain, this.#options.chain), "wrong-chain");
    const parent = this.#entries.get(toHex(header.parent));
    requireThat(parent !== undefined, "unknown-parent");
    const outcome = validateBlock(
      this.stateAt(header.parent),
      block,
      parent.info.heightedId,
      this.#participants(header),
      this.#options.deps,
    );
    return this.#keep(block, parent.info, outcome);
  }

  #keep(block: Block, parent: BlockInfo, outcome: BlockOutcome): BlockInfo {
    const { header } = block;
    const seats = seatsOf(outcome.overlay);
    const info: BlockInfo = {
      id: block.id,
      parent: header.parent,
      epochId: header.epochId,
      round: header.round,
      height: header.height ?? parent.height,
      heightedId: header.height === null ? parent.heightedId : block.id,
      timeMs: header.timeMs,
      seats: header.height === null ? parent.seats : seats.current.map((seat) => seat.votingKey),
      sleeping: header.height === null ? parent.sleeping : seats.sleeping.map((seat) => seat.votingKey),
      endsEpoch: header.endsEpoch,
      recovery: null,
      lastRecovery: header.lastRecovery,
    };
    this.#options.onExecuted(block.transactions);
    const overlay = header.height === null ? undefined : outcome.overlay;
    this.#entries.set(toHex(block.id), {
      info,
      block,
      receipts: outcome.receipts,
      events: outcome.events,
      stored: null,
      overlay,
      isFinal: false,
      epochSeats: [],
    });
    return info;
  }

  executeRecovery(recovery: Recovery, id: Hash, epochSeats: readonly VotingKey[]): BlockInfo {
    const known = this.#entries.get(toHex(id));
    if (known !== undefined) return known.info;
    const base = this.#entries.get(toHex(recovery.base));
    requireThat(base !== undefined, "unknown-parent");
    const outcome = applyRecovery(this.stateAt(recovery.base), recovery, base.info.heightedId, epochSeats);
    const seats = seatsOf(outcome.overlay);
    const info: BlockInfo = {
      id,
      parent: recovery.base,
      epochId: recovery.epochId,
      round: 0,
      height: base.info.height + 1,
      heightedId: id,
      timeMs: base.info.timeMs + 1,
      seats: seats.current.map((seat) => seat.votingKey),
      sleeping: seats.sleeping.map((seat) => seat.votingKey),
      endsEpoch: true,
      recovery,
      lastRecovery: id,
    };
    const { events, overlay } = outcome;
    this.#entries.set(toHex(id), {
      info,
      block: null,
      receipts: [],
      events,
      stored: null,
      overlay,
      isFinal: false,
      epochSeats,
    });
    return info;
  }

  propose(request: ProposeRequest): Block | null {
    const parent = this.#entry(toHex(request.parent)).info;
    const state = this.stateAt(request.parent);
    const draft: BlockHeader = {
      version: BLOCK_VERSION,
      chain: this.#options.chain,
      height: request.empty ? null : parent.height + 1,
      epochId: request.epochId,
      round: request.round,
      parent: request.parent,
      timeMs: request.timeMs,
      proposer: request.proposer,
      transactionsRoot: transactionsRootOf([]),
      receiptsRoot: request.parent,
      stateRoot: request.parent,
      seatsDigest: request.parent,
      endsEpoch: false,
      lastRecovery: parent.lastRecovery,
      certificate: request.certificate,
      lateVotes: request.lateVotes,
      alives: request.alives,
    };
    const context = contextOf(draft, parent.heightedId, this.#participants(draft));
    const candidates = request.empty
      ? []
      : this.#options.mempool.executable(state, {
          bytesMax: LIMITS.blockBytesMax,
          countMax: LIMITS.blockTransactionsMax,
          timeMs: request.timeMs,
        });
    const body = buildBlockBody(state, context, candidates, this.#options.deps);
    for (const [transaction, refusal] of body.refused) this.#options.onRefused(transaction, refusal);
    const mayBeBare = request.empty || request.mayBeBare || blockDueAtMs(state) <= request.timeMs;
    if (body.transactions.length === 0 && !mayBeBare) return null;
    const block = createBlock(
      {
        ...draft,
        transactionsRoot: transactionsRootOf(body.transactions),
        receiptsRoot: body.receiptsRoot,
        stateRoot: body.stateRoot,
        seatsDigest: body.seatsDigest,
        endsEpoch: body.endsEpoch,
        lastRecovery: body.lastRecovery,
      },
      body.transactions,
    );
    this.#keep(block, parent, body);
    return block;
  }

  hasWork(id: Hash, wallMs: number): boolean {
    const state = this.stateAt(id);
    if (headOf(state).ended && this.#entry(toHex(id)).info.endsEpoch === false) return false;
    return this.#options.mempool.hasExecutable(state) || blockDueAtMs(state) <= Math.max(wallMs, headOf(state).timeMs + 1);
  }

  /**
   * Merges a block that became final into the state; its parent must be the head. Gives the changes it made and those that undo it,
   * both empty for an empty candidate.
   */
  finalize(id: Hash): { readonly changes: readonly Change[]; readonly undo: readonly Change[] } {
    const entry = this.#entry(toHex(id));
    if (!equalBytes(entry.info.heightedId, id)) return { changes: [], undo: [] };
    assert(entry.info.parent !== null && toHex(this.#heightedOf(entry.info.parent)) === this.#headId, "a final block follows the head");
    const overlay = this.stateAt(id) as BlockOutcome["overlay"];
    const changes = overlay.changes();
    const undo = this.state.finalize(overlay);
    this.#forgetStale(toHex(id));
    entry.overlay = undefined;
    entry.isFinal = true;
    this.#headId = toHex(id);
    this.#finalSteps.push({ id: toHex(id), height: entry.info.height, undo });
    return { changes, undo };
  }

  /**
   * Final blocks are written: what they carried and did is left to storage. A branch that comes back to below them undoes them by their changes, and
   * executes none of them again. One that was undone meanwhile is left alone.
   */
  leaveToStorage(blocks: readonly ExecutedBlock[]): void {
    for (const { info } of blocks) {
      const entry = this.#entries.get(toHex(info.id));
      if (entry === undefined || !(entry.isFinal || !equalBytes(info.heightedId, info.id))) continue;
      if (entry.block !== null) entry.stored = contentOf(entry.block);
      entry.block = null;
      entry.receipts = [];
      entry.events = [];
    }
  }

  /** Takes final blocks back to `common` (exclusive): a better branch replaces them. Gives the changes that were undone, newest first. */
  undoTo(common: Hash): readonly FinalStep[] {
    const target = toHex(this.#heightedOf(common));
    const undone: FinalStep[] = [];
    while (this.#headId !== target) {
      const step = this.#finalSteps.pop();
      assert(step !== undefined, "a switch begins at or above the root");
      this.state.apply(step.undo);
      undone.push(step);
      const entry = this.#entry(step.id);
      entry.isFinal = false;
      const { parent } = entry.info;
      assert(parent !== null, "genesis is never undone");
      this.#headId = toHex(this.#heightedOf(parent));
    }
    for (const entry of this.#entries.values()) entry.overlay = undefined;
    return undone;
  }

  /** Overlays that do not descend from the new head read a state that is no more; they are made again when needed. */
  #forgetStale(head: HashHex): void {
    const floor = this.#entry(head).info.height;
    const above = new Set([head]);
    // In the order in which they were executed: each after its parent.
    for (const [id, entry] of this.#entries) {
      const { parent, height } = entry.info;
      if (id === head) continue;
      if (height >= floor && parent !== null && above.has(toHex(parent))) above.add(id);
      else entry.overlay = undefined;
    }
  }

  /** Forgets candidates that lost, and undo information below `root`. */
  drop(ids: readonly Hash[]): void {
    for (const id of ids) if (toHex(id) !== this.#headId) this.#entries.delete(toHex(id));
  }

  /** Lets go of undo information at and below this height: no branch begins lower any more. */
  pruneBelow(height: number): void {
    const keep = this.#finalSteps.findIndex((step) => step.height > height);
    this.#finalSteps = keep < 0 ? [] : this.#finalSteps.slice(keep);
  }
}

function contentOf({ transactions }: Block): BlockContent {
  return { transactions: transactions.length, bytes: transactions.reduce((bytes, transaction) => bytes + transaction.bytes.length, 0) };
}
