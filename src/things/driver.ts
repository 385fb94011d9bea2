/** The gateway's side of a device: one interface, whatever the device is. */
import type { Clock } from "../kit/clock.ts";
import type { Value } from "../protocol/codec.ts";
import { Refusal } from "../protocol/refusal.ts";
import type { PlainReading, PlainValue } from "./senml.ts";
import { assertMatches, type ThingDescription } from "./thing-description.ts";

/** What a running driver reports to. */
export interface DriverSink {
  readings(readings: readonly PlainReading[]): void;
  event(name: string, data: PlainValue): void;
}

/** `absent`: this platform has no such interface, or it found no such part. `waiting`: started, and nothing came yet. */
export type PartState = "absent" | "stopped" | "waiting" | "running" | "refused";

/**
 * A device, or something that stands for one. Every method rejects with `Refusal`: `device-refused` for what the device does not have or
 * will not do now, `schema-invalid` for a value that does not match its description, `not-supported` where the platform lacks it.
 */
export interface Driver {
  /** What kind of driver, as in `virtual/lamp`. */
  readonly kind: string;
  /** The same at every call, running or not. */
  describe(): ThingDescription;
  /** Begins to report. Asks the person for what it needs; reports every property it knows at once. */
  start(sink: DriverSink): Promise<void>;
  readProperty(name: string): Promise<PlainValue>;
  writeProperty(name: string, value: PlainValue): Promise<void>;
  invokeAction(name: string, input?: Value): Promise<Value>;
  /** What each part of a device of several parts is doing, also those that this machine does not have. */
  parts?(): Readonly<Record<string, PartState>>;
  /** Ends reporting and frees what it holds. Can be started again. */
  stop(): Promise<void>;
}

/** How a simulation speaks to the driver around it. */
export interface SimulationControl {
  get(name: string): PlainValue;
  /** Changes a property and reports it if it differs. */
  set(name: string, value: PlainValue): void;
  event(name: string, data: PlainValue): void;
  /** Runs while the driver does; gives what cancels it. */
  after(delayMs: number, callback: () => void): () => void;
}

export interface Simulation {
  readonly kind: string;
  readonly description: ThingDescription;
  readonly initial: Readonly<Record<string, PlainValue>>;
  readonly actions?: Readonly<Record<string, (input: Value, control: SimulationControl) => Value>>;
  /** After a property was written from outside. */
  readonly written?: (name: string, control: SimulationControl) => void;
  /** At every start. */
  readonly run?: (control: SimulationControl) => void;
}

/** Not what every object has: `constructor` is no property of a lamp. */
function ownOf<Found>(record: Readonly<Record<string, Found>> | undefined, name: string): Found | undefined {
  return record !== undefined && Object.hasOwn(record, name) ? record[name] : undefined;
}

/** A driver around a simulation: properties in memory, timers of the clock. */
export function createSimulatedDriver(simulation: Simulation, clock: Clock): Driver {
  const { kind, description } = simulation;
  const values = new Map(Object.entries(simulation.initial));
  const timers = new Set<() => void>();
  let sink: DriverSink | null = null;

  const reading = (name: string): PlainReading => {
    const unit = description.properties?.[name]?.unit;
    return { name, value: values.get(name)!, timeMs: clock.wallMs(), ...(unit === undefined ? {} : { unit }) };
  };
  const control: SimulationControl = {
    get: (name) => values.get(name)!,
    set(name, value) {
      if (values.get(name) === value) return;
      values.set(name, value);
      sink?.readings([reading(name)]);
    },
    event: (name, data) => sink?.event(name, data),
    after(delayMs, callback) {
      const cancel = clock.setTimer(delayMs, () => {
        timers.delete(cancel);
        callback();
      });
      timers.add(cancel);
      return cancel;
    },
  };
  const property = (name: string): NonNullable<ThingDescription["properties"]>[string] => {
    const found = ownOf(description.properties, name);
    if (!found) throw new Refusal("device-refused", { reason: "no such property", name });
    return found;
  };

  return {
    kind,
    describe: () => description,
    async start(given) {
      if (sink) return;
      sink = given;
      sink.readings([...values.keys()].map(reading));
      simulation.run?.(control);
    },
    async readProperty(name) {
      property(name);
      return values.get(name)!;
    },
    async writeProperty(name, value) {
      const schema = property(name);
      if (schema.readOnly) throw new Refusal("device-refused", { reason: "read only", name });
      assertMatches(schema, value, name);
      control.set(name, value);
      simulation.written?.(name, control);
    },
    async invokeAction(name, input = null) {
      const action = ownOf(simulation.actions, name);
      const described = ownOf(description.actions, name);
      if (!action || !described) throw new Refusal("device-refused", { reason: "no such action", name });
      if (described.input && (input !== null || described.input.required)) assertMatches(described.input, input, name);
      return action(input, control);
    },
    async stop() {
      sink = null;
      for (const cancel of timers) cancel();
      timers.clear();
    },
  };
}
