import * as dagCbor from "@ipld/dag-cbor";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { decode, encode, type Value } from "./codec.ts";
import { LIMITS } from "./limits.ts";
import { Refusal } from "./refusal.ts";

const RUNS = { seed: 4464, numRuns: 1_000 };

const text = fc.string({ unit: "grapheme", maxLength: 40 });
const key = fc.string({ unit: "grapheme", maxLength: 12 }).filter((name) => name !== "__proto__");
const integer = fc.oneof(
  fc.maxSafeInteger(),
  fc.constantFrom(23, 24, 255, 256, 65_535, 65_536, 2 ** 32 - 1, 2 ** 32, -24, -25, -256, -257, -(2 ** 32), -(2 ** 32) - 1),
  fc.constantFrom(Number.MAX_SAFE_INTEGER, Number.MIN_SAFE_INTEGER, 0),
);
const fraction = fc.double({ noNaN: true, noDefaultInfinity: true }).filter((number) => !Number.isInteger(number));
const { value } = fc.letrec<{ value: Value }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 5, withCrossShrink: true },
    fc.constantFrom(null, true, false),
    integer,
    fraction,
    text,
    fc.uint8Array({ maxLength: 300 }),
    fc.array(tie("value"), { maxLength: 30 }),
    fc.dictionary(key, tie("value"), { maxKeys: 12, noNullPrototype: true }),
  ),
}));

/** What the slow way says: the library's lenient decoder, then its encoder, then the comparison. Undefined where it refuses. */
function decodeByOracle(bytes: Uint8Array): unknown {
  try {
    const decoded: unknown = dagCbor.decode(bytes);
    const again = dagCbor.encode(decoded);
    return again.length === bytes.length && again.every((byte, index) => byte === bytes[index]) ? { decoded } : undefined;
  } catch {
    return undefined;
  }
}

function decodeByUs(bytes: Uint8Array): { readonly decoded: Value } | undefined {
  try {
    return { decoded: decode(bytes) };
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    return undefined;
  }
}

/** Whether the data model has it: the library takes more (big integers, links, integers above 2^53). */
function isInModel(given: unknown, depth = 0): boolean {
  if (depth > LIMITS.valueDepthMax) return false;
  if (given === null || typeof given === "boolean" || typeof given === "string" || given instanceof Uint8Array) return true;
  if (typeof given === "number") return Number.isInteger(given) ? Number.isSafeInteger(given) : Number.isFinite(given);
  if (Array.isArray(given)) return given.every((item) => isInModel(item, depth + 1));
  if (typeof given !== "object" || Object.getPrototypeOf(given) !== Object.prototype) return false;
  return Object.entries(given as object).every(([name, item]) => name !== "__proto__" && isInModel(item, depth + 1));
}

describe("codec against the library", () => {
  it("writes the same bytes", () => {
    fc.assert(
      fc.property(value, (given) => {
        expect([...encode(given)]).toEqual([...dagCbor.encode(given)]);
      }),
      RUNS,
    );
  });

  it("reads what was written", () => {
    fc.assert(
      fc.property(value, (given) => {
        expect(decode(encode(given))).toEqual(given);
      }),
      RUNS,
    );
  });

  it("takes the same bytes and no others, after any change of a byte", () => {
    const change = fc.record({ given: value, at: fc.nat(), byte: fc.integer({ min: 0, max: 255 }), cut: fc.nat({ max: 3 }) });
    fc.assert(
      fc.property(change, ({ given, at, byte, cut }) => {
        const bytes = encode(given);
        bytes[at % bytes.length] = byte;
        expectAlike(bytes.slice(0, bytes.length - (cut === 3 ? 1 : 0)));
      }),
      { ...RUNS, numRuns: 4_000 },
    );
  });

  it("takes the same bytes and no others, of noise", () => {
    const heads = fc.constantFrom(
      0x00,
      0x18,
      0x1b,
      0x20,
      0x3b,
      0x41,
      0x61,
      0x62,
      0x63,
      0x64,
      0x81,
      0xa1,
      0xa2,
      0xf4,
      0xf6,
      0xf7,
      0xf9,
      0xfb,
      0xff,
    );
    const noise = fc.array(fc.oneof(heads, fc.integer({ min: 0, max: 255 })), { maxLength: 24 });
    fc.assert(
      fc.property(noise, (bytes) => expectAlike(Uint8Array.from(bytes))),
      { ...RUNS, numRuns: 6_000 },
    );
  });
});

function expectAlike(bytes: Uint8Array): void {
  const theirs = decodeByOracle(bytes) as { readonly decoded: unknown } | undefined;
  const ours = decodeByUs(bytes);
  expect(ours).toEqual(theirs !== undefined && isInModel(theirs.decoded) ? theirs : undefined);
}

describe("codec at its bounds", () => {
  it("refuses every form that is not the canonical one", () => {
    const forms = [
      "",
      "1800",
      "190017",
      "1a00000001",
      "1b0000000000000001",
      "1b0020000000000000",
      "3b001fffffffffffff",
      "f7",
      "f93c00",
      "fa3f800000",
      "fb3ff0000000000000",
      "fb7ff0000000000000",
      "fb8000000000000000",
      "9f00ff",
      "5f4100ff",
      "a2616201616101",
      "a2616101616102",
      "a10001",
      "61ff",
      "62c080",
      "63eda080",
      "64f4908080",
      "8100ff",
      "a1695f5f70726f746f5f5f01",
      "c100",
      "d82a4100",
      "81",
      "4401",
      "9bffffffffffffffff",
    ];
    expect(forms.filter((form) => decodeByUs(Uint8Array.from(Buffer.from(form, "hex"))) !== undefined)).toEqual([]);
  });

  it("refuses values that have no canonical form", () => {
    const circular: unknown[] = [];
    circular.push(circular);
    const values = [
      undefined,
      NaN,
      Infinity,
      -0,
      2 ** 53,
      "\ud800",
      { "\ud800": 1 },
      [undefined],
      1n,
      new Date(0),
      new Map(),
      circular,
      Symbol("s"),
    ];
    for (const one of values) expect(() => encode(one as Value)).toThrow(Refusal);
    // A refusal in the middle leaves nothing behind.
    expect([...encode([1])]).toEqual([0x81, 1]);
  });

  it("gives copies in plain byte arrays, also of a Buffer", () => {
    const bytes = Buffer.from(encode([Uint8Array.of(1, 2)]));
    const [inner] = decode(bytes) as [Uint8Array];
    bytes.fill(0);
    expect(inner.constructor).toBe(Uint8Array);
    expect([...inner]).toEqual([1, 2]);
  });
});
