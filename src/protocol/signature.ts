/**
 * The one signature rule: Ed25519 (RFC 8032) made strict, because engines disagree on the edge and a disagreement forks the chain.
 * See spec/signatures.md. Every back end of `host/signatures` answers as `verifyStrict` does.
 */
import { ed25519 } from "@noble/curves/ed25519.js";
import { sha512 } from "@noble/hashes/sha2.js";

const Point = ed25519.Point;
const ORDER = Point.Fn.ORDER;

export const PUBLIC_KEY_BYTES = 32;
export const SIGNATURE_BYTES = 64;

/** L, the order of the base point, in little-endian bytes (RFC 8032, 5.1). */
const ORDER_BYTES = Uint8Array.from([
  0xed, 0xd3, 0xf5, 0x5c, 0x1a, 0x63, 0x12, 0x58, 0xd6, 0x9c, 0xf7, 0xa2, 0xde, 0xf9, 0xde, 0x14, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
  0, 0x10,
]);

/** The five y of the eight points whose order divides 8; the sign of x is ignored, so both encodings of each are met. */
const SMALL_ORDER: readonly Uint8Array[] = [
  // order 1 (y = 1), order 2 (y = -1), order 4 (y = 0)
  Uint8Array.from({ length: 32 }, (_, i) => (i === 0 ? 1 : 0)),
  Uint8Array.from({ length: 32 }, (_, i) => (i === 0 ? 0xec : i === 31 ? 0x7f : 0xff)),
  new Uint8Array(32),
  // order 8
  Uint8Array.from([
    0xc7, 0x17, 0x6a, 0x70, 0x3d, 0x4d, 0xd8, 0x4f, 0xba, 0x3c, 0x0b, 0x76, 0x0d, 0x10, 0x67, 0x0f, 0x2a, 0x20, 0x53, 0xfa, 0x2c, 0x39,
    0xcc, 0xc6, 0x4e, 0xc7, 0xfd, 0x77, 0x92, 0xac, 0x03, 0x7a,
  ]),
  Uint8Array.from([
    0x26, 0xe8, 0x95, 0x8f, 0xc2, 0xb2, 0x27, 0xb0, 0x45, 0xc3, 0xf4, 0x89, 0xf2, 0xef, 0x98, 0xf0, 0xd5, 0xdf, 0xac, 0x05, 0xd3, 0xc6,
    0x33, 0x39, 0xb1, 0x38, 0x02, 0x88, 0x6d, 0x53, 0xfc, 0x05,
  ]),
];

function isBelowOrder(bytes: Uint8Array, offset: number): boolean {
  for (let i = 31; i >= 0; i--) {
    const difference = bytes[offset + i]! - ORDER_BYTES[i]!;
    if (difference !== 0) return difference < 0;
  }
  return false;
}

/** Whether y is below p = 2^255 - 19, so that no point has two encodings. */
function isCanonicalPoint(bytes: Uint8Array): boolean {
  if ((bytes[31]! & 0x7f) !== 0x7f || bytes[0]! < 0xed) return true;
  for (let i = 1; i < 31; i++) if (bytes[i] !== 0xff) return true;
  return false;
}

function isSmallOrder(bytes: Uint8Array): boolean {
  return SMALL_ORDER.some((small) => {
    if ((bytes[31]! & 0x7f) !== small[31]) return false;
    for (let i = 0; i < 31; i++) if (bytes[i] !== small[i]) return false;
    return true;
  });
}

/** Whether no signature of a key can hold, by its bytes alone: it is not canonical, or of small order. One that is no point is not told apart. */
export function isWeakKey(publicKey: Uint8Array): boolean {
  return publicKey.length !== PUBLIC_KEY_BYTES || !isCanonicalPoint(publicKey) || isSmallOrder(publicKey);
}

/**
 * The first half of the rule, by comparing bytes alone: lengths, S < L, and A and R canonical and not of small order.
 * It must stand before every native verifier: some answer differently without it, and one engine's process crashes.
 */
export function precheck(publicKey: Uint8Array, signature: Uint8Array): boolean {
  return (
    publicKey.length === PUBLIC_KEY_BYTES &&
    signature.length === SIGNATURE_BYTES &&
    isBelowOrder(signature, 32) &&
    isCanonicalPoint(publicKey) &&
    isCanonicalPoint(signature) &&
    !isSmallOrder(publicKey) &&
    !isSmallOrder(signature)
  );
}

function littleEndian(bytes: Uint8Array): bigint {
  let value = 0n;
  for (let i = bytes.length - 1; i >= 0; i--) value = (value << 8n) | BigInt(bytes[i]!);
  return value;
}

/**
 * Whether the signature holds: the pre-check, and encode([S]B - [k]A) equal to R's bytes, without the cofactor (RFC 8032, 5.1.7, the
 * stricter of its two equations). Not constant-time; everything in it is public. About half a millisecond.
 */
export function verifyStrict(publicKey: Uint8Array, message: Uint8Array, signature: Uint8Array): boolean {
  if (!precheck(publicKey, signature)) return false;
  const encodedR = signature.subarray(0, 32);
  let negatedA;
  try {
    negatedA = Point.fromBytes(publicKey, false).negate();
  } catch {
    return false;
  }
  const k = littleEndian(sha512.create().update(encodedR).update(publicKey).update(message).digest()) % ORDER;
  const s = littleEndian(signature.subarray(32));
  const left = s === 0n ? Point.ZERO : Point.BASE.multiplyUnsafe(s);
  const found = (k === 0n ? left : left.add(negatedA.multiplyUnsafe(k))).toBytes();
  for (let i = 0; i < 32; i++) if (found[i] !== encodedR[i]) return false;
  return true;
}
