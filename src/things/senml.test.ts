import { describe, expect, it } from "vitest";
import { decode, encode } from "../protocol/codec.ts";
import { LIMITS } from "../protocol/limits.ts";
import { buildPack, packFromJson, packToJson, packToValue, readPack, resolvePack, type Reading } from "./senml.ts";

const NOW_MS = 1_760_000_000_000;
const resolve = (json: string): readonly Reading[] => resolvePack(packFromJson(json), NOW_MS);

describe("SenML: the examples of RFC 8428", () => {
  it("5.1.1 single data point", () => {
    expect(resolve('[{"n":"urn:dev:ow:10e2073a01080063","u":"Cel","v":23.1}]')).toEqual([
      { name: "urn:dev:ow:10e2073a01080063", unit: "Cel", value: 23.1, timeMs: NOW_MS },
    ]);
  });

  it("5.1.2 multiple data points: base name, relative times", () => {
    const json = `[{"bn":"urn:dev:ow:10e2073a0108006:","bt":1.276020076001e+09,"bu":"A","bver":5,"n":"voltage","u":"V","v":120.1},
      {"n":"current","t":-5,"v":1.2},{"n":"current","t":-4,"v":1.3},{"n":"current","v":1.7}]`;
    expect(resolve(json)).toEqual([
      { name: "urn:dev:ow:10e2073a0108006:voltage", unit: "V", value: 120.1, timeMs: 1_276_020_076_001 },
      { name: "urn:dev:ow:10e2073a0108006:current", unit: "A", value: 1.2, timeMs: 1_276_020_071_001 },
      { name: "urn:dev:ow:10e2073a0108006:current", unit: "A", value: 1.3, timeMs: 1_276_020_072_001 },
      { name: "urn:dev:ow:10e2073a0108006:current", unit: "A", value: 1.7, timeMs: 1_276_020_076_001 },
    ]);
  });

  it("5.1.3 multiple measurements: a base unit that one record replaces", () => {
    const json = `[{"bn":"urn:dev:ow:10e2073a01080063","bt":1.320067464e+09,"bu":"%RH","v":20},{"u":"lon","v":24.30621},
      {"u":"lat","v":60.07965},{"t":60,"v":20.3}]`;
    expect(resolve(json).map(({ unit, value, timeMs }) => [unit, value, timeMs])).toEqual([
      ["%RH", 20, 1_320_067_464_000],
      ["lon", 24.30621, 1_320_067_464_000],
      ["lat", 60.07965, 1_320_067_464_000],
      ["%RH", 20.3, 1_320_067_524_000],
    ]);
  });

  it("5.1.6 different data types", () => {
    const json = `[{"bn":"urn:dev:ow:10e2073a01080063:","n":"temp","u":"Cel","v":23.1},{"n":"label","vs":"Machine Room"},
      {"n":"open","vb":false},{"n":"nfc-reader","vd":"aGkgCg"}]`;
    expect(resolve(json).map(({ value }) => value)).toEqual([23.1, "Machine Room", false, new TextEncoder().encode("hi \n")]);
  });
});

describe("SenML: resolving", () => {
  it("adds base value and base sum, and takes a missing sum as zero (4.5)", () => {
    expect(resolve('[{"bn":"a","bv":20,"bs":100,"v":1},{"v":-2,"s":5},{"s":7}]')).toEqual([
      { name: "a", value: 21, sum: 100, timeMs: NOW_MS },
      { name: "a", value: 18, sum: 105, timeMs: NOW_MS },
      { name: "a", value: 107, sum: 107, timeMs: NOW_MS },
    ]);
  });

  it("takes a record of base fields alone as no reading", () => {
    expect(resolve('[{"bn":"a/","bu":"W"},{"n":"b","v":1}]')).toEqual([{ name: "a/b", unit: "W", value: 1, timeMs: NOW_MS }]);
  });

  it.each([
    ["no value", '[{"n":"a"}]'],
    ["two values", '[{"n":"a","v":1,"vs":"x"}]'],
    ["no name", '[{"v":1}]'],
    ["a name that begins with a sign", '[{"n":"-a","v":1}]'],
    ["a name with a space", '[{"n":"a b","v":1}]'],
    ["a version that is not understood", '[{"bver":11,"n":"a","v":1}]'],
    ["two versions", '[{"n":"a","v":1},{"bver":5,"n":"a","v":1}]'],
    ["a field that must be understood", '[{"n":"a","v":1,"future_":1}]'],
    ["a text for a number", '[{"n":"a","v":"1"}]'],
    ["a number for a truth value", '[{"n":"a","vb":1}]'],
    ["a time beyond all calendars", '[{"n":"a","v":1,"t":1e300}]'],
    ["an empty pack", "[]"],
    ["no list", "{}"],
    ["a record that is none", "[1]"],
    ["a long text", `[{"n":"a","vs":"${"x".repeat(4 * LIMITS.readingTextBytesMax + 1)}"}]`],
  ])("refuses %s", (_, json) => {
    expect(() => resolve(json)).toThrow(expect.objectContaining({ code: "schema-invalid" }));
  });

  it("ignores fields that it does not know, and refuses what is too much or no JSON", () => {
    expect(resolve('[{"n":"a","v":1,"future":1}]')).toHaveLength(1);
    const many = Array.from({ length: LIMITS.packRecordsMax + 1 }, () => ({ n: "a", v: 1 }));
    expect(() => readPack(many)).toThrow(expect.objectContaining({ code: "limit-exceeded" }));
    expect(() => packFromJson(`[${" ".repeat(LIMITS.packBytesMax)}]`)).toThrow(expect.objectContaining({ code: "too-large" }));
    expect(() => packFromJson("[{")).toThrow(expect.objectContaining({ code: "encoding-invalid" }));
    expect(() => packFromJson('[{"n":"a","vd":"!"}]')).toThrow(expect.objectContaining({ code: "encoding-invalid" }));
  });
});

describe("SenML: building", () => {
  const readings: readonly Reading[] = [
    { name: "temperature", unit: "Cel", value: 21.5, timeMs: NOW_MS + 7 },
    { name: "temperature", unit: "Cel", value: -0, timeMs: NOW_MS + 1008 },
    { name: "phase", value: "rinse", timeMs: NOW_MS + 7 },
    { name: "on", value: true, timeMs: NOW_MS - 12_345 },
    { name: "tag", value: Uint8Array.of(1, 2, 255), timeMs: NOW_MS + 7 },
    { name: "energy", unit: "W", value: 60, sum: 1234.5, timeMs: NOW_MS + 86_400_000 },
  ];

  it("resolves to the same readings, through the codec and through JSON", () => {
    const expected = readings.map((reading) => (reading.value === 0 ? { ...reading, value: 0 } : reading));
    const pack = buildPack(readings);
    expect(resolvePack(pack, 0)).toEqual(expected);
    expect(resolvePack(readPack(decode(encode(packToValue(pack)))), 0)).toEqual(expected);
    expect(resolvePack(packFromJson(packToJson(pack)), 0)).toEqual(expected);
  });

  it("puts a base name in front, and refuses more records than a pack has", () => {
    expect(resolvePack(buildPack(readings.slice(0, 1), { baseName: "lamp/" }), 0)[0]!.name).toBe("lamp/temperature");
    const many = Array.from({ length: LIMITS.packRecordsMax + 1 }, () => readings[0]!);
    expect(() => buildPack(many)).toThrow(expect.objectContaining({ code: "limit-exceeded" }));
  });
});
