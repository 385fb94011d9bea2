/** Each of the voting rules taken away in turn makes a seed fail: none is there for nothing, and the checkers see what they must. */
import { describe, expect, it } from "vitest";
import type { Rule } from "../src/consensus/simplex/state.ts";
import { runScenario, type ScenarioName } from "./scenarios.ts";

const FAILING: readonly (readonly [rule: Rule, name: ScenarioName, seed: number, failure: RegExp])[] = [
  ["rule1", "oneGone", 0, /not final/],
  ["rule2", "basic", 0, /not live/],
  ["rule3", "oneGone", 7, /not final/],
  ["rule4", "basic", 3, /contradiction/],
  ["rule5", "basic", 0, /both skip and finalize/],
  ["rule6", "oneGone", 0, /not final/],
  ["rule7", "oneGone", 1, /not final|not live/],
  ["rule8", "basic", 0, /not live/],
  ["patientFollow", "restTake", 0, /followed a lone recovery/],
  ["promise", "flicker", 0, /promise broken/],
];

describe("a rule taken away", () => {
  it("what was final is lost where a finalize vote goes out without its durable notarize certificate", async () => {
    const whole = await runScenario("edge", { seed: 1, nodes: 5 });
    expect(whole.failures).toEqual([]);
    const { failures } = await runScenario("edge", { seed: 1, nodes: 5, withoutRules: ["durableNotarized"] });
    expect(failures.join("\n")).toMatch(/lost what was final/);
  });

  it.each(FAILING)("%s: %s is well with seed %i, and fails without it", async (rule, name, seed, failure) => {
    const whole = await runScenario(name, { seed, nodes: 4 });
    expect(whole.failures).toEqual([]);
    const { failures } = await runScenario(name, { seed, nodes: 4, withoutRules: [rule] });
    expect(failures.join("\n")).toMatch(failure);
  });
});
