/** The tree of executed blocks, over the model ledger. */
import { describe, expect, it } from "vitest";
import { BlockTree, type TreeNode } from "../src/consensus/block-tree.ts";
import { assert } from "../src/kit/assert.ts";
import { createBlock } from "../src/protocol/block.ts";
import { toHex, type Hash } from "../src/protocol/identifiers.ts";
import { LIMITS } from "../src/protocol/limits.ts";
import { heldBytesOf } from "../src/protocol/transaction.ts";
import { Bench } from "./bench.ts";
import { createModelTransaction } from "./model-ledger.ts";

function createTree(): { bench: Bench; tree: BlockTree; chain: Hash } {
  const bench = new Bench();
  return { bench, tree: new BlockTree(bench.chain, bench.world.genesis.info), chain: bench.world.chain };
}

describe("the block tree", () => {
  it("executes what waits for its parent as soon as the parent is there", () => {
    const { bench, tree, chain } = createTree();
    const first = bench.block(chain, chain, 1, ["account.transfer", 1]);
    const second = bench.block(first.id, chain, 2, ["account.transfer", 2]);
    tree.offer(second);
    expect(tree.ensure(second.id)).toEqual({ missing: first.id });
    tree.offer(first);
    const node = tree.ensure(second.id);
    assert("key" in node, "both are there");
    expect(node.info.height).toBe(2);
    expect(node.parent?.key).toBe(toHex(first.id));
  });

  it("holds a bounded number of bytes for blocks that wait", () => {
    const { bench, tree } = createTree();
    const large = createModelTransaction(bench.chain.world.chain, "account.transfer", new Uint8Array(100_000), 1);
    const { header } = bench.block(bench.world.chain, bench.world.chain, 1, ["account.transfer", 1]);
    const full = Array.from({ length: 20 }, () => large);
    for (let timeMs = 1; timeMs <= 100; timeMs++) tree.offer(createBlock({ ...header, timeMs }, full));
    const blockBytes = 20 * heldBytesOf(large);
    expect(tree.waiting).toBeGreaterThan(LIMITS.waitingBlocksBytesMax / blockBytes - 2);
    expect(tree.waiting).toBeLessThan(LIMITS.waitingBlocksBytesMax / blockBytes);
  });

  it("refuses for ever what stands on an epoch that has ended, but for empty candidates", () => {
    const { bench, tree, chain } = createTree();
    const ending = bench.block(chain, chain, 1, ["seat.leave", bench.seatOf("d")]);
    const empty = bench.block(ending.id, chain, 2, null);
    const full = bench.block(ending.id, chain, 3, ["account.transfer", 1]);
    for (const block of [ending, empty, full]) tree.offer(block);
    expect(tree.ensure(full.id)).toEqual({ refused: full.id });
    expect(tree.isRefused(toHex(full.id))).toBe(true);
    const node = tree.ensure(empty.id);
    assert("key" in node, "an empty candidate is allowed");
    expect(node.endedBy?.key).toBe(toHex(ending.id));
    expect(node.heighted.key).toBe(toHex(ending.id));
  });

  it("refuses rounds and times that do not grow, and epochs that their parent did not begin", () => {
    const { bench, tree, chain } = createTree();
    const first = bench.block(chain, chain, 2, ["account.transfer", 1]);
    const next = bench.block(first.id, chain, 3, ["account.transfer", 2]);
    const wrong = [{ round: 2 }, { timeMs: first.header.timeMs }, { epochId: first.id }].map((change) =>
      createBlock({ ...next.header, ...change }, next.transactions),
    );
    tree.offer(first);
    for (const block of wrong) {
      tree.offer(block);
      expect(tree.ensure(block.id)).toEqual({ refused: block.id });
    }
  });

  it("finds where two branches part, and drops one of them whole", () => {
    const { bench, tree, chain } = createTree();
    const trunk = bench.block(chain, chain, 1, ["account.transfer", 1]);
    const left = bench.block(trunk.id, chain, 2, ["account.transfer", 2]);
    const leftTop = bench.block(left.id, chain, 3, ["account.transfer", 3]);
    const right = bench.block(trunk.id, chain, 4, ["account.transfer", 4]);
    for (const block of [trunk, left, leftTop, right]) tree.offer(block);
    const [trunkNode, leftNode, topNode, rightNode] = [trunk, left, leftTop, right].map((block) => {
      const node = tree.ensure(block.id);
      assert("key" in node, "all are valid");
      return node;
    }) as [TreeNode, TreeNode, TreeNode, TreeNode];
    expect(tree.commonOf(topNode, rightNode)).toBe(trunkNode);
    expect(tree.isAncestor(trunkNode, topNode)).toBe(true);
    expect(tree.isAncestor(rightNode, topNode)).toBe(false);
    expect(tree.path(trunkNode, topNode)).toEqual([leftNode, topNode]);
    expect(tree.drop(leftNode).map(toHex).sort()).toEqual([toHex(left.id), toHex(leftTop.id)].sort());
    expect(tree.get(leftNode.key)).toBeUndefined();
    const cut = tree.cutBelow(rightNode).map(toHex);
    expect(cut).toContain(trunkNode.key);
    expect(tree.size).toBe(1);
  });
});
