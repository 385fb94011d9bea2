import { readFileSync } from "node:fs";
import { expect, it } from "vitest";
import { ENCODING_VECTORS, makeEncodingVectors } from "./make-encoding-vectors.ts";

it("the committed encoding vectors are what the generator makes", () => {
  expect(readFileSync(new URL(`../${ENCODING_VECTORS}`, import.meta.url), "utf8")).toBe(makeEncodingVectors());
});
