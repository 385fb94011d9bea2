/** SenML packs (RFC 8428) as the ledger reads them: codec bytes of a list of records with the labels of its JSON form. */
import { decode, type Value, type ValueMap } from "../protocol/codec.ts";
import { LIMITS } from "../protocol/limits.ts";
import { requireThat } from "../protocol/refusal.ts";
import { readList, readMap } from "../protocol/schema.ts";
import { readShortText } from "./texts.ts";

/** A resolved record (RFC 8428, section 4.6): base values are applied, times are absolute. */
export interface Reading {
  readonly name: string;
  readonly value: number | string | boolean;
  readonly unit: string | null;
  readonly timeMs: number;
}

const LABELS = ["bn?", "bt?", "bu?", "bv?", "n?", "u?", "v?", "vs?", "vb?", "t?"];
/** Characters of a name, the first of them a letter or digit (section 4.5.1). */
const NAME = /^[A-Za-z0-9][A-Za-z0-9\-:./_]*$/;
/** Smaller times are relative to a now that the ledger does not have (section 4.5.3). */
const ABSOLUTE_TIME_S_MIN = 2 ** 28;

function readNumber(value: Value | undefined, field: string): number {
  requireThat(value === undefined || typeof value === "number", "schema-invalid", { field, expected: "a number" });
  return value ?? 0;
}

function valueOf(record: ValueMap, baseValue: number): Reading["value"] {
  const { v, vs, vb } = record;
  requireThat([v, vs, vb].filter((item) => item !== undefined).length === 1, "schema-invalid", { field: "v", expected: "one value" });
  if (vs !== undefined) return readShortText(vs, "vs", LIMITS.readingTextBytesMax);
  if (vb !== undefined) {
    requireThat(typeof vb === "boolean", "schema-invalid", { field: "vb", expected: "true or false" });
    return vb;
  }
  const sum = baseValue + readNumber(v, "v");
  // A sum may leave what the codec can carry although both parts were inside.
  requireThat(Number.isFinite(sum) && (!Number.isInteger(sum) || Number.isSafeInteger(sum)), "schema-invalid", { field: "v" });
  return sum === 0 ? 0 : sum;
}

/** The readings of a pack, in its order. A record without time has `defaultTimeMs`. @throws {Refusal} `too-large`, `encoding-invalid`, `schema-invalid`. */
export function readPack(bytes: Uint8Array, defaultTimeMs: number): readonly Reading[] {
  const records = readList(decode(bytes, LIMITS.packBytesMax), "pack");
  requireThat(records.length >= 1 && records.length <= LIMITS.packRecordsMax, "schema-invalid", { field: "pack", expected: "records" });
  let baseName = "";
  let baseTime = 0;
  let baseValue = 0;
  let baseUnit: Value | undefined;
  return records.map((item): Reading => {
    const record = readMap(item, "record", LABELS);
    if (record["bn"] !== undefined) baseName = readShortText(record["bn"], "bn", LIMITS.nameBytesMax);
    if (record["bt"] !== undefined) baseTime = readNumber(record["bt"], "bt");
    if (record["bv"] !== undefined) baseValue = readNumber(record["bv"], "bv");
    if (record["bu"] !== undefined) baseUnit = record["bu"];
    const name = baseName + (record["n"] === undefined ? "" : readShortText(record["n"], "n", LIMITS.nameBytesMax));
    requireThat(name.length <= LIMITS.nameBytesMax && NAME.test(name), "schema-invalid", { field: "n", expected: "a name" });
    const unit = record["u"] ?? baseUnit;
    const timeS = baseTime + readNumber(record["t"], "t");
    const timeMs = timeS === 0 ? defaultTimeMs : Math.round(timeS * 1000);
    requireThat(timeS === 0 || (timeS >= ABSOLUTE_TIME_S_MIN && timeMs <= LIMITS.readingTimeMsMax), "schema-invalid", {
      field: "t",
      expected: "absolute",
    });
    return {
      name,
      value: valueOf(record, baseValue),
      unit: unit === undefined ? null : readShortText(unit, "u", LIMITS.nameBytesMax),
      timeMs,
    };
  });
}
