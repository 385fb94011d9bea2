/** A data schema (JSON Schema, as Thing Descriptions and contracts' manifests use it), as forms and pages draw it. */
export interface DataSchema {
  readonly type?: string;
  /** Of a number: `date-time` says that it is a moment, in milliseconds since 1970. */
  readonly format?: string;
  readonly title?: string;
  readonly description?: string;
  readonly unit?: string;
  readonly enum?: readonly unknown[];
  readonly const?: unknown;
  readonly default?: unknown;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly minLength?: number;
  readonly maxLength?: number;
  readonly multipleOf?: number;
  readonly properties?: Readonly<Record<string, DataSchema>>;
  readonly required?: readonly string[];
  readonly items?: DataSchema;
  readonly minItems?: number;
  readonly maxItems?: number;
}

export type Json = Readonly<Record<string, unknown>>;

export function isJson(value: unknown): value is Json {
  return typeof value === "object" && value !== null && !Array.isArray(value) && !(value instanceof Uint8Array);
}

export const mapOf = (value: unknown): readonly (readonly [string, Json])[] =>
  isJson(value) ? Object.entries(value).filter((entry): entry is [string, Json] => isJson(entry[1])) : [];

/** What a record has of its own: a stranger's names may be those that every object inherits, as `constructor`. */
export function ownOf<Found>(record: Readonly<Record<string, Found>>, key: string): Found | undefined {
  return Object.hasOwn(record, key) ? record[key] : undefined;
}

/** Forms draw one level; a document of thousands must not be followed to its end. */
const DEPTH_MAX = 8;
const TEXTS = ["type", "format", "unit"] as const;
const NUMBERS = ["minimum", "maximum", "minLength", "maxLength", "multipleOf", "minItems", "maxItems"] as const;
const WORDS = ["title", "description"] as const;

/** `title` or `description` in this language, where the document has it (TD 1.1, "MultiLanguage"). */
export function wordsOf(part: Json, field: (typeof WORDS)[number], language: string, otherwise = ""): string {
  const translated = part[`${field}s`];
  return [isJson(translated) ? ownOf(translated, language) : undefined, part[field]].find((text) => typeof text === "string") ?? otherwise;
}

/** A choice as it stands in a list. */
export function choiceText(choice: unknown): string {
  return typeof choice === "string" ? choice : JSON.stringify(choice ?? null);
}

function choicesOf(given: unknown): readonly unknown[] {
  return Array.isArray(given) ? [...new Map(given.map((choice) => [choiceText(choice), choice])).values()] : [];
}

/**
 * A stranger's schema, and those inside of it, with their words in this language: only the fields that are drawn, and each only where
 * it is of its kind. Whatever else stands there is left out.
 */
export function readSchema(given: Json, language: string, depth = 0): DataSchema {
  const fields: [string, unknown][] = [];
  for (const name of TEXTS) if (typeof given[name] === "string") fields.push([name, given[name]]);
  for (const name of NUMBERS) if (Number.isFinite(given[name])) fields.push([name, given[name]]);
  for (const name of ["const", "default"]) if (given[name] !== undefined) fields.push([name, given[name]]);
  for (const name of WORDS) {
    const words = wordsOf(given, name, language);
    if (words !== "") fields.push([name, words]);
  }
  const choices = choicesOf(given["enum"]);
  if (choices.length > 0) fields.push(["enum", choices]);
  const { required, items } = given;
  if (Array.isArray(required)) fields.push(["required", required.filter((name) => typeof name === "string")]);
  if (depth < DEPTH_MAX) {
    const inner = mapOf(given["properties"]).map(([name, part]) => [name, readSchema(part, language, depth + 1)] as const);
    if (inner.length > 0) fields.push(["properties", Object.fromEntries(inner)]);
    if (isJson(items)) fields.push(["items", readSchema(items, language, depth + 1)]);
  }
  return Object.fromEntries(fields);
}
