/** W3C WoT Thing Descriptions 1.1: what a device is, in the words that its page, grants and contracts refer to. */
import { type Schema, Validator } from "@cfworker/json-schema";
import officialSchema from "wot-thing-description-types/schema/td-json-schema-validation.json" with { type: "json" };
import { isWellFormed, utf8 } from "../kit/bytes.ts";
import { LIMITS } from "../protocol/limits.ts";
import { Refusal } from "../protocol/refusal.ts";

export type DataType = "boolean" | "integer" | "number" | "string" | "object" | "array" | "null";

/** Texts by language tag, beside the one in the default language (TD 1.1, 5.3.1.7 "MultiLanguage"). */
export type MultiLanguage = Readonly<Record<string, string>>;

/** The part of a TD data schema (section 5.3.2) that Bothy draws and checks. */
export interface DataSchema {
  readonly type?: DataType;
  readonly title?: string;
  readonly titles?: MultiLanguage;
  readonly description?: string;
  /** A SenML unit (RFC 8428, 12.1) where there is one. */
  readonly unit?: string;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly multipleOf?: number;
  readonly maxLength?: number;
  readonly enum?: readonly unknown[];
  readonly readOnly?: boolean;
  readonly writeOnly?: boolean;
  readonly properties?: Readonly<Record<string, DataSchema>>;
  readonly items?: DataSchema;
  readonly required?: readonly string[];
}

export interface Form {
  readonly href: string;
  readonly op?: string | readonly string[];
}

export interface PropertyAffordance extends DataSchema {
  readonly forms: readonly Form[];
  readonly observable?: boolean;
}

export interface ActionAffordance {
  readonly title?: string;
  readonly titles?: MultiLanguage;
  readonly description?: string;
  readonly forms: readonly Form[];
  readonly input?: DataSchema;
  readonly output?: DataSchema;
}

export interface EventAffordance {
  readonly title?: string;
  readonly titles?: MultiLanguage;
  readonly description?: string;
  readonly forms: readonly Form[];
  readonly data?: DataSchema;
}

export interface ThingDescription {
  readonly "@context": string | readonly unknown[];
  readonly "@type"?: string | readonly string[];
  readonly id?: string;
  readonly title: string;
  readonly description?: string;
  readonly descriptions?: MultiLanguage;
  readonly securityDefinitions: Readonly<Record<string, { readonly scheme: string }>>;
  readonly security: string | readonly string[];
  readonly properties?: Readonly<Record<string, PropertyAffordance>>;
  readonly actions?: Readonly<Record<string, ActionAffordance>>;
  readonly events?: Readonly<Record<string, EventAffordance>>;
}

const CONTEXT = "https://www.w3.org/2022/wot/td/v1.1";

/** A name of an affordance: it stands in addresses, in scopes and in SenML names. */
const AFFORDANCE_NAME = /^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$/;

let validator: Validator | undefined;

/**
 * An interpreter of JSON Schema rather than code compiled from it: the page's content security policy forbids `new Function`, and the
 * schema itself is a fifth of its compiled code. A test holds its verdicts against the reference compiler's.
 */
function officialValidator(): Validator {
  validator ??= new Validator(officialSchema as unknown as Schema, "7", true);
  return validator;
}

function assertNames(thing: ThingDescription): void {
  for (const kind of ["properties", "actions", "events"] as const) {
    const names = Object.keys(thing[kind] ?? {});
    if (names.length > LIMITS.devicePropertiesMax) {
      throw new Refusal("schema-invalid", { field: kind, expected: `at most ${LIMITS.devicePropertiesMax}` });
    }
    for (const name of names) {
      if (!AFFORDANCE_NAME.test(name))
        throw new Refusal("schema-invalid", { field: `${kind}.${name}`, expected: "letters, digits, _ and -" });
    }
  }
}

/** Checks a value that claims to be a Thing Description. @throws {Refusal} `schema-invalid` with the field. */
function assertThingDescription(value: unknown): asserts value is ThingDescription {
  const { valid, errors } = officialValidator().validate(value);
  if (!valid) {
    const deepest = errors.at(-1);
    throw new Refusal("schema-invalid", { field: deepest?.instanceLocation ?? "#", expected: deepest?.error ?? "a Thing Description" });
  }
  assertNames(value as ThingDescription);
}

/**
 * The Thing Description of a JSON text.
 * @throws {Refusal} `too-large` above `LIMITS.descriptionBytesMax`, `encoding-invalid` if it is not JSON, `schema-invalid` otherwise.
 */
export function parseThingDescription(text: string): ThingDescription {
  const bytes = isWellFormed(text) ? utf8(text).length : 0;
  if (bytes === 0) throw new Refusal("encoding-invalid", { reason: "not UTF-8" });
  if (bytes > LIMITS.descriptionBytesMax) throw new Refusal("too-large", { bytes, bytesMax: LIMITS.descriptionBytesMax });
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw new Refusal("encoding-invalid", { reason: "not JSON" });
  }
  assertThingDescription(value);
  return value;
}

/** A title in the languages of the app. */
export function named(en: string, de: string): { readonly title: string; readonly titles: MultiLanguage } {
  return { title: en, titles: { en, de } };
}

type WithoutForms<Affordance> = Omit<Affordance, "forms">;

export interface ThingOutline {
  readonly title: string;
  readonly description?: string;
  readonly descriptions?: MultiLanguage;
  readonly types?: readonly string[];
  readonly properties?: Readonly<Record<string, WithoutForms<PropertyAffordance>>>;
  readonly actions?: Readonly<Record<string, WithoutForms<ActionAffordance>>>;
  readonly events?: Readonly<Record<string, WithoutForms<EventAffordance>>>;
}

function withForms<Affordance extends object>(
  kind: string,
  outlines: Readonly<Record<string, Affordance>> | undefined,
): Record<string, Affordance & { forms: Form[] }> {
  return Object.fromEntries(
    Object.entries(outlines ?? {}).map(([name, outline]) => [name, { ...outline, forms: [{ href: `${kind}/${name}` }] }]),
  );
}

/**
 * A Thing Description from what a driver knows. Forms are relative: they stand for `bothy://<device>/properties/<name>` once the ledger has
 * given the device its identifier. Security is `nosec`, since rights are the ledger's and not the device's own.
 */
export function createThingDescription(outline: ThingOutline): ThingDescription {
  const { title, description, descriptions, types } = outline;
  return {
    "@context": CONTEXT,
    ...(types ? { "@type": types } : {}),
    title,
    ...(description === undefined ? {} : { description }),
    ...(descriptions === undefined ? {} : { descriptions }),
    securityDefinitions: { ledger: { scheme: "nosec" } },
    security: "ledger",
    properties: withForms("properties", outline.properties),
    actions: withForms("actions", outline.actions),
    events: withForms("events", outline.events),
  };
}

/** Checks a value that is written to a property or given to an action. @throws {Refusal} `schema-invalid` with the field. */
export function assertMatches(schema: DataSchema, value: unknown, field: string): void {
  const { valid, errors } = new Validator(schema as Schema, "7", true).validate(value);
  if (!valid) throw new Refusal("schema-invalid", { field, expected: errors.at(-1)?.error ?? "another value" });
}
