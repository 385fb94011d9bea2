/** The smallest ledger that consensus can run on: payments that need nothing, seats that come, go, lapse and sleep. Shared by all nodes of a run. */
import type { BlockInfo, Chain, ProposeRequest } from "../src/consensus/engine.ts";
import { bytesToHex } from "../src/kit/bytes.ts";
import { BLOCK_VERSION, createBlock, transactionsRootOf, type Block } from "../src/protocol/block.ts";
import { digest, toHex, type AccountId, type Hash, type HashHex, type VotingKey } from "../src/protocol/identifiers.ts";
import { Refusal } from "../src/protocol/refusal.ts";
import { includesSeat, lapseSeats, seatsAfterRecovery, sortSeats, type SeatLists } from "../src/protocol/seats.ts";
import { createTransaction, encodeTransactionBody, type Transaction } from "../src/protocol/transaction.ts";
import type { Recovery } from "../src/protocol/vote.ts";

const ZERO = new Uint8Array(32) as Hash;
const SIGNATURE = new Uint8Array(64);
const TRANSACTIONS_MAX = 20;

interface LastHeard {
  readonly height: number;
  readonly timeMs: number;
}

export interface ModelState {
  readonly info: BlockInfo;
  readonly last: ReadonlyMap<HashHex, LastHeard>;
  /** Ids of all transactions at or below. */
  readonly included: ReadonlySet<HashHex>;
  readonly marks: ReadonlySet<number>;
}

/** A transaction of the model: `mark` for payments, `seat` for operations of seats. */
export function createModelTransaction(chain: Hash, operation: string, argument: number | Uint8Array, nonce: number): Transaction {
  const body = {
    version: 1,
    chain,
    sender: ZERO as Uint8Array as AccountId,
    nonce: [0, nonce] as const,
    validUntilMs: 0,
    fee: 0,
    calls: [[operation, argument] as const],
  };
  return createTransaction(encodeTransactionBody(body), [[ZERO, SIGNATURE]]);
}

export function createSeatKey(owner: string, incarnation: number): VotingKey {
  const text = `${owner}/${incarnation}`;
  return digest(Uint8Array.from(text, (letter) => letter.charCodeAt(0))) as Uint8Array as VotingKey;
}

interface Draft {
  seats: readonly VotingKey[];
  sleeping: readonly VotingKey[];
  last: Map<HashHex, LastHeard>;
  changed: boolean;
  takes: number;
}

export class ModelWorld {
  readonly chain: Hash;
  readonly genesis: ModelState;
  readonly heartbeatMs: number;
  readonly #states = new Map<HashHex, ModelState>();
  readonly #bodies = new Map<HashHex, Block>();
  /** Whose seat a voting key is: a peer takes one seat at a time. */
  readonly owners = new Map<HashHex, string>();

  constructor(seats: readonly VotingKey[], heartbeatMs: number) {
    this.heartbeatMs = heartbeatMs;
    const sorted = sortSeats(seats);
    this.chain = digest(Uint8Array.from(sorted.flatMap((seat) => [...seat])));
    const info: BlockInfo = {
      id: this.chain,
      parent: null,
      epochId: this.chain,
      round: 0,
      height: 0,
      heightedId: this.chain,
      timeMs: 0,
      seats: sorted,
      sleeping: [],
      endsEpoch: true,
      recovery: null,
      lastRecovery: null,
    };
    const last = new Map(sorted.map((seat) => [toHex(seat), { height: 0, timeMs: 0 }]));
    this.genesis = { info, last, included: new Set(), marks: new Set() };
    this.#states.set(toHex(this.chain), this.genesis);
  }

  /** The voting key of a peer's n-th seat. */
  createSeat(owner: string, incarnation: number): VotingKey {
    const seat = createSeatKey(owner, incarnation);
    this.owners.set(toHex(seat), owner);
    return seat;
  }

  bodyOf(id: Hash): Block | null {
    return this.#bodies.get(toHex(id)) ?? null;
  }

  state(id: Hash): ModelState | undefined {
    return this.#states.get(toHex(id));
  }

  /** Whether a transaction could go into a block on this state. */
  isExecutable(state: ModelState, transaction: Transaction): boolean {
    if (state.included.has(toHex(transaction.id))) return false;
    if (transaction.body.calls[0]![0] === "account.transfer") return true;
    return this.#allows({ ...state.info, last: new Map(), changed: false, takes: 0 }, transaction);
  }

  #allows(draft: Draft, transaction: Transaction): boolean {
    const [operation, argument] = transaction.body.calls[0]!;
    if (operation === "account.transfer") return true;
    const seat = argument as VotingKey;
    if (operation === "seat.present") return includesSeat(draft.sleeping, seat);
    if (operation === "seat.leave") return includesSeat(draft.seats, seat) && draft.seats.length > 1;
    const owner = this.owners.get(toHex(seat));
    const isOwned = draft.seats.some((other) => this.owners.get(toHex(other)) === owner);
    return !isOwned && !includesSeat(draft.sleeping, seat) && draft.takes < Math.max(1, draft.seats.length >> 3);
  }

  execute(block: Block): ModelState {
    const known = this.state(block.id);
    if (known !== undefined) return known;
    const parent = this.state(block.header.parent);
    if (parent === undefined) throw new Refusal("unknown-parent");
    const state = block.header.height === null ? this.#executeEmpty(block, parent) : this.#executeFull(block, parent);
    this.#states.set(toHex(block.id), state);
    this.#bodies.set(toHex(block.id), block);
    return state;
  }

  #executeEmpty({ id, header }: Block, parent: ModelState): ModelState {
    const { epochId, round, timeMs } = header;
    const info = { ...parent.info, id, parent: parent.info.id, epochId, round, timeMs, endsEpoch: false, recovery: null };
    return { ...parent, info };
  }

  #executeFull(block: Block, parent: ModelState): ModelState {
    const { header, id, transactions } = block;
    const { epochId, round, timeMs } = header;
    const height = parent.info.height + 1;
    if (header.height !== height) throw new Refusal("block-invalid", { reason: "height" });
    const bare = transactions.length === 0 && header.alives.length === 0;
    const quietSinceMs = this.state(parent.info.heightedId)!.info.timeMs;
    if (bare && timeMs < quietSinceMs + this.heartbeatMs) throw new Refusal("block-invalid", { reason: "bare" });
    const { draft, included, marks } = this.#run(block, parent, height);
    if (draft.changed !== header.endsEpoch) throw new Refusal("block-invalid", { reason: "endsEpoch" });
    const info: BlockInfo = {
      id,
      parent: parent.info.id,
      epochId,
      round,
      height,
      heightedId: id,
      timeMs,
      seats: sortSeats(draft.seats),
      sleeping: draft.sleeping,
      endsEpoch: draft.changed,
      recovery: null,
      lastRecovery: parent.info.lastRecovery,
    };
    return { info, last: draft.last, included, marks };
  }

  #run(block: Block, parent: ModelState, height: number) {
    const { header, transactions } = block;
    const here = { height, timeMs: header.timeMs };
    const { seats, sleeping } = parent.info;
    const draft: Draft = { seats, sleeping, last: new Map(parent.last), changed: false, takes: 0 };
    const heard = [...(header.certificate?.signers ?? []).map((index) => seats[index]!), ...header.lateVotes.map((vote) => vote.seat)];
    for (const seat of [...heard, header.proposer]) if (draft.last.has(toHex(seat))) draft.last.set(toHex(seat), here);
    for (const alive of header.alives) {
      if (!includesSeat(seats, alive.seat)) throw new Refusal("block-invalid", { reason: "alive" });
      draft.last.set(toHex(alive.seat), here);
      draft.changed = true;
    }
    const included = new Set(parent.included);
    const marks = new Set(parent.marks);
    for (const transaction of transactions) {
      if (included.has(toHex(transaction.id)) || !this.#allows(draft, transaction)) throw new Refusal("block-invalid", { reason: "call" });
      included.add(toHex(transaction.id));
      this.#apply(draft, transaction, here, marks);
    }
    this.#lapse(draft, here);
    return { draft, included, marks };
  }

  #apply(draft: Draft, transaction: Transaction, here: LastHeard, marks: Set<number>): void {
    const [operation, argument] = transaction.body.calls[0]!;
    if (operation === "account.transfer") {
      marks.add(argument as number);
      return;
    }
    const seat = argument as VotingKey;
    draft.changed = true;
    if (operation === "seat.leave") {
      draft.seats = draft.seats.filter((other) => toHex(other) !== toHex(seat));
      return;
    }
    if (operation === "seat.take") draft.takes++;
    draft.sleeping = draft.sleeping.filter((other) => toHex(other) !== toHex(seat));
    draft.seats = [...draft.seats, seat];
    draft.last.set(toHex(seat), here);
  }

  /** 30 s of header time and max(20, 2n) blocks, or 180 s and 3 blocks. */
  #lapse(draft: Draft, here: LastHeard): void {
    const n = draft.seats.length;
    const gone = draft.seats.filter((seat) => {
      const last = draft.last.get(toHex(seat))!;
      const silentMs = here.timeMs - last.timeMs;
      const blocks = here.height - last.height;
      return (silentMs >= 30_000 && blocks >= Math.max(20, 2 * n)) || (silentMs >= 180_000 && blocks >= 3);
    });
    const after: SeatLists = lapseSeats(draft, gone);
    if (after.seats.length !== n) draft.changed = true;
    draft.seats = after.seats;
    draft.sleeping = after.sleeping;
  }

  executeRecovery(recovery: Recovery, id: Hash, epochSeats: readonly VotingKey[]): ModelState {
    const known = this.state(id);
    if (known !== undefined) return known;
    const base = this.state(recovery.base);
    if (base === undefined) throw new Refusal("unknown-parent");
    const { seats, sleeping } = seatsAfterRecovery(base.info, recovery, epochSeats);
    const height = base.info.height + 1;
    const timeMs = base.info.timeMs + 1;
    const info: BlockInfo = {
      id,
      parent: base.info.id,
      epochId: recovery.epochId,
      round: 0,
      height,
      heightedId: id,
      timeMs,
      seats: sortSeats(seats),
      sleeping,
      endsEpoch: true,
      recovery,
      lastRecovery: id,
    };
    const state = { ...base, info, last: new Map(seats.map((seat) => [toHex(seat), { height, timeMs }])) };
    this.#states.set(toHex(id), state);
    return state;
  }

  /** A block of what is executable, at most one operation that changes seats. */
  propose(request: ProposeRequest, pool: Iterable<Transaction>): Block | null {
    const parent = this.state(request.parent)!;
    const transactions: Transaction[] = [];
    if (!request.empty) {
      let changes = 0;
      for (const transaction of pool) {
        if (transactions.length >= TRANSACTIONS_MAX || !this.isExecutable(parent, transaction)) continue;
        if (transaction.body.calls[0]![0] !== "account.transfer" && changes++ > 0) continue;
        transactions.push(transaction);
      }
      if (transactions.length === 0 && !request.mayBeBare) return null;
    }
    const header = {
      version: BLOCK_VERSION,
      chain: this.chain,
      height: request.empty ? null : parent.info.height + 1,
      epochId: request.epochId,
      round: request.round,
      parent: request.parent,
      timeMs: request.timeMs,
      proposer: request.proposer,
      transactionsRoot: transactionsRootOf(transactions),
      receiptsRoot: ZERO,
      stateRoot: ZERO,
      seatsDigest: ZERO,
      endsEpoch: false,
      lastRecovery: parent.info.lastRecovery,
      certificate: request.certificate,
      lateVotes: request.lateVotes,
      alives: request.alives,
    };
    if (request.empty) return createBlock(header, transactions);
    const { draft } = this.#run({ id: ZERO, headerBytes: ZERO, header, transactions }, parent, parent.info.height + 1);
    return createBlock({ ...header, endsEpoch: draft.changed }, transactions);
  }

  /** All that was executed on the way, as one digest. */
  stateRootOf(state: ModelState): HashHex {
    const marks = [...state.marks].sort((a, b) => a - b).join();
    const seats = state.info.seats.map(bytesToHex).join();
    return toHex(digest(Uint8Array.from(`${marks}|${seats}`, (letter) => letter.charCodeAt(0))));
  }
}

/** One node's view of the world, with its own pool. */
export class ModelChain implements Chain {
  readonly world: ModelWorld;
  readonly pool = new Map<HashHex, Transaction>();

  constructor(world: ModelWorld) {
    this.world = world;
  }

  execute(block: Block): BlockInfo {
    return this.world.execute(block).info;
  }

  executeRecovery(recovery: Recovery, id: Hash, epochSeats: readonly VotingKey[]): BlockInfo {
    return this.world.executeRecovery(recovery, id, epochSeats).info;
  }

  info(id: Hash): BlockInfo | undefined {
    return this.world.state(id)?.info;
  }

  propose(request: ProposeRequest): Block | null {
    return this.world.propose(request, this.pool.values());
  }

  hasWork(id: Hash): boolean {
    const state = this.world.state(id)!;
    for (const transaction of this.pool.values()) if (this.world.isExecutable(state, transaction)) return true;
    return false;
  }
}
