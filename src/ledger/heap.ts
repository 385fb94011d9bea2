/** A binary heap: `pop` gives an item that `before` puts first. */
export class Heap<Item> {
  readonly #before: (a: Item, b: Item) => boolean;
  readonly #items: Item[];

  /** `items` must be those of a heap with the same order, or none. */
  constructor(before: (a: Item, b: Item) => boolean, items: readonly Item[] = []) {
    this.#before = before;
    this.#items = [...items];
  }

  get size(): number {
    return this.#items.length;
  }

  copy(): Heap<Item> {
    return new Heap(this.#before, this.#items);
  }

  items(): readonly Item[] {
    return this.#items;
  }

  peek(): Item | undefined {
    return this.#items[0];
  }

  push(item: Item): void {
    const items = this.#items;
    let at = items.length;
    items.push(item);
    while (at > 0) {
      const parent = (at - 1) >> 1;
      if (!this.#before(item, items[parent]!)) break;
      items[at] = items[parent]!;
      at = parent;
    }
    items[at] = item;
  }

  pop(): Item | undefined {
    const items = this.#items;
    const top = items[0];
    const last = items.pop();
    if (last === undefined || items.length === 0) return top;
    let at = 0;
    for (;;) {
      let child = 2 * at + 1;
      if (child >= items.length) break;
      if (child + 1 < items.length && this.#before(items[child + 1]!, items[child]!)) child++;
      if (!this.#before(items[child]!, last)) break;
      items[at] = items[child]!;
      at = child;
    }
    items[at] = last;
    return top;
  }
}
