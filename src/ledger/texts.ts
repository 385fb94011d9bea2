/** Texts in state: bounded in UTF-8 bytes, since that is what they cost. */
import { utf8 } from "../kit/bytes.ts";
import type { Value } from "../protocol/codec.ts";
import { requireThat } from "../protocol/refusal.ts";
import { readText } from "../protocol/schema.ts";

/** @throws {Refusal} `schema-invalid` unless it is a text of at most `bytesMax` bytes, and of at least one where `bytesMin` is 1. */
export function readShortText(value: Value | undefined, field: string, bytesMax: number, bytesMin = 0): string {
  const text = readText(value, field, bytesMax, bytesMin);
  requireThat(utf8(text).length <= bytesMax, "schema-invalid", { field, expected: `at most ${bytesMax} bytes` });
  return text;
}

/** Length of the UTF-8 sequence that begins at `at`, or 0 where none is well formed (RFC 3629, section 4). */
function sequenceLength(bytes: Uint8Array, at: number): number {
  const first = bytes[at]!;
  if (first < 0x80) return 1;
  const length = first >= 0xc2 && first < 0xe0 ? 2 : first >= 0xe0 && first < 0xf0 ? 3 : first >= 0xf0 && first < 0xf5 ? 4 : 0;
  if (length === 0 || at + length > bytes.length) return 0;
  const second = bytes[at + 1]!;
  // Overlong forms, surrogates, and what lies above U+10FFFF.
  const low = first === 0xe0 ? 0xa0 : first === 0xf0 ? 0x90 : 0x80;
  const high = first === 0xed ? 0x9f : first === 0xf4 ? 0x8f : 0xbf;
  if (second < low || second > high) return 0;
  for (let i = 2; i < length; i++) if ((bytes[at + i]! & 0xc0) !== 0x80) return 0;
  return length;
}

/** Whether bytes are well-formed UTF-8 (RFC 3629). */
export function isUtf8(bytes: Uint8Array): boolean {
  for (let at = 0; at < bytes.length;) {
    const length = sequenceLength(bytes, at);
    if (length === 0) return false;
    at += length;
  }
  return true;
}
