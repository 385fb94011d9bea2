/** Keys of simulated peers: quick stand-ins for most seeds, Ed25519 for some. Both are made from names, so that a run can be repeated. */
import { ed25519 } from "@noble/curves/ed25519.js";
import { assert } from "../src/kit/assert.ts";
import { concatBytes } from "../src/kit/bytes.ts";
import type { SignatureCheck } from "../src/peer/ports.ts";
import { digest, toHex, type HashHex } from "../src/protocol/identifiers.ts";
import { verifyStrict } from "../src/protocol/signature.ts";

export interface SimKeys {
  /** The public key of this name. */
  create(name: string): Uint8Array;
  sign(publicKey: Uint8Array, message: Uint8Array): Uint8Array;
  verify(check: SignatureCheck): boolean;
}

function seedOf(name: string): Uint8Array {
  return digest(Uint8Array.from(name, (letter) => letter.charCodeAt(0)));
}

function tag(publicKey: Uint8Array, message: Uint8Array): Uint8Array {
  const half = digest(concatBytes(publicKey, message));
  return concatBytes(half, digest(half));
}

/** Whoever knows a key can sign for it: enough where nobody forges. */
export function createQuickKeys(): SimKeys {
  return {
    create: seedOf,
    sign: tag,
    verify: ({ publicKey, signature, message }) => toHex(signature.subarray(0, 32)) === toHex(tag(publicKey, message).subarray(0, 32)),
  };
}

/** RFC 8032, as tabs sign and verify. */
export function createRealKeys(): SimKeys {
  const secrets = new Map<HashHex, Uint8Array>();
  return {
    create(name) {
      const secret = seedOf(name);
      const publicKey = ed25519.getPublicKey(secret);
      secrets.set(toHex(publicKey), secret);
      return publicKey;
    },
    sign(publicKey, message) {
      const secret = secrets.get(toHex(publicKey));
      assert(secret !== undefined, "only keys made here sign");
      return ed25519.sign(message, secret);
    },
    verify: ({ publicKey, signature, message }) => verifyStrict(publicKey, message, signature),
  };
}
