/** Whole peers under faults: real ledgers, a disk that dies in the middle of a write, quick keys and real ones. */
import { describe, expect, it } from "vitest";
import { runScenario, type ScenarioName } from "./scenarios.ts";

/** With real peers a run takes a second or two. Odd seeds of `basic` have a seat that lies; every eighth seed has real keys. */
const PLAN: readonly (readonly [name: ScenarioName, nodes: number, from: number, to: number])[] = [
  ["basic", 4, 0, 2],
  ["basic", 4, 2, 4],
  ["basic", 4, 4, 6],
  ["basic", 2, 0, 3],
  ["basic", 1, 0, 2],
  ["twoOfFour", 4, 0, 2],
  ["twoOfFour", 4, 2, 4],
  ["allClose", 4, 0, 2],
  ["allClose", 4, 2, 5],
  ["onlyOne", 4, 0, 2],
  ["onlyOne", 4, 2, 4],
  ["split", 4, 0, 2],
  ["split", 4, 2, 4],
  ["restart", 4, 0, 3],
  ["restart", 4, 7, 8],
  ["edge", 4, 0, 3],
  ["lateCertificate", 4, 0, 2],
  ["sleepers", 4, 0, 1],
  ["restTake", 4, 2, 3],
  ["restTake", 7, 5, 6],
  ["liar", 4, 0, 1],
  ["fullDisk", 4, 0, 3],
  ["fullDisk", 4, 3, 6],
  ["newcomer", 4, 0, 1],
];

/** The same of a private BoT, where each link begins with a knock. */
const CLOSED: readonly (readonly [name: ScenarioName, nodes: number, from: number, to: number])[] = [
  ["basic", 4, 2, 4],
  ["split", 4, 0, 2],
  ["restart", 4, 0, 2],
  ["flicker", 4, 0, 1],
];

/** The newcomer's blocks take ten seconds of a free core. */
const RUN_MS_MAX = 180_000;

describe("[C1d] peers under faults of the network, of disks, and of seats that lie", () => {
  it.each(PLAN)(
    "%s with %i nodes, seeds %i to below %i",
    async (name, nodes, from, to) => {
      for (let seed = from; seed < to; seed++) {
        const { failures, cluster } = await runScenario(name, { seed, nodes, real: true });
        expect(failures, `npm run sim -- --scenario ${name} --nodes ${nodes} --seed ${seed}\n${cluster.describe()}`).toEqual([]);
      }
    },
    RUN_MS_MAX,
  );

  it.each(CLOSED)(
    "%s with %i nodes that let each other in, seeds %i to below %i",
    async (name, nodes, from, to) => {
      for (let seed = from; seed < to; seed++) {
        const { failures, cluster } = await runScenario(name, { seed, nodes, real: true, closed: true });
        expect(failures, `npm run sim -- --scenario ${name} --nodes ${nodes} --seed ${seed} --closed\n${cluster.describe()}`).toEqual([]);
      }
    },
    RUN_MS_MAX,
  );

  it("the same seed gives the same run", async () => {
    const runs = [0, 1].map(() => runScenario("restart", { seed: 1, nodes: 2, real: true }));
    const [first, second] = await Promise.all(runs);
    expect(first!.cluster.messages).toBe(second!.cluster.messages);
    expect(first!.times).toEqual(second!.times);
  });
});
