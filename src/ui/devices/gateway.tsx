/** The devices that this tab runs drivers for, as the pages see them. */
import { createContext, useContext, useEffect, useState, useSyncExternalStore } from "react";
import type { Value } from "../../sdk/api.ts";
import type { Gateway, GatewayDevice } from "../../things/gateway.ts";

export type { Gateway, GatewayDevice };

const GatewayContext = createContext<Gateway | null>(null);
export const GatewayProvider = GatewayContext;
/** Null until the drivers are loaded. */
export const useGateway = (): Gateway | null => useContext(GatewayContext);

const NONE = "[]";

/** All devices run here; follows every change. */
export function useGatewayDevices(): readonly GatewayDevice[] {
  const gateway = useGateway();
  // As text, since the gateway makes a new list at every call and a store's snapshot must be equal while nothing changed.
  const text = useSyncExternalStore(
    (listener) => gateway?.subscribe(listener) ?? (() => undefined),
    () => (gateway === null ? NONE : JSON.stringify(gateway.devices())),
  );
  return JSON.parse(text) as readonly GatewayDevice[];
}

/** A device whose driver runs in this tab. */
export interface Live {
  /** Within the gateway. */
  readonly key: string;
  /** What the driver has just read, ahead of the ledger. */
  readonly values: Readonly<Record<string, Value>>;
  /** Of this machine's own sensors. */
  readonly parts: GatewayDevice["parts"];
}

const READ_MS = 1000;

/** Null when the device is not run here. `properties` are the names to read. */
export function useLive(device: string, properties: readonly string[]): Live | null {
  const gateway = useGateway();
  const here = useGatewayDevices().find((one) => one.device === device && (one.state === "running" || one.state === "waiting"));
  const key = here?.key;
  const names = properties.join("\n");
  const [values, setValues] = useState<Readonly<Record<string, Value>>>({});
  useEffect(() => {
    if (gateway === null || key === undefined) return undefined;
    let current = true;
    const read = async (): Promise<void> => {
      const wanted = names.split("\n").filter((name) => name !== "");
      // A sensor that has no value yet refuses; the others are shown all the same.
      const settled = await Promise.allSettled(wanted.map((name) => gateway.readProperty(key, name)));
      if (!current) return;
      setValues(Object.fromEntries(settled.flatMap((one, index) => (one.status === "fulfilled" ? [[wanted[index]!, one.value]] : []))));
    };
    void read();
    const timer = setInterval(() => void read(), READ_MS);
    return () => {
      current = false;
      clearInterval(timer);
    };
  }, [gateway, key, names]);
  return here === undefined ? null : { key: here.key, values, parts: here.parts };
}
