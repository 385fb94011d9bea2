import { expect, it } from "vitest";
import { readingsToCsv } from "../data/series.ts";
import { en } from "./en.ts";
import { createFormat, isoTime } from "./format.ts";

it.each([8.64e15 + 1, -8.64e15 - 1, 2 ** 53])("%d ms is no moment of a calendar, and breaks no page and no file", (timeMs) => {
  const format = createFormat(en);
  expect([format.time(timeMs), format.dateTime(timeMs), isoTime(timeMs)]).toEqual(["–", "–", undefined]);
  const reading = { property: "t", value: 1, unit: null, timeMs, height: 1, sequence: 0, final: true };
  expect(readingsToCsv([reading]).split("\r\n")[1]).toBe(`${timeMs},t,1,,1,0,true`);
});

it("the last moment of a calendar is one", () => {
  expect(isoTime(8.64e15)).toBe("+275760-09-13T00:00:00.000Z");
  expect(createFormat(en).dateTime(8.64e15)).toContain("275");
});
