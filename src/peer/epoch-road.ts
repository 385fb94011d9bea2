/** The way from an epoch that is believed to the epoch of a late block: as few steps as its seats allow (bisection, as in `epoch-steps.ts`). */
import { isBetterRecovery } from "../consensus/recovery-order.ts";
import type { SignatureToCheck } from "../consensus/signature-checks.ts";
import { assert } from "../kit/assert.ts";
import { equalBytes } from "../kit/bytes.ts";
import { decodeHeader, type BlockHeader } from "../protocol/block.ts";
import type { Hash } from "../protocol/identifiers.ts";
import { Refusal } from "../protocol/refusal.ts";
import { checkFinality, checkStep, type EpochStep, type FinalityProof, type TrustedEpoch } from "./epoch-steps.ts";
import type { SnapshotMessage } from "./snapshot-wire.ts";

/** The epoch that a peer stands in, and up to where it has final blocks. */
export interface RoadStart extends TrustedEpoch {
  readonly finalHeight: number;
  /**
   * Whether a recovery of this very epoch is followed. Whoever is awake follows one by the rules of its engine, which let it wait for the others (PROTOCOL,
   * "Recovery"); only who was away for so long that all waiting is over comes by this road.
   */
  readonly mayFollowRecovery: boolean;
}

export interface RoadStep {
  readonly step: EpochStep;
  /** Where it leads. */
  readonly epoch: TrustedEpoch;
}

export type RoadQuestion = Extract<SnapshotMessage, { kind: "skip" | "epochs" }>;
export type RoadAnswer = Extract<SnapshotMessage, { kind: "skipped" | "steps" }>;

export class EpochRoad {
  readonly #chain: Hash;
  readonly #proof: FinalityProof;
  readonly #target: BlockHeader;
  readonly #height: number;
  readonly #start: RoadStart;
  readonly #path: RoadStep[] = [];
  #at: TrustedEpoch;
  /** Height up to which the next step is tried; null when steps are taken one by one. */
  #probe: number | null;
  #pending: readonly RoadStep[] = [];

  /** @throws {Refusal} when the proof is of no block. */
  constructor(chain: Hash, start: RoadStart, proof: FinalityProof) {
    this.#chain = chain;
    this.#start = start;
    this.#at = start;
    this.#proof = proof;
    const header = proof.headers[0] === undefined ? null : decodeHeader(proof.headers[0]);
    if (header === null || header.height === null) throw new Refusal("epoch-unproven", { reason: "no block" });
    this.#target = header;
    this.#height = header.height;
    this.#probe = this.#last;
  }

  get target(): BlockHeader {
    return this.#target;
  }

  /** Of the target. */
  get height(): number {
    return this.#height;
  }

  get path(): readonly RoadStep[] {
    return this.#path;
  }

  /** Whose seats are believed so far. */
  get epoch(): TrustedEpoch {
    return this.#at;
  }

  /** The target's epoch began below it. */
  get #last(): number {
    return this.#height - 1;
  }

  /** What is to be asked next; null at the end of the road. */
  question(): RoadQuestion | null {
    if (equalBytes(this.#at.id, this.#target.epochId)) return null;
    return this.#probe === null ? { kind: "epochs", after: this.#at.id } : { kind: "skip", height: this.#probe };
  }

  /**
   * What an answer to the question leads to: signatures to be found right before `accept`. An empty list where the step was too far and a shorter one is to
   * be asked for.
   * @throws {Refusal} when the answer does not hold.
   */
  take(answer: RoadAnswer): readonly SignatureToCheck[] {
    this.#pending = [];
    if (answer.kind === "steps") return this.#takeSteps(answer.steps);
    try {
      if (answer.step !== null && answer.step.kind === "skipped") return this.#takeSteps([answer.step]);
    } catch (error) {
      if (!(error instanceof Refusal) || error.code !== "epoch-unproven") throw error;
    }
    this.#shorten();
    return [];
  }

  #takeSteps(steps: readonly EpochStep[]): readonly SignatureToCheck[] {
    if (steps.length === 0) throw new Refusal("epoch-unproven", { reason: "no step" });
    const checks: SignatureToCheck[] = [];
    const pending: RoadStep[] = [];
    let at = this.#at;
    for (const step of steps) {
      // The rest of an answer may lead beyond the target.
      if (equalBytes(at.id, this.#target.epochId)) break;
      const checked = checkStep(step, at, this.#chain);
      const isOwn = equalBytes(at.id, this.#start.id);
      at = checked.believed;
      if (isOwn && step.kind === "recovered") this.#requireFollowable(at);
      if (at.height > this.#last) throw new Refusal("epoch-unproven", { reason: "beyond the block" });
      checks.push(...checked.checks);
      pending.push({ step, epoch: at });
    }
    this.#pending = pending;
    return checks;
  }

  /** A recovery of the epoch that this peer stands in. @throws {Refusal} `epoch-unproven`. */
  #requireFollowable(next: TrustedEpoch): void {
    // What is certified here beats a recovery that does not extend it.
    if (next.height <= this.#start.finalHeight) throw new Refusal("epoch-unproven", { reason: "below what is final" });
    if (!this.#start.mayFollowRecovery) throw new Refusal("epoch-unproven", { reason: "a recovery of the present epoch" });
  }

  #shorten(): void {
    const probe = Math.floor((this.#at.height + (this.#probe ?? 0)) / 2);
    this.#probe = probe <= this.#at.height + 1 || probe === this.#probe ? null : probe;
  }

  /** The signatures were found right. */
  accept(): void {
    const last = this.#pending.at(-1);
    assert(last !== undefined, "an answer was taken");
    this.#path.push(...this.#pending);
    this.#pending = [];
    this.#at = last.epoch;
    this.#probe = this.#last;
  }

  /** Signatures that make the target final, at the end of the road. @throws {Refusal} when it is not. */
  finalityChecks(): readonly SignatureToCheck[] {
    return checkFinality(this.#proof, this.#at, this.#chain).checks;
  }
}

function recoveriesOf(road: EpochRoad): readonly RecoveredStep[] {
  return road.path.flatMap(({ step, epoch }) => (step.kind === "recovered" ? [{ complete: step.complete, epoch }] : []));
}

interface RecoveredStep {
  readonly complete: Extract<EpochStep, { kind: "recovered" }>["complete"];
  readonly epoch: TrustedEpoch;
}

/** Whether a block whose last recovery is this one stands on the branch of a road that leads further. */
export function isOnRoad(road: EpochRoad, start: TrustedEpoch, lastRecovery: Hash | null): boolean {
  const known = [start.lastRecovery, ...recoveriesOf(road).map(({ epoch }) => epoch.id)];
  return known.some((id) => (id === null || lastRecovery === null ? id === lastRecovery : equalBytes(id, lastRecovery)));
}

/**
 * Whether the first of two roads from one start leads along the better branch (PROTOCOL, fork choice). Between recoveries there are certificates alone, of
 * which there is one line, so that the branches part at the first recovery that differs.
 */
export function isBetterRoad(a: EpochRoad, b: EpochRoad): boolean {
  const [ofA, ofB] = [recoveriesOf(a), recoveriesOf(b)];
  for (let index = 0; ; index++) {
    const [one, other] = [ofA[index], ofB[index]];
    if (one === undefined && other === undefined) return a.height > b.height;
    if (other === undefined) return !isBetterRoad(b, a);
    const baseHeight = other.epoch.height - 1;
    // What certificates made final above the base of the other's recovery beats it.
    if (one === undefined) return a.height > baseHeight;
    if (equalBytes(one.epoch.id, other.epoch.id)) continue;
    if (equalBytes(one.complete.recovery.epochId, other.complete.recovery.epochId)) return isBetterRecovery(one.complete, other.complete);
    return one.epoch.height - 1 > baseHeight;
  }
}
