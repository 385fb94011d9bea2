/** `device`: what a thing says of itself (W3C WoT Thing Description 1.1), who owns it, who speaks for it, and whether it is there. */
import { bytesToHex, equalBytes } from "../../kit/bytes.ts";
import type { Value, ValueMap } from "../../protocol/codec.ts";
import { asAccountId, asHash, digest, type AccountId, type Hash } from "../../protocol/identifiers.ts";
import { LIMITS } from "../../protocol/limits.ts";
import { requireThat } from "../../protocol/refusal.ts";
import { readBytes, readInteger, readList, readMap, readOneOf } from "../../protocol/schema.ts";
import { createdId, operation } from "../operation.ts";
import { mapAt } from "../state.ts";
import { isUtf8, readShortText } from "../texts.ts";
import type { StateView } from "../types.ts";

export const DEVICE_PREFIX = "device/";
const DESCRIPTION_PREFIX = "description/";
export const DEVICE_STATUSES = ["active", "offline", "maintenance"] as const;
export type DeviceStatus = (typeof DEVICE_STATUSES)[number] | "retired";

export interface Device {
  readonly owner: AccountId;
  /** The account whose peer speaks for a constrained device, or null. */
  readonly gateway: AccountId | null;
  /** The device's own account, if it has a key, or null. */
  readonly key: AccountId | null;
  /** SHA-256 of the description, whose bytes are an entry of their own. */
  readonly description: Hash;
  /** Names of the properties it has, as its owner declares them. */
  readonly properties: readonly string[];
  readonly streams: readonly Hash[];
  readonly status: DeviceStatus;
  /** Block time until which the status counts. */
  readonly leaseUntilMs: number;
  readonly seenMs: number;
  readonly height: number;
}

export function deviceKey(device: Uint8Array): string {
  return DEVICE_PREFIX + bytesToHex(device);
}

export function descriptionKey(device: Uint8Array): string {
  return DESCRIPTION_PREFIX + bytesToHex(device);
}

export function readDevice(state: StateView, device: Uint8Array): Device | undefined {
  return mapAt(state, deviceKey(device)) as unknown as Device | undefined;
}

export function deviceToValue(device: Device): ValueMap {
  return device as unknown as ValueMap;
}

/** A device that is registered and not retired. @throws {Refusal} `unknown-device`, `wrong-status`. */
export function activeDevice(state: StateView, id: Uint8Array): Device {
  const device = readDevice(state, id);
  requireThat(device !== undefined, "unknown-device");
  requireThat(device.status !== "retired", "wrong-status", { status: device.status });
  return device;
}

/** Whether an account may speak for a device: its owner, its gateway, or itself. */
export function speaksFor(device: Device, account: Uint8Array): boolean {
  return [device.owner, device.gateway, device.key].some((party) => party !== null && equalBytes(party, account));
}

function readParty(value: Value | undefined): AccountId | null {
  return value === null ? null : asAccountId(value);
}

function readDescription(value: Value | undefined): Uint8Array {
  const bytes = readBytes(value, "description", LIMITS.descriptionBytesMax, 2);
  requireThat(isUtf8(bytes), "schema-invalid", { field: "description", expected: "UTF-8" });
  return bytes;
}

function readProperties(value: Value | undefined): readonly string[] {
  const names = readList(value, "properties").map((name) => readShortText(name, "property", LIMITS.nameBytesMax, 1));
  requireThat(names.length <= LIMITS.devicePropertiesMax, "schema-invalid", { field: "properties", expected: "fewer" });
  requireThat(new Set(names).size === names.length, "schema-invalid", { field: "properties", expected: "different names" });
  return names;
}

function readLease(value: Value | undefined): number {
  return readInteger(value, "leaseMs", 0, LIMITS.leaseMsMax);
}

interface Registration {
  readonly description: Uint8Array;
  readonly gateway: AccountId | null;
  readonly key: AccountId | null;
  readonly properties: readonly string[];
  readonly leaseMs: number | undefined;
}

interface Update {
  readonly device: Hash;
  readonly description: Uint8Array | undefined;
  readonly gateway: AccountId | null | undefined;
  readonly properties: readonly string[] | undefined;
  readonly leaseMs: number | undefined;
}

interface StatusReport {
  readonly device: Hash;
  readonly status: DeviceStatus;
  readonly leaseMs: number;
}

const register = operation<Registration>({
  read(value) {
    const map = readMap(value, "device", ["description", "gateway", "key", "properties", "leaseMs?"]);
    return {
      description: readDescription(map["description"]),
      gateway: readParty(map["gateway"]),
      key: readParty(map["key"]),
      properties: readProperties(map["properties"]),
      leaseMs: map["leaseMs"] === undefined ? undefined : readLease(map["leaseMs"]),
    };
  },
  check() {},
  apply(context, { description, gateway, key, properties, leaseMs }) {
    const { state, sender, height, timeMs, emit } = context;
    const id = createdId(context);
    const device: Device = {
      owner: sender,
      gateway,
      key,
      description: digest(description),
      properties,
      streams: [],
      // Who gives a lease says that the device is there; else it is not until it reports.
      status: leaseMs === undefined ? "offline" : "active",
      leaseUntilMs: timeMs + (leaseMs ?? 0),
      seenMs: timeMs,
      height,
    };
    state.set(deviceKey(id), deviceToValue(device));
    state.set(descriptionKey(id), description);
    emit("device.registered", { device: id, owner: sender });
    return id;
  },
});

const update = operation<Update>({
  read(value) {
    const map = readMap(value, "device", ["device", "description?", "gateway?", "properties?", "leaseMs?"]);
    return {
      device: asHash(map["device"]),
      description: map["description"] === undefined ? undefined : readDescription(map["description"]),
      gateway: map["gateway"] === undefined ? undefined : readParty(map["gateway"]),
      properties: map["properties"] === undefined ? undefined : readProperties(map["properties"]),
      leaseMs: map["leaseMs"] === undefined ? undefined : readLease(map["leaseMs"]),
    };
  },
  check({ state, sender }, { device }) {
    requireThat(equalBytes(activeDevice(state, device).owner, sender), "not-owner");
  },
  apply({ state, emit }, { device: id, description, gateway, properties, leaseMs }) {
    const device = activeDevice(state, id);
    if (description !== undefined) state.set(descriptionKey(id), description);
    const updated: Device = {
      ...device,
      description: description === undefined ? device.description : digest(description),
      gateway: gateway === undefined ? device.gateway : gateway,
      properties: properties ?? device.properties,
      // Another length of the lease, from when the device was last heard: to describe it is no sign of it.
      leaseUntilMs: leaseMs === undefined ? device.leaseUntilMs : device.seenMs + leaseMs,
    };
    state.set(deviceKey(id), deviceToValue(updated));
    emit("device.updated", { device: id });
    return null;
  },
});

const setStatus = operation<StatusReport>({
  read(value) {
    const map = readMap(value, "status", ["device", "status", "leaseMs"]);
    return {
      device: asHash(map["device"]),
      status: readOneOf(map["status"], "status", DEVICE_STATUSES),
      leaseMs: readLease(map["leaseMs"]),
    };
  },
  check({ state, sender }, { device }) {
    requireThat(speaksFor(activeDevice(state, device), sender), "not-authorized");
  },
  apply({ state, timeMs, emit }, { device: id, status, leaseMs }) {
    const device = activeDevice(state, id);
    state.set(deviceKey(id), deviceToValue({ ...device, status, leaseUntilMs: timeMs + leaseMs, seenMs: timeMs }));
    emit("device.statusSet", { device: id, status });
    return null;
  },
});

const retire = operation<{ readonly device: Hash }>({
  read: (value) => ({ device: asHash(readMap(value, "device", ["device"])["device"]) }),
  check({ state, sender }, { device }) {
    requireThat(equalBytes(activeDevice(state, device).owner, sender), "not-owner");
  },
  apply({ state, timeMs, emit }, { device: id }) {
    const device = activeDevice(state, id);
    state.set(deviceKey(id), deviceToValue({ ...device, status: "retired", leaseUntilMs: timeMs, seenMs: timeMs }));
    emit("device.retired", { device: id });
    return null;
  },
});

export const deviceOperations = {
  "device.register": register,
  "device.update": update,
  "device.setStatus": setStatus,
  "device.retire": retire,
};
