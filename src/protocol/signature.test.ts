import { ed25519 } from "@noble/curves/ed25519.js";
import { existsSync, readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import edge from "../../spec/vectors/ed25519-edge.json" with { type: "json" };
import { hexToBytes } from "../kit/bytes.ts";
import { precheck, verifyStrict } from "./signature.ts";

const bytes = (text: string): Uint8Array => hexToBytes(text)!;

describe("the signature rule on the committed edge cases", () => {
  for (const row of edge.cases) {
    it(`${row.valid ? "accepts" : "refuses"}: ${row.name}`, () => {
      expect(precheck(bytes(row.publicKey), bytes(row.signature))).toBe(!row.screened);
      expect(verifyStrict(bytes(row.publicKey), bytes(row.message), bytes(row.signature))).toBe(row.valid);
    });
  }

  it("has cases on which a stock verifier differs, before and behind the pre-check", () => {
    const differing = edge.cases.filter((row) => {
      try {
        return ed25519.verify(bytes(row.signature), bytes(row.message), bytes(row.publicKey)) !== row.valid;
      } catch {
        return row.valid;
      }
    });
    expect(differing.some(({ screened }) => screened)).toBe(true);
    expect(differing.some(({ screened }) => !screened)).toBe(true);
  });

  it("is a function of exactly these bytes: no other length of key or signature is accepted", () => {
    const row = edge.cases.find(({ valid }) => valid)!;
    for (const length of [0, 31, 33, 64]) expect(precheck(new Uint8Array(length).fill(7), bytes(row.signature))).toBe(false);
    for (const length of [0, 63, 65, 128]) expect(precheck(bytes(row.publicKey), new Uint8Array(length).fill(7))).toBe(false);
  });
});

const folder = process.env["BOTHY_VECTORS"];
describe.runIf(folder && existsSync(folder))("the signature rule on the public vectors", () => {
  const load = (name: string): Record<string, string>[] => JSON.parse(readFileSync(`${folder}/ed25519/${name}`, "utf8"));

  it("accepts 1 of the 12 cases of Taming the many EdDSAs", () => {
    const rows = load("speccheck.json");
    const accepted = rows.filter((row) => verifyStrict(bytes(row["pub_key"]!), bytes(row["message"]!), bytes(row["signature"]!)));
    expect([accepted.length, rows.length]).toEqual([1, 12]);
  });

  it("accepts 43 of C2SP's 914 cases", () => {
    const rows = load("cctv.json");
    const message = (row: Record<string, string>): Uint8Array => new TextEncoder().encode(row["msg"]);
    const accepted = rows.filter((row) => verifyStrict(bytes(row["key"]!), message(row), bytes(row["sig"]!)));
    expect([accepted.length, rows.length]).toEqual([43, 914]);
  });
});
