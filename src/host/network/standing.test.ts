import { describe, expect, it } from "vitest";
import { STANDING } from "./bounds.ts";
import { Standing } from "./standing.ts";

describe("the standing of a neighbour", () => {
  it("falls by objective faults, to a ban that ends", () => {
    const standing = new Standing();
    const faults = STANDING.banPoints / STANDING.faultPoints;
    for (let i = 1; i < faults; i++) expect(standing.penalize("a", "signature-invalid", 0)).toBe(false);
    expect(standing.penalize("a", "encoding-invalid", 0)).toBe(true);
    expect(standing.isBanned("a", STANDING.banMs - 1)).toBe(true);
    expect(standing.isBanned("a", STANDING.banMs)).toBe(false);
    expect(standing.isBanned("b", 0)).toBe(false);
  });

  it("is not touched by what depends on state, and is forgiven with time", () => {
    const standing = new Standing();
    for (let i = 0; i < 1_000; i++) expect(standing.penalize("a", "nonce-gap", 0)).toBe(false);
    const pauseMs = (STANDING.faultPoints / STANDING.forgivenPerSecond) * 1_000;
    for (let i = 0; i < 100; i++) expect(standing.penalize("a", "signature-invalid", i * pauseMs)).toBe(false);
  });
});
