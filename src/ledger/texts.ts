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
