/** Deterministic Ed25519 signing (RFC 8032, 5.1.6) from a 32-byte seed: by WebCrypto where it is deterministic too, else by noble. */
import { ed25519 } from "@noble/curves/ed25519.js";
import { concatBytes, equalBytes, utf8 } from "../../kit/bytes.ts";

export interface Signer {
  readonly publicKey: Uint8Array;
  sign(bytes: Uint8Array): Promise<Uint8Array>;
}

export type SignerMaker = (seed: Uint8Array) => Promise<Signer>;

/** PKCS #8 before the seed of an Ed25519 key (RFC 8410, section 7). */
const PKCS8_PREFIX = Uint8Array.of(0x30, 0x2e, 2, 1, 0, 0x30, 5, 6, 3, 0x2b, 0x65, 0x70, 4, 0x22, 4, 0x20);

export async function createNobleSigner(seed: Uint8Array): Promise<Signer> {
  const own = seed.slice();
  return { publicKey: ed25519.getPublicKey(own), sign: async (bytes) => ed25519.sign(bytes, own) };
}

/** The key lives in the platform and cannot be taken out again. Rejects where the platform has no Ed25519. */
export async function createWebCryptoSigner(subtle: SubtleCrypto, seed: Uint8Array): Promise<Signer> {
  const encoded = concatBytes(PKCS8_PREFIX, seed) as Uint8Array<ArrayBuffer>;
  const key = await subtle.importKey("pkcs8", encoded, "Ed25519", false, ["sign"]);
  encoded.fill(0);
  return {
    publicKey: ed25519.getPublicKey(seed),
    sign: async (bytes) => new Uint8Array(await subtle.sign("Ed25519", key, bytes as Uint8Array<ArrayBuffer>)),
  };
}

/**
 * The way this platform signs. One engine's WebCrypto draws a random nonce for every signature; two signatures over the same vote would then
 * be two different votes, so such a platform signs by noble.
 */
export async function chooseSignerMaker(subtle: SubtleCrypto | undefined = globalThis.crypto?.subtle): Promise<SignerMaker> {
  if (!subtle) return createNobleSigner;
  const seed = Uint8Array.from({ length: 32 }, (_, i) => i);
  const reference = await createNobleSigner(seed);
  try {
    const native = await createWebCryptoSigner(subtle, seed);
    for (const text of ["", "one", "two"]) {
      const bytes = utf8(text);
      if (!equalBytes(await native.sign(bytes), await reference.sign(bytes))) return createNobleSigner;
    }
  } catch {
    return createNobleSigner;
  }
  return (given) => createWebCryptoSigner(subtle, given);
}
