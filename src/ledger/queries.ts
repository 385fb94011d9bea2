/** What people and dApps ask of state: pure functions on a view, each row with the key under which its proof is found. */
import { encode, type Value } from "../protocol/codec.ts";
import { fromHex, toHex, type AccountId, type Hash } from "../protocol/identifiers.ts";
import { ACCOUNT_PREFIX, accountKey, accountView, hexOfKey, readAccount, valueToAccount, type AccountView } from "./accounts.ts";
import { CONTRACT_STATE_PREFIX } from "./contract-host.ts";
import { CONTRACT_PREFIX, contractKey, readContract, sourceOf, type Contract } from "./modules/contract.ts";
import { descriptionKey, DEVICE_PREFIX, deviceKey, readDevice, type Device } from "./modules/device.ts";
import { proposalKey } from "./proposals.ts";
import { RECORD_PREFIX, recordKey, type LedgerRecord } from "./modules/record.ts";
import { readStream, STREAM_PREFIX, streamKey, type Stream } from "./modules/stream.ts";
import { memberKey } from "./members.ts";
import { policyKey } from "./policies.ts";
import { headOf, SEATS_KEY } from "./seats.ts";
import type { StateView } from "./types.ts";

/** A page of a list: rows after the identifier `after`, at most `limit`. */
export interface Page {
  readonly after?: Hash;
  readonly limit: number;
}

export type Row<Entry> = Entry & { readonly id: Hash; readonly proofKey: string };

/** State key of each kind of thing that can be shown with a proof. */
export const proofKeyOf = {
  account: accountKey,
  device: deviceKey,
  description: descriptionKey,
  stream: streamKey,
  contract: contractKey,
  record: recordKey,
  policy: policyKey,
  member: memberKey,
  proposal: proposalKey,
  /** All seats are one entry. */
  seat: (): string => SEATS_KEY,
} as const;

export interface Proof {
  readonly key: string;
  /** Canonical bytes of the value, or null where the key is absent. */
  readonly value: Uint8Array | null;
  readonly proof: Uint8Array;
  readonly root: Hash;
}

/** A proof that `verifyProof(root, key, value, proof)` accepts. */
export function proveKey(state: StateView, key: string): Proof {
  const value = state.get(key);
  return { key, value: value === undefined ? null : encode(value), proof: state.prove(key), root: state.root() };
}

function rows<Entry extends object>(
  state: StateView,
  prefix: string,
  { after, limit }: Page,
  read: (value: Value) => Entry,
): readonly Row<Entry>[] {
  const from = after === undefined ? undefined : prefix + toHex(after);
  return state.list(prefix, from, limit).map(([key, value]) => ({ ...read(value), id: fromHex(hexOfKey(key)), proofKey: key }));
}

export function accountOf(state: StateView, account: Uint8Array): AccountView {
  return accountView(account, readAccount(state, accountKey(account)), headOf(state).timeMs);
}

export function listAccounts(state: StateView, page: Page): readonly Row<AccountView>[] {
  const { timeMs } = headOf(state);
  const from = page.after === undefined ? undefined : ACCOUNT_PREFIX + toHex(page.after);
  return state.list(ACCOUNT_PREFIX, from, page.limit).map(([key, value]) => {
    const id = fromHex(hexOfKey(key));
    return { ...accountView(id as Uint8Array as AccountId, valueToAccount(value), timeMs), id, proofKey: key };
  });
}

export function deviceOf(state: StateView, device: Uint8Array): Device | undefined {
  return readDevice(state, device);
}

/** UTF-8 JSON of the Thing Description. */
export function descriptionOf(state: StateView, device: Uint8Array): Uint8Array | undefined {
  return state.get(descriptionKey(device)) as Uint8Array | undefined;
}

export function listDevices(state: StateView, page: Page): readonly Row<Device>[] {
  return rows(state, DEVICE_PREFIX, page, (value) => value as unknown as Device);
}

export function streamOf(state: StateView, stream: Uint8Array): Stream | undefined {
  return readStream(state, stream);
}

export function listStreams(state: StateView, page: Page): readonly Row<Stream>[] {
  return rows(state, STREAM_PREFIX, page, (value) => value as unknown as Stream);
}

export function contractOf(state: StateView, contract: Uint8Array): Contract | undefined {
  return readContract(state, contract);
}

export function contractSourceOf(state: StateView, contract: Uint8Array): string | undefined {
  return sourceOf(state, contract);
}

export function listContracts(state: StateView, page: Page): readonly Row<Contract>[] {
  return rows(state, CONTRACT_PREFIX, page, (value) => value as unknown as Contract);
}

/** A contract's own entries, by its own keys. */
export function contractStateOf(
  state: StateView,
  contract: Uint8Array,
  page: { readonly after?: string; readonly limit: number },
): readonly (readonly [key: string, value: Value])[] {
  const prefix = `${CONTRACT_STATE_PREFIX}${toHex(contract)}/`;
  const found = state.list(prefix, page.after === undefined ? undefined : prefix + page.after, page.limit);
  return found.map(([key, value]) => [key.slice(prefix.length), value] as const);
}

export function listRecords(state: StateView, page: Page): readonly Row<LedgerRecord>[] {
  return rows(state, RECORD_PREFIX, page, (value) => value as unknown as LedgerRecord);
}
