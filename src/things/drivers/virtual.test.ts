import { describe, expect, it } from "vitest";
import { createVirtualClock } from "../../kit/clock.ts";
import { createRecordingSink, driverSuite } from "../driver.suite.ts";
import { createVirtualDriver, VIRTUAL_KINDS, type VirtualKind } from "./virtual.ts";

const SEED = 7;

function create(kind: VirtualKind, seed = SEED) {
  const clock = createVirtualClock(1_000_000);
  return { clock, driver: createVirtualDriver(kind, { title: `My ${kind}`, seed, clock }) };
}

describe.each(VIRTUAL_KINDS)("virtual %s", (kind) => {
  const clock = createVirtualClock(1_000_000);
  driverSuite(
    () => createVirtualDriver(kind, { title: "A device", seed: SEED, clock }),
    () => clock.advance(60_000),
  );

  it("leaves no timer behind", async () => {
    const made = create(kind);
    await made.driver.start(createRecordingSink());
    await made.driver.stop();
    expect(made.clock.timers).toBe(0);
  });
});

describe("virtual lamp", () => {
  it("is switched and dimmed, and reports what changed", async () => {
    const { driver, clock } = create("lamp");
    const sink = createRecordingSink();
    await driver.start(sink);
    sink.all.length = 0;
    await driver.writeProperty("on", true);
    await driver.writeProperty("on", true);
    await driver.writeProperty("brightness", 30);
    expect(await driver.invokeAction("toggle")).toBe(false);
    expect(sink.all.map(({ name, value }) => [name, value])).toEqual([
      ["on", true],
      ["brightness", 30],
      ["on", false],
    ]);
    expect(sink.all[1]).toMatchObject({ unit: "/100", timeMs: clock.nowMs() });
    for (const wrong of [-1, 101, 2.5, "full", true]) {
      await expect(driver.writeProperty("brightness", wrong)).rejects.toMatchObject({ code: "schema-invalid" });
    }
    expect(await driver.readProperty("brightness")).toBe(30);
  });
});

describe("virtual thermometer", () => {
  const live = async (seed: number): Promise<(readonly [string, unknown])[]> => {
    const { driver, clock } = create("thermometer", seed);
    const sink = createRecordingSink();
    await driver.start(sink);
    clock.advance(3_600_000);
    return sink.all.map(({ name, value }) => [name, value] as const);
  };

  it("lives the same life for the same seed, and another for another", async () => {
    expect(await live(1)).toEqual(await live(1));
    expect(await live(2)).not.toEqual(await live(1));
  });

  it("stays within what a room has", async () => {
    for (const [name, value] of await live(3)) {
      const [low, high] = name === "temperature" ? [10, 30] : [15, 80];
      expect(value).toBeGreaterThan(low!);
      expect(value).toBeLessThan(high!);
    }
  });
});

describe("virtual washing machine", () => {
  it("runs its program through all phases, says when it is done, and uses detergent", async () => {
    const { driver, clock } = create("washing-machine");
    const sink = createRecordingSink();
    await driver.start(sink);
    await driver.invokeAction("start", { program: "quick" });
    await expect(driver.invokeAction("start")).rejects.toMatchObject({ code: "device-refused" });
    clock.advance(29_999);
    expect(await driver.readProperty("phase")).toBe("spinning");
    expect(sink.events).toEqual([]);
    clock.advance(1);
    expect(sink.all.filter(({ name }) => name === "phase").map(({ value }) => value)).toEqual([
      "idle",
      "washing",
      "rinsing",
      "spinning",
      "done",
    ]);
    expect(sink.events).toEqual([["finished", "quick"]]);
    expect(await driver.readProperty("detergent")).toBe(90);
  });

  it("can be stopped, and its stopped phase does not come back", async () => {
    const { driver, clock } = create("washing-machine");
    const sink = createRecordingSink();
    await driver.start(sink);
    await expect(driver.invokeAction("stop")).rejects.toMatchObject({ code: "device-refused" });
    await driver.invokeAction("start");
    await driver.invokeAction("stop");
    clock.advance(600_000);
    expect(await driver.readProperty("phase")).toBe("idle");
    await driver.invokeAction("start");
    await driver.writeProperty("program", "wool");
    clock.advance(600_000);
    expect(await driver.readProperty("phase")).toBe("idle");
    expect(sink.events).toEqual([]);
  });

  it("says when detergent is low, refuses without, and is refilled", async () => {
    const { driver, clock } = create("washing-machine");
    const sink = createRecordingSink();
    await driver.start(sink);
    for (let load = 0; load < 4; load++) {
      await driver.invokeAction("start", { program: "cotton" });
      clock.advance(100_000);
    }
    expect(sink.events.filter(([name]) => name === "detergentLow")).toEqual([
      ["detergentLow", 25],
      ["detergentLow", 0],
    ]);
    await expect(driver.invokeAction("start")).rejects.toMatchObject({ code: "device-refused", data: { reason: "no detergent" } });
    await driver.invokeAction("refill");
    await driver.invokeAction("start");
    await expect(driver.invokeAction("start", { program: "boil" })).rejects.toMatchObject({ code: "schema-invalid" });
  });
});
