/** Keys in the order of their UTF-8 bytes, for lists by prefix: sorted chunks, so that an insertion moves a few hundred at most. */

/** Order of two well-formed texts by their UTF-8 bytes. It differs from the order of UTF-16 units only where a surrogate meets U+E000 to U+FFFF. */
export function compareKeys(a: string, b: string): number {
  const shared = Math.min(a.length, b.length);
  for (let i = 0; i < shared; i++) {
    const x = a.charCodeAt(i);
    const y = b.charCodeAt(i);
    if (x !== y) return rank(x) - rank(y);
  }
  return a.length - b.length;
}

function rank(unit: number): number {
  if (unit < 0xd800) return unit;
  return unit >= 0xe000 ? unit - 0x800 : unit + 0x2000;
}

const CHUNK_KEYS_MAX = 512;

export class KeyOrder {
  #chunks: string[][];

  /** From keys in any order, none twice. */
  constructor(keys: Iterable<string> = []) {
    const sorted = [...keys].sort(compareKeys);
    this.#chunks = [];
    for (let i = 0; i < sorted.length; i += CHUNK_KEYS_MAX / 2) this.#chunks.push(sorted.slice(i, i + CHUNK_KEYS_MAX / 2));
  }

  add(key: string): void {
    const at = this.#chunkOf(key);
    const chunk = this.#chunks[at];
    if (chunk === undefined) {
      this.#chunks.push([key]);
      return;
    }
    const index = indexIn(chunk, key);
    if (chunk[index] === key) return;
    chunk.splice(index, 0, key);
    if (chunk.length > CHUNK_KEYS_MAX) this.#chunks.splice(at + 1, 0, chunk.splice(CHUNK_KEYS_MAX / 2));
  }

  delete(key: string): void {
    const at = this.#chunkOf(key);
    const chunk = this.#chunks[at];
    if (chunk === undefined) return;
    const index = indexIn(chunk, key);
    if (chunk[index] !== key) return;
    chunk.splice(index, 1);
    if (chunk.length === 0) this.#chunks.splice(at, 1);
  }

  /** Keys from `start` on (from the one after it, when `after`), ascending. Not to be changed while it is read. */
  *from(start: string, after: boolean): Generator<string, void, undefined> {
    for (let at = this.#chunkOf(start), first = true; at < this.#chunks.length; at++, first = false) {
      const chunk = this.#chunks[at]!;
      let index = first ? indexIn(chunk, start) : 0;
      if (first && after && chunk[index] === start) index++;
      for (; index < chunk.length; index++) yield chunk[index]!;
    }
  }

  /** The chunk where the key is or belongs: the last that begins at or before it. */
  #chunkOf(key: string): number {
    let low = 0;
    let high = this.#chunks.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (compareKeys(this.#chunks[middle]![0]!, key) <= 0) low = middle + 1;
      else high = middle;
    }
    return Math.max(0, low - 1);
  }
}

function indexIn(chunk: readonly string[], key: string): number {
  let low = 0;
  let high = chunk.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (compareKeys(chunk[middle]!, key) < 0) low = middle + 1;
    else high = middle;
  }
  return low;
}
