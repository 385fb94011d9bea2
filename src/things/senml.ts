/**
 * SenML (RFC 8428): packs of readings. In memory and in a transaction a pack is a list of maps under the JSON names of section 4, the ledger's
 * codec having text keys only; bytes (`vd`) are bytes there and base64url in JSON (section 5).
 */
import { base64url } from "multiformats/bases/base64";
import { isWellFormed } from "../kit/bytes.ts";
import type { Value } from "../protocol/codec.ts";
import { LIMITS } from "../protocol/limits.ts";
import { Refusal } from "../protocol/refusal.ts";
import { isValueMap } from "../protocol/schema.ts";

/** What devices of Bothy report and the ledger keeps; SenML also has bytes. */
export type PlainValue = number | string | boolean;
export type ReadingValue = PlainValue | Uint8Array;

/** One measured value, complete in itself: section 4.6, "Resolved Records". */
export interface Reading {
  /** A property of the device. */
  readonly name: string;
  readonly value: ReadingValue;
  /** Milliseconds since 1970. */
  readonly timeMs: number;
  /** A unit of the SenML registry, such as `Cel`. */
  readonly unit?: string;
  /** The value's integral over time since some moment, in unit seconds. */
  readonly sum?: number;
}

export interface PlainReading extends Reading {
  readonly value: PlainValue;
}

/** A SenML record as it stands in a pack. */
export interface SenmlRecord {
  readonly bn?: string;
  readonly bt?: number;
  readonly bu?: string;
  readonly bv?: number;
  readonly bs?: number;
  readonly bver?: number;
  readonly n?: string;
  readonly u?: string;
  readonly v?: number;
  readonly vs?: string;
  readonly vb?: boolean;
  readonly vd?: Uint8Array;
  readonly s?: number;
  readonly t?: number;
  readonly ut?: number;
}
export type SenmlPack = readonly SenmlRecord[];

/** Section 4.4. */
const VERSION = 10;
/** Section 4.5.3: smaller times are relative to now. */
const RELATIVE_TIME_BELOW_S = 2 ** 28;
/** Section 4.5.1. */
const NAME = /^[A-Za-z0-9][A-Za-z0-9\-:./_]*$/;
const NAME_UNITS_MAX = 256;
const UNIT_UNITS_MAX = 32;
/** `vd` and, in JSON, its base64url may be a little longer than a text. */
const VALUE_UNITS_MAX = 4 * LIMITS.readingTextBytesMax;

const NUMBER_FIELDS = ["bt", "bv", "bs", "bver", "v", "s", "t", "ut"] as const;
const TEXT_FIELDS = { bn: NAME_UNITS_MAX, bu: UNIT_UNITS_MAX, n: NAME_UNITS_MAX, u: UNIT_UNITS_MAX, vs: VALUE_UNITS_MAX } as const;

function refuse(record: number, field: string, expected: string): never {
  throw new Refusal("schema-invalid", { field: `${record}.${field}`, expected });
}

function readRecord(value: Value, index: number): SenmlRecord {
  if (!isValueMap(value)) refuse(index, "", "a map");
  const record: Record<string, Value> = {};
  for (const [name, given] of Object.entries(value)) {
    if ((NUMBER_FIELDS as readonly string[]).includes(name)) {
      if (typeof given !== "number" || !Number.isFinite(given)) refuse(index, name, "a number");
    } else if (Object.hasOwn(TEXT_FIELDS, name)) {
      const unitsMax = TEXT_FIELDS[name as keyof typeof TEXT_FIELDS];
      if (typeof given !== "string" || given.length > unitsMax || !isWellFormed(given))
        refuse(index, name, `a text of at most ${unitsMax}`);
    } else if (name === "vb") {
      if (typeof given !== "boolean") refuse(index, name, "true or false");
    } else if (name === "vd") {
      if (!(given instanceof Uint8Array) || given.length > VALUE_UNITS_MAX) refuse(index, name, `at most ${VALUE_UNITS_MAX} bytes`);
    } else {
      // Section 4.4: a name that ends so must be understood, any other may be ignored.
      if (name.endsWith("_")) refuse(index, name, "a field that is understood");
      continue;
    }
    record[name] = given;
  }
  return record as SenmlRecord;
}

/** A pack from the codec's data model. @throws {Refusal} `schema-invalid` with the record and field, `limit-exceeded`. */
export function readPack(value: Value): SenmlPack {
  if (!Array.isArray(value) || value.length === 0) throw new Refusal("schema-invalid", { field: "pack", expected: "a list of records" });
  if (value.length > LIMITS.packRecordsMax)
    throw new Refusal("limit-exceeded", { records: value.length, recordsMax: LIMITS.packRecordsMax });
  return value.map(readRecord);
}

/** -0 has no canonical form in the codec, and measures nothing that 0 does not. */
const plain = (number: number): number => (number === 0 ? 0 : number);

/** Seconds with milliseconds as a fraction: the double closest to the decimal number. */
const toSeconds = (timeMs: number): number => timeMs / 1000;
const toMs = (seconds: number): number => Math.round(seconds * 1000);

function valueField(value: ReadingValue): SenmlRecord {
  if (typeof value === "number") return { v: plain(value) };
  if (typeof value === "string") return { vs: value };
  return typeof value === "boolean" ? { vb: value } : { vd: value };
}

/**
 * A pack of readings: the first record carries the base time of the first reading; the others say how many seconds they are from it.
 * @throws {Refusal} `limit-exceeded` above `LIMITS.packRecordsMax`.
 */
export function buildPack(readings: readonly Reading[], options: { baseName?: string } = {}): SenmlPack {
  if (readings.length > LIMITS.packRecordsMax)
    throw new Refusal("limit-exceeded", { records: readings.length, recordsMax: LIMITS.packRecordsMax });
  const baseMs = readings[0]?.timeMs ?? 0;
  return readings.map(({ name, value, timeMs, unit, sum }, index) => ({
    ...(index === 0 ? { bt: toSeconds(baseMs) } : {}),
    ...(index === 0 && options.baseName !== undefined ? { bn: options.baseName } : {}),
    n: name,
    ...(unit === undefined ? {} : { u: unit }),
    ...valueField(value),
    ...(sum === undefined ? {} : { s: plain(sum) }),
    ...(timeMs === baseMs ? {} : { t: toSeconds(timeMs - baseMs) }),
  }));
}

interface Base {
  name: string;
  timeS: number;
  unit: string | undefined;
  value: number | undefined;
  sum: number | undefined;
}

function recordValue(record: SenmlRecord, index: number, base: Base): ReadingValue | undefined {
  const fields = (["v", "vs", "vb", "vd"] as const).filter((field) => record[field] !== undefined);
  if (fields.length > 1) refuse(index, fields[1]!, "one value");
  const [field] = fields;
  if (field === "v") return (base.value ?? 0) + record.v!;
  return field === undefined ? undefined : record[field];
}

/**
 * The readings of a pack, base fields and relative times worked in (section 4.6).
 * @param nowMs what times below 2^28 seconds are relative to.
 * @throws {Refusal} `schema-invalid` with the record and field.
 */
export function resolvePack(pack: SenmlPack, nowMs: number): readonly Reading[] {
  const base: Base = { name: "", timeS: 0, unit: undefined, value: undefined, sum: undefined };
  const readings: Reading[] = [];
  const version = pack[0]?.bver ?? VERSION;
  pack.forEach((record, index) => {
    if (version > VERSION || (record.bver !== undefined && record.bver !== version)) refuse(index, "bver", `version ${VERSION}`);
    base.name = record.bn ?? base.name;
    base.timeS = record.bt ?? base.timeS;
    base.unit = record.bu ?? base.unit;
    base.value = record.bv ?? base.value;
    base.sum = record.bs ?? base.sum;
    const value = recordValue(record, index, base);
    const sum = record.s === undefined && base.sum === undefined ? undefined : (base.sum ?? 0) + (record.s ?? 0);
    if (value === undefined && sum === undefined) {
      // A record may carry base fields for those behind it and nothing else.
      if (record.n === undefined && record.t === undefined && record.u === undefined) return;
      refuse(index, "v", "a value or a sum");
    }
    const name = base.name + (record.n ?? "");
    if (!NAME.test(name) || name.length > NAME_UNITS_MAX) refuse(index, "n", "a SenML name");
    const timeS = base.timeS + (record.t ?? 0);
    const timeMs = timeS < RELATIVE_TIME_BELOW_S ? nowMs + toMs(timeS) : toMs(timeS);
    if (!Number.isSafeInteger(timeMs)) refuse(index, "t", "a time");
    const unit = record.u ?? base.unit;
    readings.push({
      name,
      value: value ?? sum!,
      timeMs,
      ...(unit === undefined || unit === "" ? {} : { unit }),
      ...(sum === undefined ? {} : { sum }),
    });
  });
  return readings;
}

/** `application/senml+json` (section 5). */
export function packToJson(pack: SenmlPack): string {
  // The multibase prefix `u` is no part of base64url.
  return JSON.stringify(pack.map(({ vd, ...record }) => (vd ? { ...record, vd: base64url.encode(vd).slice(1) } : record)));
}

/** The pack of a JSON text. @throws {Refusal} `too-large`, `encoding-invalid`, `schema-invalid`, `limit-exceeded`. */
export function packFromJson(text: string): SenmlPack {
  if (text.length > LIMITS.packBytesMax) throw new Refusal("too-large", { bytes: text.length, bytesMax: LIMITS.packBytesMax });
  let value: unknown;
  try {
    value = JSON.parse(text, (key, item: unknown) => (key === "vd" && typeof item === "string" ? base64url.decode(`u${item}`) : item));
  } catch {
    throw new Refusal("encoding-invalid", { reason: "not SenML JSON" });
  }
  return readPack(value as Value);
}

/** The pack as a value for `stream.append`. */
export function packToValue(pack: SenmlPack): readonly Value[] {
  return pack as unknown as readonly Value[];
}
