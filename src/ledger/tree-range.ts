/**
 * Proofs that a part of the state is whole: all leaves with a path from one bound on and below another, and none left out. What lies outside the part is told
 * by hashes, what its bounds cut through by tokens; `Tree.proveRange` makes them, in the order of a walk from left to right.
 *
 * Sound because hashes are: under one root there is one tree (leaves are hashed from 65 bytes, inner nodes from 64), so whoever leaves out, adds or moves a
 * leaf has to find another preimage.
 */
import { digest as sha256 } from "@chainsafe/as-sha256";
import { equalBytes } from "../kit/bytes.ts";
import type { Value } from "../protocol/codec.ts";
import { HASH_BYTES } from "../protocol/identifiers.ts";
import { bitOf, comparePaths, isHash, leafHash, PATH_BITS } from "./tree-hash.ts";

/** Paths from `from` on and below `to`; null is beyond the last path. */
export interface PathRange {
  readonly from: Uint8Array;
  readonly to: Uint8Array | null;
}

export interface Leaf {
  readonly path: Uint8Array;
  readonly valueHash: Uint8Array;
}

/** Tokens of a node that a bound cuts through: an inner node, or the one leaf there which is of the part. An empty one is null. */
export const INNER = 0;
export const LEAF_INSIDE = 1;

export type Place = "inside" | "outside" | "cut";

/** Compares the highest path under a node, its prefix with ones, with a bound. */
function compareHighest(prefix: Uint8Array, depth: number, bound: Uint8Array): number {
  for (let i = 0; i < HASH_BYTES; i++) {
    const free = depth - 8 * i;
    const byte = free >= 8 ? prefix[i]! : prefix[i]! | (0xff >> Math.max(0, free));
    if (byte !== bound[i]) return byte - bound[i]!;
  }
  return 0;
}

/** Where all paths under a node lie. `prefix` has zeros from `depth` on, so that it is the lowest of them. */
export function placeOfNode(prefix: Uint8Array, depth: number, { from, to }: PathRange): Place {
  if (compareHighest(prefix, depth, from) < 0 || (to !== null && comparePaths(prefix, to) >= 0)) return "outside";
  return comparePaths(prefix, from) >= 0 && (to === null || compareHighest(prefix, depth, to) < 0) ? "inside" : "cut";
}

/** Does something for the right child, whose prefix has a one more. */
export function onRight<Result>(prefix: Uint8Array, depth: number, work: () => Result): Result {
  const bit = 0x80 >> (depth & 7);
  prefix[depth >> 3]! |= bit;
  try {
    return work();
  } finally {
    prefix[depth >> 3]! &= ~bit;
  }
}

export function isInRange(path: Uint8Array, { from, to }: PathRange): boolean {
  return comparePaths(path, from) >= 0 && (to === null || comparePaths(path, to) < 0);
}

const EMPTY = new Uint8Array(HASH_BYTES);

function nodeHash(left: Uint8Array, right: Uint8Array): Uint8Array {
  const pair = new Uint8Array(2 * HASH_BYTES);
  pair.set(left);
  pair.set(right, HASH_BYTES);
  return sha256(pair);
}

class Verifier {
  readonly #range: PathRange;
  readonly #leaves: readonly Leaf[];
  readonly #tokens: readonly Value[];
  readonly #prefix = new Uint8Array(HASH_BYTES);
  #next = 0;

  constructor(range: PathRange, leaves: readonly Leaf[], tokens: readonly Value[]) {
    this.#range = range;
    this.#leaves = leaves;
    this.#tokens = tokens;
  }

  get isSpent(): boolean {
    return this.#next === this.#tokens.length;
  }

  /** Hash of the node at `prefix`, under which the leaves from `first` up to `end` are; undefined where the tokens cannot be. */
  hash(depth: number, first: number, end: number): Uint8Array | undefined {
    if (depth > PATH_BITS) return undefined;
    const place = placeOfNode(this.#prefix, depth, this.#range);
    if (place === "inside") return this.#subtree(depth, first, end);
    const token = this.#tokens[this.#next++];
    if (place === "outside") return token === null ? EMPTY : isHash(token) ? token : undefined;
    if (token === INNER) return this.#inner(depth, first, end);
    if (token === LEAF_INSIDE) return end - first === 1 ? leafHash(this.#leaves[first]!.path, this.#leaves[first]!.valueHash) : undefined;
    if (end > first) return undefined;
    return token === null ? EMPTY : this.#foreignLeaf(depth, token);
  }

  #inner(depth: number, first: number, end: number): Uint8Array | undefined {
    if (depth === PATH_BITS) return undefined;
    const middle = this.#split(depth, first, end);
    const left = this.hash(depth + 1, first, middle);
    const right = left && onRight(this.#prefix, depth, () => this.hash(depth + 1, middle, end));
    return left && right && nodeHash(left, right);
  }

  /** A leaf outside the part, where the bound cuts through the node that it is. */
  #foreignLeaf(depth: number, token: Value | undefined): Uint8Array | undefined {
    if (!Array.isArray(token) || token.length !== 2) return undefined;
    const [path, valueHash] = token as readonly Value[];
    if (!isHash(path) || !isHash(valueHash) || isInRange(path, this.#range)) return undefined;
    for (let at = 0; at < depth; at++) if (bitOf(path, 0, at) !== bitOf(this.#prefix, 0, at)) return undefined;
    return leafHash(path, valueHash);
  }

  #subtree(depth: number, first: number, end: number): Uint8Array {
    if (end === first) return EMPTY;
    if (end - first === 1) return leafHash(this.#leaves[first]!.path, this.#leaves[first]!.valueHash);
    const middle = this.#split(depth, first, end);
    return nodeHash(this.#subtree(depth + 1, first, middle), this.#subtree(depth + 1, middle, end));
  }

  /** The first of the leaves whose bit at `depth` is one. */
  #split(depth: number, first: number, end: number): number {
    let low = first;
    let high = end;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (bitOf(this.#leaves[middle]!.path, 0, depth) === 1) high = middle;
      else low = middle + 1;
    }
    return low;
  }
}

/** Whether under `root` exactly these leaves, ascending by path, lie in the range. Never throws. */
export function verifyRange(root: Uint8Array, range: PathRange, leaves: readonly Leaf[], tokens: readonly Value[]): boolean {
  for (const [index, { path }] of leaves.entries()) {
    if (!isInRange(path, range)) return false;
    if (index > 0 && comparePaths(leaves[index - 1]!.path, path) >= 0) return false;
  }
  const verifier = new Verifier(range, leaves, tokens);
  const hash = verifier.hash(0, 0, leaves.length);
  return hash !== undefined && verifier.isSpent && equalBytes(hash, root);
}
