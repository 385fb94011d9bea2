/** Finalized state in memory, and the light overlays of blocks above it. PROTOCOL, "State". */
import { assert } from "../kit/assert.ts";
import { decode, encode, type Value } from "../protocol/codec.ts";
import type { Hash } from "../protocol/identifiers.ts";
import { LIMITS } from "../protocol/limits.ts";
import { requireThat } from "../protocol/refusal.ts";
import { isValueMap, readList, readText } from "../protocol/schema.ts";
import { compareKeys, KeyOrder } from "./key-order.ts";
import type { PathRange } from "./tree-range.ts";
import { pathOf, Tree, type TreeRoot } from "./tree.ts";
import type { Change, LedgerState, Overlay, StateView } from "./types.ts";

/** Freezes lists and maps all the way down; bytes cannot be frozen and are not to be changed. */
function freeze<Given extends Value>(value: Given): Given {
  if (typeof value !== "object" || value === null || value instanceof Uint8Array || Object.isFrozen(value)) return value;
  for (const item of Array.isArray(value) ? (value as readonly Value[]) : Object.values(value)) freeze(item);
  return Object.freeze(value);
}

/** What both layers can do for the layer above them. */
interface Layer extends StateView {
  readonly base: BaseState;
  treeRoot(): TreeRoot;
  /** Keys at or after `start` that have a value, ascending. */
  keysFrom(start: string, after: boolean): Iterator<string, void, undefined>;
}

function listOf(layer: Layer, prefix: string, after: string | undefined, limit: number): readonly (readonly [string, Value])[] {
  const found: (readonly [string, Value])[] = [];
  const resumes = after !== undefined && compareKeys(after, prefix) > 0;
  const keys = layer.keysFrom(resumes ? after : prefix, resumes);
  while (found.length < limit) {
    const next = keys.next();
    if (next.done || !next.value.startsWith(prefix)) break;
    found.push([next.value, layer.get(next.value)!]);
  }
  return found;
}

/** The finalized state. One tree holds its nodes and those of every overlay above it. */
export class BaseState implements LedgerState, Layer {
  readonly base = this;
  readonly tree = new Tree();
  /** Counts finalizations: an overlay that reads at another generation than its own is stale. */
  generation = 0;
  readonly #values: Map<string, Value>;
  #order: KeyOrder | undefined;
  #treeRoot: TreeRoot = 0;
  readonly #overlays = new Set<OverlayState>();

  constructor(entries: readonly (readonly [key: string, value: Value])[]) {
    this.#values = new Map(entries.map(([key, value]) => [key, freeze(value)]));
    this.#treeRoot = this.tree.update(
      0,
      [...this.#values].map(([key, value]) => [pathOf(key), encode(value)]),
    );
  }

  get size(): number {
    return this.#values.size;
  }

  get(key: string): Value | undefined {
    return this.#values.get(key);
  }

  list(prefix: string, after: string | undefined, limit: number): readonly (readonly [string, Value])[] {
    return listOf(this, prefix, after, limit);
  }

  root(): Hash {
    return this.tree.rootHash(this.#treeRoot);
  }

  prove(key: string): Uint8Array {
    return this.tree.prove(this.#treeRoot, key);
  }

  /** As `Tree.proveRange`. */
  proveRange(range: PathRange): readonly Value[] {
    return this.tree.proveRange(this.#treeRoot, range);
  }

  treeRoot(): TreeRoot {
    return this.#treeRoot;
  }

  keysFrom(start: string, after: boolean): Iterator<string, void, undefined> {
    this.#order ??= new KeyOrder(this.#values.keys());
    return this.#order.from(start, after);
  }

  entries(): IterableIterator<[string, Value]> {
    return this.#values.entries();
  }

  /** Overlays register once they hold nodes of the tree, so that finalizing can release those of dropped branches. */
  register(overlay: OverlayState): void {
    this.#overlays.add(overlay);
  }

  unregister(overlay: OverlayState): void {
    this.#overlays.delete(overlay);
  }

  finalize(overlay: Overlay): readonly Change[] {
    assert(overlay instanceof OverlayState && overlay.descendsFrom(this), "only a child of the finalized state is finalized");
    const changes = overlay.changes();
    const undo = this.#merge(changes);
    const root = overlay.treeRoot();
    this.generation++;
    overlay.becomePassage();
    this.tree.release(this.#treeRoot);
    this.#treeRoot = root;
    for (const other of this.#overlays) {
      if (other === overlay) this.#overlays.delete(other);
      else if (other.isStale()) this.#drop(other);
    }
    return undo;
  }

  apply(changes: readonly Change[]): void {
    this.#merge(changes);
    const root = this.tree.update(
      this.#treeRoot,
      changes.map(([key, value]) => [pathOf(key), value === undefined ? undefined : encode(value)]),
    );
    this.tree.release(this.#treeRoot);
    this.#treeRoot = root;
    this.generation++;
    for (const overlay of this.#overlays) this.#drop(overlay);
  }

  #drop(overlay: OverlayState): void {
    this.#overlays.delete(overlay);
    overlay.releaseTree();
  }

  #merge(changes: readonly Change[]): readonly Change[] {
    const undo: Change[] = [];
    for (const [key, value] of changes) {
      const before = this.#values.get(key);
      undo.push([key, before]);
      if (value === undefined) {
        this.#values.delete(key);
        if (before !== undefined) this.#order?.delete(key);
      } else {
        this.#values.set(key, freeze(value));
        if (before === undefined) this.#order?.add(key);
      }
    }
    return undo;
  }
}

/** One entry of the journal: what the overlay itself held before, `null` for nothing. */
type JournalEntry = readonly [key: string, before: { readonly value: Value | undefined } | null];

export class OverlayState implements Overlay, Layer {
  readonly base: BaseState;
  #parent: Layer;
  /** Own changes; `undefined` is a deletion. */
  readonly #values = new Map<string, Value | undefined>();
  readonly #journal: JournalEntry[] = [];
  #order: KeyOrder | undefined;
  #treeRoot: TreeRoot | null = null;
  #passage = false;
  /** Generation of the base at which this overlay is valid, while it lies directly on it. */
  #generation: number;

  constructor(parent: Layer) {
    this.#parent = parent;
    this.base = parent.base;
    this.#generation = this.base.generation;
  }

  get parent(): StateView {
    return this.#below();
  }

  get(key: string): Value | undefined {
    if (!this.#passage) {
      const own = this.#values.get(key);
      if (own !== undefined || this.#values.has(key)) return own;
    }
    return this.#below().get(key);
  }

  set(key: string, value: Value): void {
    this.#write(key, freeze(value));
  }

  delete(key: string): void {
    this.#write(key, undefined);
  }

  mark(): number {
    return this.#journal.length;
  }

  rollback(mark: number): void {
    while (this.#journal.length > mark) {
      const [key, before] = this.#journal.pop()!;
      if (before === null) {
        this.#values.delete(key);
        this.#order?.delete(key);
      } else this.#values.set(key, before.value);
    }
    this.releaseTree();
  }

  changes(): readonly Change[] {
    const parent = this.#below();
    return [...this.#values]
      .filter(([key, value]) => value !== undefined || parent.get(key) !== undefined)
      .sort(([a], [b]) => compareKeys(a, b));
  }

  list(prefix: string, after: string | undefined, limit: number): readonly (readonly [string, Value])[] {
    return listOf(this, prefix, after, limit);
  }

  root(): Hash {
    return this.base.tree.rootHash(this.treeRoot());
  }

  prove(key: string): Uint8Array {
    return this.base.tree.prove(this.treeRoot(), key);
  }

  treeRoot(): TreeRoot {
    if (this.#passage) return this.#below().treeRoot();
    if (this.#treeRoot === null) {
      const changes: (readonly [Uint8Array, Uint8Array | undefined])[] = [];
      for (const [key, value] of this.#values) changes.push([pathOf(key), value === undefined ? undefined : encode(value)]);
      this.#treeRoot = this.base.tree.update(this.#below().treeRoot(), changes);
      this.base.register(this);
    }
    return this.#treeRoot;
  }

  *keysFrom(start: string, after: boolean): Generator<string, void, undefined> {
    const below = this.#below().keysFrom(start, after);
    if (this.#passage) {
      for (let next = below.next(); !next.done; next = below.next()) yield next.value;
      return;
    }
    this.#order ??= new KeyOrder(this.#values.keys());
    const own = this.#order.from(start, after);
    let a = below.next();
    let b = own.next();
    while (!a.done || !b.done) {
      const order = a.done ? 1 : b.done ? -1 : compareKeys(a.value, b.value);
      const key = (order <= 0 ? a.value : b.value)!;
      if (order < 0 || this.#values.get(key) !== undefined) yield key;
      if (order <= 0) a = below.next();
      if (order >= 0) b = own.next();
    }
  }

  descendsFrom(base: BaseState): boolean {
    return this.#below() === base;
  }

  /** From now on this overlay's content is the base's own, and what lies above it reads through. */
  becomePassage(): void {
    this.#passage = true;
    this.#treeRoot = null;
    this.#generation = this.base.generation;
    this.#values.clear();
    this.#journal.length = 0;
    this.#order = undefined;
  }

  isStale(): boolean {
    if (this.#parent !== this.base) {
      const parent = this.#parent as OverlayState;
      if (!parent.#passage) return parent.isStale();
      return parent.#generation !== this.base.generation;
    }
    return this.#generation !== this.base.generation;
  }

  /** Gives back the nodes it holds; the root is computed again when asked for. */
  releaseTree(): void {
    if (this.#treeRoot !== null) this.base.tree.release(this.#treeRoot);
    this.#treeRoot = null;
  }

  release(): void {
    if (this.#treeRoot !== null) this.base.unregister(this);
    this.releaseTree();
  }

  /** The layer to read through; a finalized parent is skipped for good, so that chains stay short. */
  #below(): Layer {
    if (this.#parent instanceof OverlayState && this.#parent.#passage) {
      this.#generation = this.#parent.#generation;
      this.#parent = this.base;
    }
    if (this.#parent === this.base) assert(this.#generation === this.base.generation, "a dropped branch is not read");
    return this.#parent;
  }

  #write(key: string, value: Value | undefined): void {
    assert(!this.#passage, "a finalized overlay is not changed");
    const own = this.#values.get(key);
    const had = own !== undefined || this.#values.has(key);
    this.#journal.push([key, had ? { value: own } : null]);
    this.#values.set(key, value);
    if (!had) this.#order?.add(key);
    if (this.#treeRoot !== null) this.releaseTree();
  }
}

export function createOverlay(parent: StateView): Overlay {
  assert(parent instanceof BaseState || parent instanceof OverlayState, "an overlay lies on a state of this ledger");
  return new OverlayState(parent);
}

/** Canonical bytes of changes: `[[key, value] or [key], …]`. */
export function encodeChanges(changes: readonly Change[]): Uint8Array {
  return encode(changes.map(([key, value]): Value => (value === undefined ? [key] : [key, value])));
}

/** @throws {Refusal} `encoding-invalid`, `schema-invalid`. */
export function decodeChanges(bytes: Uint8Array): readonly Change[] {
  return readList(decode(bytes, LIMITS.stateBytesMax), "changes").map((item): Change => {
    const pair = readList(item, "change");
    requireThat(pair.length === 1 || pair.length === 2, "schema-invalid", { field: "change" });
    return [readText(pair[0], "key", LIMITS.stateKeyUnitsMax, 1), pair[1]];
  });
}

/** A stored map, of a key space whose entries are maps. */
export function mapAt(state: StateView, key: string) {
  const value = state.get(key);
  if (value === undefined) return undefined;
  assert(isValueMap(value), "a stored map");
  return value;
}
