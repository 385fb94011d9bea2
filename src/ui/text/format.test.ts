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

it("a time of a feed has its date from a day on, in the past and in the future", () => {
  const format = createFormat(en);
  const now = Date.UTC(2024, 4, 17, 12);
  const day = 86_400_000;
  expect(format.feedTime(now - day + 1, now)).toBe(format.time(now - day + 1));
  for (const ms of [now - day, now - 400 * day, now + day]) expect(format.feedTime(ms, now)).toMatch(/\d+\/\d+\/\d+/);
  expect(format.feedTime(8.64e15 + 1, now)).toBe("–");
});

it("an age goes by seconds at first, then by five, then by the largest unit that fits", () => {
  const format = createFormat(en);
  const ages = [-1, 0, 9.9, 10, 14.9, 15, 59.9, 60, 3599, 3600, 86_400].map((seconds) => format.age(0, seconds * 1000));
  expect(ages).toEqual(["0 s", "0 s", "9 s", "10 s", "10 s", "15 s", "55 s", "1 min", "59 min", "1 h", "1 day"]);
  expect([6999, 7000, 22_000].map((nowMs) => format.ago(5000, nowMs))).toEqual(["just now", "2 s ago", "15 s ago"]);
});

it("the last moment of a calendar is one", () => {
  expect(isoTime(8.64e15)).toBe("+275760-09-13T00:00:00.000Z");
  expect(createFormat(en).dateTime(8.64e15)).toContain("275");
});
