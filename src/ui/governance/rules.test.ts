import { describe, expect, it } from "vitest";
import { PARAMETER_BOUNDS } from "../../sdk/api.ts";
import { en } from "../text/en.ts";
import { de } from "../text/de.ts";
import { createFormat } from "../text/format.ts";
import { boundsText, isRule, readRule, ruleNames, ruleText } from "./rules.ts";

const words = { text: en, format: createFormat(en), token: "coal" };

describe("rules", () => {
  it("are all that governance may change, and without tokens those that say nothing about any", () => {
    expect(ruleNames("coal").toSorted()).toEqual(Object.keys(PARAMETER_BOUNDS).toSorted());
    expect(ruleNames("")).toEqual(["heartbeatMs", "baseTimeoutMs", "recoveryMs"]);
    expect(isRule("bond")).toBe(true);
    expect(isRule("constructor")).toBe(false);
  });

  it.each([
    ["feePerKilobyte", 1, "1 coal"],
    ["grant", 12_000, "12,000 coal"],
    ["claimBits", 7, "7 bits"],
    ["claimsPerBlockMax", 4, "4"],
    ["baseTimeoutMs", 200, "0.2 s"],
    ["baseTimeoutMs", 1000, "1 s"],
    ["heartbeatMs", 60_000, "1 min"],
    ["heartbeatMs", 90_000, "90 s"],
    ["bondLiableMs", 7_200_000, "2 h"],
    ["bondLiableMs", 86_400_000, "1 day"],
    ["bondLiableMs", 0, "0 s"],
  ] as const)("%s of %d is %s", (name, value, said) => expect(ruleText(words, name, value)).toBe(said));

  it("say their bounds in the unit in which they are typed", () => {
    expect(boundsText(words, "baseTimeoutMs")).toBe("From 0.2 to 60 s.");
    expect(boundsText(words, "bondLiableMs")).toBe("From 0 to 720 h.");
    expect(boundsText(words, "bond")).toBe("From 0 to 1,000,000,000 coal.");
    expect(boundsText(words, "claimBits")).toBe("From 0 to 24.");
  });

  it.each([
    ["bond", " 1000 ", 1000],
    ["bond", "1,000", null],
    ["bond", "1.5", null],
    ["bond", "-1", null],
    ["bond", "1e3", null],
    ["bond", "", null],
    ["bond", "1000000001", null],
    ["claimsPerBlockMax", "0", null],
    ["baseTimeoutMs", "1.5", 1500],
    ["baseTimeoutMs", "0.199", null],
    ["baseTimeoutMs", "1,5", null],
    ["baseTimeoutMs", "1.5.1", null],
    ["baseTimeoutMs", "1.", null],
    ["bondLiableMs", "0.5", 1_800_000],
    ["bondLiableMs", "721", null],
  ] as const)("%s typed as “%s” is %s", (name, typed, value) => expect(readRule(name, typed, en.locale)).toBe(value));

  it("take the language's own decimal sign and no other", () => {
    expect(readRule("heartbeatMs", "7,5", de.locale)).toBe(7500);
    expect(readRule("heartbeatMs", "7.500", de.locale)).toBeNull();
  });
});
