/**
 * Engine 1, simplex (Chan and Pass, "Simplex Consensus", TCC 2023), with epochs and recovery. PROTOCOL, "Blocks and finality".
 * One input in, effects out; nothing it decides depends on anything but its inputs.
 */
import { assert } from "../../kit/assert.ts";
import { toHex, type Hash, type VotingKey } from "../../protocol/identifiers.ts";
import { VOTE_KINDS, type VoteKind } from "../../protocol/vote.ts";
import { LIMITS } from "../../protocol/limits.ts";
import {
  STRENGTHS,
  type BlockInfo,
  type Chain,
  type ConsensusEffect,
  type ConsensusInput,
  type ConsensusStatus,
  type Engine,
  type Strength,
} from "../engine.ts";
import { recover } from "../recovery.ts";
import { askDue } from "./asks.ts";
import { choose } from "./branch.ts";
import { load } from "./load.ts";
import { onMessage, onOwn, releaseHeld } from "./messages.ts";
import { passOn } from "./pass-on.ts";
import { highestOf, progress } from "./rounds.ts";
import { GAP_MS, SimplexState, type SimplexOptions } from "./state.ts";
import { believeAgain, greet, greetAgain, helloMessage, repeat } from "./sync.ts";

/** `root` is the lowest block of the tree: genesis, or what `finalized` named as the root before a restart. */
export function createSimplex(chain: Chain, root: BlockInfo, options: SimplexOptions): Engine {
  return new Simplex(chain, root, options);
}

class Simplex implements Engine {
  readonly #s: SimplexState;

  constructor(chain: Chain, root: BlockInfo, options: SimplexOptions) {
    this.#s = new SimplexState(chain, root, options);
  }

  step(nowMs: number, input: ConsensusInput, wallMs = nowMs): readonly ConsensusEffect[] {
    const s = this.#s;
    s.nowMs = Math.max(nowMs, s.nowMs);
    s.wallMs = wallMs;
    if (input.kind === "load") {
      assert(!s.loaded, "load comes once");
      load(s, input);
    } else if (input.kind === "keys") s.keys = input.keys;
    else {
      assert(s.loaded, "load comes first");
      this.#take(input);
      if (s.branchChanged) {
        s.branchChanged = false;
        releaseHeld(s);
      }
      progress(s);
      passOn(s);
      if (input.kind === "tick") {
        recover(s);
        repeat(s);
      }
    }
    return s.takeEffects();
  }

  #take(input: Exclude<ConsensusInput, { kind: "load" | "keys" }>): void {
    const s = this.#s;
    switch (input.kind) {
      case "tick":
        return this.#beginTick();
      case "message":
        return input.from === null ? onOwn(s, input.message) : onMessage(s, input.from, input.message);
      case "linked":
        return s.has("rule8") ? greetAgain(s, input.peer, null) : undefined;
      case "unknown-epoch":
        return greet(s, input.from, toHex(input.epochId));
      case "closing":
        return this.#close();
      case "unlinked":
        // It can give nothing any more; what the others state, or five seconds, say whether this peer is behind.
        return void s.ahead.delete(input.peer);
      case "transactions-changed":
        return undefined;
    }
  }

  #beginTick(): void {
    const s = this.#s;
    const gapMs = s.lastTickMs === null ? 0 : s.nowMs - s.lastTickMs;
    s.lastTickMs = s.nowMs;
    // The recovery clock runs only while work waits and this peer is awake.
    const runs = s.working && gapMs <= GAP_MS;
    s.clockMs = runs ? s.clockMs + gapMs : 0;
    s.sinceSignedMs = runs ? s.sinceSignedMs + gapMs : 0;
    if (gapMs > GAP_MS) believeAgain(s);
    if (gapMs > GAP_MS && s.has("rule8")) s.broadcast(helloMessage(s));
    askDue(s);
    if (s.recoveryInSight || s.undecided) choose(s);
  }

  #close(): void {
    const s = this.#s;
    const { seat, epoch } = s;
    if (seat === null) return;
    const absent = { chain: s.options.chain, epochId: epoch.id, round: s.currentRound() };
    s.gated.push({ kind: "cast", seat, cast: { kind: "absent", absent } });
  }

  seatsOf(epochId: Hash): readonly VotingKey[] | undefined {
    return this.#s.epochs.get(toHex(epochId))?.seats;
  }

  sleepersOf(epochId: Hash): readonly VotingKey[] {
    const s = this.#s;
    const key = toHex(epochId);
    const before = s.tree.get(key)?.info.sleeping ?? [];
    return key === s.epoch.key ? [...before, ...s.finalNode.info.sleeping] : before;
  }

  get epochId(): Hash {
    return this.#s.epoch.id;
  }

  get begunBy(): Engine["begunBy"] {
    return this.#s.epoch.begunBy;
  }

  get bodiesBytes(): number {
    return this.#s.tree.bodiesBytes;
  }

  status(): ConsensusStatus {
    const s = this.#s;
    const { epoch } = s;
    const round = s.currentRound();
    const highest = highestOf(s);
    const votes = epoch.round(round)?.bySeat;
    return {
      epochId: epoch.id,
      round,
      seats: epoch.seats,
      sleeping: s.finalNode.info.sleeping,
      quorum: epoch.quorum,
      seat: s.seat,
      leader: epoch.leaderOf(round),
      finalId: s.finalNode.id,
      finalHeight: s.finalNode.info.height,
      finalRound: epoch.finalRound,
      notarizedId: highest.node.id,
      notarizedRound: highest.round,
      notarizedHeight: highest.node.info.height,
      votes: epoch.seats.map((seat, index) => {
        const said = new Set((votes?.get(index) ?? []).map((vote) => vote.kind));
        return { seat, kinds: VOTE_KINDS.filter((kind): kind is VoteKind => said.has(kind)) };
      }),
      absent: epoch.seats.filter((seat) => s.absent.has(toHex(seat))),
      working: s.working,
      strength: this.#strength(),
      recovery: s.clockMs > s.options.baseTimeoutMs ? this.#recoveryStatus() : null,
      behind: s.behindSinceMs !== null && s.nowMs - s.behindSinceMs < GAP_MS,
    };
  }

  #recoveryStatus(): ConsensusStatus["recovery"] {
    const s = this.#s;
    const { seat, epoch } = s;
    const alive = [...s.alives.entries()].map(([, heard]) => heard.alive.seat);
    return { clockMs: s.clockMs, promised: seat !== null && s.ownAlives.has(`${epoch.key}/${toHex(seat)}`), alive };
  }

  /** The weakest link that this peer saw within the last hour of its own clock. */
  #strength(): Strength {
    const s = this.#s;
    let weakest = 0;
    for (const epoch of s.branch) {
      if (s.nowMs - epoch.adoptedMs < LIMITS.undoMsMax) weakest = Math.max(weakest, STRENGTHS.indexOf(epoch.strength));
    }
    return STRENGTHS[weakest]!;
  }
}
