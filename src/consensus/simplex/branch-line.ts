/** The branch as it stands: the heads of its epochs, where a switch may still begin, what is forgotten and what is written. */
import { assert } from "../../kit/assert.ts";
import type { Hash } from "../../protocol/identifiers.ts";
import { LIMITS } from "../../protocol/limits.ts";
import type { TreeNode } from "../block-tree.ts";
import type { DurableRecord } from "../engine.ts";
import { alwaysYields, type Epoch } from "../epochs.ts";
import { encodeBranch, encodeEpoch, recordKeys } from "../records.ts";
import { ask } from "./asks.ts";
import type { SimplexState } from "./state.ts";

/** A closed epoch stays in the branch this long, so that stragglers in it are answered at once. */
const CLOSED_EPOCHS_KEPT = 8;

/** A block without which the branch cannot be chosen: asked for again at every tick's choice until it is there, also at rest. */
export function need(s: SimplexState, id: Hash): void {
  s.undecided = true;
  ask(s, id, null);
}

/** The last final candidate of an epoch, or the block that began it. Takes in a better certificate whose candidate can now be executed. */
export function headOf(s: SimplexState, epoch: Epoch): TreeNode {
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

/** Whether this peer saw the branch's next epoch so long ago that it does not leave it by itself. */
export function isSettled(s: SimplexState, next: Epoch): boolean {
  if (next.begunBy === null || alwaysYields(next.begunBy.recovery, next.begunBy.seatsBefore)) return false;
  return s.nowMs - next.adoptedMs >= LIMITS.undoMsMax;
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
export function trimBranch(s: SimplexState, root: TreeNode): Epoch[] {
  let first = 0;
  while (first + CLOSED_EPOCHS_KEPT < s.branch.length) {
    const next = s.branch[first + 1]!;
    const start = s.tree.get(next.key);
    if (start !== undefined && start.info.height > root.info.height) break;
    first++;
  }
  if (first > 0) s.branch = s.branch.slice(first);
  const gone: Epoch[] = [];
  for (const [key, epoch] of s.epochs) {
    if (s.epochs.size <= LIMITS.epochsKeptMax) break;
    if (s.isOnBranch(key)) continue;
    s.epochs.delete(key);
    gone.push(epoch);
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
