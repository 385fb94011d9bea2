/**
 * The peer: one sans-IO machine that joins ledger, consensus, mempool, sync and gossip policy. Its only entry is `step`: an input
 * and the time in, effects out. ARCHITECTURE, "How it flows".
 */
import type { BlockInfo, DurableRecord } from "../consensus/engine.ts";
import { equalBytes } from "../kit/bytes.ts";
import { createSimplex } from "../consensus/simplex/simplex.ts";
import { createMempool, headOf, genesisOf, type LedgerState, type StateView } from "../ledger/index.ts";
import type { ContractMachine } from "../protocol/contract-machine.ts";
import type { Genesis } from "../protocol/genesis.ts";
import { toHex, type AccountId, type Hash, type HashHex, type VotingKey } from "../protocol/identifiers.ts";
import { shapeOf, type Refusal, type RefusalShape } from "../protocol/refusal.ts";
import type { Transaction } from "../protocol/transaction.ts";
import { Bodies } from "./bodies.ts";
import { ConsensusDriver } from "./consensus-driver.ts";
import type { CommittedBlock, PeerEffect, PeerInput } from "./effects.ts";
import { Door } from "./door.ts";
import { FinalBlocks, committedOf } from "./final-blocks.ts";
import { LateMachine } from "./late-machine.ts";
import { LedgerChain, type LedgerChainOptions, type RestoredStep } from "./ledger-chain.ts";
import { Outbox, OwnFault } from "./outbox.ts";
import type { NetworkEvent, NetworkStatus } from "./ports.ts";
import type { HistoryRow, Joined, SnapshotPointer } from "./rows.ts";
import { SeatKeeper } from "./seat-keeper.ts";
import { simplexOptions } from "./simplex-options.ts";
import { SNAPSHOT_PACE, type SnapshotPace } from "./snapshot-pace.ts";
import { StateSync } from "./state-sync.ts";
import { Transactions } from "./transactions.ts";
import type { PeerView } from "./view.ts";

/**
 * A leader lets this pass after its parent's header: a block costs every tab far more than a transaction in it, and five a second leave a phone its breath. The
 * first block after a rest never waits.
 */
const BLOCK_INTERVAL_MS = 200;
/** With so many waiting, fewer and larger blocks bring more of them through. */
const BUSY_TRANSACTIONS = 200;
const BUSY_INTERVAL_MS = 400;
/** What comes to the mempool in so short a time is looked at together. */
const CHANGED_PACE_MS = 10;
/** A tab without any link goes on with the ledger it has after this long, or says that it has none. */
const ALONE_MS = 3_000;
/** Seat work is looked at no more often than this. */
const SEAT_PACE_MS = 500;

/** What storage gave back of an earlier run. */
export interface RestoredLedger {
  /** At the head. */
  readonly state: LedgerState;
  /** The lowest block that a branch may still begin at. */
  readonly root: BlockInfo;
  /** Final blocks above the root, oldest first, empty ones included. */
  readonly steps: readonly RestoredStep[];
  readonly rowKeys: ReadonlyMap<HashHex, string>;
  /** In storage, newest first. */
  readonly snapshots: readonly SnapshotPointer[];
  /** Of the blocks since the newest (`replayCostOf`). */
  readonly replayCost: number;
  readonly statesFrom: number;
  /** Where it begins, if not with the genesis. */
  readonly joined: Joined | null;
  readonly history: HistoryRow;
  /** About what all rows of blocks take. */
  readonly blocksBytes: number;
  /** The table `votes`. */
  readonly records: readonly DurableRecord[];
  /** The table `pool`. */
  readonly pool: readonly (readonly [key: string, bytes: Uint8Array])[];
}

function restoredChain({ root, steps }: RestoredLedger, options: LedgerChainOptions): LedgerChain {
  const chain = new LedgerChain(options, root);
  for (const step of steps) chain.restore(step);
  return chain;
}

export interface PeerOptions {
  readonly chain: Hash;
  readonly account: AccountId;
  /** Lane that this peer of the account begins with. */
  readonly lane: number;
  readonly votingKeys: readonly VotingKey[];
  readonly seatWanted: boolean;
  /** Null while it is not loaded yet: see `late-machine.ts`. */
  readonly machine: ContractMachine | null;
  readonly ledger: RestoredLedger;
  readonly snapshotPace?: SnapshotPace;
  /** A link that is no peer but a file that is read, and so needs no pass. */
  readonly openTo?: string;
}

export class Peer implements PeerView {
  readonly chain: Hash;
  readonly account: AccountId;
  readonly #outbox: Outbox = new Outbox((command) => this.#door.mayPass(command));
  readonly #door: Door;
  readonly #ledger: LedgerChain;
  readonly #mempool = createMempool();
  readonly #transactions: Transactions;
  readonly #bodies: Bodies;
  readonly #finalBlocks: FinalBlocks;
  readonly #driver: ConsensusDriver;
  readonly #engine: ReturnType<typeof createSimplex>;
  readonly #seats: SeatKeeper;
  readonly #machine: LateMachine;
  readonly #sync: StateSync;
  readonly #linked = new Set<string>();
  readonly #greeted = new Set<string>();
  /** Up to which height linked peers say that they have final blocks. */
  readonly #statedHeights = new Map<string, number>();
  /** Those that know more than the genesis, by what they say. */
  readonly #members = new Set<string>();
  /** Until the start: it is large, and all that goes on is held elsewhere. */
  #restored: RestoredLedger | null;
  #network: NetworkStatus | null = null;
  #started = false;
  #startedMs = 0;
  #nowMs = 0;
  #wallMs = 0;
  #seatsLookedMs = 0;
  #halted: RefusalShape | null = null;
  #closing = false;
  /** The mempool has something new: the engine and the neighbours hear of it at the next tick, which comes soon. */
  #changed = false;
  #changedTickMs = 0;

  constructor(options: PeerOptions) {
    const { chain, account, ledger, snapshotPace = SNAPSHOT_PACE } = options;
    const machine = (this.#machine = new LateMachine(options.machine));
    [this.chain, this.account, this.#restored] = [chain, account, ledger];
    const outbox = this.#outbox;
    const onHalt = (refusal: Refusal): void => this.#halt(refusal);
    const state = (): StateView => this.#ledger.state;
    const wallMs = (): number => this.#wallMs;
    this.#ledger = restoredChain(ledger, {
      chain,
      state: ledger.state,
      deps: { machine },
      mempool: this.#mempool,
      onExecuted: (transactions) => this.#transactions.onExecuted(transactions),
      onRefused: (transaction, refusal) => this.#transactions.onRefused(transaction, refusal),
    });
    this.#transactions = new Transactions({
      chain,
      account,
      lane: options.lane,
      mempool: this.#mempool,
      outbox,
      machine,
      state,
      presentMs: () => Math.max(this.#wallMs, headOf(this.#ledger.state).timeMs),
      isLinked: () => this.#linked.size > 0,
      onChanged: () => (this.#changed = true),
      onVerified: () => this.#bodies.settleAll(),
    });
    this.#door = this.#createDoor(options.openTo ?? null);
    const anotherPeer = (than: string): string | undefined => this.#anotherPeer(than);
    this.#bodies = new Bodies({ outbox, transactions: this.#transactions, anotherPeer });
    const ownBlocks = { chain: this.#ledger, transactions: this.#transactions, restored: ledger };
    this.#finalBlocks = new FinalBlocks({ ...ownBlocks, outbox, snapshotCostMin: snapshotPace.costMin, onHalt });
    const blockIntervalMs = (): number => (this.#mempool.size > BUSY_TRANSACTIONS ? BUSY_INTERVAL_MS : BLOCK_INTERVAL_MS);
    this.#engine = createSimplex(this.#ledger, ledger.root, simplexOptions(chain, ledger.state, blockIntervalMs));
    this.#sync = new StateSync({
      chain,
      outbox,
      ledger: this.#ledger,
      engine: this.#engine,
      finalBlocks: this.#finalBlocks,
      restored: ledger,
      pace: snapshotPace,
      members: () => this.#members,
      wallMs,
      greet: (peers) => this.#greet(peers),
      onHalt,
    });
    this.#driver = new ConsensusDriver({
      chain,
      engine: this.#engine,
      outbox,
      transactions: this.#transactions,
      bodies: this.#bodies,
      machine,
      finalBlocks: this.#finalBlocks,
      server: this.#sync.chainServer,
      wallMs,
      anotherPeer,
      hasHistory: () => this.#hasHistory,
      onMember: (peer) => void this.#members.add(peer),
      onHello: (from, height) => {
        if (this.#linked.has(from)) this.#statedHeights.set(from, height);
      },
      onEvidence: (first, second) => this.#seats.accuse(first, second),
      onHalt,
    });
    this.#seats = new SeatKeeper({
      chain,
      account,
      outbox,
      transactions: this.#transactions,
      state,
      votingKeys: options.votingKeys,
      onKeys: (keys) => this.#driver.input(this.#nowMs, { kind: "keys", keys }),
      wanted: options.seatWanted,
    });
  }

  #createDoor(openTo: string | null): Door {
    return new Door({
      chain: this.chain,
      account: this.account,
      outbox: this.#outbox,
      state: () => this.#ledger.state,
      caughtUp: () => this.caughtUp,
      onOpened: (peer) => this.#onLinked(peer),
      openTo,
    });
  }

  /**
   * Takes one input and gives what is to be done, in order.
   * @param nowMs what pauses, rates and timeouts go by; it never goes back.
   * @param wallMs milliseconds since 1970, for times that are stated or compared with stated ones: of blocks, validity and expiry.
   */
  step(nowMs: number, input: PeerInput, wallMs = nowMs): readonly PeerEffect[] {
    this.#nowMs = nowMs;
    this.#wallMs = wallMs;
    try {
      this.#start();
      if (this.#sync.isAdopting) this.#outbox.settle(input);
      else if (this.#halted === null) this.#take(input);
      else if (input.kind === "network") this.#takeHalted(input.event);
    } catch (error) {
      this.#halt(error);
    }
    return this.#outbox.drain();
  }

  /** When a tick before the next steady one would be of use. */
  get wakeAtMs(): number {
    // Who has halted takes no ticks, so nothing would ever take the wish for one back.
    if (this.#halted !== null || this.#sync.isAdopting) return Infinity;
    const changedAtMs = this.#changed ? Math.max(this.#nowMs, this.#changedTickMs + CHANGED_PACE_MS) : Infinity;
    return Math.min(changedAtMs, this.#driver.wakeAtMs, this.#transactions.wakeAtMs);
  }

  #start(): void {
    const restored = this.#restored;
    if (restored === null) return;
    this.#restored = null;
    this.#started = true;
    this.#startedMs = this.#nowMs;
    const finals = restored.steps.map((step) => step.info);
    this.#driver.input(this.#nowMs, { kind: "keys", keys: this.#seats.keys });
    this.#driver.input(this.#nowMs, { kind: "load", records: restored.records, finals });
    this.#transactions.restore(restored.pool, this.#nowMs);
    this.#outbox.network({ kind: "join", chain: toHex(this.chain), closed: this.#door.isClosed });
  }

  /** A host fault or a bug: whoever is wrong about itself must not vote. */
  #halt(thrown: unknown): void {
    if (this.#halted !== null) return;
    const error = thrown instanceof OwnFault ? thrown.refusal : thrown;
    this.#halted = shapeOf(error);
    const stack = error instanceof Error ? (error.stack ?? "") : "";
    this.#outbox.log("error", "halted", { code: this.#halted.code, stack });
    this.#outbox.emit({ kind: "halted", refusal: this.#halted });
  }

  #take(input: PeerInput): void {
    if (this.#outbox.settle(input)) return;
    switch (input.kind) {
      case "tick":
        return this.#tick();
      case "network":
        return this.#onNetwork(input.event);
      case "submit": {
        const { ticket } = input;
        return this.#transactions.submit(input.submission, (report) => this.#outbox.emit({ kind: "road", ticket, report }), this.#nowMs);
      }
      case "machine":
        this.#machine.install(input.machine);
        return this.#driver.onMachine(this.#nowMs);
      case "adopt-voting-key":
        return this.#seats.adopt(input.publicKey);
      case "set-seat-wanted":
        return this.#seats.setWanted(input.wanted);
      case "set-window":
        return this.#sync.setWindow(input.window);
      case "closing":
        this.#closing = true;
        this.#transactions.close();
        return this.#driver.input(this.#nowMs, { kind: "closing" });
    }
  }

  /** Who has stopped still knows its links; what they say would be checked for nothing, and its outcome kept for ever. */
  #takeHalted(event: NetworkEvent): void {
    if (event.kind === "gossip") this.#outbox.verdictOn(event.id)(false);
    else if (event.kind !== "message") this.#onNetwork(event);
  }

  #tick(): void {
    if (this.#changed) this.#changedTickMs = this.#nowMs;
    this.#changed = false;
    this.#door.tick(this.#nowMs);
    this.#transactions.tick(this.#nowMs);
    this.#bodies.tick(this.#nowMs);
    this.#sync.tick(this.#nowMs, { mayRead: this.caughtUp && !this.#closing });
    this.#driver.input(this.#nowMs, { kind: "tick" });
    if (this.#closing || this.#nowMs - this.#seatsLookedMs < SEAT_PACE_MS) return;
    this.#seatsLookedMs = this.#nowMs;
    this.#seats.tick(this.#nowMs, this.caughtUp);
    if (this.caughtUp) this.#seats.forgetEnded();
  }

  // ------------------------------------------------------------ network

  #onNetwork(event: NetworkEvent): void {
    switch (event.kind) {
      case "linked":
        if (this.#door.onLinked(event, this.#nowMs)) this.#onLinked(event.peer);
        return;
      case "unlinked":
        this.#door.onUnlinked(event.peer);
        this.#linked.delete(event.peer);
        this.#greeted.delete(event.peer);
        this.#statedHeights.delete(event.peer);
        this.#members.delete(event.peer);
        this.#sync.onUnlinked(event.peer);
        return this.#driver.input(this.#nowMs, { kind: "unlinked", peer: event.peer });
      case "network-status":
        this.#network = event.status;
        this.#door.onStatus(event.status);
        return;
      case "gossip":
        return this.#outbox.forNeighbour(event.from, () => this.#onGossip(event));
      case "message":
        return this.#outbox.forNeighbour(event.from, () => this.#onMessage(event));
    }
  }

  #onLinked(peer: string): void {
    this.#linked.add(peer);
    this.#driver.input(this.#nowMs, { kind: "linked", peer });
  }

  #onGossip({ id, topic, from, bytes }: Extract<NetworkEvent, { kind: "gossip" }>): void {
    const verdict = this.#outbox.verdictOn(id);
    if (topic === "transactions") this.#transactions.onGossip(from, bytes, this.#nowMs, verdict);
    else this.#driver.onBytes(from, bytes, this.#nowMs, verdict);
  }

  #onMessage(event: Extract<NetworkEvent, { kind: "message" }>): void {
    if (event.protocol === "admit") return this.#door.onAdmission(event.from, event.bytes, this.#nowMs);
    if (!this.#door.hears(event.from)) return;
    if (event.protocol !== "hello") this.#door.onServed();
    if (event.protocol === "forward") {
      const heard = this.#door.heard(event.from, event.bytes);
      return heard === null ? undefined : this.#onGossip(heard);
    }
    // A hello, or its answer: whoever says anything on these streams has heard where this peer stands.
    this.#greeted.add(event.from);
    if (event.protocol === "fetch") this.#bodies.onMessage(event.from, event.bytes);
    else if (event.protocol === "snapshot") this.#sync.onMessage(event.from, event.bytes, this.#nowMs);
    else this.#driver.onBytes(event.from, event.bytes, this.#nowMs);
  }

  #greet(peers: readonly string[]): void {
    for (const peer of peers) if (this.#linked.has(peer)) this.#driver.input(this.#nowMs, { kind: "linked", peer });
  }

  /** A linked peer, another than this one where there is one; which one changes with time, so that no single peer can starve us. */
  #anotherPeer(than: string): string | undefined {
    const others = [...this.#linked].filter((peer) => peer !== than);
    return others[this.#nowMs % Math.max(1, others.length)] ?? (this.#linked.has(than) ? than : undefined);
  }

  // ------------------------------------------------------------ what may be read

  get genesis(): Genesis {
    return genesisOf(this.#ledger.state);
  }

  get state(): StateView {
    return this.#ledger.state;
  }

  get tentativeState(): StateView {
    return this.#ledger.stateAt(this.#engine.status().notarizedId);
  }

  get consensus(): PeerView["consensus"] {
    return this.#engine.status();
  }

  get network(): NetworkStatus | null {
    return this.#network;
  }

  get final(): PeerView["final"] {
    const { id, height, timeMs } = this.#ledger.head;
    return { height, id, stateRoot: this.#ledger.state.root(), timeMs };
  }

  get tentativeBlocks(): readonly CommittedBlock[] {
    const blocks: CommittedBlock[] = [];
    const floor = this.#ledger.head.height;
    let id: Hash | null = this.#engine.status().notarizedId;
    while (id !== null) {
      const executed = this.#ledger.executed(id);
      if (executed === undefined || executed.info.height <= floor) break;
      if (equalBytes(executed.info.heightedId, id)) blocks.unshift(committedOf(executed));
      id = executed.info.parent;
    }
    return blocks;
  }

  get bodiesBytes(): number {
    return this.#ledger.bodiesBytes + this.#engine.bodiesBytes;
  }

  get ownPending(): readonly Transaction[] {
    return this.#transactions.ownPending;
  }

  get waiting(): number {
    return this.#mempool.size;
  }

  get caughtUp(): boolean {
    if (!this.#started || this.#engine.status().behind || this.isShutOut) return false;
    if (this.#engine.status().seats.length === 1 && this.#engine.status().seat !== null) return true;
    if (!this.#hasHistory && this.#members.size === 0) return false;
    if (this.#linked.size === 0) return this.#nowMs - this.#startedMs >= ALONE_MS;
    return this.#greeted.size > 0;
  }

  /** Whoever has a seat or a block knows the ledger; a newcomer with the genesis alone cannot tell whether that is all there is. */
  get #hasHistory(): boolean {
    const { seat, notarizedHeight } = this.#engine.status();
    return seat !== null || notarizedHeight > 0 || this.#ledger.head.height > 0;
  }

  get stranded(): boolean {
    if (this.#hasHistory || this.#members.size > 0) return false;
    return this.#started && !this.#engine.status().behind && this.#nowMs - this.#startedMs >= ALONE_MS;
  }

  get isShutOut(): boolean {
    return this.#door.isShut;
  }

  get targetHeight(): number | null {
    const target = Math.max(0, ...this.#statedHeights.values());
    return target > this.final.height ? target : null;
  }

  get seatWork(): PeerView["seatWork"] {
    return this.#seats.work;
  }

  get waitingFor(): readonly VotingKey[] {
    const status = this.#engine.status();
    if (status.recovery === null || status.recovery.clockMs === 0) return [];
    return status.absent;
  }

  get joined(): PeerView["joined"] {
    return this.#sync.joined;
  }

  get historyFloor(): number {
    return this.#sync.historyFloor;
  }

  get joining(): PeerView["joining"] {
    return this.#sync.progress;
  }

  get split(): PeerView["split"] {
    return this.#finalBlocks.split;
  }

  get halted(): RefusalShape | null {
    return this.#halted;
  }
}
