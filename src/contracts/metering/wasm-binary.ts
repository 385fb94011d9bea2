/** Reading and writing the WebAssembly binary format (WebAssembly Core Specification 2.0, chapter 5) without a platform's help. */
import { assert } from "../../kit/assert.ts";

/** Value types and block types as single bytes (5.3.1). */
export const TYPE = { i32: 0x7f, i64: 0x7e, f32: 0x7d, f64: 0x7c, empty: 0x40 } as const;

export const SECTION = {
  custom: 0,
  type: 1,
  import: 2,
  function: 3,
  table: 4,
  memory: 5,
  global: 6,
  export: 7,
  start: 8,
  element: 9,
  code: 10,
  data: 11,
  dataCount: 12,
} as const;

export class WasmReader {
  readonly bytes: Uint8Array;
  position: number;

  constructor(bytes: Uint8Array, position = 0) {
    this.bytes = bytes;
    this.position = position;
  }

  byte(): number {
    const byte = this.bytes[this.position++];
    assert(byte !== undefined, "WASM ends early");
    return byte;
  }

  /** An unsigned LEB128 integer of at most 32 bits (5.2.2). */
  unsigned(): number {
    let value = 0;
    for (let shift = 0; ; shift += 7) {
      const byte = this.byte();
      value |= (byte & 127) << shift;
      if (byte < 128) return value >>> 0;
    }
  }

  skipLeb(): void {
    while (this.byte() >= 128);
  }

  /** A name; only ASCII names matter to the pass, others come out as what their bytes are in Latin-1. */
  name(): string {
    const length = this.unsigned();
    let text = "";
    for (let i = 0; i < length; i++) text += String.fromCharCode(this.byte());
    return text;
  }

  /** `count` items of a vector, read by `read`. */
  vector<Item>(read: () => Item): Item[] {
    const count = this.unsigned();
    const items: Item[] = [];
    for (let i = 0; i < count; i++) items.push(read());
    return items;
  }
}

export class WasmWriter {
  #bytes: Uint8Array;
  #length = 0;

  constructor(capacityBytes = 256) {
    this.#bytes = new Uint8Array(capacityBytes);
  }

  get length(): number {
    return this.#length;
  }

  #reserve(count: number): void {
    if (this.#length + count <= this.#bytes.length) return;
    const larger = new Uint8Array(Math.max(this.#bytes.length * 2, this.#length + count));
    larger.set(this.#bytes);
    this.#bytes = larger;
  }

  byte(...values: readonly number[]): void {
    this.#reserve(values.length);
    for (const value of values) this.#bytes[this.#length++] = value;
  }

  unsigned(value: number): void {
    let rest = value;
    while (rest >= 128) {
      this.byte((rest & 127) | 128);
      rest >>>= 7;
    }
    this.byte(rest);
  }

  /** A signed LEB128 integer; `value` fits in 32 bits, which is all that the pass writes. */
  signed(value: number): void {
    let rest = value | 0;
    for (;;) {
      const low = rest & 127;
      rest >>= 7;
      if ((rest === 0 && low < 64) || (rest === -1 && low >= 64)) {
        this.byte(low);
        return;
      }
      this.byte(low | 128);
    }
  }

  append(bytes: Uint8Array): void {
    this.#reserve(bytes.length);
    this.#bytes.set(bytes, this.#length);
    this.#length += bytes.length;
  }

  name(ascii: string): void {
    this.unsigned(ascii.length);
    for (let i = 0; i < ascii.length; i++) this.byte(ascii.charCodeAt(i));
  }

  section(id: number, content: Uint8Array): void {
    this.byte(id);
    this.unsigned(content.length);
    this.append(content);
  }

  finish(): Uint8Array {
    return this.#bytes.slice(0, this.#length);
  }
}
