/** The devices that this tab runs drivers for: what the pages ask of `things`, given by whoever starts the app. */
import { createContext, useContext, useEffect, useState } from "react";
import type { Value } from "../../sdk/api.ts";

export const VIRTUAL_KINDS = ["lamp", "thermometer", "washing-machine"] as const;
export type VirtualKind = (typeof VIRTUAL_KINDS)[number];

export type GatewayUpdate =
  | { readonly kind: "value"; readonly device: string; readonly property: string; readonly value: Value; readonly timeMs: number }
  | { readonly kind: "event"; readonly device: string; readonly event: string; readonly data: Value; readonly timeMs: number }
  /** A device was added, or its driver started or ended. */
  | { readonly kind: "devices" };

export interface Gateway {
  /** Registers the device, opens its stream and runs its driver here. Gives the device's identifier when final. @throws {Refusal} */
  addVirtual(kind: VirtualKind, title: string): Promise<string>;
  /** The same for this phone's or laptop's own sensors; asks the person for permission. @throws {Refusal} `not-supported`, `device-refused` */
  addSensors(title: string): Promise<string>;
  /** Whether the device's driver runs in this tab. */
  runs(device: string): boolean;
  /** What the driver last read, by property. */
  values(device: string): Readonly<Record<string, Value>>;
  /** @throws {Refusal} `device-refused` */
  writeProperty(device: string, property: string, value: Value): Promise<void>;
  /** @throws {Refusal} `device-refused` */
  invokeAction(device: string, action: string, input: Value): Promise<Value>;
  /** Registers a device from a pasted Thing Description; nothing drives it here. @throws {Refusal} with what is wrong in it. */
  addDescription(description: string): Promise<string>;
  subscribe(listener: (update: GatewayUpdate) => void): () => void;
}

const GatewayContext = createContext<Gateway | null>(null);
export const GatewayProvider = GatewayContext;
/** Null until the drivers are loaded. */
export const useGateway = (): Gateway | null => useContext(GatewayContext);

/** The values that a driver in this tab has just read, ahead of the ledger; null when the device is not run here. */
export function useLiveValues(device: string): Readonly<Record<string, Value>> | null {
  const gateway = useGateway();
  const [values, setValues] = useState<Readonly<Record<string, Value>> | null>(null);
  useEffect(() => {
    if (gateway === null) return undefined;
    const read = (): void => setValues(gateway.runs(device) ? { ...gateway.values(device) } : null);
    read();
    return gateway.subscribe((update) => {
      if (update.kind === "devices" || update.device === device) read();
    });
  }, [gateway, device]);
  return values;
}
