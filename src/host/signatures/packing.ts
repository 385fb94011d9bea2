/** Signature checks as one transferable buffer: a clone of thousands of small arrays costs more than the checks' own hashing. */
import { PUBLIC_KEY_BYTES, SIGNATURE_BYTES } from "../../protocol/signature.ts";
import type { SignatureCheck } from "../../peer/ports.ts";

/** What goes to a signature worker; `packed` is transferred. */
export interface VerifyRequest {
  readonly id: number;
  readonly packed: ArrayBuffer;
}

/** What comes back: one byte a check, 1 for a signature that holds. */
export interface VerifyResponse {
  readonly id: number;
  readonly verdicts: Uint8Array<ArrayBuffer>;
}

const HEADER_BYTES = PUBLIC_KEY_BYTES + SIGNATURE_BYTES + 4;

/** Key, signature, length of the message (uint32, little-endian), message; one check after the other. Lengths must be right. */
export function packChecks(checks: readonly SignatureCheck[]): ArrayBuffer {
  const total = checks.reduce((sum, { message }) => sum + HEADER_BYTES + message.length, 0);
  const bytes = new Uint8Array(total);
  const view = new DataView(bytes.buffer);
  let offset = 0;
  for (const { publicKey, signature, message } of checks) {
    bytes.set(publicKey, offset);
    bytes.set(signature, offset + PUBLIC_KEY_BYTES);
    view.setUint32(offset + PUBLIC_KEY_BYTES + SIGNATURE_BYTES, message.length, true);
    bytes.set(message, offset + HEADER_BYTES);
    offset += HEADER_BYTES + message.length;
  }
  return bytes.buffer;
}

/** The checks of a packed buffer, as views into it. */
export function unpackChecks(packed: ArrayBuffer): SignatureCheck[] {
  const bytes = new Uint8Array(packed);
  const view = new DataView(packed);
  const checks: SignatureCheck[] = [];
  for (let offset = 0; offset < bytes.length;) {
    const messageOffset = offset + HEADER_BYTES;
    const end = messageOffset + view.getUint32(offset + PUBLIC_KEY_BYTES + SIGNATURE_BYTES, true);
    checks.push({
      publicKey: bytes.subarray(offset, offset + PUBLIC_KEY_BYTES),
      signature: bytes.subarray(offset + PUBLIC_KEY_BYTES, offset + PUBLIC_KEY_BYTES + SIGNATURE_BYTES),
      message: bytes.subarray(messageOffset, end),
    });
    offset = end;
  }
  return checks;
}
