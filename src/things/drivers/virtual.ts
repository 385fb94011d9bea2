/** Simulated devices, for those who have none at hand: the same seed and clock give the same life. */
import type { Clock } from "../../kit/clock.ts";
import { createRandom } from "../../kit/random.ts";
import { isValueMap } from "../../protocol/schema.ts";
import { Refusal } from "../../protocol/refusal.ts";
import { createSimulatedDriver, type Driver, type SimulationControl } from "../driver.ts";
import { createThingDescription, named } from "../thing-description.ts";

export const VIRTUAL_KINDS = ["lamp", "thermometer", "washing-machine"] as const;
export type VirtualKind = (typeof VIRTUAL_KINDS)[number];

export interface VirtualOptions {
  readonly title: string;
  /** Chooses the device's random life. */
  readonly seed: number;
  readonly clock: Clock;
}

function createLamp({ title, clock }: VirtualOptions): Driver {
  const description = createThingDescription({
    title,
    description: "A simulated lamp",
    descriptions: { en: "A simulated lamp", de: "Eine simulierte Lampe" },
    types: ["Light"],
    properties: {
      on: { type: "boolean", ...named("Light", "Licht") },
      brightness: { type: "integer", ...named("Brightness", "Helligkeit"), minimum: 0, maximum: 100, unit: "/100" },
    },
    actions: { toggle: { ...named("Toggle", "Umschalten"), output: { type: "boolean" } } },
  });
  const toggle = (_: unknown, control: SimulationControl): boolean => {
    const next = control.get("on") !== true;
    control.set("on", next);
    return next;
  };
  return createSimulatedDriver({ kind: "virtual/lamp", description, initial: { on: false, brightness: 80 }, actions: { toggle } }, clock);
}

const CLIMATE_PERIOD_MS = 5000;

/** One step of a walk that is drawn back to its middle, in tenths. */
function walk(value: number, middle: number, step: number, random: number): number {
  const next = value + (middle - value) * 0.05 + (random - 0.5) * step;
  return Math.round(next * 10) / 10;
}

function createThermometer({ title, seed, clock }: VirtualOptions): Driver {
  const random = createRandom(seed);
  const description = createThingDescription({
    title,
    description: "A simulated thermometer with a hygrometer",
    descriptions: { en: "A simulated thermometer with a hygrometer", de: "Ein simuliertes Thermometer mit Hygrometer" },
    types: ["TemperatureSensor", "HumiditySensor"],
    properties: {
      temperature: { type: "number", ...named("Temperature", "Temperatur"), unit: "Cel", readOnly: true, observable: true },
      humidity: {
        type: "number",
        ...named("Humidity", "Luftfeuchte"),
        unit: "%RH",
        minimum: 0,
        maximum: 100,
        readOnly: true,
        observable: true,
      },
    },
  });
  const initial = {
    temperature: Math.round((19 + random.next() * 4) * 10) / 10,
    humidity: Math.round((40 + random.next() * 15) * 10) / 10,
  };
  const measure = (control: SimulationControl): void => {
    control.set("temperature", walk(control.get("temperature") as number, initial.temperature, 0.6, random.next()));
    const humidity = walk(control.get("humidity") as number, initial.humidity, 1.5, random.next());
    control.set("humidity", Math.min(100, Math.max(0, humidity)));
    control.after(CLIMATE_PERIOD_MS, () => measure(control));
  };
  const run = (control: SimulationControl): void => void control.after(CLIMATE_PERIOD_MS, () => measure(control));
  return createSimulatedDriver({ kind: "virtual/thermometer", description, initial, run }, clock);
}

interface WashingProgram {
  /** Seconds of washing, rinsing and spinning: minutes of a real one. */
  readonly phasesS: readonly [washing: number, rinsing: number, spinning: number];
  /** Of 100. */
  readonly detergent: number;
}

const PROGRAMS: Readonly<Record<string, WashingProgram>> = {
  quick: { phasesS: [15, 8, 7], detergent: 10 },
  cotton: { phasesS: [60, 25, 15], detergent: 25 },
  wool: { phasesS: [35, 15, 5], detergent: 15 },
};
const PHASES = ["washing", "rinsing", "spinning"] as const;
const DETERGENT_LOW_BELOW = 30;

function washingMachineDescription(title: string): ReturnType<typeof createThingDescription> {
  return createThingDescription({
    title,
    description: "A simulated washing machine; its minutes are seconds",
    descriptions: {
      en: "A simulated washing machine; its minutes are seconds",
      de: "Eine simulierte Waschmaschine; ihre Minuten sind Sekunden",
    },
    types: ["WashingMachine"],
    properties: {
      program: { type: "string", ...named("Program", "Programm"), enum: Object.keys(PROGRAMS) },
      phase: { type: "string", ...named("Phase", "Phase"), enum: ["idle", ...PHASES, "done"], readOnly: true, observable: true },
      detergent: {
        type: "integer",
        ...named("Detergent", "Waschmittel"),
        minimum: 0,
        maximum: 100,
        unit: "/100",
        readOnly: true,
        observable: true,
      },
    },
    actions: {
      start: {
        ...named("Start", "Starten"),
        input: {
          type: "object",
          properties: { program: { type: "string", enum: Object.keys(PROGRAMS), ...named("Program", "Programm") } },
        },
      },
      stop: { ...named("Stop", "Anhalten") },
      refill: { ...named("Refill detergent", "Waschmittel nachfüllen") },
    },
    events: {
      finished: { ...named("Finished", "Fertig"), data: { type: "string" } },
      detergentLow: { ...named("Detergent is low", "Waschmittel wird knapp"), data: { type: "integer" } },
    },
  });
}

function createWashingMachine({ title, clock }: VirtualOptions): Driver {
  let cancelPhase: () => void = () => undefined;

  const enterPhase = (control: SimulationControl, index: number): void => {
    const program = String(control.get("program"));
    const phase = PHASES[index];
    control.set("phase", phase ?? "done");
    if (phase) cancelPhase = control.after(PROGRAMS[program]!.phasesS[index]! * 1000, () => enterPhase(control, index + 1));
    else control.event("finished", program);
  };
  const isRunning = (control: SimulationControl): boolean => (PHASES as readonly unknown[]).includes(control.get("phase"));

  return createSimulatedDriver(
    {
      kind: "virtual/washing-machine",
      description: washingMachineDescription(title),
      initial: { program: "cotton", phase: "idle", detergent: 100 },
      actions: {
        start(input, control) {
          if (isRunning(control)) throw new Refusal("device-refused", { reason: "already running" });
          const asked = isValueMap(input) ? input["program"] : undefined;
          if (typeof asked === "string") control.set("program", asked);
          const { detergent } = PROGRAMS[String(control.get("program"))]!;
          const left = (control.get("detergent") as number) - detergent;
          if (left < 0) throw new Refusal("device-refused", { reason: "no detergent" });
          control.set("detergent", left);
          if (left < DETERGENT_LOW_BELOW) control.event("detergentLow", left);
          enterPhase(control, 0);
          return null;
        },
        stop(_, control) {
          if (!isRunning(control)) throw new Refusal("device-refused", { reason: "not running" });
          cancelPhase();
          control.set("phase", "idle");
          return null;
        },
        refill(_, control) {
          control.set("detergent", 100);
          return null;
        },
      },
      // A machine whose tab was closed has lost its program, as one without power has.
      run(control) {
        if (isRunning(control)) control.set("phase", "idle");
      },
      written(name, control) {
        if (name !== "program" || !isRunning(control)) return;
        cancelPhase();
        control.set("phase", "idle");
      },
    },
    clock,
  );
}

const MAKERS: Readonly<Record<VirtualKind, (options: VirtualOptions) => Driver>> = {
  lamp: createLamp,
  thermometer: createThermometer,
  "washing-machine": createWashingMachine,
};

export function createVirtualDriver(kind: VirtualKind, options: VirtualOptions): Driver {
  return MAKERS[kind](options);
}
