/**
 * Values in the form in which QuickJS itself writes and reads objects (`JS_WriteObject`, `JS_ReadObject` of quickjs-ng, format 28):
 * one crossing a value, no text in between, and neither getter nor proxy nor `toJSON` of the contract takes part. The format belongs to
 * the pinned binary. Everything that leaves a contract is checked against the codec's data model here.
 */
import { assert } from "../kit/assert.ts";
import { isWellFormed } from "../kit/bytes.ts";
import { compareMapKeys, type Value, type ValueMap } from "../protocol/codec.ts";
import { LIMITS } from "../protocol/limits.ts";
import { Refusal } from "../protocol/refusal.ts";
import { GUEST_NAMES } from "./guest-names.ts";

const FORMAT = 28;
const TAG = {
  null: 1,
  undefined: 2,
  false: 3,
  true: 4,
  integer: 5,
  float: 6,
  string: 7,
  map: 8,
  list: 9,
  typedArray: 14,
  arrayBuffer: 15,
} as const;
const UINT8_ARRAY = 2;
/** Names of properties that are written in full, as against those built into the engine. */
const ATOM_STRING = 1;
/** Array indices are written as numbers up to here. */
const INDEX_MAX = 0x7fffffff;

function refuse(reason: string): never {
  throw new Refusal("encoding-invalid", { reason });
}

/** The number that an array index such as "12" stands for, or −1 for any other key. */
function indexOf(key: string): number {
  if (key.length === 0 || key.length > 10 || (key.length > 1 && key.charCodeAt(0) === 48)) return -1;
  let index = 0;
  for (let i = 0; i < key.length; i++) {
    const digit = key.charCodeAt(i) - 48;
    if (digit < 0 || digit > 9) return -1;
    index = index * 10 + digit;
  }
  return index <= INDEX_MAX ? index : -1;
}

class GuestWriter {
  #bytes = new Uint8Array(256);
  #length = 0;
  #view = new DataView(this.#bytes.buffer);

  reserve(count: number): void {
    if (this.#length + count <= this.#bytes.length) return;
    const larger = new Uint8Array(Math.max(this.#bytes.length * 2, this.#length + count));
    larger.set(this.#bytes.subarray(0, this.#length));
    this.#bytes = larger;
    this.#view = new DataView(larger.buffer);
  }

  byte(value: number): void {
    this.reserve(1);
    this.#bytes[this.#length++] = value;
  }

  unsigned(value: number): void {
    let rest = value >>> 0;
    while (rest >= 128) {
      this.byte((rest & 127) | 128);
      rest >>>= 7;
    }
    this.byte(rest);
  }

  float(value: number): void {
    this.reserve(8);
    this.#view.setFloat64(this.#length, value, true);
    this.#length += 8;
  }

  append(bytes: Uint8Array): void {
    this.reserve(bytes.length);
    this.#bytes.set(bytes, this.#length);
    this.#length += bytes.length;
  }

  /** Latin-1 where every unit fits, else UTF-16, as the engine keeps its strings. */
  text(text: string): void {
    let wide = false;
    for (let i = 0; i < text.length && !wide; i++) wide = text.charCodeAt(i) > 0xff;
    this.unsigned(text.length * 2 + (wide ? 1 : 0));
    this.reserve(text.length * 2);
    for (let i = 0; i < text.length; i++) {
      const unit = text.charCodeAt(i);
      this.#bytes[this.#length++] = unit & 0xff;
      if (wide) this.#bytes[this.#length++] = unit >> 8;
    }
  }

  clear(): void {
    this.#length = 0;
  }

  finish(): Uint8Array {
    return this.#bytes.subarray(0, this.#length);
  }
}

/** Writes values as `JS_ReadObject` takes them, in buffers that it uses again. */
export class GuestEncoder {
  readonly #head = new GuestWriter();
  readonly #out = new GuestWriter();
  readonly #atoms = new Map<string, number>();

  #key(key: string): void {
    const index = indexOf(key);
    if (index >= 0) return this.#out.unsigned(((index << 1) | 1) >>> 0);
    let atom = this.#atoms.get(key);
    if (atom === undefined) {
      atom = this.#atoms.size + 1;
      this.#atoms.set(key, atom);
    }
    this.#out.unsigned(atom << 1);
  }

  #bytesValue(bytes: Uint8Array): void {
    const out = this.#out;
    out.byte(TAG.typedArray);
    out.byte(UINT8_ARRAY);
    out.unsigned(bytes.length);
    out.unsigned(0);
    out.byte(TAG.arrayBuffer);
    out.unsigned(bytes.length);
    out.unsigned(0xffffffff); // no longer than it is
    out.append(bytes);
  }

  #number(value: number): void {
    if ((value | 0) === value && !Object.is(value, -0)) {
      this.#out.byte(TAG.integer);
      this.#out.unsigned((value << 1) ^ (value >> 31));
    } else {
      this.#out.byte(TAG.float);
      this.#out.float(value);
    }
  }

  #value(value: Value): void {
    const out = this.#out;
    if (value === null) out.byte(TAG.null);
    else if (typeof value === "boolean") out.byte(value ? TAG.true : TAG.false);
    else if (typeof value === "number") this.#number(value);
    else if (typeof value === "string") {
      out.byte(TAG.string);
      out.text(value);
    } else if (value instanceof Uint8Array) this.#bytesValue(value);
    else if (Array.isArray(value)) {
      out.byte(TAG.list);
      out.unsigned(value.length);
      for (const item of value) this.#value(item);
    } else this.#map(value as ValueMap);
  }

  #map(map: ValueMap): void {
    // A map that was executed here has another order of keys than one that was read from storage or from the network.
    const keys = Object.keys(map).sort(compareMapKeys);
    this.#out.byte(TAG.map);
    this.#out.unsigned(keys.length);
    for (const key of keys) {
      this.#key(key);
      this.#value(map[key]!);
    }
  }

  /** The bytes of a value, valid until the next call. */
  encode(value: Value): Uint8Array {
    this.#out.clear();
    this.#atoms.clear();
    this.#value(value);
    const head = this.#head;
    head.clear();
    head.byte(FORMAT);
    for (let i = 0; i < 4; i++) head.byte(0xff); // "no checksum"
    head.unsigned(this.#atoms.size);
    for (const name of this.#atoms.keys()) {
      head.byte(ATOM_STRING);
      head.text(name);
    }
    head.append(this.#out.finish());
    return head.finish();
  }
}

/** @throws {Refusal} `encoding-invalid` if the codec has no form for the number. */
export function readNumber(value: number): number {
  if (!Number.isFinite(value)) refuse("a number that is not finite");
  if (Object.is(value, -0)) refuse("negative zero");
  if (Number.isInteger(value) && !Number.isSafeInteger(value)) refuse("an integer above 2^53");
  return value;
}

class ValueReader {
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  #position = 0;
  #atoms: readonly string[] = [];

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  #byte(): number {
    const byte = this.#bytes[this.#position++];
    assert(byte !== undefined, "the engine's own bytes are whole");
    return byte;
  }

  #unsigned(): number {
    let value = 0;
    for (let shift = 0; ; shift += 7) {
      const byte = this.#byte();
      value |= (byte & 127) << shift;
      if (byte < 128) return value >>> 0;
    }
  }

  #text(): string {
    const head = this.#unsigned();
    const length = head >>> 1;
    const end = this.#position + length * ((head & 1) + 1);
    assert(end <= this.#bytes.length, "the engine's own text is whole");
    let text = "";
    if (head & 1) for (; this.#position < end; this.#position += 2) text += String.fromCharCode(this.#view.getUint16(this.#position, true));
    else while (this.#position < end) text += String.fromCharCode(this.#bytes[this.#position++]!);
    if (head & 1 && !isWellFormed(text)) refuse("lone surrogate");
    return text;
  }

  /**
   * Names of properties. A head below 128 is the kind of a name whose text follows; others hold the number of a built-in name: six bits,
   * and a flag that says whether more follow.
   */
  #readAtoms(): void {
    const count = this.#unsigned();
    const atoms: string[] = [];
    for (let i = 0; i < count; i++) {
      const head = this.#byte();
      if (head < 128) {
        if (head !== ATOM_STRING) refuse("a symbol as key");
        atoms.push(this.#text());
        continue;
      }
      const number = (head & 63) + (head & 64 ? this.#unsigned() * 64 : 0);
      atoms.push(GUEST_NAMES[number - 1] ?? refuse("a symbol as key"));
    }
    this.#atoms = atoms;
  }

  #key(): string {
    const reference = this.#unsigned();
    const key = reference & 1 ? String(reference >>> 1) : this.#atoms[(reference >>> 1) - 1];
    assert(key !== undefined, "a property has a name");
    if (key === "__proto__") refuse("the key __proto__");
    return key;
  }

  #typedArray(): Uint8Array {
    if (this.#byte() !== UINT8_ARRAY) refuse("a typed array other than Uint8Array");
    const length = this.#unsigned();
    const offset = this.#unsigned();
    if (this.#byte() !== TAG.arrayBuffer) refuse("a typed array without a plain buffer");
    const bufferLength = this.#unsigned();
    this.#unsigned(); // greatest length
    const start = this.#position + offset;
    this.#position += bufferLength;
    assert(this.#position <= this.#bytes.length && offset + length <= bufferLength, "the engine's own buffer is whole");
    return this.#bytes.slice(start, start + length);
  }

  #map(depth: number): ValueMap {
    const count = this.#unsigned();
    const map: Record<string, Value> = {};
    for (let i = 0; i < count; i++) {
      const key = this.#key();
      map[key] = this.value(depth + 1);
    }
    return map;
  }

  value(depth: number): Value {
    if (depth > LIMITS.contractValueDepthMax) refuse("too deep");
    const tag = this.#byte();
    switch (tag) {
      case TAG.null:
        return null;
      case TAG.undefined:
        return refuse("undefined");
      case TAG.false:
      case TAG.true:
        return tag === TAG.true;
      case TAG.integer: {
        const folded = this.#unsigned();
        return (folded >>> 1) ^ -(folded & 1);
      }
      case TAG.float:
        this.#position += 8;
        return readNumber(this.#view.getFloat64(this.#position - 8, true));
      case TAG.string:
        return this.#text();
      case TAG.map:
        return this.#map(depth);
      case TAG.list: {
        const list: Value[] = [];
        for (let count = this.#unsigned(); count > 0; count--) list.push(this.value(depth + 1));
        return list;
      }
      case TAG.typedArray:
        return this.#typedArray();
      default:
        return refuse("an object that is no plain data");
    }
  }

  read(): Value {
    assert(this.#byte() === FORMAT, "the engine's format is the pinned one");
    this.#position += 4; // checksum
    this.#readAtoms();
    return this.value(0);
  }
}

/**
 * The value of bytes that `JS_WriteObject` made.
 * @throws {Refusal} `encoding-invalid` if it is outside the codec's data model.
 */
export function decodeGuest(bytes: Uint8Array): Value {
  return new ValueReader(bytes).read();
}
