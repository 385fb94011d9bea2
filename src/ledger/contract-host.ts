/** What a running contract may ask of the ledger, over an overlay. CONTRACTS, "Rules". */
import { concatBytes, hexToBytes, isWellFormed, utf8 } from "../kit/bytes.ts";
import { encode, type Value, type ValueMap } from "../protocol/codec.ts";
import type { ContractHost } from "../protocol/contract-machine.ts";
import { asAccountId, didToAccount, digest, fromHex, toHex, type AccountId, type Hash } from "../protocol/identifiers.ts";
import { LIMITS } from "../protocol/limits.ts";
import { requireThat } from "../protocol/refusal.ts";
import { accountKey, readAccount } from "./accounts.ts";
import { moveTokens } from "./modules/account.ts";
import { readDevice } from "./modules/device.ts";
import { ABOUT_BYTES_MAX, recordKey, recordToValue } from "./modules/record.ts";
import { readStream } from "./modules/stream.ts";
import { readShortText } from "./texts.ts";
import type { Overlay, StateView } from "./types.ts";

export const CONTRACT_STATE_PREFIX = "contract-state/";

export interface HostOptions {
  readonly state: Overlay;
  readonly contract: Hash;
  /** Text form, as `ContractHost.caller`. */
  readonly caller: string;
  readonly height: number;
  readonly timeMs: number;
  readonly seed: Uint8Array;
  readonly writable: boolean;
  readonly emit: (name: string, data: ValueMap) => void;
  /** For a test bench; a block has no place for it. */
  readonly log: (text: string) => void;
}

function requireKey(key: string): string {
  requireThat(isWellFormed(key) && key.length <= LIMITS.contractKeyBytesMax, "limit-exceeded", { keyBytesMax: LIMITS.contractKeyBytesMax });
  requireThat(utf8(key).length <= LIMITS.contractKeyBytesMax, "limit-exceeded", { keyBytesMax: LIMITS.contractKeyBytesMax });
  return key;
}

/** @throws {Refusal} `encoding-invalid`, `limit-exceeded`. */
function requireSize(value: Value, bytesMax: number): void {
  const { length } = encode(value, LIMITS.contractValueDepthMax);
  requireThat(length <= bytesMax, "limit-exceeded", { bytes: length, bytesMax });
}

/** `did:key:…` of an account, or the hexadecimal identifier of a contract. @throws {Refusal} `schema-invalid`. */
function partyOf(text: string): AccountId {
  return text.startsWith("did:") ? didToAccount(text) : asAccountId(fromHex(text));
}

/** A device as contracts see it, or null. Readings are the last ones of its open streams, by property. */
function deviceForContract(state: StateView, id: string): Value {
  const bytes = id.length === 64 ? hexToBytes(id) : undefined;
  const device = bytes === undefined ? undefined : readDevice(state, bytes);
  if (device === undefined) return null;
  const readings: Record<string, { value: Value; timeMs: number; unit: string | null }> = {};
  for (const streamId of device.streams) {
    for (const [name, value, timeMs, unit] of readStream(state, streamId)?.last ?? []) {
      const before = Object.hasOwn(readings, name) ? readings[name] : undefined;
      if (before === undefined || before.timeMs <= timeMs) readings[name] = { value, timeMs, unit };
    }
  }
  const { owner, gateway, status, leaseUntilMs, seenMs, properties } = device;
  return { id, owner, gateway, status, leaseUntilMs, seenMs, properties, readings };
}

/** A host for one call. Everything it changes is in the overlay, for the caller to keep or roll back. */
export function createContractHost(options: HostOptions): ContractHost {
  const { state, contract, height, timeMs, seed, writable, emit } = options;
  const self = toHex(contract);
  const prefix = `${CONTRACT_STATE_PREFIX}${self}/`;
  let events = 0;
  let records = 0;
  const change = (): void => requireThat(writable, "not-a-view");
  const countEvent = (): void =>
    requireThat(++events <= LIMITS.contractEventsMax, "limit-exceeded", { eventsMax: LIMITS.contractEventsMax });
  return {
    caller: options.caller,
    self,
    height,
    timeMs,
    seed,
    writable,
    stateGet: (key) => state.get(prefix + requireKey(key)),
    stateSet(key, value) {
      change();
      requireSize(value, LIMITS.contractValueBytesMax);
      state.set(prefix + requireKey(key), value);
    },
    stateDelete(key) {
      change();
      state.delete(prefix + requireKey(key));
    },
    stateList(keyPrefix, after, limit) {
      requireThat(Number.isSafeInteger(limit) && limit >= 0, "schema-invalid", { field: "limit" });
      const from = after === undefined ? undefined : prefix + requireKey(after);
      const rows = state.list(prefix + requireKey(keyPrefix), from, Math.min(limit, LIMITS.contractListMax));
      return rows.map(([key, value]) => [key.slice(prefix.length), value] as const);
    },
    emit(topic, data) {
      change();
      countEvent();
      readShortText(topic, "topic", LIMITS.nameBytesMax, 1);
      requireSize(data, LIMITS.contractEventBytesMax);
      emit("contract.emitted", { contract, topic, data });
    },
    transfer(to, amount) {
      change();
      countEvent();
      requireThat(Number.isSafeInteger(amount) && amount >= 1, "amount-invalid", { amount: Number.isSafeInteger(amount) ? amount : null });
      const { balance } = readAccount(state, accountKey(contract));
      requireThat(balance >= amount, "balance-too-low", { balance, amount });
      moveTokens({ state, emit }, { from: contract, to: partyOf(to), amount });
    },
    record(about, data) {
      change();
      countEvent();
      readShortText(about, "about", ABOUT_BYTES_MAX, 1);
      requireSize(data, LIMITS.contractEventBytesMax);
      const id = digest(concatBytes(seed, contract, utf8(String(records++))));
      const author = asAccountId(contract);
      state.set(
        recordKey(id),
        recordToValue({ author, countersigner: null, about, kind: "contract", digest: null, note: data, height, timeMs }),
      );
      emit("record.written", { record: id, author, about, kind: "contract" });
    },
    device: (id) => deviceForContract(state, id),
    log: (text) => options.log(text.slice(0, LIMITS.contractEventBytesMax)),
  };
}
