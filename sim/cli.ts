/**
 * `npm run sim -- --seed N | --seeds A..B [--scenario NAME] [--nodes N] [--model | --closed]`: replays seeds of real peer machines, both ends of a range with it,
 * and says which fail. With `--model` consensus runs over a ledger that is only its blocks, and can be lied about: many more seeds in the same time. With `--closed` the BoT is a private one of all peers.
 */
import { nodesOf, runScenario, SCENARIOS, type ScenarioName } from "./scenarios.ts";

function option(name: string): string | undefined {
  const index = process.argv.indexOf(`--${name}`);
  return index < 0 ? undefined : process.argv[index + 1];
}

function fail(sentence: string): never {
  console.error(
    `${sentence}\nUsage: npm run sim -- --seed N | --seeds A..B [--scenario ${SCENARIOS.join("|")}] [--nodes N] [--model | --closed]`,
  );
  process.exit(2);
}

function seedsWanted(): readonly number[] {
  const one = option("seed");
  const range = /^(\d+)\.\.(\d+)$/.exec(one === undefined ? (option("seeds") ?? "0..9") : `${one}..${one}`);
  if (range === null || Number(range[2]) < Number(range[1])) fail("Seeds are numbers: --seed N, or --seeds A..B with A not above B.");
  const from = Number(range[1]);
  return Array.from({ length: Number(range[2]) - from + 1 }, (_, index) => from + index);
}

function scenariosWanted(): readonly ScenarioName[] {
  const name = option("scenario");
  if (name === undefined) return SCENARIOS;
  return [SCENARIOS.find((scenario) => scenario === name) ?? fail(`There is no scenario ${name}.`)];
}

let failed = 0;
const real = !process.argv.includes("--model");
const closed = process.argv.includes("--closed");
const seeds = seedsWanted();
for (const name of scenariosWanted()) {
  const nodes = option("nodes");
  for (const n of nodes === undefined ? nodesOf(name) : [Number(nodes)]) {
    const startedMs = performance.now();
    let failures = 0;
    const times = new Map<string, number[]>();
    for (const seed of seeds) {
      const result = await runScenario(name, { seed, nodes: n, real, closed });
      for (const [what, ms] of Object.entries(result.times)) times.set(what, [...(times.get(what) ?? []), ms]);
      if (result.failures.length === 0) continue;
      failures++;
      if (failures <= 3)
        console.log(
          `FAIL ${name} --nodes ${n} --seed ${seed}${real ? (closed ? " --closed" : "") : " --model"}\n${result.failures.join("\n")}\n${result.cluster.describe()}`,
        );
    }
    failed += failures;
    const summary = [...times].map(([what, list]) => `${what} ${Math.max(...list) / 1000} s at most`).join(", ");
    const took = Math.round(performance.now() - startedMs);
    console.log(`${name} n=${n}: ${seeds.length} seeds, ${failures} failed, ${took} ms. ${summary}`);
  }
}
process.exit(failed === 0 ? 0 : 1);
