/** Short seeds of every scenario. `npm run sim -- --seeds A..B` runs more of them. */
import { describe, expect, it } from "vitest";
import { runScenario, type ScenarioName } from "./scenarios.ts";

/** Seeds for each number of nodes, by how long a run takes. */
const PLAN: readonly (readonly [ScenarioName, number, number])[] = [
  ["basic", 1, 20],
  ["basic", 2, 20],
  ["basic", 3, 20],
  ["basic", 4, 30],
  ["basic", 7, 8],
  ["twoOfFour", 4, 20],
  ["oneOfTwo", 2, 20],
  ["allClose", 2, 10],
  ["allClose", 4, 15],
  ["onlyOne", 2, 10],
  ["onlyOne", 4, 3],
  ["split", 2, 10],
  ["split", 4, 3],
  ["restTake", 4, 2],
  ["aliveRest", 4, 10],
  ["restart", 2, 10],
  ["restart", 4, 10],
  ["edge", 2, 10],
  ["edge", 4, 10],
  ["oneGone", 4, 10],
  ["flicker", 2, 2],
  ["flicker", 4, 1],
];

describe("clusters under faults", () => {
  it.each(PLAN)("%s with %i nodes, %i seeds", async (name, nodes, seeds) => {
    for (let seed = 0; seed < seeds; seed++) {
      const { failures, cluster } = await runScenario(name, { seed, nodes });
      expect(failures, `npm run sim -- --scenario ${name} --nodes ${nodes} --seed ${seed}\n${cluster.describe()}`).toEqual([]);
    }
  });

  it("the same seed gives the same run", async () => {
    const runs = [await runScenario("twoOfFour", { seed: 3, nodes: 4 }), await runScenario("twoOfFour", { seed: 3, nodes: 4 })];
    expect(runs[0]!.cluster.messages).toBe(runs[1]!.cluster.messages);
    expect(runs[0]!.times).toEqual(runs[1]!.times);
  });
});
