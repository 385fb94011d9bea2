import { readFileSync } from "node:fs";
import { expect, it } from "vitest";
import { operations } from "../../ledger/modules/index.ts";

it("docs/sdk.md names every operation that the ledger has, and no other", () => {
  const [, section = ""] = readFileSync("docs/sdk.md", "utf8").split("\n## Operations\n");
  const named = [...section.split("\n## ")[0]!.matchAll(/^\| `([a-z]+\.[A-Za-z]+)`/gm)].map(([, name]) => name);
  expect(named).toHaveLength(Object.keys(operations).length);
  expect(new Set(named)).toEqual(new Set(Object.keys(operations)));
});
