/** What the parts of simplex share: the branch, clocks, tables, and the effects that one step gathers. */
import { assert } from "../../kit/assert.ts";
import { BoundedMap } from "../../kit/bounded-map.ts";
import { equalBytes } from "../../kit/bytes.ts";
import type { TokenBucket } from "../../kit/token-bucket.ts";
import { toHex, type Hash, type HashHex, type VotingKey } from "../../protocol/identifiers.ts";
import { LIMITS } from "../../protocol/limits.ts";
import type { Alive, RecoverySignature, Recovery, Vote } from "../../protocol/vote.ts";
import { BlockTree, type TreeNode } from "../block-tree.ts";
import type { BlockInfo, Chain, ConsensusEffect, ConsensusMessage, DurableRecord } from "../engine.ts";
import { Epoch } from "../epochs.ts";
import type { OwnAlive, OwnRecoveries, OwnVotes } from "../records.ts";
import type { Passing } from "./pass-on.ts";

/** Parts of the protocol that a test may take away, to see that a seed then fails: the voting rules, and three of the recovery's. */
export const RULES = [
  "rule1",
  "rule2",
  "rule3",
  "rule4",
  "rule5",
  "rule6",
  "rule7",
  "rule8",
  "patientFollow",
  "promise",
  "durableNotarized",
] as const;
export type Rule = (typeof RULES)[number];

export interface SimplexOptions {
  readonly chain: Hash;
  readonly baseTimeoutMs: number;
  readonly heartbeatMs: number;
  /** T of the recovery. */
  readonly recoveryMs: number;
  /** Under load a leader lets this much time pass since its parent's header before it proposes, so that blocks carry batches. */
  readonly blockIntervalMs: () => number;
  /** For the simulator's tests only. */
  readonly withoutRules?: readonly Rule[];
}

/** Growth and cap of the timeout in multiples of the base (measured in the model: faster growth delays healing, none never ends). */
const TIMEOUT_GROWTH = 1.5;
const TIMEOUT_CAP = 8;
export const REPEAT_MS = 1000;
/** In units of T: when those who have not signed a recovery may be left out of the next. */
export const LEAVE_OUT = 4;
/** In units of T: how long no current seat was heard when sleepers recover among themselves. */
export const SLEEPERS = 5;
/** A longer gap of ticks is a sleep: clocks restart and peers are greeted. */
export const GAP_MS = 5000;
/** Then a word that this peer is behind, which brings nothing, is believed once in twenty minutes. */
export const VAIN_BELIEFS_MAX = 8;
/** Answers to stragglers, for each peer. */
export const ANSWER_PAUSE_MS = 300;
export const GIVE_PAUSE_MS = 1000;
export const HELLO_PAUSE_MS = 400;

export interface Ask {
  atMs: number;
  gapMs: number;
  readonly id: Hash;
}

export interface HeardAlive {
  readonly alive: Alive;
  readonly atMs: number;
}

/** Signatures gathered for one recovery. */
export interface GatheredRecovery {
  readonly recovery: Recovery;
  readonly signatures: Map<HashHex, RecoverySignature>;
}

export class SimplexState {
  readonly options: SimplexOptions;
  readonly chain: Chain;
  readonly tree: BlockTree;
  readonly epochs = new Map<HashHex, Epoch>();
  /** Epochs of the branch, oldest first; the last is the current one. */
  branch: Epoch[];
  /** The last final block with a height. */
  finalNode: TreeNode;
  /** The last final candidate of the current epoch, maybe an empty one above `finalNode`, or the block that began the epoch. */
  finalHead: TreeNode;
  /** Final blocks in the tree, oldest first. */
  finals: TreeNode[];
  #keys: readonly VotingKey[] = [];
  #seatOf: { readonly epoch: Epoch; readonly seat: VotingKey | null } | null = null;

  nowMs = 0;
  /** What header times are compared with; it may be set back. */
  wallMs = 0;
  loaded = false;
  lastTickMs: number | null = null;
  /** When the current round began, for which round and epoch. */
  roundAtMs = 0;
  roundOf = "";
  finalAtMs = 0;
  notarizedAtMs = 0;
  working = false;
  lastRepeatMs = 0;
  /** The recovery clock, and the time since this peer last signed a recovery. */
  clockMs = 0;
  sinceSignedMs = 0;
  /** When a current seat last said something new, or the epoch began; and whether one has since the epoch began here. */
  currentSeatHeardMs = 0;
  hasHeardCurrentSeat = false;
  /** When this peer took the current epoch into its branch; long ago if it did so before it was started. */
  epochTakenMs = -Infinity;
  /** A recovery of the current epoch was seen, which is not to be followed yet. */
  recoveryInSight = false;
  /** A block is missing that may change the branch. */
  undecided = false;
  splitSaid: HashHex | null = null;
  branchChanged = false;
  /** Sync is under way from this peer. */
  behindSinceMs: number | null = null;
  /** When the next word that this peer is behind is believed, and how many in a row brought nothing final. */
  believesAtMs = 0;
  vainBeliefs = 0;

  readonly own = new Map<string, OwnVotes>();
  /** Epochs begun by a recovery in which a seat of this peer has voted: `epoch/seat`. */
  readonly voted = new Set<string>();
  /** Candidates above the final one whose bodies this peer has written. */
  readonly durableBodies = new Set<HashHex>();
  /** Epochs whose rows are written, with the final round in them; and the branch as it was written last. */
  readonly writtenEpochs = new Map<HashHex, number>();
  writtenBranch = "";
  readonly ownAlives = new Map<string, OwnAlive>();
  readonly ownRecoveries = new Map<string, OwnRecoveries>();
  /** Promises heard in the current epoch, by seat. */
  readonly alives = new BoundedMap<HashHex, HeardAlive>(LIMITS.seatsMax + LIMITS.sleepingSeatsMax);
  readonly gathered = new BoundedMap<HashHex, GatheredRecovery>(LIMITS.recoveriesPerSeatMax * (LIMITS.seatsMax + LIMITS.sleepingSeatsMax));
  /** Seats whose last turn was skipped, or who said they close, and who were not heard since. */
  readonly absent = new Set<HashHex>();
  readonly held = new BoundedMap<string, Vote>(LIMITS.heldVotesMax);
  readonly asks = new BoundedMap<HashHex, Ask>(LIMITS.asksMax);
  /** Certificates gathered here that wait for their turn to be passed on. */
  readonly passing = new BoundedMap<string, Passing>(LIMITS.passingCertificatesMax);
  readonly answeredAtMs = new BoundedMap<string, number>(LIMITS.answeredPeersMax);
  /** What each peer may still be given of the blocks in memory. */
  readonly served = new BoundedMap<string, TokenBucket>(LIMITS.answeredPeersMax);
  /** Answers of a peer in a row that brought nothing new. */
  readonly walked = new BoundedMap<string, number>(LIMITS.answeredPeersMax);
  /** Peers that were greeted and have not answered since. */
  readonly greeted = new BoundedMap<string, true>(LIMITS.answeredPeersMax);
  /** Peers that know what this one does not: an epoch, and where they have said it their last final block. Until all of that is here, sync is under way. */
  readonly ahead = new BoundedMap<string, { readonly lastFinal: HashHex | null; readonly epoch: HashHex }>(LIMITS.answeredPeersMax);
  readonly helloAtMs = new BoundedMap<string, number>(LIMITS.answeredPeersMax);
  /** The last vote of each seat in the current epoch, and the header time at which one was last carried. */
  readonly lastVotes = new Map<HashHex, Vote>();
  readonly carriedAtMs = new BoundedMap<HashHex, number>(2 * LIMITS.seatsMax);
  /** Own candidates that wait for their own vote's signature before they are sent. */
  readonly proposals = new Map<HashHex, Extract<ConsensusMessage, { kind: "candidate" }>["certificates"]>();

  out: ConsensusEffect[] = [];
  puts: DurableRecord[] = [];
  /** Keys of rows that go in the same write. */
  deletes: string[] = [];
  gated: ConsensusEffect[] = [];

  constructor(chain: Chain, root: BlockInfo, options: SimplexOptions) {
    this.chain = chain;
    this.options = options;
    this.tree = new BlockTree(chain, root);
    const node = this.tree.get(toHex(root.id));
    assert(node !== undefined, "the root is a node");
    node.isFinal = true;
    this.finalNode = node;
    this.finalHead = node;
    this.finals = [node];
    const epoch = new Epoch(root.endsEpoch ? root.id : root.epochId, root.seats, null);
    this.epochs.set(epoch.key, epoch);
    this.branch = [epoch];
  }

  get epoch(): Epoch {
    return this.branch[this.branch.length - 1]!;
  }

  has(rule: Rule): boolean {
    return this.options.withoutRules === undefined || !this.options.withoutRules.includes(rule);
  }

  /** The seat of this peer among these, if any. */
  seatIn(seats: readonly VotingKey[]): VotingKey | null {
    return seats.find((seat) => this.#keys.some((key) => equalBytes(key, seat))) ?? null;
  }

  get keys(): readonly VotingKey[] {
    return this.#keys;
  }

  set keys(keys: readonly VotingKey[]) {
    this.#keys = keys;
    this.#seatOf = null;
  }

  /** The seat this peer votes for in the current epoch. Asked for at every step. */
  get seat(): VotingKey | null {
    const { epoch } = this;
    if (this.#seatOf?.epoch !== epoch) this.#seatOf = { epoch, seat: this.seatIn(epoch.seats) };
    return this.#seatOf.seat;
  }

  isOnBranch(epoch: HashHex): boolean {
    return this.branch.some((other) => other.key === epoch);
  }

  /** rule 6: patience with a round, growing while nothing is final. */
  timeoutMs(roundsSinceFinal: number): number {
    const grown = Math.min(TIMEOUT_CAP, TIMEOUT_GROWTH ** Math.min(roundsSinceFinal - 1, 16));
    return this.options.baseTimeoutMs * grown;
  }

  /** The lowest round that is not cleared (rule 1), and note when it began. */
  currentRound(): number {
    const { epoch } = this;
    let round = epoch.finalRound + 1;
    if (this.has("rule1")) while (epoch.isCleared(round)) round++;
    const name = `${epoch.key}/${round}`;
    if (name !== this.roundOf) {
      this.roundOf = name;
      this.roundAtMs = this.nowMs;
    }
    return round;
  }

  broadcast(message: ConsensusMessage): void {
    this.out.push({ kind: "broadcast", message });
  }

  send(peer: string, message: ConsensusMessage): void {
    this.out.push({ kind: "send", peer, message });
  }

  /** What one step gathered, the strict write last: its gated effects come out when it is durable. */
  takeEffects(): readonly ConsensusEffect[] {
    const effects = this.out;
    const { puts, deletes, gated } = this;
    if (puts.length + deletes.length > 0) effects.push({ kind: "persist", puts, deletes, then: gated });
    else effects.push(...this.gated);
    this.out = [];
    this.puts = [];
    this.deletes = [];
    this.gated = [];
    return effects;
  }
}
