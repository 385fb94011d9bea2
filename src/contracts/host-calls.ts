/** What a contract may ask of the ledger: each request checked, paid for, and only then carried out. */
import { unreachable } from "../kit/assert.ts";
import type { Value } from "../protocol/codec.ts";
import type { ContractHost } from "../protocol/contract-machine.ts";
import { LIMITS } from "../protocol/limits.ts";
import { requireThat } from "../protocol/refusal.ts";
import { readInteger, readText } from "../protocol/schema.ts";
import { GAS, valueBytes } from "./gas.ts";
import { HOST_OPERATION } from "./guest-prelude.ts";

/** Takes gas, and does not return if there is not enough. */
export type Pay = (gas: number) => void;

/** The price of a value that is kept or shown, which must not be too large. @throws {Refusal} `too-large`. */
function boundedBytes(value: Value): number {
  const bytes = valueBytes(value);
  requireThat(bytes <= LIMITS.contractValueBytesMax, "too-large", { bytes, bytesMax: LIMITS.contractValueBytesMax });
  return bytes;
}

/**
 * What a method gives back stands in the receipts, as an event does.
 * @throws {Refusal} `too-large`, and whatever `pay` throws.
 */
export function payForResult(result: Value, pay: Pay): Value {
  pay(GAS.eventByte * boundedBytes(result));
  return result;
}

function readKey(value: Value | undefined, field: string): string {
  const key = readText(value, field, LIMITS.contractKeyBytesMax, 1);
  requireThat(valueBytes(key) - 3 <= LIMITS.contractKeyBytesMax, "too-large", { field });
  return key;
}

function requireWritable(host: ContractHost): void {
  requireThat(host.writable, "not-a-view");
}

type OperationNumber = (typeof HOST_OPERATION)[keyof typeof HOST_OPERATION];

const OPERATION_COUNT = Object.keys(HOST_OPERATION).length;

function list(parts: readonly Value[], host: ContractHost, pay: Pay): Value {
  const prefix = readText(parts[1], "prefix", LIMITS.contractKeyBytesMax);
  const after = parts[2] === null ? undefined : readText(parts[2], "after", LIMITS.contractKeyBytesMax);
  const limit = readInteger(parts[3], "limit", 1, LIMITS.contractListMax);
  pay(GAS.stateRead * (limit + 1));
  const entries = host.stateList(prefix, after, limit);
  pay(GAS.crossedByte * valueBytes(entries));
  return entries;
}

/**
 * One request of the form `[operation, …arguments]`. Gives `undefined` where there is nothing to give.
 * @throws {Refusal} which the contract sees as an error that it can catch, and whatever `pay` throws.
 */
export function performHostCall(parts: readonly Value[], host: ContractHost, pay: Pay): Value | undefined {
  pay(GAS.hostCall + GAS.crossedByte * valueBytes(parts));
  const operation = readInteger(parts[0], "operation", 0, OPERATION_COUNT - 1) as OperationNumber;
  switch (operation) {
    case HOST_OPERATION.stateGet: {
      const key = readKey(parts[1], "key");
      pay(GAS.stateRead);
      const value = host.stateGet(key);
      if (value !== undefined) pay(GAS.crossedByte * valueBytes(value));
      return value;
    }
    case HOST_OPERATION.stateList:
      return list(parts, host, pay);
    case HOST_OPERATION.device: {
      const id = readText(parts[1], "id", LIMITS.contractKeyBytesMax, 1);
      pay(GAS.stateRead);
      const device = host.device(id);
      pay(GAS.crossedByte * valueBytes(device));
      return device;
    }
    case HOST_OPERATION.log: {
      const text = readText(parts[1], "text", LIMITS.contractMessageUnitsMax);
      pay(GAS.log);
      host.log(text);
      return undefined;
    }
    case HOST_OPERATION.seed:
      return host.seed;
    default:
      change(operation, parts, host, pay);
      return undefined;
  }
}

/** Carries out operations that change something; none is allowed in a view. */
function change(operation: Exclude<OperationNumber, 0 | 3 | 7 | 8 | 9>, parts: readonly Value[], host: ContractHost, pay: Pay): void {
  requireWritable(host);
  switch (operation) {
    case HOST_OPERATION.stateSet: {
      const key = readKey(parts[1], "key");
      const value = parts[2] ?? null;
      pay(GAS.stateWrite + GAS.stateByte * (valueBytes(key) + boundedBytes(value)));
      return host.stateSet(key, value);
    }
    case HOST_OPERATION.stateDelete: {
      const key = readKey(parts[1], "key");
      pay(GAS.stateWrite);
      return host.stateDelete(key);
    }
    case HOST_OPERATION.emit: {
      const topic = readText(parts[1], "topic", LIMITS.nameBytesMax, 1);
      const data = parts[2] ?? null;
      pay(GAS.emit + GAS.eventByte * (valueBytes(topic) + boundedBytes(data)));
      return host.emit(topic, data);
    }
    case HOST_OPERATION.transfer: {
      const to = readText(parts[1], "to", LIMITS.contractKeyBytesMax, 1);
      const amount = readInteger(parts[2], "amount", 1, LIMITS.amountMax);
      pay(GAS.transfer);
      return host.transfer(to, amount);
    }
    case HOST_OPERATION.record: {
      const about = readText(parts[1], "about", LIMITS.contractKeyBytesMax, 1);
      const data = parts[2] ?? null;
      pay(GAS.stateWrite + GAS.stateByte * (valueBytes(about) + boundedBytes(data)));
      return host.record(about, data);
    }
    default:
      return unreachable(operation);
  }
}
