import { describe, expect, it } from "vitest";
import type { ReadingInfo, Value } from "../../sdk/api.ts";
import { readPack, resolvePack } from "../../things/senml.ts";
import { readingsToSenml } from "./senml-file.ts";

const DEVICE = "ab".repeat(32);
const START_MS = 1_700_000_000_123;

const reading = (timeMs: number, value: ReadingInfo["value"], property = "temperature"): ReadingInfo => ({
  property,
  value,
  unit: typeof value === "number" ? "Cel" : null,
  timeMs,
  height: 7,
  sequence: 0,
  final: true,
});

describe("a stream's readings as SenML", () => {
  it("are one pack of records under the device's name", () => {
    const json = readingsToSenml(DEVICE, [
      reading(START_MS, 20.5),
      reading(START_MS + 1500, true, "on"),
      reading(START_MS, "rinse", "phase"),
    ]);
    expect(JSON.parse(json)).toEqual([
      { bn: `${DEVICE}/`, bt: START_MS / 1000, n: "temperature", u: "Cel", v: 20.5 },
      { n: "on", vb: true, t: 1.5 },
      { n: "phase", vs: "rinse" },
    ]);
  });

  it("are all there and at their times, also when there are more than a pack on the ledger holds", () => {
    const many = Array.from({ length: 600 }, (_, index) => reading(START_MS + 1000 * index, index));
    const records = JSON.parse(readingsToSenml(DEVICE, many)) as readonly Value[];
    // What a reader of another make does, record by record.
    let baseS = 0;
    const read = records.map((value) => {
      const record = readPack([value])[0]!;
      baseS = record.bt ?? baseS;
      return [Math.round((baseS + (record.t ?? 0)) * 1000), record.v];
    });
    expect(read).toEqual(many.map(({ timeMs, value }) => [timeMs, value]));
    expect(resolvePack(readPack(records.slice(0, 256)), 0).map(({ name }) => name)).toEqual(
      Array.from({ length: 256 }, () => `${DEVICE}/temperature`),
    );
  });
});
