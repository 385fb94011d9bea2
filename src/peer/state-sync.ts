/** State sync: a peer far behind reads a proven state and the blocks above it, old blocks follow in the background, and others are given the same. */
import type { Engine } from "../consensus/engine.ts";
import { genesisOf, parametersOf } from "../ledger/index.ts";
import { encodeGenesis } from "../protocol/genesis.ts";
import type { Hash } from "../protocol/identifiers.ts";
import { Refusal } from "../protocol/refusal.ts";
import { ChainServer } from "./chain-server.ts";
import type { RoadStart } from "./epoch-road.ts";
import type { BlockWindow } from "./effects.ts";
import type { FinalBlocks } from "./final-blocks.ts";
import { History } from "./history.ts";
import type { LedgerChain } from "./ledger-chain.ts";
import { Newcomer } from "./newcomer.ts";
import type { Outbox } from "./outbox.ts";
import type { StorageBatch } from "./ports.ts";
import type { HistoryRow, Joined } from "./rows.ts";
import type { SnapshotPace } from "./snapshot-pace.ts";
import { SnapshotServer } from "./snapshot-server.ts";
import { decodeSnapshotMessage } from "./snapshot-wire.ts";
import { Turns } from "./turns.ts";

/** A last block as old as this is of before a long absence: whoever is awake sees a heartbeat, or the steps of a recovery, long before. */
const AWAY_HEARTBEATS = 5;
const AWAY_RECOVERIES = 10;

export interface StateSyncOptions {
  readonly chain: Hash;
  readonly outbox: Outbox;
  readonly ledger: LedgerChain;
  readonly engine: Engine;
  readonly finalBlocks: FinalBlocks;
  readonly restored: { readonly joined: Joined | null; readonly history: HistoryRow };
  readonly pace: SnapshotPace;
  /** Neighbours that know more than the genesis. */
  readonly members: () => Iterable<string>;
  readonly wallMs: () => number;
  /** Says to these neighbours where this peer stands. */
  readonly greet: (peers: readonly string[]) => void;
  readonly onHalt: (refusal: Refusal) => void;
}

export class StateSync {
  readonly #options: StateSyncOptions;
  readonly #turns = new Turns();
  readonly #server: SnapshotServer;
  readonly #newcomer: Newcomer;
  readonly #history: History;
  #isAdopting = false;
  /** Answers those who are behind, with blocks or a snapshot. */
  readonly chainServer: ChainServer;

  constructor(options: StateSyncOptions) {
    const { chain, outbox, ledger, finalBlocks, restored, pace, members, wallMs, greet, onHalt } = options;
    this.#options = options;
    this.#server = new SnapshotServer({
      chain,
      outbox,
      turns: this.#turns,
      snapshots: () => finalBlocks.snapshots,
      behindMin: pace.behindMin,
      floor: () => this.#history.floor,
    });
    this.chainServer = new ChainServer(outbox, this.#turns, this.#server);
    this.#newcomer = new Newcomer({
      chain,
      outbox,
      genesis: () => encodeGenesis(genesisOf(ledger.state)),
      start: () => this.#start(),
      wallMs,
      kept: () => ({ before: this.#before(), blocksBytes: finalBlocks.blocksBytes }),
      onGivenUp: greet,
      onLedger: (found) => this.#adopt(found),
    });
    this.#history = new History({
      chain,
      founder: genesisOf(ledger.state).foundingSeat,
      outbox,
      server: this.#server,
      finalBlocks,
      height: () => ledger.head.height,
      restored: restored.history,
      members,
      onHalt,
    });
  }

  /** Whether another ledger takes the place of this one: nothing new is to be taken in. */
  get isAdopting(): boolean {
    return this.#isAdopting;
  }

  get progress(): Newcomer["progress"] {
    return this.#newcomer.progress;
  }

  get joined(): Joined | null {
    return this.#options.restored.joined;
  }

  get historyFloor(): number {
    return this.#history.floor;
  }

  setWindow(window: BlockWindow): void {
    this.#history.setWindow(window);
  }

  onMessage(from: string, bytes: Uint8Array, nowMs: number): void {
    const message = decodeSnapshotMessage(bytes);
    this.#server.onMessage(from, message, nowMs);
    this.#newcomer.onMessage(from, message, nowMs);
    this.#history.onMessage(from, message, nowMs);
  }

  onUnlinked(peer: string): void {
    this.#server.onUnlinked(peer);
    this.#newcomer.onUnlinked(peer);
    this.#history.onUnlinked(peer);
  }

  tick(nowMs: number, { mayRead }: { readonly mayRead: boolean }): void {
    this.#turns.tick(nowMs);
    this.#newcomer.tick(nowMs);
    if (mayRead) this.#history.tick(nowMs);
  }

  /** The epoch that this peer is in, whose seats it knows from its own ledger. */
  #start(): RoadStart {
    const { engine, ledger } = this.#options;
    const { epochId, seats } = engine.status();
    const began = ledger.info(epochId);
    const { height, lastRecovery, timeMs } = ledger.head;
    const { heartbeatMs, recoveryMs } = parametersOf(ledger.state);
    return {
      id: epochId,
      seats,
      sleeping: began?.sleeping ?? null,
      height: began?.height ?? height,
      lastRecovery,
      begunBy: engine.begunBy,
      finalHeight: height,
      mayFollowRecovery: height === 0 || this.#options.wallMs() - timeMs > AWAY_HEARTBEATS * heartbeatMs + AWAY_RECOVERIES * recoveryMs,
    };
  }

  /** What stays of the blocks here when a ledger from above takes the place of this one; of those below a gap in them nothing is known any more. */
  #before(): HistoryRow["before"] {
    const { height, id } = this.#options.ledger.head;
    const { floor, next } = this.#history.row;
    return height === 0 ? null : { head: id, end: { floor, next } };
  }

  /** In one write: a crash leaves the one ledger or the other. */
  #adopt({ height, rows }: { readonly height: number; readonly rows: StorageBatch["puts"] }): void {
    const { outbox, finalBlocks, onHalt } = this.#options;
    this.#isAdopting = true;
    outbox.store({ puts: rows, deletes: finalBlocks.stateRows(rows), strict: true }, (refusal) => {
      if (refusal !== null) return onHalt(new Refusal(refusal.code, refusal.data));
      outbox.emit({ kind: "reopen", height });
    });
  }
}
