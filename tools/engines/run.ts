/**
 * Runs the determinism suites in Node and in every engine that is here, and compares each row. Prints a line `pass …` or `FAIL …` per
 * engine and suite; ends with 1 if any differs. `node tools/run.mjs tools/engines/run.ts [chromium|firefox|webkit …]` runs some.
 */
import type { DeterminismSuite } from "../../src/host/determinism/suites.ts";
import { runInNode, servePage } from "./build.ts";
import { type EngineDriver, engineDrivers } from "./drivers.ts";

/** Rows that differ are shown up to this many. */
const SHOWN_MAX = 5;

type PageResult = { readonly suites: readonly DeterminismSuite[] } | { readonly error: string };

function compare(engine: string, ours: DeterminismSuite, theirs: DeterminismSuite | undefined): boolean {
  const rows = theirs?.rows ?? [];
  const different = ours.rows.flatMap((row, index) => (rows[index] === row ? [] : [`    node: ${row}\n    ${engine}: ${rows[index]}`]));
  const same = different.length === 0 && rows.length === ours.rows.length;
  console.log(
    `${same ? "pass" : "FAIL"} ${engine} ${ours.name}: ${ours.rows.length - different.length} of ${ours.rows.length} rows as in Node`,
  );
  for (const one of different.slice(0, SHOWN_MAX)) console.log(one);
  return same;
}

async function runEngine(driver: EngineDriver, url: string, expected: readonly DeterminismSuite[]): Promise<boolean> {
  try {
    const result = JSON.parse(decodeURIComponent(await driver.run(url))) as PageResult;
    if ("error" in result) throw new Error(result.error);
    const verdicts = expected.map((ours) =>
      compare(
        driver.name,
        ours,
        result.suites.find((theirs) => theirs.name === ours.name),
      ),
    );
    return verdicts.every(Boolean);
  } catch (error) {
    console.log(`FAIL ${driver.name}: ${error instanceof Error ? error.message : String(error)}`);
    return false;
  }
}

async function main(names: readonly string[]): Promise<void> {
  const { suites, wasmFile } = await runInNode();
  for (const suite of suites) console.log(`pass node ${suite.name}: ${suite.rows.length} rows`);
  const { url, server } = await servePage(wasmFile);
  let same = true;
  for (const driver of engineDrivers()) {
    if (names.length > 0 && !names.includes(driver.name)) continue;
    if (!driver.found) console.log(`${driver.name} is not installed: left out`);
    else same = (await runEngine(driver, url, suites)) && same;
  }
  server.closeAllConnections();
  server.close();
  process.exitCode = same ? 0 : 1;
}

await main(process.argv.slice(2));
