import { expect, it } from "vitest";
import { createVirtualClock } from "../../kit/clock.ts";
import { createDriver } from "../../things/drivers/create-driver.ts";
import { parseThingDescription } from "../../things/thing-description.ts";
import { readDescription } from "./description.ts";

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
