/** A node of the engine alone, over the model ledger: what a peer does around consensus, in its smallest form. */
import type {
  BlockInfo,
  CastStatement,
  CompleteRecovery,
  ConsensusEffect,
  ConsensusInput,
  ConsensusMessage,
  DurableRecord,
  Engine,
  FinalizedEffect,
} from "../src/consensus/engine.ts";
import { createSimplex } from "../src/consensus/simplex/simplex.ts";
import type { Rule } from "../src/consensus/simplex/state.ts";
import { assert } from "../src/kit/assert.ts";
import type { Random } from "../src/kit/random.ts";
import { toHex, type Hash, type HashHex, type VotingKey } from "../src/protocol/identifiers.ts";
import { includesSeat } from "../src/protocol/seats.ts";
import type { Transaction } from "../src/protocol/transaction.ts";
import { createBlock, type Block } from "../src/protocol/block.ts";
import type { Certificate, Statement } from "../src/protocol/vote.ts";
import { epochsOf, signed } from "./engine-messages.ts";
import { createModelTransaction, ModelChain, type ModelWorld } from "./model-ledger.ts";
import type { FinalReport, NodeFactory, NodeInput, NodeOutput, SimNode } from "./node.ts";

const SHARE_AGAIN_MS = 1000;
/** How long a lost seat waits before it is asked for again, so that a branch may still change. */
const REJOIN_MS = 3000;
const UNJUDGED_MAX = 200;
const CERTIFIED_MAX = 50;
const SERVED_BLOCKS_MAX = 64;

type EnginePayload =
  | { readonly kind: "consensus"; readonly message: ConsensusMessage }
  | { readonly kind: "transaction"; readonly transaction: Transaction };

interface StoredBlock {
  readonly info: BlockInfo;
  readonly block: Block | null;
}

/** What survives a crash. */
export interface EngineDisk {
  readonly votes: Map<string, Uint8Array>;
  finals: StoredBlock[];
  root: Hash;
  readonly certificates: Map<HashHex, Certificate>;
  readonly recoveries: Map<HashHex, CompleteRecovery>;
  readonly pool: Map<HashHex, Transaction>;
  keys: VotingKey[];
  incarnation: number;
}

export interface EngineNodeOptions {
  readonly id: string;
  readonly world: ModelWorld;
  readonly disk: EngineDisk;
  readonly random: Random;
  readonly wantsSeat: boolean;
  readonly withoutRules: readonly Rule[];
  readonly recoveryMs: number;
}

type Own = { readonly effects: readonly ConsensusEffect[] } | { readonly input: ConsensusInput };

class EngineNode implements SimNode {
  readonly #o: EngineNodeOptions;
  readonly #engine: Engine;
  readonly #chain: ModelChain;
  readonly #disk: EngineDisk;
  #finals: StoredBlock[];
  #started = false;
  #halted = false;
  #nowMs = 0;
  #out: NodeOutput[] = [];
  #writes = 0;
  readonly #waiting = new Map<number, readonly ConsensusEffect[]>();
  #unjudged: { from: string; message: ConsensusMessage }[] = [];
  #tipKey = "";
  #seatlessSinceMs: number | null = null;
  #sharedAtMs = 0;
  #head: Hash;
  #returned: Transaction[] = [];

  constructor(options: EngineNodeOptions) {
    this.#o = options;
    this.#disk = options.disk;
    this.#chain = new ModelChain(options.world);
    for (const [key, transaction] of options.disk.pool) this.#chain.pool.set(key, transaction);
    const root = options.world.state(options.disk.root)!.info;
    this.#finals = [...options.disk.finals];
    this.#head = root.id;
    this.#engine = createSimplex(this.#chain, root, {
      chain: options.world.chain,
      baseTimeoutMs: 1000,
      heartbeatMs: options.world.heartbeatMs,
      recoveryMs: options.recoveryMs,
      blockIntervalMs: () => 0,
      withoutRules: options.withoutRules,
    });
  }

  // ------------------------------------------------------------ what the simulator sees

  status() {
    return this.#engine.status();
  }

  hasFinal(mark: number): boolean {
    return this.#state().marks.has(mark);
  }

  stateRootAt(): HashHex {
    return this.#o.world.stateRootOf(this.#state());
  }

  finalHeight(): number {
    return this.#state().info.height;
  }

  #state() {
    return this.#o.world.state(this.#head)!;
  }

  // ------------------------------------------------------------ inputs

  step(nowMs: number, input: NodeInput): readonly NodeOutput[] {
    this.#nowMs = nowMs;
    this.#out = [];
    if (this.#halted) return [];
    if (!this.#started) this.#start();
    this.#take(input);
    const tip = toHex(this.#engine.epochId);
    if (tip !== this.#tipKey) {
      this.#tipKey = tip;
      const held = this.#unjudged;
      this.#unjudged = [];
      for (const { from, message } of held) this.#receive(from, message);
    }
    return this.#out;
  }

  #start(): void {
    this.#started = true;
    this.#input({ kind: "keys", keys: this.#disk.keys });
    const records: DurableRecord[] = [...this.#disk.votes];
    const rootHeight = this.#o.world.state(this.#disk.root)!.info.height;
    const above = this.#finals.filter(({ info }) => info.height > rootHeight || toHex(info.heightedId) !== toHex(info.id));
    this.#input({ kind: "load", records, finals: above.map(({ info }) => info) });
  }

  #take(input: NodeInput): void {
    switch (input.kind) {
      case "tick":
        this.#rejoin();
        this.#shareAgain();
        return this.#input({ kind: "tick" });
      case "linked":
      case "unlinked":
        return this.#input(input);
      case "message":
        return this.#onPayload(input.from, input.payload as EnginePayload);
      case "stored": {
        if (input.isRefused) {
          this.#halted = true;
          this.#out.push({ kind: "halted", code: "storage-full" });
          return;
        }
        const then = this.#waiting.get(input.id) ?? [];
        this.#waiting.delete(input.id);
        return this.#perform(then);
      }
      case "own": {
        const own = input.payload as Own;
        return "effects" in own ? this.#perform(own.effects) : this.#input(own.input);
      }
      case "pay":
        this.#submit(createModelTransaction(this.#o.world.chain, "account.transfer", input.mark, input.mark));
        this.#out.push({ kind: "sent", mark: input.mark });
        return;
      case "closing":
        return this.#input({ kind: "closing" });
    }
  }

  #onPayload(from: string, payload: EnginePayload): void {
    if (payload.kind === "consensus") return this.#receive(from, payload.message);
    const key = toHex(payload.transaction.id);
    if (this.#chain.pool.has(key) || this.#state().included.has(key)) return;
    this.#chain.pool.set(key, payload.transaction);
    this.#input({ kind: "transactions-changed" });
  }

  #receive(from: string, message: ConsensusMessage): void {
    const epochId = epochsOf(message).find((epoch) => this.#engine.seatsOf(epoch) === undefined);
    if (epochId === undefined) return this.#input({ kind: "message", from, message });
    if (message.kind !== "give" && this.#unjudged.length < UNJUDGED_MAX) this.#unjudged.push({ from, message });
    this.#input({ kind: "unknown-epoch", from, epochId });
  }

  #input(input: ConsensusInput): void {
    this.#perform(this.#engine.step(this.#nowMs, input));
  }

  // ------------------------------------------------------------ effects

  #perform(effects: readonly ConsensusEffect[]): void {
    for (const effect of effects) this.#performOne(effect);
  }

  #performOne(effect: ConsensusEffect): void {
    switch (effect.kind) {
      case "persist":
        return this.#store(effect.then, () => {
          for (const key of effect.deletes) this.#disk.votes.delete(key);
          for (const [key, bytes] of effect.puts) this.#disk.votes.set(key, bytes);
        });
      case "cast":
        return this.#cast(effect.seat, effect.cast);
      case "broadcast":
        return this.#send("*", effect.message);
      case "send":
        return this.#send(effect.peer, effect.message);
      case "ask":
        return this.#send(effect.peer ?? "?", { kind: "ask", id: effect.id });
      case "serve-block":
        return this.#serveBlock(effect.peer, effect.id);
      case "serve-chain":
        return this.#serveChain(effect.peer, effect.known);
      case "finalized":
        return this.#finalized(effect);
      case "switched":
        return this.#switched(effect.undone);
      case "wake":
        this.#out.push({ kind: "wake", atMs: effect.atMs });
        return;
      case "evidence":
        this.#out.push({ kind: "accused", seat: toHex(effect.first.seat) });
        return;
      case "dropped":
      case "split":
        return;
    }
  }

  #send(to: string, message: ConsensusMessage): void {
    this.#out.push({ kind: "send", to, payload: { kind: "consensus", message } satisfies EnginePayload });
  }

  #store(then: readonly ConsensusEffect[], apply: () => void): void {
    const id = this.#writes++;
    this.#waiting.set(id, then);
    this.#out.push({ kind: "store", id, apply });
  }

  /** A stand-in signs at once: no node here forges another's name. */
  #cast(seat: VotingKey, cast: CastStatement): void {
    this.#input({ kind: "message", from: null, message: signed(seat, cast) });
  }

  #finalized(effect: FinalizedEffect): void {
    this.#head = effect.head;
    const stored = effect.blocks.map((id): StoredBlock => ({ info: this.#chain.info(id)!, block: this.#o.world.bodyOf(id) }));
    const state = this.#state();
    for (const [key, transaction] of this.#chain.pool) {
      const isPayment = transaction.body.calls[0]![0] === "account.transfer";
      if (state.included.has(key) || !(isPayment || this.#o.world.isExecutable(state, transaction))) this.#chain.pool.delete(key);
    }
    this.#report(effect);
    if (effect.restored) return;
    const cut = this.#finals.length;
    this.#finals.push(...stored);
    const returned = this.#returned;
    this.#returned = [];
    const pool = new Map(this.#chain.pool);
    this.#store([], () => {
      for (const [key, bytes] of effect.puts) this.#disk.votes.set(key, bytes);
      for (const key of effect.deletes) this.#disk.votes.delete(key);
      for (const certificate of effect.certificates) this.#disk.certificates.set(toHex(certificate.epochId), certificate);
      for (const complete of effect.recoveries) this.#disk.recoveries.set(toHex(complete.recovery.epochId), complete);
      this.#disk.finals.splice(cut, Infinity, ...stored);
      this.#disk.root = effect.root;
      for (const key of this.#disk.pool.keys()) if (!pool.has(key)) this.#disk.pool.delete(key);
      for (const transaction of returned) this.#disk.pool.set(toHex(transaction.id), transaction);
    });
  }

  #report({ certificates }: FinalizedEffect): void {
    const certified: { epoch: HashHex; height: number; id: HashHex }[] = [];
    for (const certificate of certificates) {
      const epoch = toHex(certificate.epochId);
      for (let at = this.#o.world.state(certificate.candidate!)?.info; at !== undefined && toHex(at.id) !== epoch;) {
        if (toHex(at.heightedId) === toHex(at.id)) certified.push({ epoch, height: at.height, id: toHex(at.id) });
        at = at.parent === null || certified.length > CERTIFIED_MAX ? undefined : this.#o.world.state(at.parent)?.info;
      }
    }
    const status = this.#engine.status();
    const final: FinalReport = {
      epoch: toHex(status.epochId),
      head: toHex(this.#head),
      height: this.finalHeight(),
      certified,
      stateRoot: this.stateRootAt(),
      strength: status.strength,
    };
    this.#out.push({ kind: "final", final });
  }

  /** Blocks of a branch that was left; their payments wait again. */
  #switched(undone: readonly Hash[]): void {
    const left = new Set(undone.map(toHex));
    this.#finals = this.#finals.filter(({ info }) => !left.has(toHex(info.id)));
    for (const id of undone) {
      for (const transaction of this.#o.world.bodyOf(id)?.transactions ?? []) {
        if (transaction.body.calls[0]![0] !== "account.transfer") continue;
        this.#chain.pool.set(toHex(transaction.id), transaction);
        this.#returned.push(transaction);
      }
    }
  }

  // ------------------------------------------------------------ answering from the disk

  #serveBlock(peer: string, id: Hash): void {
    const stored = this.#finals.find(({ info }) => toHex(info.id) === toHex(id));
    if (stored?.block) this.#send(peer, { kind: "give", blocks: [stored.block], certificates: [], recoveries: [], more: false });
  }

  #serveChain(peer: string, known: readonly Hash[]): void {
    const positions = new Map(this.#finals.map(({ info }, index) => [toHex(info.id), index]));
    positions.set(toHex(this.#o.world.chain), -1);
    const from = known.map((id) => positions.get(toHex(id))).find((index) => index !== undefined);
    if (from === undefined) return;
    const following = this.#finals.slice(from + 1, from + 1 + SERVED_BLOCKS_MAX);
    const epoch = following[0] === undefined ? "" : toHex(following[0].info.epochId);
    const end = following.findIndex(({ info }) => toHex(info.epochId) !== epoch || info.recovery !== null);
    const blocks = (end < 0 ? following : following.slice(0, end)).flatMap(({ block }) => (block === null ? [] : [block]));
    const certificate = this.#disk.certificates.get(epoch as HashHex);
    const recovery = this.#disk.recoveries.get(epoch as HashHex);
    this.#send(peer, {
      kind: "give",
      blocks,
      certificates: certificate === undefined ? [] : [certificate],
      recoveries: recovery === undefined ? [] : [recovery],
      more: true,
    });
  }

  // ------------------------------------------------------------ what a peer does beside consensus

  #submit(transaction: Transaction): void {
    const key = toHex(transaction.id);
    this.#chain.pool.set(key, transaction);
    // A person's payment counts as sent once it is stored.
    this.#disk.pool.set(key, transaction);
    this.#share(transaction);
    this.#input({ kind: "transactions-changed" });
  }

  #share(transaction: Transaction): void {
    this.#out.push({ kind: "send", to: "*", payload: { kind: "transaction", transaction } satisfies EnginePayload });
  }

  /** Executable transactions are gossiped again while they wait. */
  #shareAgain(): void {
    if (this.#nowMs - this.#sharedAtMs < SHARE_AGAIN_MS) return;
    this.#sharedAtMs = this.#nowMs;
    const state = this.#state();
    for (const transaction of this.#chain.pool.values()) if (this.#o.world.isExecutable(state, transaction)) this.#share(transaction);
  }

  /** A seat that was lost is asked for again. */
  #rejoin(): void {
    const { info } = this.#state();
    const key = this.#disk.keys.at(-1)!;
    const isSeated = includesSeat(info.seats, key) || includesSeat(this.#engine.status().seats, key);
    if (isSeated || !this.#o.wantsSeat) {
      this.#seatlessSinceMs = null;
      return;
    }
    this.#seatlessSinceMs ??= this.#nowMs;
    if (this.#nowMs - this.#seatlessSinceMs < REJOIN_MS) return;
    const { chain } = this.#o.world;
    const isPending = [...this.#chain.pool.values()].some((transaction) => {
      const [operation, argument] = transaction.body.calls[0]!;
      return operation.startsWith("seat.") && argument instanceof Uint8Array && toHex(argument) === toHex(key);
    });
    if (isPending) return;
    const nonce = this.#disk.incarnation++;
    if (includesSeat(info.sleeping, key)) return this.#submit(createModelTransaction(chain, "seat.present", key, nonce));
    const fresh = this.#o.world.createSeat(this.#o.id, nonce + 1);
    this.#disk.keys = [...this.#disk.keys, fresh];
    this.#input({ kind: "keys", keys: this.#disk.keys });
    this.#submit(createModelTransaction(chain, "seat.take", fresh, nonce));
  }
}

/** Nodes of one run over one world. */
export class EngineNodes implements NodeFactory {
  readonly ids: readonly string[];
  readonly world: ModelWorld;
  readonly #disks = new Map<string, EngineDisk>();
  readonly #random: Random;
  readonly #withoutRules: readonly Rule[];
  readonly #recoveryMs: number;

  constructor(options: { ids: readonly string[]; world: ModelWorld; random: Random; recoveryMs: number; withoutRules?: readonly Rule[] }) {
    this.ids = options.ids;
    this.world = options.world;
    this.#random = options.random;
    this.#recoveryMs = options.recoveryMs;
    this.#withoutRules = options.withoutRules ?? [];
  }

  crashed(): void {
    // Whatever was written is durable here.
  }

  wipe(id: string): void {
    const incarnation = (this.#disks.get(id)?.incarnation ?? 0) + 1;
    this.#disks.set(id, this.#emptyDisk(id, incarnation));
  }

  ownerOf(seat: HashHex): string | undefined {
    return this.world.owners.get(seat);
  }

  #emptyDisk(id: string, incarnation: number): EngineDisk {
    return {
      votes: new Map(),
      finals: [],
      root: this.world.chain,
      certificates: new Map(),
      recoveries: new Map(),
      pool: new Map(),
      keys: [this.world.createSeat(id, incarnation)],
      incarnation,
    };
  }

  open(id: string): SimNode {
    let disk = this.#disks.get(id);
    if (disk === undefined) {
      disk = this.#emptyDisk(id, 0);
      this.#disks.set(id, disk);
    }
    return new EngineNode({
      id,
      world: this.world,
      disk,
      random: this.#random,
      wantsSeat: true,
      recoveryMs: this.#recoveryMs,
      withoutRules: this.#withoutRules,
    });
  }

  inspect(payload: unknown): ConsensusMessage | null {
    const typed = payload as EnginePayload;
    return typed.kind === "consensus" ? typed.message : null;
  }

  /** The same block a moment later. */
  rivalOf(payload: unknown): EnginePayload {
    const message = this.inspect(payload);
    assert(message?.kind === "candidate", "a rival is made of a candidate");
    const { header, transactions } = message.block;
    const block = createBlock({ ...header, timeMs: header.timeMs + 1 }, transactions);
    return { kind: "consensus", message: { ...message, block, vote: { ...message.vote, candidate: block.id } } };
  }

  voteOf(statement: Statement, seat: VotingKey): EnginePayload {
    return { kind: "consensus", message: signed(seat, { kind: "vote", statement }) };
  }
}
