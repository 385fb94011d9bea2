/** A driver by its kind, for a gateway that remembers its devices. */
import type { Clock } from "../../kit/clock.ts";
import { Refusal } from "../../protocol/refusal.ts";
import type { Driver } from "../driver.ts";
import { createSensorsDriver, type SensorName } from "./sensors.ts";
import { createVirtualDriver, VIRTUAL_KINDS } from "./virtual.ts";

export const DRIVER_KINDS = [...VIRTUAL_KINDS.map((kind) => `virtual/${kind}` as const), "sensors"] as const;
export type DriverKind = (typeof DRIVER_KINDS)[number];

export interface DriverChoice {
  readonly kind: DriverKind;
  readonly title: string;
  /** Of a virtual device's random life. */
  readonly seed: number;
  /** Of this machine's own sensors, those that the person chose; all when absent. */
  readonly sensors?: readonly SensorName[];
}

/** @throws {Refusal} `not-supported` for a kind of another version of this app. */
export function createDriver({ kind, title, seed, sensors }: DriverChoice, clock: Clock): Driver {
  if (kind === "sensors") return createSensorsDriver({ title, clock, ...(sensors === undefined ? {} : { sensors }) });
  const virtual = VIRTUAL_KINDS.find((name) => kind === `virtual/${name}`);
  if (!virtual) throw new Refusal("not-supported", { kind });
  return createVirtualDriver(virtual, { title, seed, clock });
}
