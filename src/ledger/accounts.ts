/** Accounts, the token's supply and the chain's constants in state: what every module reads and writes. */
import { assert } from "../kit/assert.ts";
import { bytesToHex } from "../kit/bytes.ts";
import type { Value } from "../protocol/codec.ts";
import { decodeGenesis, type Genesis, type Parameters } from "../protocol/genesis.ts";
import type { HashHex } from "../protocol/identifiers.ts";
import { LIMITS } from "../protocol/limits.ts";
import { requireThat } from "../protocol/refusal.ts";
import type { Overlay, StateView } from "./types.ts";

export interface Bond {
  readonly amount: number;
  /** Null while it backs a seat; then the block time at which the account has it back. */
  readonly freeAtMs: number | null;
}

export interface Profile {
  readonly name: string;
  /** X25519 public key, to which data keys are wrapped, or null. */
  readonly encryptionKey: Uint8Array | null;
}

export interface Account {
  /** In the token's smallest unit, without the bond. */
  readonly balance: number;
  /**
   * Next number of each nonce lane, from lane 0. They are never forgotten: sixteen small integers an account are a bound already, and
   * a number that never restarts lets a peer order waiting transactions without knowing the time.
   */
  readonly lanes: readonly number[];
  readonly bond: Bond | null;
  readonly claimed: boolean;
  readonly profile: Profile | null;
}

export const ACCOUNT_PREFIX = "account/";
export const NO_ACCOUNT: Account = { balance: 0, lanes: [], bond: null, claimed: false, profile: null };

export function accountKey(account: Uint8Array): string {
  return ACCOUNT_PREFIX + bytesToHex(account);
}

/** The account as stored under a state key; one that never appeared is empty. */
export function readAccount(state: StateView, key: string): Account {
  const value = state.get(key);
  return value === undefined ? NO_ACCOUNT : valueToAccount(value);
}

export function valueToAccount(value: Value): Account {
  const [balance, lanes, bond, claimed, profile] = value as [
    number,
    number[],
    [number, number | null] | null,
    boolean,
    [string, Uint8Array | null] | null,
  ];
  return {
    balance,
    lanes,
    bond: bond === null ? null : { amount: bond[0], freeAtMs: bond[1] },
    claimed,
    profile: profile === null ? null : { name: profile[0], encryptionKey: profile[1] },
  };
}

export function writeAccount(state: Overlay, key: string, account: Account): void {
  assert(account.balance >= 0 && account.balance <= LIMITS.amountMax, "a balance is a checked integer");
  const { bond, profile } = account;
  state.set(key, [
    account.balance,
    account.lanes,
    bond === null ? null : [bond.amount, bond.freeAtMs],
    account.claimed,
    profile === null ? null : [profile.name, profile.encryptionKey],
  ]);
}

/** The account with a bond that is free by now back in its balance. */
export function settled(account: Account, timeMs: number): Account {
  const { bond } = account;
  if (bond === null || bond.freeAtMs === null || bond.freeAtMs > timeMs) return account;
  return { ...account, balance: account.balance + bond.amount, bond: null };
}

export function credit(state: Overlay, key: string, amount: number): void {
  const account = readAccount(state, key);
  writeAccount(state, key, { ...account, balance: account.balance + amount });
}

/** @throws {Refusal} `balance-too-low`. */
export function debit(state: Overlay, key: string, amount: number): void {
  const account = readAccount(state, key);
  requireThat(account.balance >= amount, "balance-too-low", { balance: account.balance, amount });
  writeAccount(state, key, { ...account, balance: account.balance - amount });
}

export interface Supply {
  /** Ever granted, the founder's grant included. */
  readonly issued: number;
  /** Fees and burnt bonds. There are no rewards: what is paid is gone. */
  readonly burnt: number;
}

const SUPPLY_KEY = "supply";

export function supplyOf(state: StateView): Supply {
  const [issued, burnt] = (state.get(SUPPLY_KEY) ?? [0, 0]) as [number, number];
  return { issued, burnt };
}

export function addToSupply(state: Overlay, added: Supply): void {
  const { issued, burnt } = supplyOf(state);
  assert(issued + added.issued <= LIMITS.amountMax, "each grant was held to the limit");
  state.set(SUPPLY_KEY, [issued + added.issued, burnt + added.burnt]);
}

/** What accounts and contracts hold, bonds included; always `issued - burnt`. Reads every account. */
export function heldSupply(state: StateView): number {
  let held = 0;
  for (const [, value] of state.list(ACCOUNT_PREFIX, undefined, Number.MAX_SAFE_INTEGER)) {
    const { balance, bond } = valueToAccount(value);
    held += balance + (bond?.amount ?? 0);
  }
  return held;
}

export const GENESIS_KEY = "genesis";
const decodedGenesis = new WeakMap<object, Genesis>();

/** The genesis document this state grew from. */
export function genesisOf(state: StateView): Genesis {
  const bytes = state.get(GENESIS_KEY);
  assert(bytes instanceof Uint8Array, "state begins with a genesis");
  let genesis = decodedGenesis.get(bytes);
  if (genesis === undefined) decodedGenesis.set(bytes, (genesis = decodeGenesis(bytes)));
  return genesis;
}

const PARAMETERS_KEY = "parameters";

/** The parameters in force: those of the genesis, until governance changes them. */
export function parametersOf(state: StateView): Parameters {
  const value = state.get(PARAMETERS_KEY);
  assert(value !== undefined, "state begins with parameters");
  return value as unknown as Parameters;
}

export function writeParameters(state: Overlay, parameters: Parameters): void {
  state.set(PARAMETERS_KEY, parameters as unknown as Value);
}

export function hexOfKey(key: string): HashHex {
  return key.slice(key.indexOf("/") + 1) as HashHex;
}

/** The next number of an account's nonce lane. */
export function nextNonceOf(state: StateView, account: Uint8Array, lane: number): number {
  return readAccount(state, accountKey(account)).lanes[lane] ?? 0;
}

/** An account as people see it: a bond that is free by the head's time counts as balance. */
export interface AccountView {
  readonly account: Uint8Array;
  readonly balance: number;
  /** 0 where none is locked. */
  readonly bond: number;
  /** Null while the bond backs a seat, or where there is none. */
  readonly bondFreeAtMs: number | null;
  readonly claimed: boolean;
  readonly lanes: readonly number[];
  readonly profile: Profile | null;
}

export function accountView(account: Uint8Array, stored: Account, timeMs: number): AccountView {
  const { balance, bond, claimed, lanes, profile } = settled(stored, timeMs);
  return { account, balance, bond: bond?.amount ?? 0, bondFreeAtMs: bond?.freeAtMs ?? null, claimed, lanes, profile };
}
