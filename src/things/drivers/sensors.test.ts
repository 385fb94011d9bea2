import { describe, expect, it } from "vitest";
import { createVirtualClock } from "../../kit/clock.ts";
import { createRecordingSink, driverSuite } from "../driver.suite.ts";
import { createSensorsDriver, type BatteryLike, type LightSensorLike, type SensorPlatform } from "./sensors.ts";

/** A phone: what the browser's interfaces would say of one that is carried about. */
function createPhone() {
  const events = new EventTarget();
  const light = Object.assign(new EventTarget(), { illuminance: null as number | null, started: false });
  const battery = Object.assign(new EventTarget(), { level: 0.83, charging: false });
  const watches = new Map<number, { found: PositionCallback; failed: PositionErrorCallback }>();
  let asked = 0;
  const platform: SensorPlatform = {
    geolocation: {
      watchPosition: (found, failed) => watches.set(++asked, { found, failed: failed! }) && asked,
      clearWatch: (watch) => void watches.delete(watch),
    },
    motionEvents: events,
    orientationEvents: events,
    requestMotionPermission: async () => (asked++, "granted"),
    createLightSensor: () =>
      Object.assign(light, { start: () => (light.started = true), stop: () => (light.started = false) }) as unknown as LightSensorLike,
    getBattery: async () => battery as unknown as BatteryLike,
  };
  const send = (target: EventTarget, name: string, values: object = {}): boolean =>
    target.dispatchEvent(Object.assign(new Event(name), values));
  return {
    platform,
    light,
    battery,
    watches,
    asked: () => asked,
    move: (x: number) => send(events, "devicemotion", { accelerationIncludingGravity: { x, y: 0, z: 9.81 } }),
    turn: (alpha: number | null) => send(events, "deviceorientation", { alpha, beta: 0, gamma: alpha === null ? null : -90 }),
    shine(illuminance: number) {
      light.illuminance = illuminance;
      if (light.started) send(light, "reading");
    },
    dim: (name: string) => send(light, "error", { error: { name } }),
    drain(level: number) {
      battery.level = level;
      send(battery, "levelchange");
    },
    locate(latitude: number) {
      const coords = { latitude, longitude: 24.123456789, accuracy: 12, altitude: null } as GeolocationCoordinates;
      for (const { found } of watches.values()) found({ coords } as GeolocationPosition);
    },
    deny: () => [...watches.values()].forEach(({ failed }) => failed({ code: 1 } as GeolocationPositionError)),
  };
}

function create() {
  const phone = createPhone();
  const clock = createVirtualClock(1_000_000);
  const driver = createSensorsDriver({ title: "This phone", clock, platform: phone.platform });
  return { phone, clock, driver };
}

describe("sensors", () => {
  let world: ReturnType<typeof create>;
  let steps = 0;
  driverSuite(
    () => (world = create()).driver,
    () => {
      steps++;
      world.phone.move(steps);
      world.phone.turn(steps);
      world.phone.shine(100 + steps);
      world.phone.locate(60 + steps / 1000);
      world.clock.advance(5000);
    },
  );
});

describe("sensors of a phone", () => {
  it("asks for nothing before it is started", async () => {
    const { phone, driver } = create();
    expect(phone.asked()).toBe(0);
    await driver.start(createRecordingSink());
    expect(phone.asked()).toBe(2);
  });

  it("tells the newest values no more often than the period", async () => {
    const { phone, driver, clock } = create();
    const sink = createRecordingSink();
    await driver.start(sink);
    clock.advance(5000);
    sink.all.length = 0;
    for (let i = 0; i < 60; i++) {
      phone.move(i);
      clock.advance(1000 / 60);
    }
    clock.advance(1000);
    expect(sink.all.filter(({ name }) => name === "accelerationX").map(({ value }) => value)).toEqual([0, 59]);
    const before = sink.all.length;
    phone.move(59);
    expect(sink.all).toHaveLength(before);
  });

  it("gives units of SenML: degrees of place, radians of turn", async () => {
    const { phone, driver, clock } = create();
    const sink = createRecordingSink();
    await driver.start(sink);
    clock.advance(1000);
    phone.turn(180);
    phone.locate(60.0796512);
    clock.advance(1000);
    const found = Object.fromEntries(sink.all.map(({ name, value, unit }) => [name, [value, unit]]));
    expect(found).toMatchObject({
      heading: [3.1416, "rad"],
      roll: [-1.5708, "rad"],
      latitude: [60.07965, "lat"],
      longitude: [24.12346, "lon"],
      batteryLevel: [83, "%EL"],
      charging: [false, undefined],
    });
    expect(found["altitude"]).toBeUndefined();
  });

  it("says of each sensor what it is doing", async () => {
    const { phone, driver } = create();
    expect(driver.parts()).toMatchObject({ location: "stopped", battery: "stopped" });
    await driver.start(createRecordingSink());
    phone.turn(null);
    phone.move(1);
    phone.deny();
    phone.dim("NotReadableError");
    expect(driver.parts()).toEqual({
      location: "refused",
      motion: "running",
      orientation: "running",
      light: "absent",
      battery: "running",
    });
    await driver.stop();
    expect(driver.parts()).toMatchObject({ location: "refused", motion: "stopped", light: "absent" });
    expect([phone.watches.size, phone.light.started]).toEqual([0, false]);
  });

  it("describes and starts only what the browser has, and refuses where it has nothing", async () => {
    const { platform } = createPhone();
    const clock = createVirtualClock();
    const laptop = createSensorsDriver({ title: "Laptop", clock, platform: { getBattery: platform.getBattery! } });
    expect(Object.keys(laptop.describe().properties!)).toEqual(["batteryLevel", "charging"]);
    expect(laptop.parts()).toEqual({
      location: "absent",
      motion: "absent",
      orientation: "absent",
      light: "absent",
      battery: "stopped",
    });
    const none = createSensorsDriver({ title: "None", clock, platform: {} });
    await expect(none.start(createRecordingSink())).rejects.toMatchObject({ code: "not-supported" });
  });

  it("asks for, describes and reads only what was chosen, with words in German", async () => {
    const phone = createPhone();
    const clock = createVirtualClock();
    const driver = createSensorsDriver({ title: "Phone", clock, platform: phone.platform, sensors: ["battery", "light"] });
    const sink = createRecordingSink();
    await driver.start(sink);
    phone.locate(60);
    phone.move(1);
    phone.shine(300);
    clock.advance(2000);
    expect(phone.asked()).toBe(0);
    expect([...new Set(sink.all.map(({ name }) => name))].sort()).toEqual(["batteryLevel", "charging", "illuminance"]);
    expect(Object.keys(driver.describe().properties!)).toEqual(["illuminance", "batteryLevel", "charging"]);
    expect(Object.values(driver.describe().properties!).map(({ titles }) => titles?.["de"])).toEqual([
      "Beleuchtungsstärke",
      "Batterie",
      "Lädt",
    ]);
    expect(driver.parts()).toEqual({ light: "running", battery: "running" });
    await driver.stop();
  });

  it("goes on with the others when the person refuses one", async () => {
    const phone = createPhone();
    const driver = createSensorsDriver({
      title: "Phone",
      clock: createVirtualClock(),
      platform: { ...phone.platform, requestMotionPermission: async () => "denied" },
    });
    const sink = createRecordingSink();
    await driver.start(sink);
    phone.move(1);
    expect(driver.parts()).toMatchObject({ motion: "refused", battery: "running" });
    expect(sink.all.some(({ name }) => name === "accelerationX")).toBe(false);
  });

  it("stopped while the person is asked, it does not run", async () => {
    const phone = createPhone();
    let answer: (given: "granted") => void = () => undefined;
    const platform = { ...phone.platform, requestMotionPermission: () => new Promise<"granted">((resolve) => (answer = resolve)) };
    const driver = createSensorsDriver({ title: "Phone", clock: createVirtualClock(), platform });
    const sink = createRecordingSink();
    const starting = driver.start(sink);
    await driver.stop();
    answer("granted");
    await starting;
    const heard = sink.all.length;
    phone.move(1);
    phone.locate(1);
    expect(sink.all).toHaveLength(heard);
    expect(phone.watches.size).toBe(0);
  });
});
