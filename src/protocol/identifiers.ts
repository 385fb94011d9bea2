/** Identifiers and digests. Bytes on the wire and in state keys; lower-case hexadecimal as keys of maps; `did:key` for people. */
import { digest as sha256 } from "@chainsafe/as-sha256";
import { base58btc } from "multiformats/bases/base58";
import { bytesToHex, hexToBytes } from "../kit/bytes.ts";
import type { Brand } from "../kit/brand.ts";
import { Refusal } from "./refusal.ts";

/** A SHA-256 digest, 32 bytes. */
export type Hash = Brand<Uint8Array, "Hash">;
/** Hexadecimal text of 32 bytes, as the key of a map. */
export type HashHex = Brand<string, "HashHex">;
/** Who owns and signs: an Ed25519 public key, or the digest of a policy of several, or the one that names a contract; 32 bytes. */
export type AccountId = Brand<Uint8Array, "AccountId">;
/** The Ed25519 public key a seat votes with, 32 bytes; also the seat's identifier. */
export type VotingKey = Brand<Uint8Array, "VotingKey">;

export const HASH_BYTES = 32;

/** SHA-256 of the bytes (FIPS 180-4). */
export function digest(bytes: Uint8Array): Hash {
  return sha256(bytes) as Hash;
}

/** @throws {Refusal} `schema-invalid` unless it is 32 bytes. */
export function asHash(bytes: unknown): Hash {
  if (!(bytes instanceof Uint8Array) || bytes.length !== HASH_BYTES) throw new Refusal("schema-invalid", { expected: "32 bytes" });
  return bytes as Hash;
}

/** @throws {Refusal} `schema-invalid` unless it is 32 bytes. */
export function asAccountId(bytes: unknown): AccountId {
  return asHash(bytes) as Uint8Array as AccountId;
}

/** @throws {Refusal} `schema-invalid` unless it is 32 bytes. */
export function asVotingKey(bytes: unknown): VotingKey {
  return asHash(bytes) as Uint8Array as VotingKey;
}

export function toHex(bytes: Uint8Array): HashHex {
  return bytesToHex(bytes) as HashHex;
}

/** @throws {Refusal} `schema-invalid` unless it is 64 lower-case hexadecimal digits. */
export function fromHex(text: string): Hash {
  return asHash(hexToBytes(text));
}

/** Multicodec `ed25519-pub` (0xed) as an unsigned varint, which a `did:key` begins with. */
const ED25519_MULTICODEC = [0xed, 0x01] as const;
const DID_KEY_PREFIX = "did:key:";

/** `did:key:z6Mk…` of an Ed25519 public key (W3C did:key, section 3). */
export function accountToDid(account: Uint8Array): string {
  return DID_KEY_PREFIX + base58btc.encode(Uint8Array.of(...ED25519_MULTICODEC, ...account));
}

/** @throws {Refusal} `schema-invalid` unless it is the did:key of an Ed25519 key. */
export function didToAccount(did: string): AccountId {
  if (did.startsWith(DID_KEY_PREFIX) && did.length <= 64) {
    try {
      const bytes = base58btc.decode(did.slice(DID_KEY_PREFIX.length));
      if (bytes[0] === ED25519_MULTICODEC[0] && bytes[1] === ED25519_MULTICODEC[1]) return asAccountId(bytes.slice(2));
    } catch (error) {
      if (error instanceof Refusal) throw error;
    }
  }
  throw new Refusal("schema-invalid", { expected: "did:key of an Ed25519 key" });
}
