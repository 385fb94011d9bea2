import { Ajv } from "ajv";
import addFormats from "ajv-formats";
import { describe, expect, it } from "vitest";
import schema from "wot-thing-description-types/schema/td-json-schema-validation.json" with { type: "json" };
import { LIMITS } from "../protocol/limits.ts";
import { assertMatches, createThingDescription, parseThingDescription } from "./thing-description.ts";

const lamp = createThingDescription({
  title: "Lamp",
  types: ["saref:LightSwitch"],
  properties: { on: { type: "boolean" }, brightness: { type: "integer", minimum: 0, maximum: 100, unit: "%" } },
  actions: { toggle: { output: { type: "boolean" } } },
  events: { overheated: { data: { type: "number" } } },
});

type Json = Record<string, unknown>;
const changed = (change: (thing: Json) => void): Json => {
  const copy = JSON.parse(JSON.stringify(lamp)) as Json;
  change(copy);
  return copy;
};
const at = (thing: Json, ...path: string[]): Json => path.reduce((inner, name) => inner[name] as Json, thing);

/** What a call gives, or the code of its refusal. */
function outcome(call: () => unknown): unknown {
  try {
    return call();
  } catch (error) {
    return (error as { code: string }).code;
  }
}

/** Name, description, and whether it is a Thing Description. */
const CASES: readonly (readonly [name: string, thing: unknown, valid: boolean])[] = [
  ["what the drivers make", lamp, true],
  ["one without affordances", changed((thing) => ["properties", "actions", "events"].forEach((name) => delete thing[name])), true],
  [
    "one with links, versions and unknown terms",
    changed((thing) => Object.assign(thing, { links: [{ href: "https://example.org/" }], "ex:a": 1 })),
    true,
  ],
  [
    "several contexts",
    changed((thing) => (thing["@context"] = ["https://www.w3.org/2022/wot/td/v1.1", { saref: "https://w3id.org/saref#" }])),
    true,
  ],
  ["a list", [], false],
  ["a text", "lamp", false],
  ["no title", changed((thing) => delete thing["title"]), false],
  ["a title that is no text", changed((thing) => (thing["title"] = 1)), false],
  ["no context", changed((thing) => delete thing["@context"]), false],
  ["another context", changed((thing) => (thing["@context"] = "https://example.org/")), false],
  ["no security", changed((thing) => delete thing["security"]), false],
  ["no security definitions", changed((thing) => delete thing["securityDefinitions"]), false],
  ["an unknown security scheme", changed((thing) => (at(thing, "securityDefinitions", "ledger")["scheme"] = "trust")), false],
  ["a property without forms", changed((thing) => delete at(thing, "properties", "on")["forms"]), false],
  ["a form without href", changed((thing) => (at(thing, "properties", "on")["forms"] = [{}])), false],
  [
    "a form with another operation",
    changed((thing) => (at(thing, "properties", "on")["forms"] = [{ href: "x", op: "invokeaction" }])),
    false,
  ],
  ["a property of an unknown type", changed((thing) => (at(thing, "properties", "on")["type"] = "switch")), false],
  ["a minimum that is no number", changed((thing) => (at(thing, "properties", "brightness")["minimum"] = "0")), false],
  ["properties that are a list", changed((thing) => (thing["properties"] = [])), false],
  ["an action without forms", changed((thing) => delete at(thing, "actions", "toggle")["forms"]), false],
  ["an event without forms", changed((thing) => delete at(thing, "events", "overheated")["forms"]), false],
];

describe("Thing Descriptions", () => {
  // The reference compiler makes code at run time, which the page's security policy forbids; here it is the second opinion.
  const ajv = new Ajv({ strict: false, logger: false });
  (addFormats as unknown as (ajv: Ajv) => void)(ajv);
  const compiled = ajv.compile(schema);

  it.each(CASES)("agrees with ajv on %s", (_, thing, valid) => {
    expect(compiled(thing)).toBe(valid);
    const parse = (): unknown => parseThingDescription(JSON.stringify(thing));
    expect(outcome(parse)).toEqual(valid ? thing : "schema-invalid");
  });

  it("refuses what is no JSON, too large, or names what no address can", () => {
    const code = (text: string): unknown => outcome(() => parseThingDescription(text));
    expect(code("{")).toBe("encoding-invalid");
    expect(code("")).toBe("encoding-invalid");
    expect(code('"\ud800"')).toBe("encoding-invalid");
    expect(code(`"${"x".repeat(LIMITS.descriptionBytesMax)}"`)).toBe("too-large");
    const named = changed((thing) => (at(thing, "properties")["a/b"] = at(thing, "properties", "on")));
    expect(code(JSON.stringify(named))).toBe("schema-invalid");
    const many = changed((thing) => {
      for (let i = 0; i < LIMITS.devicePropertiesMax; i++) at(thing, "properties")[`p${i}`] = { forms: [{ href: "x" }] };
    });
    expect(code(JSON.stringify(many))).toBe("schema-invalid");
  });

  it("checks the values that are written to a property", () => {
    const { brightness } = lamp.properties!;
    assertMatches(brightness!, 50, "brightness");
    for (const wrong of [-1, 101, 1.5, "50", null]) {
      expect(() => assertMatches(brightness!, wrong, "brightness")).toThrow(expect.objectContaining({ code: "schema-invalid" }));
    }
  });
});
