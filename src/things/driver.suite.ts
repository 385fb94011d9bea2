/** What every driver does. */
import { expect, it } from "vitest";
import type { Driver, DriverSink } from "./driver.ts";
import { resolvePack, buildPack, type PlainReading, type PlainValue } from "./senml.ts";
import { assertMatches, parseThingDescription } from "./thing-description.ts";

export interface RecordingSink extends DriverSink {
  readonly all: PlainReading[];
  readonly events: (readonly [name: string, data: PlainValue])[];
}

export function createRecordingSink(): RecordingSink {
  const all: PlainReading[] = [];
  const events: (readonly [string, PlainValue])[] = [];
  return { all, events, readings: (some) => void all.push(...some), event: (name, data) => void events.push([name, data]) };
}

/** `create` makes a fresh driver; `live` lets its world go on for a while, so that it has something to report. */
export function driverSuite(create: () => Driver, live: () => void): void {
  it("describes itself by a valid Thing Description, the same at every call", () => {
    const driver = create();
    const text = JSON.stringify(driver.describe());
    expect(parseThingDescription(text)).toEqual(driver.describe());
    expect(JSON.stringify(driver.describe())).toBe(text);
  });

  it("reports only properties that it describes, with values and units as described", async () => {
    const driver = create();
    const sink = createRecordingSink();
    await driver.start(sink);
    live();
    expect(sink.all.length).toBeGreaterThan(0);
    for (const { name, value, unit } of sink.all) {
      const described = driver.describe().properties?.[name];
      expect(described).toBeDefined();
      assertMatches(described!, value, name);
      expect(unit).toBe(described!.unit);
    }
    expect(resolvePack(buildPack(sink.all.slice(0, 100)), 0)).toEqual(sink.all.slice(0, 100));
    await driver.stop();
  });

  it("reads as a property what it reported last", async () => {
    const driver = create();
    const sink = createRecordingSink();
    await driver.start(sink);
    live();
    const last = new Map(sink.all.map(({ name, value }) => [name, value]));
    for (const [name, value] of last) expect(await driver.readProperty(name)).toBe(value);
    await driver.stop();
  });

  it("is silent before it starts and after it stops, and can be started again", async () => {
    const driver = create();
    const sink = createRecordingSink();
    live();
    await driver.start(sink);
    await driver.stop();
    await driver.stop();
    const heard = sink.all.length;
    live();
    expect(sink.all).toHaveLength(heard);
    const again = createRecordingSink();
    await driver.start(again);
    live();
    expect(again.all.length).toBeGreaterThan(0);
    await driver.stop();
  });

  it("refuses what it does not have", async () => {
    const driver = create();
    await driver.start(createRecordingSink());
    // The second is a name that every object has.
    for (const name of ["nothing", "constructor"]) {
      await expect(driver.readProperty(name)).rejects.toMatchObject({ code: "device-refused" });
      await expect(driver.writeProperty(name, 1)).rejects.toMatchObject({ code: "device-refused" });
      await expect(driver.invokeAction(name)).rejects.toMatchObject({ code: "device-refused" });
    }
    for (const [name, { readOnly }] of Object.entries(driver.describe().properties ?? {})) {
      const expected = readOnly ? "device-refused" : "schema-invalid";
      await expect(driver.writeProperty(name, "no such value")).rejects.toMatchObject({ code: expected });
    }
    await driver.stop();
  });
}
