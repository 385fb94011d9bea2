import { expect, it } from "vitest";
import { createVirtualClock } from "../../kit/clock.ts";
import { createDriver } from "../../things/drivers/create-driver.ts";
import { parseThingDescription } from "../../things/thing-description.ts";
import { choiceText, type DataSchema } from "../pattern/data-schema.ts";
import { draftOf, readDraft } from "../pattern/schema-values.ts";
import { readDescription, unitText } from "./description.ts";

const KINDS = ["virtual/lamp", "virtual/thermometer", "virtual/washing-machine"] as const;

it.each(KINDS)("%s has words in every language of the app, and its description is valid", (kind) => {
  const json = JSON.stringify(createDriver({ kind, title: "Mine", seed: 1 }, createVirtualClock(0)).describe());
  parseThingDescription(json);
  const [english, german, other] = ["en", "de", "fr"].map((language) => readDescription(json, language));
  expect(other).toEqual(english);
  expect(german!.description).toMatch(/^Ein/);
  const titles = ({ properties, actions, events }: ReturnType<typeof readDescription>) =>
    [...properties, ...actions, ...events].map(({ title }) => title);
  expect(titles(german!)).toHaveLength(titles(english!).length);
  expect(titles(german!)).not.toEqual(titles(english!));
  expect(titles(german!)).not.toContain(undefined);
});

it("takes words of one's language also inside of an action's input, and the document's own where there are none", () => {
  const input = {
    type: "object",
    properties: { speed: { type: "integer", title: "Speed", titles: { de: "Tempo" } }, way: { title: "Way" } },
  };
  const json = JSON.stringify({ title: "Car", actions: { go: { title: "Go", titles: { de: 5 }, input } } });
  const [go] = readDescription(json, "de").actions;
  expect(go).toMatchObject({ title: "Go", input: { properties: { speed: { title: "Tempo" }, way: { title: "Way" } } } });
});

/** Names that every object has of its own accord, and a value of every wrong kind. */
const INHERITED = ["__proto__", "constructor", "toString", "hasOwnProperty"];
const WRONG = [{ $: 1 }, [{}], 5, true, null];

/** Everything that a page puts on the screen of a schema. */
function shownOf({ title, description, unit, type, format, required, enum: choices, ...others }: DataSchema): readonly unknown[] {
  const inner = Object.values(others.properties ?? {}).flatMap(shownOf);
  return [title, description, unit, type, format, ...(required ?? []), ...(choices ?? []).map(choiceText), ...inner];
}

it.each(WRONG)("leaves out what is not of its kind: %j in every place of a stranger's description", (wrong) => {
  const words = { title: wrong, titles: { en: wrong }, description: wrong, descriptions: wrong };
  const schema = { ...words, type: wrong, format: wrong, unit: wrong, required: wrong, minimum: {}, maxLength: "5", items: wrong };
  const one = { ...schema, enum: wrong === null ? {} : wrong, properties: { inside: { ...schema, default: [{ toString: 5 }] } } };
  const things = { [INHERITED[1]!]: { ...one, input: one }, wrong };
  const json = JSON.stringify({ ...words, "@type": wrong, properties: things, actions: things, events: things });
  const read = readDescription(json, "en");
  for (const { title, description } of [read, ...read.actions, ...read.events])
    expect([typeof title, typeof description]).toEqual(["string", "string"]);
  const schemas = [...read.properties, ...read.actions.flatMap(({ input }) => input ?? [])];
  expect(schemas.length).toBeGreaterThan(1);
  for (const drawn of schemas) {
    for (const shown of shownOf(drawn)) expect(["string", "undefined"]).toContain(typeof shown);
    for (const draft of Object.values(draftOf(drawn))) expect(["string", "boolean"]).toContain(typeof draft);
  }
});

it.each(INHERITED)("takes %s for a name like any other", (name) => {
  expect(unitText(name)).toBe(name);
  const properties = JSON.parse(`{"${name}":{"type":"object","properties":{"${name}":{"type":"number"}},"required":["${name}"]}}`);
  const [property] = readDescription(JSON.stringify({ title: name, properties }), name).properties;
  expect(property!.name).toBe(name);
  expect(draftOf(property!)).toEqual(JSON.parse(`{"${name}":""}`));
  const { faults } = readDraft(property!, draftOf(property!));
  expect(faults).toEqual(JSON.parse(`{"${name}":"required"}`));
  expect(readDraft(property!, JSON.parse(`{"${name}":"5"}`))).toEqual({ value: JSON.parse(`{"${name}":5}`), faults: null });
});

it("follows a description of thousands of levels only as deep as a page is", () => {
  const json = `{"properties":{"a":${'{"properties":{"a":'.repeat(1500)}{}${"}}".repeat(1500)}}}`;
  expect(readDescription(json, "en").properties).toHaveLength(1);
});
