/** Between a JSON Schema (of a Thing Description or a contract's manifest), the fields of a form, and the value that is sent. */
import type { Value } from "../../sdk/api.ts";
import { choiceText, ownOf, type DataSchema } from "./data-schema.ts";

/** What stands in the fields: texts as typed, switches as booleans. */
export type Draft = Readonly<Record<string, string | boolean>>;

export type FieldKind = "text" | "long-text" | "number" | "integer" | "boolean" | "choice" | "lines" | "time" | "json";

export interface Field {
  readonly name: string;
  readonly schema: DataSchema;
  readonly kind: FieldKind;
  readonly required: boolean;
}

/** The key of a schema that is no object: the form has one field, and its value is the whole. */
export const WHOLE = "";

const LONG_TEXT = 200;

function kindOf(schema: DataSchema): FieldKind {
  if (schema.enum !== undefined) return "choice";
  switch (schema.type) {
    case "boolean":
      return schema.type;
    case "integer":
    case "number":
      return schema.format === "date-time" ? "time" : schema.type;
    case "array":
      return schema.items?.type === "string" && schema.items.enum === undefined ? "lines" : "json";
    case "string":
      return (schema.maxLength ?? 0) > LONG_TEXT ? "long-text" : "text";
    default:
      return "json";
  }
}

export function fieldsOf(schema: DataSchema): readonly Field[] {
  if (schema.type === "object" && schema.properties !== undefined)
    return Object.entries(schema.properties).map(([name, part]) => ({
      name,
      schema: part,
      kind: kindOf(part),
      required: schema.required?.includes(name) ?? false,
    }));
  return [{ name: WHOLE, schema, kind: kindOf(schema), required: true }];
}

export function draftOf(schema: DataSchema, value?: unknown): Draft {
  const fields = fieldsOf(schema);
  const parts = typeof value === "object" && value !== null ? (value as Readonly<Record<string, unknown>>) : {};
  return Object.fromEntries(
    fields.map(({ name, schema: part, kind }) => {
      const given = (name === WHOLE ? value : ownOf(parts, name)) ?? part.default ?? part.const;
      if (kind === "boolean") return [name, given === true];
      if (given === undefined) return [name, kind === "choice" ? choiceText(part.enum?.[0]) : ""];
      if (kind === "lines" && Array.isArray(given) && given.every((line) => typeof line === "string")) return [name, given.join("\n")];
      if (kind === "time" && typeof given === "number") return [name, timeText(given)];
      return [name, typeof given === "string" ? given : JSON.stringify(given)];
    }),
  );
}

/** What a date and time field holds, in this device's time zone. */
function timeText(timeMs: number): string {
  const time = new Date(timeMs);
  const local = new Date(timeMs - time.getTimezoneOffset() * 60_000);
  return Number.isNaN(local.getTime()) ? "" : local.toISOString().slice(0, 16);
}

export type FieldFault =
  | "required"
  | "not-a-number"
  | "too-small"
  | "too-large"
  | "too-short"
  | "too-long"
  | "too-few"
  | "too-many"
  | "not-a-time"
  | "not-json";

function readLines(typed: string, { items, minItems = 0, maxItems = Infinity }: DataSchema): readonly string[] | FieldFault {
  const lines = typed
    .split("\n")
    .map((line) => line.trim())
    .filter((line) => line !== "");
  if (lines.length < minItems) return "too-few";
  if (lines.length > maxItems) return "too-many";
  if (lines.some((line) => line.length < (items?.minLength ?? 0))) return "too-short";
  return lines.some((line) => line.length > (items?.maxLength ?? Infinity)) ? "too-long" : lines;
}

/** A number as typed, with a point or, as half of the world has it, a comma; neither groups digits. */
function numberOf(typed: string): number {
  const trimmed = typed.trim();
  return trimmed === "" ? Number.NaN : Number(trimmed.replace(/^([^.,]*),([^.,]*)$/, "$1.$2"));
}

function readNumber(number: number, schema: DataSchema, whole: boolean): number | FieldFault {
  if (!Number.isFinite(number) || (whole && !Number.isSafeInteger(number))) return "not-a-number";
  if (schema.minimum !== undefined && number < schema.minimum) return "too-small";
  if (schema.maximum !== undefined && number > schema.maximum) return "too-large";
  return number;
}

function readField({ schema, kind, required }: Field, typed: string | boolean): { value?: Value; fault?: FieldFault } {
  if (typeof typed === "boolean") return { value: typed };
  if (kind !== "text" && kind !== "long-text" && typed.trim() === "") return required ? { fault: "required" } : {};
  // A text that must be there may be empty, unless its schema asks for a letter.
  if (typed === "" && !(required && kind === "text" && schema.minLength === undefined)) return required ? { fault: "required" } : {};
  switch (kind) {
    case "number":
    case "integer": {
      const number = readNumber(numberOf(typed), schema, kind === "integer");
      return typeof number === "number" ? { value: number } : { fault: number };
    }
    case "time": {
      const timeMs = new Date(typed).getTime();
      const number = Number.isNaN(timeMs) ? ("not-a-time" as const) : readNumber(timeMs, schema, true);
      return typeof number === "number" ? { value: number } : { fault: number };
    }
    case "lines": {
      const lines = readLines(typed, schema);
      return typeof lines === "string" ? { fault: lines } : { value: lines };
    }
    case "choice":
      return { value: (schema.enum?.find((choice) => choiceText(choice) === typed) ?? null) as Value };
    case "json":
      try {
        return { value: JSON.parse(typed) as Value };
      } catch {
        return { fault: "not-json" };
      }
    default:
      if (typed.length < (schema.minLength ?? 0)) return { fault: "too-short" };
      if (schema.maxLength !== undefined && typed.length > schema.maxLength) return { fault: "too-long" };
      return { value: typed };
  }
}

/** The value of a filled form, or which fields are wrong and why. Fields left empty that may be are left out. */
export function readDraft(
  schema: DataSchema,
  draft: Draft,
): { readonly value: Value; readonly faults: null } | { readonly faults: Readonly<Record<string, FieldFault>> } {
  // As entries: a field may be named `__proto__`, which cannot be set on an object.
  const faults: [string, FieldFault][] = [];
  const values: [string, Value][] = [];
  for (const field of fieldsOf(schema)) {
    const { value, fault } = readField(field, ownOf(draft, field.name) ?? "");
    if (fault !== undefined) faults.push([field.name, fault]);
    else if (value !== undefined) values.push([field.name, value]);
  }
  if (faults.length > 0) return { faults: Object.fromEntries(faults) };
  const whole = values.find(([name]) => name === WHOLE);
  return { value: whole === undefined ? Object.fromEntries(values) : whole[1], faults: null };
}
