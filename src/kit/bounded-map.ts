/** How much the entries of a map may weigh together. */
export interface WeightBound<Entry> {
  readonly max: number;
  readonly of: (entry: Entry) => number;
}

/** A map that never holds more than `sizeMax` entries, nor more than their weights allow: the one inserted first leaves when a new one comes. */
export class BoundedMap<Key, Entry> {
  readonly #entries = new Map<Key, Entry>();
  readonly #sizeMax: number;
  readonly #bound: WeightBound<Entry> | null;
  #weight = 0;

  constructor(sizeMax: number, bound: WeightBound<Entry> | null = null) {
    this.#sizeMax = sizeMax;
    this.#bound = bound;
  }

  get size(): number {
    return this.#entries.size;
  }

  get(key: Key): Entry | undefined {
    return this.#entries.get(key);
  }

  has(key: Key): boolean {
    return this.#entries.has(key);
  }

  /** Sets an entry and counts it as the newest. */
  set(key: Key, entry: Entry): void {
    this.delete(key);
    this.#entries.set(key, entry);
    if (this.#bound !== null) this.#weight += this.#bound.of(entry);
    while (this.#entries.size > this.#sizeMax || (this.#bound !== null && this.#weight > this.#bound.max)) {
      const oldest = this.#entries.keys().next();
      if (oldest.done) return;
      this.delete(oldest.value);
    }
  }

  delete(key: Key): boolean {
    if (this.#bound === null) return this.#entries.delete(key);
    const entry = this.#entries.get(key);
    if (entry !== undefined) this.#weight -= this.#bound.of(entry);
    return this.#entries.delete(key);
  }

  clear(): void {
    this.#entries.clear();
    this.#weight = 0;
  }

  /** From the oldest to the newest. */
  entries(): IterableIterator<[Key, Entry]> {
    return this.#entries.entries();
  }
}
