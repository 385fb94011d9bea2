/**
 * The canonical codec: the DAG-CBOR form (IPLD; RFC 8949, 4.2.3, shorter keys first) of one data model. Own code, because it stands in
 * every hot path: reading refuses at the first byte that the canonical form would not have, where the library's lenient decoder has to
 * be followed by encoding all again and comparing. The library is the oracle in its property test. ADR 40.
 */
import { isWellFormed, utf8 } from "../kit/bytes.ts";
import { LIMITS } from "./limits.ts";
import { Refusal, requireThat } from "./refusal.ts";

/** The data model of everything that is signed, stored in state or handed to a contract. Numbers are safe integers or finite floats. */
export type Value = null | boolean | number | string | Uint8Array | readonly Value[] | ValueMap;
export interface ValueMap {
  readonly [key: string]: Value;
}

/** Major types (RFC 8949, 3.1), in the upper three bits of an item's first byte. */
const UNSIGNED = 0x00;
const NEGATIVE = 0x20;
const BYTES = 0x40;
const TEXT = 0x60;
const LIST = 0x80;
const MAP = 0xa0;
const FALSE = 0xf4;
const TRUE = 0xf5;
const NULL = 0xf6;
const FLOAT = 0xfb;
const TWO_32 = 2 ** 32;

function refuse(reason: string): never {
  throw new Refusal("encoding-invalid", { reason });
}

const float = new DataView(new ArrayBuffer(8));

// ------------------------------------------------------------ writing

/** What the buffer may keep of a large value: a block with its receipts. */
const KEPT_BYTES = 1024 * 1024;

/** One buffer for all writing: a value's bytes are copied out of it once it is whole. */
let buffer = new Uint8Array(4096);
let end = 0;

function reserve(bytes: number): void {
  if (end + bytes <= buffer.length) return;
  const grown = new Uint8Array(Math.max(2 * buffer.length, end + bytes));
  grown.set(buffer.subarray(0, end));
  buffer = grown;
}

function writeHead(major: number, count: number): void {
  reserve(9);
  if (count < 24) buffer[end++] = major | count;
  else if (count < 0x100) {
    buffer[end++] = major | 24;
    buffer[end++] = count;
  } else if (count < 0x10000) {
    buffer[end++] = major | 25;
    buffer[end++] = count >>> 8;
    buffer[end++] = count;
  } else {
    const high = Math.floor(count / TWO_32);
    buffer[end++] = major | (high === 0 ? 26 : 27);
    if (high !== 0) writeWord(high);
    writeWord(count % TWO_32);
  }
}

function writeWord(word: number): void {
  buffer[end++] = word >>> 24;
  buffer[end++] = word >>> 16;
  buffer[end++] = word >>> 8;
  buffer[end++] = word;
}

function writeNumber(value: number): void {
  if (Number.isInteger(value)) {
    if (!Number.isSafeInteger(value)) refuse("integer above 2^53");
    if (Object.is(value, -0)) refuse("number");
    if (value >= 0) writeHead(UNSIGNED, value);
    else writeHead(NEGATIVE, -1 - value);
    return;
  }
  if (!Number.isFinite(value)) refuse("number");
  float.setFloat64(0, value);
  reserve(9);
  buffer[end++] = FLOAT;
  for (let i = 0; i < 8; i++) buffer[end++] = float.getUint8(i);
}

function isAscii(text: string): boolean {
  for (let i = 0; i < text.length; i++) if (text.charCodeAt(i) >= 0x80) return false;
  return true;
}

function writeText(text: string): void {
  if (isAscii(text)) {
    writeHead(TEXT, text.length);
    reserve(text.length);
    for (let i = 0; i < text.length; i++) buffer[end++] = text.charCodeAt(i);
    return;
  }
  if (!isWellFormed(text)) refuse("lone surrogate");
  const bytes = utf8(text);
  writeHead(TEXT, bytes.length);
  reserve(bytes.length);
  buffer.set(bytes, end);
  end += bytes.length;
}

/** Shorter keys first, then bytewise, in UTF-8 (RFC 8949, 4.2.3; DAG-CBOR asks for it). */
export function compareMapKeys(a: string, b: string): number {
  if (isAscii(a) && isAscii(b)) return a.length - b.length || (a < b ? -1 : a > b ? 1 : 0);
  return compareUtf8(utf8(a), utf8(b));
}

function compareUtf8(a: Uint8Array, b: Uint8Array): number {
  if (a.length !== b.length) return a.length - b.length;
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return a[i]! - b[i]!;
  return 0;
}

function writeMap(value: object, depth: number): void {
  const prototype: unknown = Object.getPrototypeOf(value);
  if (prototype !== Object.prototype && prototype !== null) refuse("type");
  const keys = Object.keys(value);
  for (const key of keys) if (key === "__proto__" || !isWellFormed(key)) refuse("key");
  keys.sort(compareMapKeys);
  writeHead(MAP, keys.length);
  for (const key of keys) {
    writeText(key);
    writeValue((value as Record<string, unknown>)[key], depth + 1);
  }
}

function writeValue(value: unknown, depth: number): void {
  if (depth > LIMITS.valueDepthMax) refuse("too deep");
  if (typeof value === "number") writeNumber(value);
  else if (typeof value === "string") writeText(value);
  else if (value instanceof Uint8Array) {
    writeHead(BYTES, value.length);
    reserve(value.length);
    buffer.set(value, end);
    end += value.length;
  } else if (Array.isArray(value)) {
    writeHead(LIST, value.length);
    for (let i = 0; i < value.length; i++) writeValue(value[i], depth + 1);
  } else if (value === null || typeof value === "boolean") {
    reserve(1);
    buffer[end++] = value === null ? NULL : value ? TRUE : FALSE;
  } else if (typeof value === "object") writeMap(value, depth);
  else refuse("type");
}

/**
 * Canonical bytes of a value. One that will stand inside of others names its greatest depth, so that those can still be encoded.
 * @throws {Refusal} `encoding-invalid` if it is outside the data model, or deeper.
 */
export function encode(value: Value, depthMax: number = LIMITS.valueDepthMax): Uint8Array {
  const start = end;
  try {
    writeValue(value, LIMITS.valueDepthMax - depthMax);
    return buffer.slice(start, end);
  } finally {
    end = start;
    if (start === 0 && buffer.length > KEPT_BYTES) buffer = new Uint8Array(KEPT_BYTES);
  }
}

// ------------------------------------------------------------ reading

const EMPTY = new Uint8Array(0);
let source: Uint8Array = EMPTY;
let at = 0;

function take(bytes: number): number {
  const from = at;
  at += bytes;
  if (at > source.length) refuse("cut off");
  return from;
}

function readWord(): number {
  const from = take(4);
  return ((source[from]! << 24) | (source[from + 1]! << 16) | (source[from + 2]! << 8) | source[from + 3]!) >>> 0;
}

/** The number of an item's head, which must be in its shortest form. */
function readCount(head: number): number {
  const short = head & 0x1f;
  if (short < 24) return short;
  let count: number;
  let countMin: number;
  if (short === 24) {
    count = source[take(1)]!;
    countMin = 24;
  } else if (short === 25) {
    const from = take(2);
    count = (source[from]! << 8) | source[from + 1]!;
    countMin = 0x100;
  } else if (short === 26) {
    count = readWord();
    countMin = 0x10000;
  } else if (short === 27) {
    count = readWord() * TWO_32 + readWord();
    countMin = TWO_32;
  } else return refuse("no definite length");
  if (count < countMin) refuse("not canonical");
  if (count > Number.MAX_SAFE_INTEGER) refuse("integer above 2^53");
  return count;
}

/** Short texts, most of them keys, are put together by characters; characters that are made at once are bounded by engines. */
const SHORT_TEXT = 24;
const TEXT_CHUNK = 4096;

function readText(length: number): string {
  const from = take(length);
  let text = "";
  if (length <= SHORT_TEXT) {
    for (let i = from; i < at; i++) {
      const byte = source[i]!;
      if (byte >= 0x80) return readUtf8(from);
      text += String.fromCharCode(byte);
    }
    return text;
  }
  for (let i = from; i < at; i++) if (source[i]! >= 0x80) return readUtf8(from);
  for (let i = from; i < at; i += TEXT_CHUNK) {
    text += String.fromCharCode.apply(null, source.subarray(i, Math.min(at, i + TEXT_CHUNK)) as unknown as number[]);
  }
  return text;
}

/** UTF-8 up to where reading stands (RFC 3629: shortest forms only, no surrogates, nothing above U+10FFFF). */
function readUtf8(from: number): string {
  let text = "";
  for (let i = from; i < at;) {
    const first = source[i++]!;
    if (first < 0x80) {
      text += String.fromCharCode(first);
      continue;
    }
    const more = first >= 0xf0 ? 3 : first >= 0xe0 ? 2 : 1;
    if (first < 0xc2 || first > 0xf4 || i + more > at) refuse("not UTF-8");
    let point = first & (0x3f >> more);
    for (let n = 0; n < more; n++) {
      const byte = source[i++]!;
      if ((byte & 0xc0) !== 0x80) refuse("not UTF-8");
      point = (point << 6) | (byte & 0x3f);
    }
    const isShortest = point >= (more === 1 ? 0x80 : more === 2 ? 0x800 : 0x10000);
    if (!isShortest || point > 0x10ffff || (point >= 0xd800 && point < 0xe000)) refuse("not UTF-8");
    text += String.fromCodePoint(point);
  }
  return text;
}

function readMap(count: number, depth: number): ValueMap {
  const map: Record<string, Value> = {};
  let lastFrom = 0;
  let lastLength = -1;
  for (let i = 0; i < count; i++) {
    const head = source[take(1)]!;
    if ((head & 0xe0) !== TEXT) refuse("key");
    const length = readCount(head);
    const from = at;
    const key = readText(length);
    if (key === "__proto__") refuse("key");
    if (length < lastLength || (length === lastLength && !isBefore(lastFrom, from, length))) refuse("not canonical");
    lastFrom = from;
    lastLength = length;
    map[key] = readValue(depth + 1);
  }
  return map;
}

function isBefore(a: number, b: number, length: number): boolean {
  for (let i = 0; i < length; i++) if (source[a + i] !== source[b + i]) return source[a + i]! < source[b + i]!;
  return false;
}

function readFloat(): number {
  const from = take(8);
  for (let i = 0; i < 8; i++) float.setUint8(i, source[from + i]!);
  const value = float.getFloat64(0);
  // An integer has its own form, and what is no number has none.
  if (!Number.isFinite(value) || Number.isInteger(value)) refuse("number");
  return value;
}

function readSimple(head: number): Value {
  switch (head) {
    case FALSE:
      return false;
    case TRUE:
      return true;
    case NULL:
      return null;
    case FLOAT:
      return readFloat();
    default:
      return refuse("type");
  }
}

function readValue(depth: number): Value {
  if (depth > LIMITS.valueDepthMax) refuse("too deep");
  const head = source[take(1)]!;
  switch (head & 0xe0) {
    case UNSIGNED:
      return readCount(head);
    case NEGATIVE: {
      const value = -1 - readCount(head);
      return Number.isSafeInteger(value) ? value : refuse("integer above 2^53");
    }
    case BYTES: {
      const from = take(readCount(head));
      // A copy: a view would keep the whole message alive.
      return source.slice(from, at);
    }
    case TEXT:
      return readText(readCount(head));
    case LIST: {
      const count = readCount(head);
      // Each item has a byte at least: no message makes room for more than it has.
      if (count > source.length - at) refuse("cut off");
      const list: Value[] = [];
      for (let i = 0; i < count; i++) list.push(readValue(depth + 1));
      return list;
    }
    case MAP:
      return readMap(readCount(head), depth);
    default:
      return readSimple(head);
  }
}

/**
 * The value of canonical bytes; anything that is not the one canonical form is refused.
 * @throws {Refusal} `too-large` above `bytesMax`, `encoding-invalid` otherwise.
 */
export function decode(bytes: Uint8Array, bytesMax: number = LIMITS.messageBytesMax): Value {
  requireThat(bytes.length <= bytesMax, "too-large", { bytes: bytes.length, bytesMax });
  // A `Buffer` of Node gives windows on shared memory, whose `slice` copies nothing: everything that is read is a `Uint8Array`.
  source = bytes.constructor === Uint8Array ? bytes : new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.length);
  at = 0;
  try {
    const value = readValue(0);
    if (at !== bytes.length) refuse("bytes left over");
    return value;
  } finally {
    source = EMPTY;
  }
}
