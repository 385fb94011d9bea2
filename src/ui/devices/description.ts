/** A Thing Description (W3C WoT TD 1.1) as the pages draw it: only what a person sees, and nothing that a strange document could break. */
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
export interface PropertyAffordance extends DataSchema {
  readonly name: string;
  readonly readOnly: boolean;
  readonly writeOnly: boolean;
}
export interface ActionAffordance {
  readonly name: string;
  readonly title: string;
  readonly description: string;
  readonly input: DataSchema | null;
}
export interface EventAffordance {
  readonly name: string;
  readonly title: string;
  readonly description: string;
}
export type DeviceKind = "lamp" | "thermometer" | "washer" | "phone" | "camera" | "door" | "other";
export interface Description {
  readonly title: string;
  readonly description: string;
  readonly kind: DeviceKind;
  readonly properties: readonly PropertyAffordance[];
  readonly actions: readonly ActionAffordance[];
  readonly events: readonly EventAffordance[];
}

type Json = Readonly<Record<string, unknown>>;

function isJson(value: unknown): value is Json {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
const mapOf = (value: unknown): readonly (readonly [string, Json])[] =>
  isJson(value) ? Object.entries(value).filter((entry): entry is [string, Json] => isJson(entry[1])) : [];
const textOf = (value: unknown, otherwise = ""): string => (typeof value === "string" ? value : otherwise);

const KINDS: readonly (readonly [DeviceKind, RegExp])[] = [
  ["lamp", /lamp|light|bulb|licht|lampe/i],
  ["washer", /wash|wasch|laundry/i],
  ["thermometer", /thermo|temperature|climate|klima/i],
  ["phone", /phone|sensors|handy|telefon|laptop/i],
  ["camera", /camera|kamera/i],
  ["door", /door|gate|tür|lock/i],
];

/** Of the given types first, then of the title: good enough for a picture, which is never the only sign. */
function kindOf(document: Json): DeviceKind {
  const given = document["@type"];
  const words = [...(Array.isArray(given) ? given : [given]), document["title"]].filter((word) => typeof word === "string").join(" ");
  return KINDS.find(([, pattern]) => pattern.test(words))?.[0] ?? "other";
}

/** `title` or `description` in this language, where the document has it (TD 1.1, "MultiLanguage"). */
function wordsOf(part: Json, field: "title" | "description", language: string, otherwise = ""): string {
  const translated = part[`${field}s`];
  return textOf(isJson(translated) ? translated[language] : undefined, textOf(part[field], otherwise));
}

/** A schema, and those inside it, with their words in this language. */
function schemaIn(schema: Json, language: string): DataSchema {
  const title = wordsOf(schema, "title", language);
  const description = wordsOf(schema, "description", language);
  const inner = mapOf(schema["properties"]).map(([name, part]) => [name, schemaIn(part, language)] as const);
  return {
    ...(schema as DataSchema),
    ...(title === "" ? {} : { title }),
    ...(description === "" ? {} : { description }),
    ...(inner.length === 0 ? {} : { properties: Object.fromEntries(inner) }),
  };
}

/** Reads a description's JSON text, with its words in this language where it has them; what is missing or strange is left out. */
export function readDescription(json: string, language: string): Description {
  let document: unknown;
  try {
    document = JSON.parse(json);
  } catch {
    document = {};
  }
  if (!isJson(document)) document = {};
  const thing = document as Json;
  return {
    title: wordsOf(thing, "title", language),
    description: wordsOf(thing, "description", language),
    kind: kindOf(thing),
    properties: mapOf(thing["properties"]).map(([name, schema]) => ({
      ...schemaIn(schema, language),
      name,
      readOnly: schema["readOnly"] === true,
      writeOnly: schema["writeOnly"] === true,
    })),
    actions: mapOf(thing["actions"]).map(([name, action]) => ({
      name,
      title: wordsOf(action, "title", language, name),
      description: wordsOf(action, "description", language),
      input: isJson(action["input"]) ? schemaIn(action["input"], language) : null,
    })),
    events: mapOf(thing["events"]).map(([name, event]) => ({
      name,
      title: wordsOf(event, "title", language, name),
      description: wordsOf(event, "description", language),
    })),
  };
}

/** A unit as people write it; TDs use QUDT or UCUM words. */
export function unitText(unit: string | null | undefined): string {
  if (unit === null || unit === undefined) return "";
  const known: Readonly<Record<string, string>> = {
    Cel: "°C",
    celsius: "°C",
    degree_celsius: "°C",
    "om:degree_Celsius": "°C",
    "om2:degreeCelsius": "°C",
    percent: "%",
    "/100": "%",
    "%RH": "%",
    "%EL": "%",
    lx: "lx",
    deg: "°",
    minute: "min",
    minutes: "min",
    "m/s2": "m/s²",
  };
  return known[unit] ?? unit;
}
