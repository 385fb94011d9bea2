/**
 * The authenticated state tree: a compact binary Merkle tree over SHA-256 of the keys (PROTOCOL, "State").
 * A leaf stands at the shortest prefix of its path that no other leaf shares, and deletion collapses what it leaves, so that the
 * root depends on content alone. Nodes are never changed once made: an update gives a new root that shares what it did not touch,
 * so any number of candidate blocks have their roots over one final tree. Nodes live in typed arrays and are counted.
 *
 * leaf = SHA-256(0x00 | path | SHA-256(value)), 65 bytes; node = SHA-256(left | right), 64 bytes; empty = 32 zero bytes.
 * The two are told apart by length, which SHA-256's padding commits to; 64 bytes have a precomputed padding block and are the hot path.
 */
import { digest as sha256, digest64Into } from "@chainsafe/as-sha256";
import { assert } from "../kit/assert.ts";
import { equalBytes, utf8 } from "../kit/bytes.ts";
import { decode, encode, type Value } from "../protocol/codec.ts";
import { HASH_BYTES, type Hash } from "../protocol/identifiers.ts";
import { Refusal } from "../protocol/refusal.ts";
import { bitOf, comparePaths, isHash, leafHash, LEAF_MESSAGE_BYTES, PATH_BITS } from "./tree-hash.ts";
import { INNER, isInRange, LEAF_INSIDE, onRight, placeOfNode, type PathRange } from "./tree-range.ts";

/** A node's index; 0 is the empty tree. */
export type TreeRoot = number;

const WORDS = HASH_BYTES / 4;
/** In the place of a right child: the node is a leaf and its left child is a slot of the leaf arrays. */
const LEAF = -1;
/** A proof has at most one sibling for each bit of the path, each with its codec header, and one foreign leaf. */
const PROOF_BYTES_MAX = PATH_BITS * (HASH_BYTES + 2) + 128;

const keyBuffer = new Uint8Array(256);

/** Where a key's leaf is: SHA-256 of its UTF-8 bytes. */
export function pathOf(key: string): Uint8Array {
  const length = key.length;
  if (length > keyBuffer.length) return sha256(utf8(key));
  for (let i = 0; i < length; i++) {
    const unit = key.charCodeAt(i);
    if (unit >= 0x80) return sha256(utf8(key));
    keyBuffer[i] = unit;
  }
  return sha256(keyBuffer.subarray(0, length));
}

/** What changes in one update: paths ascending, none twice. */
interface Batch {
  readonly paths: Uint8Array;
  readonly valueHashes: Uint8Array;
  /** 0 where the leaf goes. */
  readonly present: Uint8Array;
}

function sortedBatch(changes: readonly (readonly [path: Uint8Array, value: Uint8Array | undefined])[]): Batch {
  const count = changes.length;
  // Sorted by the first 48 bits as one exact number; ties are as rare as 2^-48 and compared in full.
  const heads = new Float64Array(count);
  const order = new Uint32Array(count);
  for (let i = 0; i < count; i++) {
    const path = changes[i]![0];
    heads[i] = ((path[0]! << 16) | (path[1]! << 8) | path[2]!) * 0x1000000 + ((path[3]! << 16) | (path[4]! << 8) | path[5]!);
    order[i] = i;
  }
  order.sort((a, b) => heads[a]! - heads[b]! || comparePaths(changes[a]![0], changes[b]![0]));
  const batch = {
    paths: new Uint8Array(count * HASH_BYTES),
    valueHashes: new Uint8Array(count * HASH_BYTES),
    present: new Uint8Array(count),
  };
  for (let i = 0; i < count; i++) {
    const [path, value] = changes[order[i]!]!;
    batch.paths.set(path, i * HASH_BYTES);
    if (value !== undefined) {
      batch.valueHashes.set(sha256(value), i * HASH_BYTES);
      batch.present[i] = 1;
    }
  }
  return batch;
}

/** A forest of trees that share nodes. Every root that `update` gives is held until `release`. */
export class Tree {
  #capacity = 1024;
  #nodes = 1;
  #hashes = new Uint8Array(this.#capacity * HASH_BYTES);
  #words = new Uint32Array(this.#hashes.buffer);
  #left = new Int32Array(this.#capacity);
  #right = new Int32Array(this.#capacity);
  #references = new Int32Array(this.#capacity);
  readonly #freeNodes: number[] = [];
  #slotCapacity = 512;
  #slots = 0;
  #paths = new Uint8Array(this.#slotCapacity * HASH_BYTES);
  #valueHashes = new Uint8Array(this.#slotCapacity * HASH_BYTES);
  readonly #freeSlots: number[] = [];
  readonly #pair = new Uint8Array(2 * HASH_BYTES);
  readonly #pairWords = new Uint32Array(this.#pair.buffer);
  readonly #output = new Uint8Array(HASH_BYTES);
  readonly #outputWords = new Uint32Array(this.#output.buffer);
  readonly #leafMessage = new Uint8Array(LEAF_MESSAGE_BYTES);
  #batch: Batch = sortedBatch([]);

  /** Nodes in use, of all trees together. */
  get nodesUsed(): number {
    return this.#nodes - 1 - this.#freeNodes.length;
  }

  /** A new root with the changes; `root` stays as it is. A path must not appear twice. `undefined` deletes. */
  update(root: TreeRoot, changes: readonly (readonly [path: Uint8Array, value: Uint8Array | undefined])[]): TreeRoot {
    this.#batch = sortedBatch(changes);
    return this.#apply(root, 0, changes.length, 0);
  }

  release(root: TreeRoot): void {
    if (root === 0) return;
    const references = --this.#references[root]!;
    assert(references >= 0, "a tree is released once");
    if (references > 0) return;
    if (this.#right[root] === LEAF) this.#freeSlots.push(this.#left[root]!);
    else {
      this.release(this.#left[root]!);
      this.release(this.#right[root]!);
    }
    this.#freeNodes.push(root);
  }

  rootHash(root: TreeRoot): Hash {
    return this.#hashes.slice(root * HASH_BYTES, (root + 1) * HASH_BYTES) as Hash;
  }

  /**
   * Canonical bytes of `[siblings from the root down (null where empty), foreign]`; `foreign` is `[path, valueHash]` of the one leaf
   * that stands where the key would be, or null.
   */
  prove(root: TreeRoot, key: string): Uint8Array {
    const path = pathOf(key);
    const siblings: Value[] = [];
    let node = root;
    for (let depth = 0; node !== 0 && this.#right[node] !== LEAF; depth++) {
      const bit = bitOf(path, 0, depth);
      const sibling = bit === 1 ? this.#left[node]! : this.#right[node]!;
      siblings.push(sibling === 0 ? null : this.rootHash(sibling));
      node = bit === 1 ? this.#right[node]! : this.#left[node]!;
    }
    let foreign: Value = null;
    if (node !== 0) {
      const at = this.#left[node]! * HASH_BYTES;
      const found = this.#paths.slice(at, at + HASH_BYTES);
      if (!equalBytes(found, path)) foreign = [found, this.#valueHashes.slice(at, at + HASH_BYTES)];
    }
    return encode([siblings, foreign]);
  }

  /** Tokens that prove that all leaves within the range are there, for `verifyRange`. */
  proveRange(root: TreeRoot, range: PathRange): readonly Value[] {
    const tokens: Value[] = [];
    const prefix = new Uint8Array(HASH_BYTES);
    const walk = (node: TreeRoot, depth: number): void => {
      const place = placeOfNode(prefix, depth, range);
      if (place === "inside") return;
      if (place === "outside") tokens.push(node === 0 ? null : this.rootHash(node));
      else if (node === 0) tokens.push(null);
      else if (this.#right[node] === LEAF) tokens.push(this.#leafToken(node, range));
      else {
        tokens.push(INNER);
        walk(this.#left[node]!, depth + 1);
        onRight(prefix, depth, () => walk(this.#right[node]!, depth + 1));
      }
    };
    walk(root, 0);
    return tokens;
  }

  #leafToken(leaf: TreeRoot, range: PathRange): Value {
    const at = this.#left[leaf]! * HASH_BYTES;
    const path = this.#paths.slice(at, at + HASH_BYTES);
    return isInRange(path, range) ? LEAF_INSIDE : [path, this.#valueHashes.slice(at, at + HASH_BYTES)];
  }

  #retain(node: TreeRoot): TreeRoot {
    if (node !== 0) this.#references[node]!++;
    return node;
  }

  /** The first index in [from, to) whose bit at `depth` is 1. */
  #split(from: number, to: number, depth: number): number {
    const { paths } = this.#batch;
    let low = from;
    let high = to;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (bitOf(paths, middle * HASH_BYTES, depth) === 1) high = middle;
      else low = middle + 1;
    }
    return low;
  }

  /** Each of these gives a node that the caller owns one reference of. */
  #apply(node: TreeRoot, from: number, to: number, depth: number): TreeRoot {
    if (from === to) return this.#retain(node);
    if (node === 0) return this.#build(from, to, depth);
    if (this.#right[node] === LEAF) return this.#mergeLeaf(node, from, to, depth);
    const middle = this.#split(from, to, depth);
    const left = this.#apply(this.#left[node]!, from, middle, depth + 1);
    const right = this.#apply(this.#right[node]!, middle, to, depth + 1);
    if (left === this.#left[node] && right === this.#right[node]) {
      this.release(left);
      this.release(right);
      return this.#retain(node);
    }
    return this.#join(left, right);
  }

  #build(from: number, to: number, depth: number): TreeRoot {
    if (from === to) return 0;
    if (to - from === 1) return this.#batch.present[from] === 1 ? this.#createLeaf(from) : 0;
    const middle = this.#split(from, to, depth);
    return this.#join(this.#build(from, middle, depth + 1), this.#build(middle, to, depth + 1));
  }

  #mergeLeaf(leaf: TreeRoot, from: number, to: number, depth: number): TreeRoot {
    if (from === to) return this.#retain(leaf);
    const at = this.#left[leaf]! * HASH_BYTES;
    if (to - from === 1 && this.#samePath(at, from)) return this.#replaceLeaf(leaf, from);
    const middle = this.#split(from, to, depth);
    if (bitOf(this.#paths, at, depth) === 1) {
      const left = this.#build(from, middle, depth + 1);
      return this.#join(left, this.#mergeLeaf(leaf, middle, to, depth + 1));
    }
    const left = this.#mergeLeaf(leaf, from, middle, depth + 1);
    return this.#join(left, this.#build(middle, to, depth + 1));
  }

  #samePath(at: number, index: number): boolean {
    const { paths } = this.#batch;
    for (let i = 0, o = index * HASH_BYTES; i < HASH_BYTES; i++) if (this.#paths[at + i] !== paths[o + i]) return false;
    return true;
  }

  #replaceLeaf(leaf: TreeRoot, index: number): TreeRoot {
    const { valueHashes, present } = this.#batch;
    if (present[index] === 0) return 0;
    const at = this.#left[leaf]! * HASH_BYTES;
    let same = true;
    for (let i = 0, o = index * HASH_BYTES; i < HASH_BYTES && same; i++) same = this.#valueHashes[at + i] === valueHashes[o + i];
    return same ? this.#retain(leaf) : this.#createLeaf(index);
  }

  #join(left: TreeRoot, right: TreeRoot): TreeRoot {
    if (left === 0 && (right === 0 || this.#right[right] === LEAF)) return right;
    if (right === 0 && this.#right[left] === LEAF) return left;
    const node = this.#createNode(left, right);
    const words = this.#words;
    const pair = this.#pairWords;
    for (let i = 0, l = left * WORDS, r = right * WORDS; i < WORDS; i++, l++, r++) {
      pair[i] = words[l]!;
      pair[i + WORDS] = words[r]!;
    }
    digest64Into(this.#pair, this.#output);
    for (let i = 0, o = node * WORDS; i < WORDS; i++, o++) words[o] = this.#outputWords[i]!;
    return node;
  }

  #createLeaf(index: number): TreeRoot {
    const slot = this.#freeSlots.pop() ?? this.#slots++;
    if (slot >= this.#slotCapacity) this.#growSlots();
    const { paths, valueHashes } = this.#batch;
    const from = index * HASH_BYTES;
    const message = this.#leafMessage;
    for (let i = 0, o = slot * HASH_BYTES; i < HASH_BYTES; i++, o++) {
      message[1 + i] = this.#paths[o] = paths[from + i]!;
      message[1 + HASH_BYTES + i] = this.#valueHashes[o] = valueHashes[from + i]!;
    }
    const node = this.#createNode(slot, LEAF);
    this.#hashes.set(sha256(message), node * HASH_BYTES);
    return node;
  }

  #createNode(left: number, right: number): TreeRoot {
    const node = this.#freeNodes.pop() ?? this.#nodes++;
    if (node >= this.#capacity) this.#growNodes();
    this.#left[node] = left;
    this.#right[node] = right;
    this.#references[node] = 1;
    return node;
  }

  #growNodes(): void {
    this.#capacity *= 2;
    this.#hashes = grown(this.#hashes, new Uint8Array(this.#capacity * HASH_BYTES));
    this.#words = new Uint32Array(this.#hashes.buffer);
    this.#left = grown(this.#left, new Int32Array(this.#capacity));
    this.#right = grown(this.#right, new Int32Array(this.#capacity));
    this.#references = grown(this.#references, new Int32Array(this.#capacity));
  }

  #growSlots(): void {
    this.#slotCapacity *= 2;
    this.#paths = grown(this.#paths, new Uint8Array(this.#slotCapacity * HASH_BYTES));
    this.#valueHashes = grown(this.#valueHashes, new Uint8Array(this.#slotCapacity * HASH_BYTES));
  }
}

function grown<Numbers extends Uint8Array | Int32Array>(from: Numbers, to: Numbers): Numbers {
  to.set(from);
  return to;
}

/** The root's hash that a proof leads to, or undefined where the proof cannot speak of this path. */
function proofRoot(path: Uint8Array, value: Uint8Array | null, proof: Value): Uint8Array | undefined {
  if (!Array.isArray(proof) || proof.length !== 2) return undefined;
  const [siblings, foreign] = proof as readonly Value[];
  if (!Array.isArray(siblings) || siblings.length > PATH_BITS) return undefined;
  let hash: Uint8Array = new Uint8Array(HASH_BYTES);
  if (value !== null) {
    if (foreign !== null) return undefined;
    hash = leafHash(path, sha256(value));
  } else if (foreign !== null) {
    if (!Array.isArray(foreign) || foreign.length !== 2) return undefined;
    const [foreignPath, valueHash] = foreign as readonly Value[];
    if (!isHash(foreignPath) || !isHash(valueHash) || equalBytes(foreignPath, path)) return undefined;
    for (let depth = 0; depth < siblings.length; depth++) if (bitOf(foreignPath, 0, depth) !== bitOf(path, 0, depth)) return undefined;
    hash = leafHash(foreignPath, valueHash);
  }
  const pair = new Uint8Array(2 * HASH_BYTES);
  for (let depth = siblings.length - 1; depth >= 0; depth--) {
    const sibling: Value = siblings[depth];
    if (sibling !== null && !isHash(sibling)) return undefined;
    const onRight = bitOf(path, 0, depth);
    pair.fill(0);
    pair.set(hash, onRight * HASH_BYTES);
    if (sibling !== null) pair.set(sibling, (1 - onRight) * HASH_BYTES);
    hash = sha256(pair);
  }
  return hash;
}

/** Whether `proof` shows that under `root` the key has exactly these value bytes, or, for null, that it has none. Never throws. */
export function verifyProof(root: Uint8Array, key: string, value: Uint8Array | null, proof: Uint8Array): boolean {
  try {
    const found = proofRoot(pathOf(key), value, decode(proof, PROOF_BYTES_MAX));
    return found !== undefined && equalBytes(found, root);
  } catch (error) {
    if (error instanceof Refusal) return false;
    throw error;
  }
}
