/**
 * Who may act for an account: its own key, a policy (m of n keys, by operation), and further keys with a scope. An account that is no key is
 * the digest of the policy it begins with, and shows it in its first transaction. PROTOCOL, "Bytes, digests, signatures".
 */
import { bytesToHex, compareBytes, equalBytes } from "../kit/bytes.ts";
import { encode, type Value } from "../protocol/codec.ts";
import { digest, type AccountId } from "../protocol/identifiers.ts";
import { LIMITS } from "../protocol/limits.ts";
import { Refusal, requireThat } from "../protocol/refusal.ts";
import { isValueMap, readBytes, readInteger, readList, readMap, readText } from "../protocol/schema.ts";
import { isWeakKey } from "../protocol/signature.ts";
import type { Call, SignaturePair } from "../protocol/transaction.ts";
import type { Overlay, StateView } from "./types.ts";

export interface Policy {
  /** Ed25519 public keys, ascending bytewise, all different. */
  readonly keys: readonly Uint8Array[];
  /** How many of the keys must sign, from 1. */
  readonly threshold: number;
  /** Operations (`module.verb`) that need another number of them. */
  readonly operations: Readonly<Record<string, number>>;
}

/** A key that may act alone, for some operations. */
export interface AuthorizedKey {
  readonly key: Uint8Array;
  /** Operations, ascending. */
  readonly scope: readonly string[];
  /** Block time after which it may not any more, in milliseconds; null where it has no end. */
  readonly untilMs: number | null;
}

export interface Authority {
  /** Null where the account's own key acts for it. */
  readonly policy: Policy | null;
  readonly authorized: readonly AuthorizedKey[];
}

const POLICY_PREFIX = "policy/";
const NO_AUTHORITY: Authority = { policy: null, authorized: [] };
const POLICY_TAG = "bothy/policy/1";
const SET_POLICY = "account.setPolicy";
/** What gives rights over the account: a key that acts alone must not, and no policy may ask for less here than elsewhere. */
const OVER_ACCOUNT: readonly string[] = [SET_POLICY, "account.authorize"];
const OPERATION_NAME = /^[a-z]{1,30}\.[a-zA-Z]{1,30}$/;
const KEY_BYTES = 32;

export function policyKey(account: Uint8Array): string {
  return POLICY_PREFIX + bytesToHex(account);
}

/** The account that begins with a policy: the same in every BoT. */
export function policyAccount(policy: Policy): AccountId {
  return digest(encode([POLICY_TAG, policyToValue(policy)])) as Uint8Array as AccountId;
}

function policyToValue({ keys, threshold, operations }: Policy): Value {
  return { keys, threshold, operations };
}

export function authorityOf(state: StateView, account: Uint8Array): Authority {
  const value = state.get(policyKey(account));
  if (value === undefined) return NO_AUTHORITY;
  const [policy, authorized] = value as unknown as [Policy | null, readonly (readonly [Uint8Array, readonly string[], number | null])[]];
  return { policy, authorized: authorized.map(([key, scope, untilMs]) => ({ key, scope, untilMs })) };
}

export function writeAuthority(state: Overlay, account: Uint8Array, { policy, authorized }: Authority): void {
  const key = policyKey(account);
  if (policy === null && authorized.length === 0) state.delete(key);
  else
    state.set(key, [
      policy === null ? null : policyToValue(policy),
      authorized.map(({ key: authorizedKey, scope, untilMs }) => [authorizedKey, scope, untilMs]),
    ]);
}

function refuse(reason: string): never {
  throw new Refusal("policy-invalid", { reason });
}

/** @throws {Refusal} `schema-invalid`, `policy-invalid` for a key of small order, or one that is not canonical. */
export function readSigningKey(value: Value | undefined): Uint8Array {
  const key = readBytes(value, "key", KEY_BYTES, KEY_BYTES);
  if (isWeakKey(key)) refuse("weak key");
  return key;
}

/** @throws {Refusal} `schema-invalid` unless it has the form of `module.verb`. */
function readOperationName(value: Value | undefined): string {
  const name = readText(value, "operation", 64, 3);
  requireThat(OPERATION_NAME.test(name), "schema-invalid", { field: "operation", expected: "module.verb" });
  return name;
}

/**
 * A policy that its keys can meet, and that does not give itself away.
 * @throws {Refusal} `schema-invalid`, `policy-invalid`.
 */
export function readPolicy(value: Value | undefined): Policy {
  const map = readMap(value, "policy", ["keys", "threshold", "operations"]);
  const keys = readList(map["keys"], "keys").map(readSigningKey);
  if (keys.length === 0) refuse("no keys");
  requireThat(keys.length <= LIMITS.signaturesMax, "limit-exceeded", { keys: keys.length, keysMax: LIMITS.signaturesMax });
  for (let i = 1; i < keys.length; i++) {
    const order = compareBytes(keys[i - 1]!, keys[i]!);
    if (order === 0) refuse("the same key twice");
    requireThat(order < 0, "schema-invalid", { field: "keys", expected: "ascending" });
  }
  const threshold = readInteger(map["threshold"], "threshold");
  const given = map["operations"];
  requireThat(isValueMap(given), "schema-invalid", { field: "operations", expected: "a map" });
  const names = Object.keys(given);
  requireThat(names.length <= LIMITS.policyOperationsMax, "limit-exceeded", { operations: names.length });
  const operations = Object.fromEntries(names.map((name) => [readOperationName(name), readInteger(given[name], name)]));
  const policy = { keys, threshold, operations };
  const needed = [threshold, ...Object.values(operations)];
  if (needed.some((count) => count < 1)) refuse("no signature needed");
  if (needed.some((count) => count > keys.length)) refuse("more signatures than keys");
  const highest = Math.max(...needed);
  // Whoever can change the policy can do everything.
  if (OVER_ACCOUNT.some((name) => neededFor(policy, name) < highest)) refuse("weaker than what it guards");
  return policy;
}

/** @throws {Refusal} `schema-invalid`, `policy-invalid`, `limit-exceeded`. */
export function readScope(value: Value | undefined): readonly string[] {
  const scope = readList(value, "scope").map(readOperationName);
  requireThat(scope.length <= LIMITS.policyOperationsMax, "limit-exceeded", { operations: scope.length });
  if (scope.length === 0) refuse("empty scope");
  if (scope.some((name) => OVER_ACCOUNT.includes(name))) refuse("right over the account");
  for (let i = 1; i < scope.length; i++)
    requireThat(scope[i - 1]! < scope[i]!, "schema-invalid", { field: "scope", expected: "ascending, each once" });
  return scope;
}

/** How many keys must sign an operation. */
export function neededFor({ threshold, operations }: Policy, operation: string): number {
  return Object.hasOwn(operations, operation) ? operations[operation]! : threshold;
}

function hasSigned(signatures: readonly SignaturePair[], key: Uint8Array): boolean {
  return signatures.some(([publicKey]) => equalBytes(publicKey, key));
}

export function signedCount(policy: Policy, signatures: readonly SignaturePair[]): number {
  return policy.keys.reduce((count, key) => count + Number(hasSigned(signatures, key)), 0);
}

/** The policy that an account begins with, where its first transaction shows it. */
function beginningPolicy(account: Uint8Array, calls: readonly Call[]): Policy | null {
  const [name, arguments_] = calls[0]!;
  if (name !== SET_POLICY || !isValueMap(arguments_) || !isValueMap(arguments_["policy"])) return null;
  const policy = readPolicy(arguments_["policy"]);
  return equalBytes(policyAccount(policy), account) ? policy : null;
}

export interface Signed {
  readonly account: Uint8Array;
  /** What is done in the account's name. */
  readonly calls: readonly Call[];
  readonly signatures: readonly SignaturePair[];
}

/**
 * Whether enough keys signed for every call. Compares keys only, so that it comes before signatures are verified.
 * @throws {Refusal} `signature-missing` with how many signatures the dearest call needs and how many keys of the policy signed.
 */
export function checkSigners(state: StateView, signed: Signed, timeMs: number): void {
  const { account, calls, signatures } = signed;
  const stored = authorityOf(state, account);
  if (stored.policy === null && hasSigned(signatures, account)) return;
  const policy = stored.policy ?? beginningPolicy(account, calls);
  const count = policy === null ? 0 : signedCount(policy, signatures);
  const scopes = stored.authorized.filter(({ key, untilMs }) => (untilMs === null || untilMs >= timeMs) && hasSigned(signatures, key));
  let missing = 0;
  for (const [name] of calls) {
    const needed = policy === null ? 1 : neededFor(policy, name);
    if (count < needed && !scopes.some(({ scope }) => scope.includes(name))) missing = Math.max(missing, needed);
  }
  requireThat(missing === 0, "signature-missing", { needed: missing, signed: count });
}
