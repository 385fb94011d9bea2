import { readFileSync } from "node:fs";
import { expect, it } from "vitest";
import { makeVectorFiles } from "./make-signature-vectors.ts";

it("the committed signature vectors are what the generator makes", () => {
  for (const [path, text] of Object.entries(makeVectorFiles())) {
    expect(readFileSync(new URL(`../${path}`, import.meta.url), "utf8")).toBe(text);
  }
});
