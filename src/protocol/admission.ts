/**
 * How peers of a BoT that is not public let each other in, before anything else is said on a link: a knock shows that one knows the genesis, which is
 * not told to strangers, and a pass shows for which account one stands. spec/admission.md.
 */
import { hmac } from "@noble/hashes/hmac.js";
import { sha256 } from "@noble/hashes/sha2.js";
import { equalBytes } from "../kit/bytes.ts";
import { decode, encode, type Value } from "./codec.ts";
import { asAccountId, type AccountId, type Hash } from "./identifiers.ts";
import { LIMITS } from "./limits.ts";
import { requireThat } from "./refusal.ts";
import { readBytes, readList, readOneOf } from "./schema.ts";

export type AdmissionMessage =
  /** Shown first. It tells whoever does not know the genesis nothing. */
  | { readonly kind: "knock"; readonly proof: Uint8Array }
  /** In answer to a right knock. */
  | { readonly kind: "pass"; readonly proof: Uint8Array; readonly account: AccountId; readonly signature: Uint8Array }
  /** In answer to a right pass: from now on the other side is heard. */
  | { readonly kind: "open" }
  /** The account has no role here; the link ends. */
  | { readonly kind: "refused" };

const PROOF_BYTES = 32;
const SIGNATURE_BYTES = 64;

/** @param from @param to network identities, which the transport has authenticated: nobody else can use the proof again. 32 bytes (HMAC-SHA-256, RFC 2104). */
export function knockProof(genesis: Uint8Array, from: string, to: string): Uint8Array {
  return hmac(sha256, genesis, encode(["bothy/knock/1", from, to]));
}

/** What the account signs for a network identity. */
export function passBytes(chain: Hash, from: string): Uint8Array {
  return encode(["bothy/pass/1", chain, from]);
}

/** Compares in a time that tells nothing of where they differ. */
export function isRightProof(proof: Uint8Array, expected: Uint8Array): boolean {
  return equalBytes(sha256(proof), sha256(expected));
}

function messageToValue(message: AdmissionMessage): Value {
  switch (message.kind) {
    case "knock":
      return [message.kind, message.proof];
    case "pass":
      return [message.kind, message.proof, message.account, message.signature];
    case "open":
    case "refused":
      return [message.kind];
  }
}

export function encodeAdmission(message: AdmissionMessage): Uint8Array {
  return encode(messageToValue(message));
}

const LENGTHS: Readonly<Record<AdmissionMessage["kind"], number>> = { knock: 2, pass: 4, open: 1, refused: 1 };
const KINDS = Object.keys(LENGTHS) as AdmissionMessage["kind"][];

/** @throws {Refusal} `too-large`, `encoding-invalid`, `schema-invalid`; no proof and no signature is checked here. */
export function decodeAdmission(bytes: Uint8Array): AdmissionMessage {
  const list = readList(decode(bytes, LIMITS.admissionBytesMax), "admission");
  const kind = readOneOf(list[0], "kind", KINDS);
  requireThat(list.length === LENGTHS[kind], "schema-invalid", { field: kind, expected: `${LENGTHS[kind]} items` });
  if (kind === "open" || kind === "refused") return { kind };
  const proof = readBytes(list[1], "proof", PROOF_BYTES, PROOF_BYTES);
  if (kind === "knock") return { kind, proof };
  return { kind, proof, account: asAccountId(list[2]), signature: readBytes(list[3], "signature", SIGNATURE_BYTES, SIGNATURE_BYTES) };
}
