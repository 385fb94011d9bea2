/**
 * Executed blocks as a tree, and bodies that wait for their parent. Invariant: a node was executed, so was every ancestor down to the
 * tree's root, and a block's parent is its epoch's first block or a block of the same epoch.
 */
import { assert } from "../kit/assert.ts";
import { BoundedMap } from "../kit/bounded-map.ts";
import { equalBytes } from "../kit/bytes.ts";
import { recoveryBlockId } from "../protocol/vote.ts";
import { heldBytesOfBlock, type Block } from "../protocol/block.ts";
import { toHex, type Hash, type HashHex, type VotingKey } from "../protocol/identifiers.ts";
import { LIMITS } from "../protocol/limits.ts";
import { Refusal } from "../protocol/refusal.ts";
import type { BlockInfo, Chain, CompleteRecovery } from "./engine.ts";

export interface TreeNode {
  readonly key: HashHex;
  readonly id: Hash;
  readonly info: BlockInfo;
  parent: TreeNode | null;
  readonly epochKey: HashHex;
  /** The block at or below this one that ended this one's epoch, or null. */
  readonly endedBy: TreeNode | null;
  /** The last block with a height at or below this one. */
  readonly heighted: TreeNode;
  readonly children: Set<TreeNode>;
  /** Null for genesis, recoveries, and where the body is left to storage. */
  block: Block | null;
  readonly recovery: CompleteRecovery | null;
  /** Whether it is final on the branch of this peer. */
  isFinal: boolean;
}

/** A block that is missing, or that the chain refused, below one that is wanted. */
export type Obstacle = { readonly missing: Hash } | { readonly refused: Hash };

export class BlockTree {
  readonly #chain: Chain;
  readonly #nodes = new Map<HashHex, TreeNode>();
  readonly #bodies = new BoundedMap<HashHex, Block>(LIMITS.waitingBlocksMax, { max: LIMITS.waitingBlocksBytesMax, of: heldBytesOfBlock });
  /** Final blocks of an earlier run, whose bodies stay in storage: each becomes a node when the one below it is. */
  readonly #stored = new Map<HashHex, BlockInfo>();
  /** Refused for ever: execution is deterministic. */
  readonly #refused = new BoundedMap<HashHex, true>(LIMITS.waitingBlocksMax);

  constructor(chain: Chain, root: BlockInfo) {
    this.#chain = chain;
    this.#link(root, null, null, null);
  }

  get size(): number {
    return this.#nodes.size;
  }

  /** Bodies that wait to be executed. */
  get waiting(): number {
    return this.#bodies.size;
  }

  get(key: HashHex): TreeNode | undefined {
    return this.#nodes.get(key);
  }

  /** The body of a block, executed or waiting. */
  body(key: HashHex): Block | undefined {
    return this.#nodes.get(key)?.block ?? this.#bodies.get(key);
  }

  isRefused(key: HashHex): boolean {
    return this.#refused.has(key);
  }

  has(key: HashHex): boolean {
    return this.#nodes.has(key) || this.#bodies.has(key);
  }

  /** After a restart: final blocks that were executed before. Recoveries come with their signatures, by `addRecovery`. */
  restore(infos: readonly BlockInfo[]): void {
    for (const info of infos) if (info.recovery === null) this.#stored.set(toHex(info.id), info);
  }

  /** About what the bodies of nodes take in memory, in bytes. */
  get bodiesBytes(): number {
    let bytes = 0;
    for (const { block } of this.#nodes.values()) if (block !== null) bytes += heldBytesOfBlock(block);
    return bytes;
  }

  /** Keeps a body until it is wanted. */
  offer(block: Block): void {
    const key = toHex(block.id);
    if (!this.#nodes.has(key) && !this.#refused.has(key)) this.#bodies.set(key, block);
  }

  /** The node that a block stands on as far as bodies are at hand, or is; undefined where one is missing. Executes nothing. */
  below(id: Hash): TreeNode | undefined {
    let key = toHex(id);
    for (let steps = 0; steps <= LIMITS.waitingBlocksMax; steps++) {
      const node = this.#nodes.get(key);
      const body = this.#bodies.get(key);
      if (node !== undefined || body === undefined) return node;
      key = toHex(body.header.parent);
    }
    return undefined;
  }

  /** Executes what is needed so that this block is a node; gives the node, or what stands in the way. */
  ensure(id: Hash): TreeNode | Obstacle {
    const path: (Block | BlockInfo)[] = [];
    let bodies = 0;
    for (let at = id; ;) {
      const key = toHex(at);
      const node = this.#nodes.get(key);
      if (node !== undefined) return this.#executePath(node, path);
      const stored = this.#stored.get(key);
      if (stored !== undefined) {
        assert(stored.parent !== null, "genesis is a node");
        path.push(stored);
        at = stored.parent;
        continue;
      }
      const body = this.#bodies.get(key);
      if (body === undefined) return this.#refused.has(key) ? { refused: at } : { missing: at };
      if (bodies++ >= LIMITS.waitingBlocksMax) return { missing: at };
      path.push(body);
      at = body.header.parent;
    }
  }

  /** Executes a complete recovery whose base is a node of its epoch. @throws {Refusal} if the chain refuses it. */
  addRecovery(complete: CompleteRecovery, epochSeats: readonly VotingKey[]): TreeNode {
    const id = recoveryBlockId(complete.recovery);
    const known = this.#nodes.get(toHex(id));
    if (known !== undefined) return known;
    const base = this.#nodes.get(toHex(complete.recovery.base));
    assert(base !== undefined, "a recovery is executed on a known base");
    return this.#link(this.#chain.executeRecovery(complete.recovery, id, epochSeats), base, null, complete);
  }

  /** A block that this peer has just built and executed. */
  addOwn(block: Block): TreeNode {
    this.offer(block);
    const node = this.ensure(block.id);
    assert("key" in node, "an own candidate is valid on its parent");
    return node;
  }

  /** Whether `ancestor` is at or below `node`. Walks the difference of their heights. */
  isAncestor(ancestor: TreeNode, node: TreeNode): boolean {
    for (let at: TreeNode | null = node; at !== null; at = at.parent) {
      if (at === ancestor) return true;
      if (at.info.height < ancestor.info.height) return false;
    }
    return false;
  }

  /** The highest node at or below both. */
  commonOf(a: TreeNode, b: TreeNode): TreeNode {
    const seen = new Set<TreeNode>();
    for (let x: TreeNode | null = a, y: TreeNode | null = b; x !== null || y !== null; x = x?.parent ?? null, y = y?.parent ?? null) {
      if (x !== null && (x === y || seen.has(x))) return x;
      if (x !== null) seen.add(x);
      if (y !== null && seen.has(y)) return y;
      if (y !== null) seen.add(y);
    }
    throw new Refusal("internal", { reason: "two roots in one tree" });
  }

  /** Nodes above `below` up to `top`, oldest first; `below` must be an ancestor. */
  path(below: TreeNode, top: TreeNode): TreeNode[] {
    const nodes: TreeNode[] = [];
    for (let at = top; at !== below;) {
      nodes.push(at);
      assert(at.parent !== null, "a path ends at its ancestor");
      at = at.parent;
    }
    return nodes.reverse();
  }

  /** Drops a subtree, and gives what was in it. */
  drop(node: TreeNode): Hash[] {
    node.parent?.children.delete(node);
    const dropped: Hash[] = [];
    const rest = [node];
    for (let at = rest.pop(); at !== undefined; at = rest.pop()) {
      this.#nodes.delete(at.key);
      dropped.push(at.id);
      rest.push(...at.children);
    }
    return dropped;
  }

  /** Makes `root` the lowest node, and gives what hung elsewhere and is forgotten. */
  cutBelow(root: TreeNode): Hash[] {
    let lowest: TreeNode = root;
    while (lowest.parent !== null) lowest = lowest.parent;
    if (lowest === root) return [];
    root.parent?.children.delete(root);
    root.parent = null;
    return this.drop(lowest);
  }

  #executePath(from: TreeNode, path: (Block | BlockInfo)[]): TreeNode | Obstacle {
    let node = from;
    for (let block = path.pop(); block !== undefined; block = path.pop()) {
      const key = toHex(block.id);
      if (!("header" in block)) {
        node = this.#link(block, node, null, null);
        this.#stored.delete(key);
        continue;
      }
      try {
        this.#checkPlace(block, node);
        node = this.#link(this.#chain.execute(block), node, block, null);
      } catch (error) {
        if (!(error instanceof Refusal)) throw error;
        this.#bodies.delete(key);
        this.#refused.set(key, true);
        return { refused: block.id };
      }
      this.#bodies.delete(key);
    }
    return node;
  }

  /** What a block's place in the tree decides; the rest is for the chain. @throws {Refusal} */
  #checkPlace(block: Block, parent: TreeNode): void {
    const { epochId, round, height, endsEpoch, timeMs } = block.header;
    const epochKey = toHex(epochId);
    const begins = parent.key === epochKey;
    if (begins ? !parent.info.endsEpoch : parent.epochKey !== epochKey || parent.recovery !== null)
      throw new Refusal("block-invalid", { reason: "epoch" });
    if (!begins && round <= parent.info.round) throw new Refusal("block-invalid", { reason: "round" });
    if (timeMs <= parent.info.timeMs) throw new Refusal("time-too-early", { timeMs });
    const ended = !begins && parent.endedBy !== null;
    // PROTOCOL, "Seats and epochs": every descendant of an epoch's end within it is an empty candidate without height.
    if (ended && height !== null) throw new Refusal("block-invalid", { reason: "the epoch has ended" });
    if (height === null && (endsEpoch || block.transactions.length > 0)) throw new Refusal("block-invalid", { reason: "empty candidate" });
  }

  #link(info: BlockInfo, parent: TreeNode | null, block: Block | null, recovery: CompleteRecovery | null): TreeNode {
    const key = toHex(info.id);
    const epochKey = toHex(info.epochId);
    const node = {
      key,
      id: info.id,
      info,
      parent,
      epochKey,
      children: new Set<TreeNode>(),
      block,
      recovery,
      isFinal: false,
    } as Mutable<TreeNode>;
    const inherited = parent !== null && parent.key !== epochKey ? parent.endedBy : null;
    const isProposed = parent !== null && recovery === null;
    const isEmpty = isProposed && !equalBytes(info.heightedId, info.id);
    node.endedBy = inherited ?? (isProposed && info.endsEpoch && !isEmpty ? node : null);
    node.heighted = isEmpty && parent !== null ? parent.heighted : node;
    this.#nodes.set(key, node);
    parent?.children.add(node);
    return node;
  }
}

type Mutable<Node> = { -readonly [Key in keyof Node]: Node[Key] };
