/** Fork choice, and what follows when the branch grows or changes. PROTOCOL, "Seats and epochs" and "Recovery". */
import { assert } from "../../kit/assert.ts";
import { toHex, type Hash, type HashHex } from "../../protocol/identifiers.ts";
import { Refusal } from "../../protocol/refusal.ts";
import { recoveryBlockId } from "../../protocol/vote.ts";
import type { TreeNode } from "../block-tree.ts";
import type { CompleteRecovery } from "../engine.ts";
import { Epoch } from "../epochs.ts";
import { isBetterRecovery } from "../recovery-order.ts";
import { headOf, isSettled, need } from "./branch-line.ts";
import { finalize } from "./finality.ts";
import { LEAVE_OUT, SLEEPERS, type SimplexState } from "./state.ts";

/** In units of T: how far apart the clocks of seats may stand that sign the same recovery. */
const SIGNING = 2;

/** The epoch that a node begins, made if it is new. */
function openEpoch(s: SimplexState, node: TreeNode): Epoch {
  const known = s.epochs.get(node.key);
  if (known !== undefined) return known;
  const { recovery } = node;
  const before = recovery === null ? undefined : s.epochs.get(toHex(recovery.recovery.epochId));
  assert(recovery === null || before !== undefined, "a recovery's epoch is known");
  const begunBy = recovery === null ? null : { recovery: recovery.recovery, seatsBefore: before!.seats.length };
  const epoch = new Epoch(node.id, node.info.seats, begunBy);
  s.epochs.set(epoch.key, epoch);
  return epoch;
}

/** What begins the next epoch. `node` is null where that branch begins deeper than this peer can go back. */
interface Beginning {
  readonly id: Hash;
  readonly key: HashHex;
  readonly node: TreeNode | null;
}

/** Null unless a complete recovery may be followed: its base is held, and it extends what is final in its epoch. */
function beginningOf(s: SimplexState, epoch: Epoch, head: TreeNode, complete: CompleteRecovery): Beginning | null {
  const { base, seats, sleepers } = complete.recovery;
  const known = s.tree.get(toHex(recoveryBlockId(complete.recovery)));
  if (known === undefined) {
    const found = s.tree.ensure(base);
    if (!("key" in found)) {
      if ("missing" in found) need(s, found.missing);
      return null;
    }
    const inEpoch = found.key === epoch.key || found.epochKey === epoch.key;
    const named = sleepers ? found.info.sleeping : epoch.seats;
    const allowed = new Set(named.map(toHex));
    if (!inEpoch || found.heighted !== found || !seats.every((seat) => allowed.has(toHex(seat)))) return null;
    // A certificate beats a recovery that does not extend what it made final.
    if (head.key !== epoch.key && !s.tree.isAncestor(head.heighted, found)) return null;
    return executed(s, epoch, complete);
  }
  if (head.key !== epoch.key && !s.tree.isAncestor(head.heighted, known.parent!)) return null;
  return beginning(known);
}

function beginning(node: TreeNode): Beginning {
  return { id: node.id, key: node.key, node };
}

function executed(s: SimplexState, epoch: Epoch, complete: CompleteRecovery): Beginning | null {
  try {
    return beginning(s.tree.addRecovery(complete, epoch.seats));
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    if (error.code !== "unknown-parent") return null;
    const id = recoveryBlockId(complete.recovery);
    return { id, key: toHex(id), node: null };
  }
}

/** Whether a recovery of the current epoch must wait for this peer's own clock (PROTOCOL: followed only after one's own clock has passed). */
function mustWait(s: SimplexState, epoch: Epoch, complete: CompleteRecovery): boolean {
  const { seats, sleepers } = complete.recovery;
  const t = s.options.recoveryMs;
  if (sleepers) {
    // Who hears a current seat, or is one, is not led off by sleepers who say that there is none.
    const hears = s.hasHeardCurrentSeat && s.nowMs - s.currentSeatHeardMs < SLEEPERS * t;
    return hears || (s.seatIn(epoch.seats) !== null && s.clockMs < SLEEPERS * t);
  }
  if (epoch.seats.length - seats.length < epoch.quorum || !s.has("patientFollow")) return false;
  if (hasSigned(s, epoch, complete)) return false;
  return s.clockMs < 4 * t || awaitsMore(s, epoch, complete);
}

/**
 * Whether this peer signed a recovery of more seats, which may still be completed without those that do not sign: one seat that promises, withholds its
 * signature and offers a recovery of its own must not come before all others.
 */
function awaitsMore(s: SimplexState, epoch: Epoch, complete: CompleteRecovery): boolean {
  if (s.sinceSignedMs >= (LEAVE_OUT + SIGNING) * s.options.recoveryMs) return false;
  return s.keys.some((key) => {
    const last = s.ownRecoveries.get(`${epoch.key}/${toHex(key)}`)?.recoveries.at(-1);
    return last !== undefined && !last.sleepers && last.seats.length > complete.recovery.seats.length;
  });
}

function hasSigned(s: SimplexState, epoch: Epoch, complete: CompleteRecovery): boolean {
  const id = toHex(recoveryBlockId(complete.recovery));
  return s.keys.some((key) => {
    const own = s.ownRecoveries.get(`${epoch.key}/${toHex(key)}`);
    return own !== undefined && own.recoveries.some((recovery) => toHex(recoveryBlockId(recovery)) === id);
  });
}

function bestRecovery(s: SimplexState, epoch: Epoch, head: TreeNode): Beginning | null {
  let best: CompleteRecovery | null = null;
  let chosen: Beginning | null = null;
  for (const [, complete] of epoch.recoveries.entries()) {
    const found = beginningOf(s, epoch, head, complete);
    if (found === null) continue;
    if (epoch === s.epoch && mustWait(s, epoch, complete)) {
      s.recoveryInSight = true;
      continue;
    }
    if (best === null || isBetterRecovery(complete, best)) {
      best = complete;
      chosen = found;
    }
  }
  return chosen;
}

/**
 * Walks from the oldest epoch of the branch: at each, a finality certificate that closes it, else the best recovery. Branches are so
 * compared at the first certificate or recovery after their fork.
 */
export function choose(s: SimplexState): void {
  s.undecided = false;
  let epoch = s.branch[0]!;
  const path: Epoch[] = [epoch];
  for (let index = 0; ; index++) {
    const head = headOf(s, epoch);
    const ending = head.key === epoch.key ? null : head.endedBy;
    const next = ending === null ? bestRecovery(s, epoch, head) : beginning(ending);
    const old = s.branch[index + 1];
    const onOldPath = s.branch[index] === epoch && old !== undefined;
    if (onOldPath && next !== null && next.key !== old.key && (next.node === null || isSettled(s, old))) {
      if (s.splitSaid !== next.key) s.out.push({ kind: "split", epochId: epoch.id, recovery: next.id });
      s.splitSaid = next.key;
      epoch = old;
    } else if (next === null || next.node === null) {
      if (head !== s.finalHead || epoch !== s.epoch) adopt(s, path, head);
      return;
    } else epoch = openEpoch(s, next.node);
    path.push(epoch);
  }
}

function adopt(s: SimplexState, path: Epoch[], head: TreeNode): void {
  const oldTip = s.epoch;
  for (const epoch of path) if (!s.branch.includes(epoch)) epoch.adoptedMs = s.nowMs;
  s.branch = path;
  const tip = s.epoch;
  if (tip !== oldTip) {
    for (const [seat, { alive }] of s.alives.entries()) if (toHex(alive.epochId) !== tip.key) s.alives.delete(seat);
    s.recoveryInSight = false;
    s.epochTakenMs = s.nowMs;
    s.currentSeatHeardMs = s.nowMs;
    s.hasHeardCurrentSeat = false;
    s.lastVotes.clear();
    s.branchChanged = true;
  }
  s.clockMs = 0;
  s.sinceSignedMs = 0;
  s.finalAtMs = s.nowMs;
  s.roundAtMs = s.nowMs;
  finalize(s, head);
}
