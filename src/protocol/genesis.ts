/** The genesis document: what a BoT is, and its founding seat. Its digest is the chain's identifier. */
import { decode, encode, type Value } from "./codec.ts";
import { asAccountId, asVotingKey, digest, type AccountId, type Hash, type VotingKey } from "./identifiers.ts";
import { Refusal, requireThat } from "./refusal.ts";
import { readInteger, readMap, readText } from "./schema.ts";

export const GENESIS_VERSION = 1;

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

export interface Genesis {
  readonly version: number;
  readonly kind: "public";
  readonly name: string;
  readonly token: string;
  readonly createdMs: number;
  readonly founder: AccountId;
  readonly foundingSeat: VotingKey;
  readonly parameters: Parameters;
  /** So that two BoTs of one founder and moment differ. */
  readonly salt: Uint8Array;
}

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

/** @throws {Refusal} `encoding-invalid`, `schema-invalid`, `unknown-version`. */
export function decodeGenesis(bytes: Uint8Array): Genesis {
  const map = readMap(decode(bytes, 64 * 1024), "genesis", [
    "version",
    "kind",
    "name",
    "token",
    "createdMs",
    "founder",
    "foundingSeat",
    "parameters",
    "salt",
  ]);
  if (map["version"] !== GENESIS_VERSION) throw new Refusal("unknown-version", { version: map["version"] ?? null });
  requireThat(map["kind"] === "public", "not-supported", { kind: map["kind"] ?? null });
  const given = readMap(map["parameters"], "parameters", Object.keys(PARAMETER_BOUNDS));
  const parameters = Object.fromEntries(
    Object.entries(PARAMETER_BOUNDS).map(([name, [min, max]]) => [name, readInteger(given[name], name, min, max)]),
  ) as unknown as Parameters;
  const salt = map["salt"];
  requireThat(salt instanceof Uint8Array && salt.length === 16, "schema-invalid", { field: "salt" });
  return {
    version: GENESIS_VERSION,
    kind: "public",
    name: readText(map["name"], "name", 64, 1),
    token: readText(map["token"], "token", 16, 1),
    createdMs: readInteger(map["createdMs"], "createdMs"),
    founder: asAccountId(map["founder"]),
    foundingSeat: asVotingKey(map["foundingSeat"]),
    parameters,
    salt,
  };
}

export function chainOf(genesisBytes: Uint8Array): Hash {
  return digest(genesisBytes);
}
