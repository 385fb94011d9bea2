/** Fork choice, and what follows when the branch grows or changes. PROTOCOL, "Seats and epochs" and "Recovery". */
import { assert } from "../../kit/assert.ts";
import { compareBytes } from "../../kit/bytes.ts";
import { toHex, type Hash, type HashHex } from "../../protocol/identifiers.ts";
import { LIMITS } from "../../protocol/limits.ts";
import { recoveryBlockId } from "../../protocol/vote.ts";
import type { TreeNode } from "../block-tree.ts";
import type { CompleteRecovery, DurableRecord } from "../engine.ts";
import { alwaysYields, Epoch } from "../epochs.ts";
import { encodeBranch, encodeEpoch, recordKeys } from "../records.ts";
import { ask } from "./asks.ts";
import { finalize } from "./finality.ts";
import type { SimplexState } from "./state.ts";

/** A closed epoch stays in the branch this long, so that stragglers in it are answered at once. */
const CLOSED_EPOCHS_KEPT = 8;

/** The epoch that a node begins, made if it is new. */
export function openEpoch(s: SimplexState, node: TreeNode): Epoch {
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

/** A block without which the branch cannot be chosen: asked for again at every tick's choice until it is there, also at rest. */
function need(s: SimplexState, id: Hash): void {
  s.undecided = true;
  ask(s, id, null);
}

/** The last final candidate of an epoch, or the block that began it. Takes in a better certificate whose candidate can now be executed. */
function headOf(s: SimplexState, epoch: Epoch): TreeNode {
  const { wanted } = epoch;
  if (wanted !== null) {
    const found = s.tree.ensure(wanted.candidate!);
    if ("key" in found) {
      if (found.epochKey === epoch.key) epoch.final = wanted;
      epoch.floor = Math.max(epoch.floor, epoch.finalRound);
      epoch.wanted = null;
    } else if ("missing" in found) need(s, found.missing);
    else epoch.wanted = null;
  }
  if (epoch.final !== null) {
    const node = s.tree.ensure(epoch.final.candidate!);
    if ("key" in node) return node;
    if ("missing" in node) need(s, node.missing);
  }
  const start = s.tree.get(epoch.key);
  if (start !== undefined) return start;
  assert(epoch === s.branch[0], "only the oldest epoch may have begun below the tree");
  return s.finals[0]!;
}

/** Whether a complete recovery may be followed: its base is held, and it extends what is final in its epoch. */
function nodeOfRecovery(s: SimplexState, epoch: Epoch, head: TreeNode, complete: CompleteRecovery): TreeNode | null {
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
    return s.tree.addRecovery(complete, epoch.seats);
  }
  if (head.key !== epoch.key && !s.tree.isAncestor(head.heighted, known.parent!)) return null;
  return known;
}

/** More current seats first, then more signers, then the lower digest; sleepers lose to all current seats. */
function isBetter(a: CompleteRecovery, b: CompleteRecovery): boolean {
  if (a.recovery.sleepers !== b.recovery.sleepers) return b.recovery.sleepers;
  const difference = a.recovery.seats.length - b.recovery.seats.length;
  if (difference !== 0) return difference > 0;
  return compareBytes(recoveryBlockId(a.recovery), recoveryBlockId(b.recovery)) < 0;
}

/** Whether a recovery of the current epoch must wait for this peer's own clock (PROTOCOL: followed only after one's own clock has passed). */
function mustWait(s: SimplexState, epoch: Epoch, complete: CompleteRecovery): boolean {
  const { seats, sleepers } = complete.recovery;
  const t = s.options.recoveryMs;
  if (sleepers) return s.seatIn(epoch.seats) !== null && s.clockMs < 5 * t;
  if (epoch.seats.length - seats.length < epoch.quorum || !s.has("patientFollow")) return false;
  return s.clockMs < 4 * t && !hasSigned(s, epoch, complete);
}

function hasSigned(s: SimplexState, epoch: Epoch, complete: CompleteRecovery): boolean {
  const id = toHex(recoveryBlockId(complete.recovery));
  return s.keys.some((key) => {
    const own = s.ownRecoveries.get(`${epoch.key}/${toHex(key)}`);
    return own !== undefined && own.recoveries.some((recovery) => toHex(recoveryBlockId(recovery)) === id);
  });
}

function bestRecovery(s: SimplexState, epoch: Epoch, head: TreeNode): TreeNode | null {
  let best: CompleteRecovery | null = null;
  let bestNode: TreeNode | null = null;
  for (const [, complete] of epoch.recoveries.entries()) {
    const node = nodeOfRecovery(s, epoch, head, complete);
    if (node === null) continue;
    if (epoch === s.epoch && mustWait(s, epoch, complete)) {
      s.recoveryInSight = true;
      continue;
    }
    if (best === null || isBetter(complete, best)) {
      best = complete;
      bestNode = node;
    }
  }
  return bestNode;
}

/** Whether this peer saw the branch's next epoch so long ago that it does not leave it by itself. */
function isSettled(s: SimplexState, next: Epoch): boolean {
  if (next.begunBy === null || alwaysYields(next.begunBy.recovery, next.begunBy.seatsBefore)) return false;
  return s.nowMs - next.adoptedMs >= LIMITS.undoMsMax;
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
    const next = ending ?? bestRecovery(s, epoch, head);
    const old = s.branch[index + 1];
    const onOldPath = s.branch[index] === epoch && old !== undefined;
    if (onOldPath && next !== null && next.key !== old.key && isSettled(s, old)) {
      if (s.splitSaid !== next.key) s.out.push({ kind: "split", epochId: epoch.id, recovery: next.id });
      s.splitSaid = next.key;
      epoch = old;
    } else if (next === null) {
      if (head !== s.finalHead || epoch !== s.epoch) adopt(s, path, head);
      return;
    } else epoch = openEpoch(s, next);
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
    s.currentSeatHeardMs = s.nowMs;
    s.lastVotes.clear();
    s.branchChanged = true;
  }
  s.clockMs = 0;
  s.sinceSignedMs = 0;
  s.finalAtMs = s.nowMs;
  s.roundAtMs = s.nowMs;
  finalize(s, head);
}

/** The lowest block at which a switch could begin: where the oldest recovery was adopted that may still yield. */
export function switchRoot(s: SimplexState): TreeNode {
  for (let index = 0; index + 1 < s.branch.length; index++) {
    const next = s.branch[index + 1]!;
    if (next.begunBy === null || isSettled(s, next)) continue;
    const head = headOf(s, s.branch[index]!).heighted;
    if (s.finalNode.info.height - head.info.height <= LIMITS.undoBlocksMax) return head;
  }
  return s.finalNode;
}

/** Forgets the oldest epochs once nothing can branch off there, and the tables of epochs that left the branch long ago. */
export function trimBranch(s: SimplexState, root: TreeNode): HashHex[] {
  let first = 0;
  while (first + CLOSED_EPOCHS_KEPT < s.branch.length) {
    const next = s.branch[first + 1]!;
    const start = s.tree.get(next.key);
    if (start !== undefined && start.info.height > root.info.height) break;
    first++;
  }
  if (first > 0) s.branch = s.branch.slice(first);
  const gone: HashHex[] = [];
  for (const key of s.epochs.keys()) {
    if (s.epochs.size <= LIMITS.epochsKeptMax) break;
    if (s.isOnBranch(key)) continue;
    s.epochs.delete(key);
    gone.push(key);
  }
  return gone;
}

/** Rows that let the branch be known again after a restart: what changed since the last write. */
export function branchRecords(s: SimplexState): DurableRecord[] {
  const rows: DurableRecord[] = [];
  for (const epoch of s.branch) {
    const written = s.writtenEpochs.get(epoch.key);
    if (written !== undefined && written === (epoch.final?.round ?? 0)) continue;
    s.writtenEpochs.set(epoch.key, epoch.final?.round ?? 0);
    rows.push([recordKeys.epoch(epoch.key), encodeEpoch(epoch)]);
  }
  const ids = s.branch.map((epoch) => epoch.key).join();
  if (ids !== s.writtenBranch) {
    s.writtenBranch = ids;
    rows.push([recordKeys.branch, encodeBranch(s.branch.map((epoch): Hash => epoch.id))]);
  }
  return rows;
}
