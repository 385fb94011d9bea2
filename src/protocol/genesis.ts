/** The genesis document: what a BoT is, and its founding seat. Its digest is the chain's identifier. */
import { compareBytes, equalBytes } from "../kit/bytes.ts";
import { decode, encode, type Value, type ValueMap } from "./codec.ts";
import { asAccountId, asVotingKey, digest, type AccountId, type Hash, type VotingKey } from "./identifiers.ts";
import { LIMITS } from "./limits.ts";
import { Refusal, requireThat } from "./refusal.ts";
import { isValueMap, readInteger, readList, readMap, readOneOf, readText } from "./schema.ts";

export const GENESIS_VERSION = 1;
const GENESIS_BYTES_MAX = 64 * 1024;

/** What governance may change later; amounts in the token's smallest unit, times in milliseconds. */
export interface Parameters {
  readonly grant: number;
  readonly bond: number;
  /** Per started kilobyte of a transaction and per started million gas. */
  readonly feePerKilobyte: number;
  readonly feePerMillionGas: number;
  /** Leading zero bits of the memory-hard proof of work of a claim. */
  readonly claimBits: number;
  readonly claimsPerBlockMax: number;
  readonly baseTimeoutMs: number;
  readonly heartbeatMs: number;
  /** T of the recovery. */
  readonly recoveryMs: number;
  readonly bondLiableMs: number;
}

export const DEFAULT_PARAMETERS: Parameters = {
  grant: 1000,
  bond: 500,
  feePerKilobyte: 1,
  feePerMillionGas: 1,
  claimBits: 7,
  claimsPerBlockMax: 4,
  baseTimeoutMs: 1000,
  heartbeatMs: 60_000,
  recoveryMs: 10_000,
  bondLiableMs: 86_400_000,
};

/** What a member of a consortium or a private BoT may do. */
export const ROLES = ["deploy", "read", "transact", "vote"] as const;
export type Role = (typeof ROLES)[number];

/** An account that was admitted, and its roles in ascending order, at least one. */
export type Member = readonly [account: AccountId, roles: readonly Role[]];

interface GenesisOfAnyKind {
  readonly version: number;
  readonly name: string;
  readonly createdMs: number;
  readonly founder: AccountId;
  readonly foundingSeat: VotingKey;
  readonly parameters: Parameters;
  /** So that two BoTs of one founder and moment differ. */
  readonly salt: Uint8Array;
}

/** Everybody has the same rights. */
export interface PublicGenesis extends GenesisOfAnyKind {
  readonly kind: "public";
  readonly token: string;
}

/** Members decide together who is in. It has no tokens. */
export interface ConsortiumGenesis extends GenesisOfAnyKind {
  readonly kind: "consortium";
  readonly token: null;
  /** Ascending by account; the founder among them, with the role to vote. */
  readonly members: readonly Member[];
}

/** The owner's word alone decides who is in. Where `token` is null it has none. */
export interface PrivateGenesis extends GenesisOfAnyKind {
  readonly kind: "private";
  readonly token: string | null;
  /** Has every role, and is no member; the founder is this account or a member with the role to vote. */
  readonly owner: AccountId;
  readonly members: readonly Member[];
}

export type Genesis = PublicGenesis | ConsortiumGenesis | PrivateGenesis;
export type BotKind = Genesis["kind"];

/** What each parameter may be; a founder's and governance's choices are both held to it. */
export const PARAMETER_BOUNDS: Readonly<Record<keyof Parameters, readonly [min: number, max: number]>> = {
  grant: [0, 1_000_000_000],
  bond: [0, 1_000_000_000],
  feePerKilobyte: [0, 1_000_000],
  feePerMillionGas: [0, 1_000_000],
  claimBits: [0, 24],
  claimsPerBlockMax: [1, 64],
  baseTimeoutMs: [200, 60_000],
  heartbeatMs: [5_000, 3_600_000],
  recoveryMs: [1_000, 600_000],
  bondLiableMs: [0, 30 * 86_400_000],
};

export function encodeGenesis(genesis: Genesis): Uint8Array {
  return encode(genesis as unknown as Value);
}

/** Amounts of tokens: 0 where there are none. */
export const TOKEN_PARAMETERS = ["grant", "bond", "feePerKilobyte", "feePerMillionGas"] as const;

/** @throws {Refusal} `schema-invalid` unless it is one of the parameters' names, within its bounds. */
export function readParameter(name: string, value: Value | undefined): number {
  requireThat(Object.hasOwn(PARAMETER_BOUNDS, name), "schema-invalid", { field: name, expected: "a parameter" });
  const [min, max] = PARAMETER_BOUNDS[name as keyof Parameters];
  return readInteger(value, name, min, max);
}

/** @throws {Refusal} `schema-invalid` unless they are known, ascending, and at least one. */
export function readRoles(value: Value | undefined): readonly Role[] {
  const roles = readList(value, "roles").map((role) => readOneOf(role, "role", ROLES));
  requireThat(roles.length > 0, "schema-invalid", { field: "roles", expected: "at least one" });
  for (let i = 1; i < roles.length; i++)
    requireThat(roles[i - 1]! < roles[i]!, "schema-invalid", { field: "roles", expected: "ascending, each once" });
  return roles;
}

function readMembers(value: Value | undefined): readonly Member[] {
  const members = readList(value, "members").map((item): Member => {
    const pair = readList(item, "member", 2);
    return [asAccountId(pair[0]), readRoles(pair[1])];
  });
  requireThat(members.length <= LIMITS.membersMax, "limit-exceeded", { members: members.length, membersMax: LIMITS.membersMax });
  for (let i = 1; i < members.length; i++)
    requireThat(compareBytes(members[i - 1]![0], members[i]![0]) < 0, "schema-invalid", { field: "members", expected: "ascending" });
  return members;
}

function readToken(value: Value | undefined): string {
  return readText(value, "token", 16, 1);
}

const FIELDS = ["version", "kind", "name", "token", "createdMs", "founder", "foundingSeat", "parameters", "salt"];

function checkTokenless(parameters: Parameters): void {
  for (const name of TOKEN_PARAMETERS)
    requireThat(parameters[name] === 0, "schema-invalid", { field: name, expected: "0, since there are no tokens" });
}

function checkFounder(founder: AccountId, members: readonly Member[]): void {
  const mayVote = members.some(([account, roles]) => equalBytes(account, founder) && roles.includes("vote"));
  requireThat(mayVote, "schema-invalid", { field: "founder", expected: "a member with the role to vote" });
}

function readKind(map: ValueMap, common: GenesisOfAnyKind): Genesis {
  const { founder, parameters } = common;
  const token = map["token"] === null ? null : readToken(map["token"]);
  const kind = readOneOf(map["kind"], "kind", ["public", "consortium", "private"]);
  if (kind === "public") return { ...common, kind, token: readToken(map["token"]) };
  const members = readMembers(map["members"]);
  if (token === null) checkTokenless(parameters);
  if (kind === "consortium") {
    requireThat(token === null, "schema-invalid", { field: "token", expected: "null" });
    checkFounder(founder, members);
    return { ...common, kind, token, members };
  }
  const owner = asAccountId(map["owner"]);
  requireThat(!members.some(([account]) => equalBytes(account, owner)), "schema-invalid", {
    field: "members",
    expected: "others than the owner",
  });
  if (!equalBytes(owner, founder)) checkFounder(founder, members);
  return { ...common, kind, token, owner, members };
}

/** Fields that a kind has besides those of all. */
const FIELDS_OF_KIND: Readonly<Record<BotKind, readonly string[]>> = { public: [], consortium: ["members"], private: ["members", "owner"] };

/** @throws {Refusal} `encoding-invalid`, `schema-invalid`, `unknown-version`, `not-supported`, `limit-exceeded`. */
export function decodeGenesis(bytes: Uint8Array): Genesis {
  const value = decode(bytes, GENESIS_BYTES_MAX);
  const kind = isValueMap(value) ? value["kind"] : null;
  const isKnown = typeof kind === "string" && Object.hasOwn(FIELDS_OF_KIND, kind);
  const map = readMap(value, "genesis", [...FIELDS, ...(isKnown ? FIELDS_OF_KIND[kind as BotKind] : [])]);
  if (map["version"] !== GENESIS_VERSION) throw new Refusal("unknown-version", { version: map["version"] ?? null });
  requireThat(isKnown, "not-supported", { kind: kind ?? null });
  const given = readMap(map["parameters"], "parameters", Object.keys(PARAMETER_BOUNDS));
  const parameters = Object.fromEntries(
    Object.keys(PARAMETER_BOUNDS).map((name) => [name, readParameter(name, given[name])]),
  ) as unknown as Parameters;
  const salt = map["salt"];
  requireThat(salt instanceof Uint8Array && salt.length === 16, "schema-invalid", { field: "salt" });
  return readKind(map, {
    version: GENESIS_VERSION,
    name: readText(map["name"], "name", 64, 1),
    createdMs: readInteger(map["createdMs"], "createdMs"),
    founder: asAccountId(map["founder"]),
    foundingSeat: asVotingKey(map["foundingSeat"]),
    parameters,
    salt,
  });
}

export function chainOf(genesisBytes: Uint8Array): Hash {
  return digest(genesisBytes);
}
