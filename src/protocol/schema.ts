/** Small readers of decoded values: each returns the typed value or refuses with `schema-invalid` and the field's name. */
import type { Value, ValueMap } from "./codec.ts";
import { Refusal } from "./refusal.ts";

function refuse(field: string, expected: string): never {
  throw new Refusal("schema-invalid", { field, expected });
}

export function isValueMap(value: Value | undefined): value is ValueMap {
  return typeof value === "object" && value !== null && !(value instanceof Uint8Array) && !Array.isArray(value);
}

/** A list of exactly `length` items, or of any length when it is not given. */
export function readList(value: Value | undefined, field: string, length?: number): readonly Value[] {
  if (!Array.isArray(value) || (length !== undefined && value.length !== length)) {
    refuse(field, length === undefined ? "a list" : `a list of ${length}`);
  }
  return value;
}

/** A map with exactly these keys, those ending in `?` may be absent. */
export function readMap(value: Value | undefined, field: string, keys: readonly string[]): ValueMap {
  if (!isValueMap(value)) refuse(field, "a map");
  const allowed = new Set(keys.map((key) => key.replace("?", "")));
  for (const key of Object.keys(value)) if (!allowed.has(key)) refuse(`${field}.${key}`, "no such key");
  for (const key of keys) if (!key.endsWith("?") && !Object.hasOwn(value, key)) refuse(`${field}.${key}`, "a value");
  return value;
}

export function readInteger(value: Value | undefined, field: string, min = 0, max: number = Number.MAX_SAFE_INTEGER): number {
  if (typeof value !== "number" || !Number.isSafeInteger(value) || value < min || value > max)
    refuse(field, `an integer from ${min} to ${max}`);
  return value;
}

export function readBytes(value: Value | undefined, field: string, bytesMax: number, bytesMin = 0): Uint8Array {
  if (!(value instanceof Uint8Array) || value.length > bytesMax || value.length < bytesMin)
    refuse(field, `${bytesMin} to ${bytesMax} bytes`);
  return value;
}

/** A text of at most `unitsMax` UTF-16 units. */
export function readText(value: Value | undefined, field: string, unitsMax: number, unitsMin = 0): string {
  if (typeof value !== "string" || value.length > unitsMax || value.length < unitsMin)
    refuse(field, `a text of ${unitsMin} to ${unitsMax}`);
  return value;
}

export function readBoolean(value: Value | undefined, field: string): boolean {
  if (typeof value !== "boolean") refuse(field, "true or false");
  return value;
}

export function readOneOf<Choice extends string>(value: Value | undefined, field: string, choices: readonly Choice[]): Choice {
  const found = choices.find((choice) => choice === value);
  return found ?? refuse(field, choices.join(" | "));
}
