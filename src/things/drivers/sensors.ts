/** This phone or laptop as a device: where it is, how it moves, what light falls on it, how full its battery is. */
import type { Clock } from "../../kit/clock.ts";
import { Refusal } from "../../protocol/refusal.ts";
import type { Driver, DriverSink, PartState } from "../driver.ts";
import type { PlainReading, PlainValue } from "../senml.ts";
import { createThingDescription, named, type DataSchema, type ThingDescription } from "../thing-description.ts";

export const SENSOR_NAMES = ["location", "motion", "orientation", "light", "battery"] as const;
export type SensorName = (typeof SENSOR_NAMES)[number];

/** The battery of the Battery Status API, which not every engine has. */
export interface BatteryLike extends EventTarget {
  readonly level: number;
  readonly charging: boolean;
}

/** A sensor of the Generic Sensor API. */
export interface LightSensorLike extends EventTarget {
  readonly illuminance?: number | null;
  start(): void;
  stop(): void;
}

/** What of the browser is used; `browserSensorPlatform` gives the real one. A missing member is a missing sensor. */
export interface SensorPlatform {
  readonly geolocation?: Pick<Geolocation, "watchPosition" | "clearWatch">;
  /** Where `devicemotion` and `deviceorientation` are heard. */
  readonly motionEvents?: EventTarget;
  readonly orientationEvents?: EventTarget;
  /** iOS asks the person, and only from within a tap. */
  readonly requestMotionPermission?: () => Promise<"granted" | "denied">;
  readonly requestOrientationPermission?: () => Promise<"granted" | "denied">;
  readonly createLightSensor?: () => LightSensorLike;
  readonly getBattery?: () => Promise<BatteryLike>;
}

type Publish = (values: Readonly<Record<string, PlainValue | null | undefined>>) => void;

/** Handed to a sensor while it runs. */
interface SensorRun {
  readonly platform: SensorPlatform;
  readonly publish: Publish;
  /** The person or the device said no, after the start. */
  readonly fail: (state: "absent" | "refused") => void;
}

interface Sensor {
  readonly name: SensorName;
  readonly properties: Readonly<Record<string, DataSchema>>;
  readonly isPresent: (platform: SensorPlatform) => boolean;
  /** Asks and begins; gives what ends it. Rejects with `device-refused` if the person refuses. */
  readonly start: (run: SensorRun) => Promise<() => void>;
}

function measured([en, de]: readonly [en: string, de: string], unit: string): DataSchema & { observable: boolean } {
  return { type: "number", ...named(en, de), unit, readOnly: true, observable: true };
}

const toRadians = (degrees: number | null): number | null => (degrees === null ? null : Math.round((degrees * Math.PI * 1e4) / 180) / 1e4);
const round = (value: number | null | undefined): number | null =>
  value === null || value === undefined || !Number.isFinite(value) ? null : Math.round(value * 1000) / 1000;

function listen<Name extends string>(target: EventTarget, name: Name, listener: (event: Event) => void): () => void {
  target.addEventListener(name, listener);
  return () => target.removeEventListener(name, listener);
}

async function requirePermission(request: (() => Promise<"granted" | "denied">) | undefined): Promise<void> {
  if (request && (await request().catch(() => "denied")) !== "granted") throw new Refusal("device-refused", { reason: "permission" });
}

/** Rounded to about a metre: more digits would be noise. */
const LOCATION: Sensor = {
  name: "location",
  properties: {
    latitude: measured(["Latitude", "Breite"], "lat"),
    longitude: measured(["Longitude", "Länge"], "lon"),
    accuracy: measured(["Accuracy", "Genauigkeit"], "m"),
    altitude: measured(["Altitude", "Höhe"], "m"),
  },
  isPresent: ({ geolocation }) => geolocation !== undefined,
  async start({ platform, publish, fail }) {
    const degrees = (value: number): number => Math.round(value * 1e5) / 1e5;
    const watch = platform.geolocation!.watchPosition(
      ({ coords }) =>
        publish({
          latitude: degrees(coords.latitude),
          longitude: degrees(coords.longitude),
          accuracy: round(coords.accuracy),
          altitude: round(coords.altitude),
        }),
      // 1 is PERMISSION_DENIED; a timeout or a lost fix comes back by itself.
      ({ code }) => code === 1 && fail("refused"),
      { enableHighAccuracy: true },
    );
    return () => platform.geolocation!.clearWatch(watch);
  },
};

const MOTION: Sensor = {
  name: "motion",
  properties: {
    accelerationX: measured(["Acceleration X", "Beschleunigung X"], "m/s2"),
    accelerationY: measured(["Acceleration Y", "Beschleunigung Y"], "m/s2"),
    accelerationZ: measured(["Acceleration Z", "Beschleunigung Z"], "m/s2"),
  },
  isPresent: ({ motionEvents }) => motionEvents !== undefined,
  async start({ platform, publish }) {
    await requirePermission(platform.requestMotionPermission);
    return listen(platform.motionEvents!, "devicemotion", (event) => {
      const { accelerationIncludingGravity: acceleration } = event as DeviceMotionEvent;
      publish({ accelerationX: round(acceleration?.x), accelerationY: round(acceleration?.y), accelerationZ: round(acceleration?.z) });
    });
  },
};

const ORIENTATION: Sensor = {
  name: "orientation",
  properties: {
    heading: measured(["Turn about the vertical", "Drehung um die Senkrechte"], "rad"),
    pitch: measured(["Tilt to the front", "Neigung nach vorn"], "rad"),
    roll: measured(["Tilt to the side", "Neigung zur Seite"], "rad"),
  },
  isPresent: ({ orientationEvents }) => orientationEvents !== undefined,
  async start({ platform, publish }) {
    await requirePermission(platform.requestOrientationPermission);
    return listen(platform.orientationEvents!, "deviceorientation", (event) => {
      const { alpha, beta, gamma } = event as DeviceOrientationEvent;
      publish({ heading: toRadians(alpha), pitch: toRadians(beta), roll: toRadians(gamma) });
    });
  },
};

const LIGHT: Sensor = {
  name: "light",
  properties: { illuminance: measured(["Illuminance", "Beleuchtungsstärke"], "lx") },
  isPresent: ({ createLightSensor }) => createLightSensor !== undefined,
  async start({ platform, publish, fail }) {
    const sensor = platform.createLightSensor!();
    const endReading = listen(sensor, "reading", () => publish({ illuminance: round(sensor.illuminance) }));
    const endError = listen(sensor, "error", (event) => {
      const name = (event as { error?: { name?: string } }).error?.name;
      fail(name === "NotAllowedError" ? "refused" : "absent");
    });
    sensor.start();
    return () => {
      endReading();
      endError();
      sensor.stop();
    };
  },
};

const BATTERY: Sensor = {
  name: "battery",
  properties: {
    batteryLevel: { ...measured(["Battery", "Batterie"], "%EL"), minimum: 0, maximum: 100 },
    charging: { type: "boolean", ...named("Charging", "Lädt"), readOnly: true },
  },
  isPresent: ({ getBattery }) => getBattery !== undefined,
  async start({ platform, publish }) {
    const battery = await platform.getBattery!();
    const report = (): void => publish({ batteryLevel: Math.round(battery.level * 100), charging: battery.charging });
    report();
    const ends = [listen(battery, "levelchange", report), listen(battery, "chargingchange", report)];
    return () => ends.forEach((end) => end());
  },
};

const SENSORS: readonly Sensor[] = [LOCATION, MOTION, ORIENTATION, LIGHT, BATTERY];

/** The sensors of the browser this runs in. */
function browserSensorPlatform(): SensorPlatform {
  const scope = globalThis as unknown as {
    readonly navigator: Navigator & { readonly getBattery?: () => Promise<BatteryLike> };
    readonly isSecureContext: boolean;
    readonly DeviceMotionEvent?: { requestPermission?: () => Promise<"granted" | "denied"> };
    readonly DeviceOrientationEvent?: { requestPermission?: () => Promise<"granted" | "denied"> };
    readonly AmbientLightSensor?: new () => LightSensorLike;
  };
  // On an insecure origin the interfaces may be there and stay silent.
  if (!scope.isSecureContext) return {};
  const { navigator, DeviceMotionEvent: Motion, DeviceOrientationEvent: Orientation, AmbientLightSensor: Light } = scope;
  const events = globalThis as unknown as EventTarget;
  return {
    ...("geolocation" in navigator ? { geolocation: navigator.geolocation } : {}),
    ...(Motion ? { motionEvents: events } : {}),
    ...(Motion?.requestPermission ? { requestMotionPermission: () => Motion.requestPermission!() } : {}),
    ...(Orientation ? { orientationEvents: events } : {}),
    ...(Orientation?.requestPermission ? { requestOrientationPermission: () => Orientation.requestPermission!() } : {}),
    ...(Light ? { createLightSensor: () => new Light() } : {}),
    ...(navigator.getBattery ? { getBattery: () => navigator.getBattery!() } : {}),
  };
}

export interface SensorsDriver extends Driver {
  parts(): Readonly<Partial<Record<SensorName, PartState>>>;
}

export interface SensorsOptions {
  readonly title: string;
  readonly clock: Clock;
  /** Those that the person chose; all by default. No other is asked for, described or read. */
  readonly sensors?: readonly SensorName[];
  readonly platform?: SensorPlatform;
  /** How often a property is reported at most: a motion sensor speaks sixty times a second. */
  readonly periodMs?: number;
}

function describeSensors(title: string, sensors: readonly Sensor[]): ThingDescription {
  return createThingDescription({
    title,
    description: "The sensors of a phone or computer, read by its browser",
    descriptions: {
      en: "The sensors of a phone or computer, read by its browser",
      de: "Die Sensoren eines Telefons oder Rechners, von seinem Browser gelesen",
    },
    properties: Object.assign({}, ...sensors.map(({ properties }) => properties)),
  });
}

/** Values of the sensors, told to a sink no more often than the period; what comes between is kept and the newest told at its end. */
function createThrottle(clock: Clock, periodMs: number, unitOf: (name: string) => string | undefined, sink: DriverSink) {
  const values = new Map<string, PlainReading>();
  const waiting = new Set<string>();
  let cancel: (() => void) | null = null;
  const flush = (): void => {
    cancel = null;
    const readings = [...waiting].map((name) => values.get(name)!);
    waiting.clear();
    if (readings.length === 0) return;
    sink.readings(readings);
    cancel = clock.setTimer(periodMs, flush);
  };
  return {
    values,
    publish(published: Parameters<Publish>[0]) {
      for (const [name, value] of Object.entries(published)) {
        if (value === null || value === undefined || values.get(name)?.value === value) continue;
        const unit = unitOf(name);
        values.set(name, { name, value, timeMs: clock.wallMs(), ...(unit === undefined ? {} : { unit }) });
        waiting.add(name);
      }
      if (!cancel) flush();
    },
    stop: () => cancel?.(),
  };
}

/** A driver of the chosen sensors that this machine has. Permissions are asked for at `start` and not before. */
export function createSensorsDriver(options: SensorsOptions): SensorsDriver {
  const { title, clock, sensors = SENSOR_NAMES, platform = browserSensorPlatform(), periodMs = 1000 } = options;
  const chosen = SENSORS.filter(({ name }) => sensors.includes(name));
  const present = chosen.filter(({ isPresent }) => isPresent(platform));
  const description = describeSensors(title, present);
  const states: Partial<Record<SensorName, PartState>> = Object.fromEntries(
    chosen.map((sensor) => [sensor.name, present.includes(sensor) ? "stopped" : "absent"]),
  );
  const unitOf = (name: string): string | undefined => description.properties?.[name]?.unit;
  let running: { readonly throttle: ReturnType<typeof createThrottle>; readonly ends: (() => void)[] } | null = null;
  let last: ReadonlyMap<string, PlainReading> = new Map();

  const startSensor = async (sensor: Sensor, throttle: ReturnType<typeof createThrottle>): Promise<(() => void) | null> => {
    states[sensor.name] = "waiting";
    const publish: Publish = (values) => {
      // A machine without the part may send one event without values.
      if (Object.values(values).every((value) => value === null || value === undefined)) return;
      states[sensor.name] = "running";
      // A throttle that was stopped belongs to an earlier run.
      if (running?.throttle === throttle) throttle.publish(values);
    };
    const fail = (state: "absent" | "refused"): void => void (states[sensor.name] = state);
    try {
      return await sensor.start({ platform, publish, fail });
    } catch (error) {
      fail(error instanceof Refusal || (error as DOMException).name === "NotAllowedError" ? "refused" : "absent");
      return null;
    }
  };

  return {
    kind: "sensors",
    describe: () => description,
    parts: () => ({ ...states }),
    async start(sink) {
      if (running) return;
      if (present.length === 0) throw new Refusal("not-supported", { reason: "no sensors" });
      const throttle = createThrottle(clock, periodMs, unitOf, sink);
      running = { throttle, ends: [] };
      const started = running;
      last = throttle.values;
      const ends = await Promise.all(present.map((sensor) => startSensor(sensor, throttle)));
      for (const end of ends) if (end) started.ends.push(end);
      // Stopped while the person was being asked.
      if (running !== started) started.ends.forEach((end) => end());
    },
    async readProperty(name) {
      const reading = last.get(name);
      if (!reading)
        throw new Refusal("device-refused", { reason: description.properties?.[name] ? "no value yet" : "no such property", name });
      return reading.value;
    },
    async writeProperty(name) {
      throw new Refusal("device-refused", { reason: "read only", name });
    },
    async invokeAction(name) {
      throw new Refusal("device-refused", { reason: "no such action", name });
    },
    async stop() {
      running?.throttle.stop();
      running?.ends.splice(0).forEach((end) => end());
      running = null;
      for (const { name } of present) if (states[name] === "running" || states[name] === "waiting") states[name] = "stopped";
    },
  };
}
