import { describe, expect, it } from "vitest";
import type { ReadingInfo } from "../../sdk/api.ts";
import { numericProperties, readingsToCsv, seriesOf, summaryOf } from "./series.ts";

const reading = (timeMs: number, value: ReadingInfo["value"], final = true, property = "temperature"): ReadingInfo => ({
  property,
  value,
  unit: "Cel",
  timeMs,
  height: 7,
  sequence: timeMs,
  final,
});

const READINGS = [reading(1, 20), reading(2, true, true, "on"), reading(3, 22), reading(4, 24, false)];

describe("a stream's readings", () => {
  it("make one series a property, whose tentative line begins where the final one ends", () => {
    expect(numericProperties(READINGS)).toEqual(["temperature"]);
    expect(seriesOf(READINGS, "temperature")).toEqual({ times: [1, 3, 4], values: [20, 22, null], tentative: [null, 22, 24] });
  });

  it("are summed up, and nothing is made of nothing", () => {
    expect(summaryOf(READINGS, "temperature")).toEqual({ count: 3, lowest: 20, mean: 22, highest: 24, last: 24, tentative: 1 });
    expect(summaryOf(READINGS, "humidity")).toBeNull();
  });

  it("go into a file as RFC 4180 says, and never as a spreadsheet's formula", () => {
    const csv = readingsToCsv([reading(0, 'say "hi", now'), reading(1, "=1+1"), reading(2, -1.5)]);
    expect(csv.split("\r\n")).toEqual([
      "time,property,value,unit,block,pack,final",
      '1970-01-01T00:00:00.000Z,temperature,"say ""hi"", now",Cel,7,0,true',
      "1970-01-01T00:00:00.001Z,temperature,'=1+1,Cel,7,1,true",
      "1970-01-01T00:00:00.002Z,temperature,-1.5,Cel,7,2,true",
      "",
    ]);
  });
});
