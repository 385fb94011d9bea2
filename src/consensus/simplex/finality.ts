/** What is final: told to the caller once, oldest first; what is over is forgotten. */
import { heldBytesOfBlock } from "../../protocol/block.ts";
import { toHex, type Hash, type HashHex } from "../../protocol/identifiers.ts";
import { LIMITS } from "../../protocol/limits.ts";
import type { Certificate } from "../../protocol/vote.ts";
import type { TreeNode } from "../block-tree.ts";
import type { CompleteRecovery } from "../engine.ts";
import type { Epoch } from "../epochs.ts";
import { recordKeys } from "../records.ts";
import { endSync } from "./ahead.ts";
import { branchRecords, switchRoot, trimBranch } from "./branch-line.ts";
import type { SimplexState } from "./state.ts";

/** Makes `head` the last final candidate: everything below it is final. */
export function finalize(s: SimplexState, head: TreeNode): void {
  const old = s.finalHead;
  const common = s.tree.isAncestor(old, head) ? old : s.tree.commonOf(old, head);
  const undone = common === old ? [] : finalsFrom(s, s.tree.path(common, old)[0]!);
  const fresh = withEmptyEnds(s, s.tree.path(common, head));
  s.finalHead = head;
  s.finalNode = head.heighted;
  if (undone.length > 0) leave(s, undone, common);
  for (const node of fresh) node.isFinal = true;
  s.finals.push(...fresh);
  const root = switchRoot(s);
  const dropped = dropRivals(s, common, fresh, undone);
  const gone = trimBranch(s, root);
  s.out.push({
    kind: "finalized",
    blocks: fresh.map((node) => node.id),
    head: s.finalNode.id,
    certificates: certificatesSince(s, fresh),
    recoveries: fresh.flatMap((node): CompleteRecovery[] => (node.recovery === null ? [] : [node.recovery])),
    root: root.id,
    puts: s.loaded ? branchRecords(s) : [],
    deletes: s.loaded ? forget(s, fresh, dropped, gone) : [],
    restored: !s.loaded,
  });
  if (dropped.length > 0) s.out.push({ kind: "dropped", blocks: dropped });
  endSync(s);
  leaveBodies(s, fresh.length);
  cut(s, root);
}

/** Also the empty candidates that closed an epoch on the way: they were written like all that was final, and must go with it. */
function finalsFrom(s: SimplexState, first: TreeNode): TreeNode[] {
  return s.finals.filter((node) => s.tree.isAncestor(first, node));
}

/** After an epoch's last block come the empty candidates that carry its certificate; they are no one's ancestors later. */
function withEmptyEnds(s: SimplexState, line: readonly TreeNode[]): TreeNode[] {
  const nodes: TreeNode[] = [];
  for (const node of line) {
    nodes.push(node);
    const epoch = s.epochs.get(node.epochKey);
    if (node.endedBy !== node || epoch === undefined || epoch.final === null) continue;
    const closing = s.tree.get(toHex(epoch.final.candidate!));
    if (closing !== undefined && closing !== node && closing.endedBy === node) nodes.push(...s.tree.path(node, closing));
  }
  return nodes;
}

function certificatesSince(s: SimplexState, fresh: readonly TreeNode[]): Certificate[] {
  const touched = new Set(fresh.map((node) => node.epochKey));
  const certificates: Certificate[] = [];
  for (const epoch of s.branch) if (touched.has(epoch.key) && epoch.final !== null) certificates.push(epoch.final);
  return certificates;
}

function leave(s: SimplexState, undone: readonly TreeNode[], common: TreeNode): void {
  const left = new Set(undone);
  for (const node of undone) node.isFinal = false;
  s.finals = s.finals.filter((node) => !left.has(node));
  if (undone.some((node) => node.heighted === node)) {
    s.out.push({ kind: "switched", undone: undone.map((node) => node.id), common: common.id });
  }
}

/** Candidates beside the final line can never be final; blocks of a branch that was left are asked for again if ever needed. */
function dropRivals(s: SimplexState, common: TreeNode, fresh: readonly TreeNode[], undone: readonly TreeNode[]): Hash[] {
  const dropped: Hash[] = [];
  if (undone[0] !== undefined) dropped.push(...s.tree.drop(undone[0]));
  const kept = new Set<TreeNode>(fresh);
  for (const node of [common, ...fresh]) {
    if (node === s.finalHead) continue;
    for (const child of node.children) {
      if (!kept.has(child) && !child.isFinal) dropped.push(...s.tree.drop(child));
    }
  }
  return dropped;
}

/** Durable rows of rounds that are over, and of epochs forgotten. */
function forget(s: SimplexState, fresh: readonly TreeNode[], dropped: readonly Hash[], goneEpochs: readonly Epoch[]): string[] {
  const rows: string[] = [];
  const { epoch } = s;
  // An epoch that a certificate closed is over; one that was recovered may still come back, by a certificate from elsewhere.
  const floors = new Map<HashHex, number>();
  s.branch.forEach((other, index) => {
    const next = s.branch[index + 1];
    floors.set(other.key, next !== undefined && next.begunBy === null ? Number.MAX_SAFE_INTEGER : other.finalRound);
  });
  const gone = new Set(goneEpochs.map(({ key }) => key));
  for (const [name, own] of s.own) {
    const key = toHex(own.epochId);
    if (own.round > (floors.get(key) ?? (gone.has(key) ? Number.MAX_SAFE_INTEGER : 0))) continue;
    s.own.delete(name);
    rows.push(recordKeys.own(key, own.round, toHex(own.seat)));
    if (own.finalize !== null) rows.push(recordKeys.notarized(key, own.round));
  }
  epoch.forgetBelow(epoch.finalRound);
  for (const id of [...fresh.map((node) => node.key), ...dropped.map(toHex)]) {
    if (s.durableBodies.delete(id)) rows.push(recordKeys.body(id));
    s.proposals.delete(id);
  }
  for (const other of goneEpochs) rows.push(...forgetEpoch(s, other));
  return rows;
}

function forgetEpoch(s: SimplexState, { key, recoveries }: Epoch): string[] {
  const rows: string[] = s.writtenEpochs.delete(key) ? [recordKeys.epoch(key)] : [];
  for (const [id] of recoveries.entries()) rows.push(recordKeys.recovery(id));
  for (const name of s.ownAlives.keys()) if (name.startsWith(key) && s.ownAlives.delete(name)) rows.push(`alive/${name}`);
  for (const name of s.ownRecoveries.keys()) if (name.startsWith(key) && s.ownRecoveries.delete(name)) rows.push(`recovers/${name}`);
  for (const name of s.voted) if (name.startsWith(key) && s.voted.delete(name)) rows.push(`voted/${name}`);
  return rows;
}

/** Leaves all but the newest final bodies to storage, which answers for them: those at hand are the last of the line, within their bounds. */
function leaveBodies(s: SimplexState, fresh: number): void {
  const { finals } = s;
  let bytes = 0;
  // Those further back were left to storage before.
  for (let back = 1; back <= Math.min(finals.length, LIMITS.recentBlocksMax + fresh); back++) {
    const node = finals[finals.length - back]!;
    if (node.block === null) continue;
    bytes += bytes > LIMITS.recentBlocksBytesMax ? 0 : heldBytesOfBlock(node.block);
    if (back > LIMITS.recentBlocksMax || bytes > LIMITS.recentBlocksBytesMax) node.block = null;
  }
}

/** Cuts the tree where nothing can branch off and nobody near is behind. */
function cut(s: SimplexState, root: TreeNode): void {
  const { finals } = s;
  if (finals.length < 4 * LIMITS.recentBlocksMax || finals[0]!.info.height >= root.info.height) return;
  let keep = finals.length - 2 * LIMITS.recentBlocksMax;
  while (keep > 0 && (finals[keep]!.info.height > root.info.height || finals[keep]!.heighted !== finals[keep]!)) keep--;
  if (keep === 0) return;
  const lowest = finals[keep]!;
  s.out.push({ kind: "dropped", blocks: s.tree.cutBelow(lowest) });
  s.finals = finals.slice(keep);
  while (s.branch.length > 1 && s.tree.get(s.branch[1]!.key) === undefined) s.branch = s.branch.slice(1);
}
