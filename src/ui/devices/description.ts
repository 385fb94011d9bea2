/** A Thing Description (W3C WoT TD 1.1) as the pages draw it: only what a person sees, and nothing that a strange document could break. */
import { isJson, mapOf, readSchema, wordsOf, type DataSchema, type Json } from "../pattern/data-schema.ts";

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
      ...readSchema(schema, language),
      name,
      readOnly: schema["readOnly"] === true,
      writeOnly: schema["writeOnly"] === true,
    })),
    actions: mapOf(thing["actions"]).map(([name, action]) => ({
      name,
      title: wordsOf(action, "title", language, name),
      description: wordsOf(action, "description", language),
      input: isJson(action["input"]) ? readSchema(action["input"], language) : null,
    })),
    events: mapOf(thing["events"]).map(([name, event]) => ({
      name,
      title: wordsOf(event, "title", language, name),
      description: wordsOf(event, "description", language),
    })),
  };
}

/** A map, not an object: units come from strangers, and an object has more names than were put into it. */
const UNITS: ReadonlyMap<string, string> = new Map([
  ["Cel", "°C"],
  ["celsius", "°C"],
  ["degree_celsius", "°C"],
  ["om:degree_Celsius", "°C"],
  ["om2:degreeCelsius", "°C"],
  ["percent", "%"],
  ["/100", "%"],
  ["%RH", "%"],
  ["%EL", "%"],
  ["deg", "°"],
  ["lat", "°"],
  ["lon", "°"],
  ["minute", "min"],
  ["minutes", "min"],
  ["m/s2", "m/s²"],
]);

/** A unit as people write it; TDs use QUDT or UCUM words. */
export function unitText(unit: string | null | undefined): string {
  return unit === null || unit === undefined ? "" : (UNITS.get(unit) ?? unit);
}
