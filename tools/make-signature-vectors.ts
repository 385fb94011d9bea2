/**
 * Makes spec/vectors/ed25519-edge.json: signatures on which Ed25519 verifiers are known to differ, built by point arithmetic so that each
 * verdict is known from the construction and not from a verifier; and src/host/signatures/self-test-cases.ts, those of them that reach a
 * back end. Deterministic: `tsx tools/make-signature-vectors.ts` writes the same files again. It uses none of the code that it tests.
 */
import { ed25519 } from "@noble/curves/ed25519.js";
import { sha512 } from "@noble/hashes/sha2.js";
import { bytesToHex, concatBytes } from "@noble/hashes/utils.js";
import { writeFileSync } from "node:fs";

const Point = ed25519.Point;
type EdPoint = typeof Point.BASE;
const L = Point.Fn.ORDER;
const P = 2n ** 255n - 19n;

interface EdgeCase {
  readonly name: string;
  readonly publicKey: string;
  readonly message: string;
  readonly signature: string;
  /** Whether the byte compares of the rule refuse it before any arithmetic. */
  readonly screened: boolean;
  readonly valid: boolean;
}

const cases: EdgeCase[] = [];
const utf8 = (text: string): Uint8Array => new TextEncoder().encode(text);

function add(name: string, valid: boolean, publicKey: Uint8Array, message: Uint8Array, signature: Uint8Array): void {
  const screened = isScreened(publicKey, signature);
  cases.push({ name, publicKey: bytesToHex(publicKey), message: bytesToHex(message), signature: bytesToHex(signature), screened, valid });
}

/** The first half of the rule again, by numbers and points instead of byte compares. */
function isScreened(publicKey: Uint8Array, signature: Uint8Array): boolean {
  if (publicKey.length !== 32 || signature.length !== 64 || bytesToNumber(signature.subarray(32)) >= L) return true;
  return [publicKey, signature.subarray(0, 32)].some((encoded) => {
    const y = bytesToNumber(encoded) & (2n ** 255n - 1n);
    if (y >= P || y === 1n || y === P - 1n) return true;
    try {
      return Point.fromBytes(encoded, true).isSmallOrder();
    } catch {
      return false;
    }
  });
}

function numberToBytes(value: bigint): Uint8Array {
  const bytes = new Uint8Array(32);
  for (let i = 0; i < 32; i++) bytes[i] = Number((value >> BigInt(8 * i)) & 0xffn);
  return bytes;
}

function bytesToNumber(bytes: Uint8Array): bigint {
  return bytes.reduceRight((value, byte) => (value << 8n) | BigInt(byte), 0n);
}

/** k of RFC 8032, not yet reduced: its residue modulo 8 decides what a point of small order does. */
function challenge(encodedR: Uint8Array, publicKey: Uint8Array, message: Uint8Array): bigint {
  return bytesToNumber(sha512(concatBytes(encodedR, publicKey, message))) % L;
}

function scalar(label: string): bigint {
  return (bytesToNumber(sha512(utf8(`bothy edge ${label}`))) % (L - 1n)) + 1n;
}

function messageOf(label: string): Uint8Array {
  return utf8(`bothy edge message ${label}`);
}

const modulo = (value: bigint): bigint => ((value % L) + L) % L;
const times = (point: EdPoint, factor: bigint): EdPoint => (factor === 0n ? Point.ZERO : point.multiplyUnsafe(factor));

/** A generator of the eight points of small order: [L]Q of the first Q with y = 2, 3, … for which it has order 8. */
function torsionGenerator(): EdPoint {
  for (let y = 2n; ; y++) {
    try {
      const point = Point.fromBytes(numberToBytes(y), false);
      // [L]Q as [L - 1]Q + Q: scalars are reduced modulo L, and L itself would be 0.
      const torsion = times(point, L - 1n).add(point);
      if (!times(torsion, 4n).equals(Point.ZERO)) return torsion;
    } catch {
      continue;
    }
  }
}

const T8 = torsionGenerator();
const TORSION: readonly EdPoint[] = Array.from({ length: 8 }, (_, i) => times(T8, BigInt(i)));
const orderOf = (i: number): number => [1, 8, 4, 8, 2, 8, 4, 8][i]!;

interface Signing {
  readonly a: bigint;
  readonly publicKey: Uint8Array;
  readonly r: bigint;
  readonly encodedR: Uint8Array;
  readonly message: Uint8Array;
}

function signing(label: string, options: { torsionA?: number; torsionR?: number } = {}): Signing {
  const a = scalar(`${label} a`);
  const r = scalar(`${label} r`);
  const publicKey = times(Point.BASE, a)
    .add(TORSION[options.torsionA ?? 0]!)
    .toBytes();
  const encodedR = times(Point.BASE, r)
    .add(TORSION[options.torsionR ?? 0]!)
    .toBytes();
  return { a, publicKey, r, encodedR, message: messageOf(label) };
}

function sValue({ a, r, publicKey, encodedR, message }: Signing): bigint {
  return modulo(r + challenge(encodedR, publicKey, message) * a);
}

const assemble = (encodedR: Uint8Array, s: bigint): Uint8Array => concatBytes(encodedR, numberToBytes(s));

function addValid(): void {
  for (const length of [0, 1, 31, 32, 63, 64, 65, 127, 128, 1023]) {
    const message = Uint8Array.from({ length }, (_, i) => (i * 7 + length) & 255);
    const made = { ...signing(`valid ${length}`), message };
    add(`valid, message of ${length} bytes`, true, made.publicKey, message, assemble(made.encodedR, sValue(made)));
  }
  for (const seed of ["one", "two"]) {
    const secret = sha512(utf8(`bothy edge seed ${seed}`)).subarray(0, 32);
    const message = messageOf(seed);
    add(`valid, signed as RFC 8032 says, seed ${seed}`, true, ed25519.getPublicKey(secret), message, ed25519.sign(message, secret));
  }
}

function flipBit(bytes: Uint8Array, index: number, mask: number): Uint8Array {
  const flipped = Uint8Array.from(bytes);
  flipped[index]! ^= mask;
  return flipped;
}

function addChanged(): void {
  const made = signing("changed");
  const signature = assemble(made.encodedR, sValue(made));
  const { publicKey, message } = made;
  add("valid, before it is changed", true, publicKey, message, signature);
  add("sign bit of A", false, flipBit(publicKey, 31, 0x80), message, signature);
  add("sign bit of R", false, publicKey, message, flipBit(signature, 31, 0x80));
  add("lowest bit of A", false, flipBit(publicKey, 0, 1), message, signature);
  add("lowest bit of R", false, publicKey, message, flipBit(signature, 0, 1));
  add("lowest bit of S", false, publicKey, message, flipBit(signature, 32, 1));
  for (const mask of [0x20, 0x40, 0x80]) add(`bit ${mask} of S's last byte`, false, publicKey, message, flipBit(signature, 63, mask));
  add("another message", false, publicKey, messageOf("other"), signature);
  add("R and S exchanged", false, publicKey, message, concatBytes(signature.subarray(32), signature.subarray(0, 32)));
  add("signature of 63 bytes", false, publicKey, message, signature.subarray(0, 63));
  add("signature of 65 bytes", false, publicKey, message, concatBytes(signature, new Uint8Array(1)));
  add("signature of no bytes", false, publicKey, message, new Uint8Array(0));
  add("key of 31 bytes", false, publicKey.subarray(0, 31), message, signature);
  add("key of 33 bytes", false, concatBytes(publicKey, new Uint8Array(1)), message, signature);
  add("all zero", false, new Uint8Array(32), message, new Uint8Array(64));
  add("all ones", false, new Uint8Array(32).fill(255), message, new Uint8Array(64).fill(255));
}

function addLargeS(): void {
  const made = signing("large S");
  const s = sValue(made);
  for (let times_ = 1n; s + times_ * L < 2n ** 256n; times_++) {
    add(`S + ${times_}L`, false, made.publicKey, made.message, assemble(made.encodedR, s + times_ * L));
  }
  for (const [name, value] of [
    ["S = 0", 0n],
    ["S = L - 1", L - 1n],
    ["S = L", L],
    ["S = L + 1", L + 1n],
    ["S = 2^253", 2n ** 253n],
    ["S = 2^256 - 1", 2n ** 256n - 1n],
  ] as const)
    add(name, false, made.publicKey, made.message, assemble(made.encodedR, value));
}

/** Every encoding of a point: the canonical one, y + p where it fits, and the sign bit where x is 0. */
function encodings(point: EdPoint): readonly Uint8Array[] {
  const canonical = point.toBytes();
  const y = bytesToNumber(canonical) & (2n ** 255n - 1n);
  const sign = canonical[31]! & 0x80;
  const found = [canonical];
  if (y + P < 2n ** 255n) found.push(flipBit(numberToBytes(y + P), 31, sign));
  if (point.x === 0n) for (const bytes of [...found]) found.push(flipBit(bytes, 31, 0x80));
  return found;
}

function addSmallOrder(): void {
  for (let i = 0; i < 8; i++) {
    encodings(TORSION[i]!).forEach((encoding, form) => {
      const name = `order ${orderOf(i)}, point ${i}, encoding ${form}`;
      // A of small order: anybody can make R = [S]B - [k]A once k modulo 8 is guessed.
      for (let attempt = 0; ; attempt++) {
        const s = scalar(`small A ${i} ${form} ${attempt}`);
        const residue = BigInt(attempt % 8);
        const encodedR = times(Point.BASE, s).subtract(times(TORSION[i]!, residue)).toBytes();
        const message = messageOf(name);
        if (challenge(encodedR, encoding, message) % 8n !== residue) continue;
        add(`A of ${name}, equation holds`, false, encoding, message, assemble(encodedR, s));
        break;
      }
      // R of small order: S = k a, with A of the same torsion so that the equation holds without the cofactor.
      for (let attempt = 0; ; attempt++) {
        const made = signing(`small R ${i} ${form}`, { torsionA: i === 0 ? 0 : 1 });
        const message = messageOf(`${name} ${attempt}`);
        const k = challenge(encoding, made.publicKey, message);
        if (
          !times(TORSION[i === 0 ? 0 : 1]!, k % 8n)
            .add(TORSION[i]!)
            .equals(Point.ZERO)
        )
          continue;
        add(`R of ${name}, equation holds`, false, made.publicKey, message, assemble(encoding, modulo(k * made.a)));
        break;
      }
      add(`A and R of ${name}, S = 0`, false, encoding, messageOf("both"), assemble(encoding, 0n));
    });
  }
}

function addMixedOrder(): void {
  for (const i of [1, 2, 4]) {
    for (const holds of [true, false]) {
      const made = signing(`mixed A ${i}`, { torsionA: i });
      for (let attempt = 0; ; attempt++) {
        const tried = { ...made, message: messageOf(`mixed A ${i} ${holds} ${attempt}`) };
        const vanishes = times(TORSION[i]!, challenge(tried.encodedR, tried.publicKey, tried.message) % 8n).equals(Point.ZERO);
        if (vanishes !== holds) continue;
        const name = `A with a part of order ${orderOf(i)}, ${holds ? "equation holds" : "holds only with the cofactor"}`;
        add(name, holds, tried.publicKey, tried.message, assemble(tried.encodedR, sValue(tried)));
        break;
      }
    }
    const onlyR = signing(`mixed R ${i}`, { torsionR: i });
    add(
      `R with a part of order ${orderOf(i)}, holds only with the cofactor`,
      false,
      onlyR.publicKey,
      onlyR.message,
      assemble(onlyR.encodedR, sValue(onlyR)),
    );
    const both = signing(`mixed both ${i}`, { torsionA: i, torsionR: i });
    for (let attempt = 0; ; attempt++) {
      const tried = { ...both, message: messageOf(`mixed both ${i} ${attempt}`) };
      const k = challenge(tried.encodedR, tried.publicKey, tried.message);
      if (
        !times(TORSION[i]!, k % 8n)
          .add(TORSION[i]!)
          .equals(Point.ZERO)
      )
        continue;
      add(
        `A and R with parts of order ${orderOf(i)} that cancel`,
        true,
        tried.publicKey,
        tried.message,
        assemble(tried.encodedR, sValue(tried)),
      );
      break;
    }
  }
}

function addOddPoints(): void {
  const made = signing("odd points");
  const s = sValue(made);
  for (let y = 2n; y < 19n; y++) {
    for (const [form, value] of [
      ["y", y],
      ["y + p", y + P],
    ] as const) {
      const encoding = numberToBytes(value);
      add(`A with ${form}, y = ${y}`, false, encoding, made.message, assemble(made.encodedR, s));
      add(`R with ${form}, y = ${y}`, false, made.publicKey, made.message, assemble(encoding, s));
    }
  }
  for (const [name, value] of [
    ["y = p - 2", P - 2n],
    ["y = 2^255 - 1", 2n ** 255n - 1n],
    ["y = 2^254", 2n ** 254n],
  ] as const) {
    add(`A with ${name}`, false, numberToBytes(value), made.message, assemble(made.encodedR, s));
    add(`R with ${name}`, false, made.publicKey, made.message, assemble(numberToBytes(value), s));
  }
}

/** All cases, in a fixed order. */
export function makeSignatureVectors(): readonly EdgeCase[] {
  cases.length = 0;
  addValid();
  addChanged();
  addLargeS();
  addSmallOrder();
  addMixedOrder();
  addOddPoints();
  return [...cases];
}

/** The files' texts by their paths from the root of the repository. */
export function makeVectorFiles(): Readonly<Record<string, string>> {
  const made = makeSignatureVectors();
  const about = "Edge cases of the signature rule (spec/signatures.md), made by tools/make-signature-vectors.ts";
  const lines = made
    .filter((row) => !row.screened)
    .map((row) => `${row.valid ? "valid" : "wrong"} ${row.publicKey} ${row.signature} ${row.message}\n`);
  return {
    "spec/vectors/ed25519-edge.json": `${JSON.stringify({ about, cases: made }, null, 2)}\n`,
    "src/host/signatures/self-test-cases.ts":
      "/** Made by tools/make-signature-vectors.ts: the edge cases that the pre-check lets through to a back end. Verdict, key, signature, message. */\n" +
      `export const SELF_TEST_CASES = \`\\\n${lines.join("")}\`;\n`,
  };
}

if (process.argv[1]?.endsWith("make-signature-vectors.ts")) {
  for (const [path, text] of Object.entries(makeVectorFiles())) writeFileSync(new URL(`../${path}`, import.meta.url), text);
}
