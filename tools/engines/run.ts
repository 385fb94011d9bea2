/**
 * Runs the determinism suites in Node and in every engine that is here, and compares each row. Prints a line `pass …` or `FAIL …` per
 * engine and suite; ends with 1 if any differs. Then two engines make one mesh. `node tools/run.mjs tools/engines/run.ts
 * [chromium|firefox|webkit|mesh …]` runs some.
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import type { NodeRun } from "../../src/host/determinism/suites-node.ts";
import { runInNode, servePage } from "./build.ts";
import { type EngineDriver, engineDrivers } from "./drivers.ts";

/** Rows that differ are shown up to this many. */
const SHOWN_MAX = 5;

type Suite = NodeRun["suites"][number];
type PageResult = { readonly rows: readonly string[] } | { readonly error: string };

async function runSuite(driver: EngineDriver, url: string, { name, rows: ours }: Suite): Promise<boolean> {
  try {
    const result = JSON.parse(decodeURIComponent(await driver.run(`${url}#${name}`))) as PageResult;
    if ("error" in result) throw new Error(result.error);
    const theirs = result.rows;
    const different = ours.flatMap((row, index) =>
      theirs[index] === row ? [] : [`    node: ${row}\n    ${driver.name}: ${theirs[index]}`],
    );
    const same = different.length === 0 && theirs.length === ours.length;
    console.log(`${same ? "pass" : "FAIL"} ${driver.name} ${name}: ${ours.length - different.length} of ${ours.length} rows as in Node`);
    for (const one of different.slice(0, SHOWN_MAX)) console.log(one);
    return same;
  } catch (error) {
    console.log(`FAIL ${driver.name} ${name}: ${error instanceof Error ? error.message : String(error)}`);
    return false;
  }
}

async function compareEngines(isWanted: (name: string) => boolean): Promise<boolean> {
  const { suites, wasmFile } = await runInNode();
  for (const suite of suites) console.log(`pass node ${suite.name}: ${suite.rows.length} rows`);
  const { url, server } = await servePage(wasmFile);
  const compare = async (driver: EngineDriver): Promise<boolean> => {
    if (!driver.found) console.log(`${driver.name} is not installed: left out`);
    let same = true;
    for (const suite of driver.found ? suites : []) same = (await runSuite(driver, url, suite)) && same;
    return same;
  };
  // Side by side, since each keeps but one core busy.
  const compared = await Promise.all(
    engineDrivers()
      .filter(({ name }) => isWanted(name))
      .map(compare),
  );
  server.closeAllConnections();
  server.close();
  return compared.every((same) => same);
}

async function runMixedMesh(): Promise<boolean> {
  const program = spawn(process.execPath, ["--import", "tsx", "e2e/firefox/mixed-mesh.ts"], { stdio: "inherit" });
  const [code] = (await once(program, "exit")) as [number | null];
  return code === 0;
}

async function main(names: readonly string[]): Promise<void> {
  const isWanted = (name: string): boolean => names.length === 0 || names.includes(name);
  const same = engineDrivers().some(({ name }) => isWanted(name)) ? await compareEngines(isWanted) : true;
  const meshed = isWanted("mesh") ? await runMixedMesh() : true;
  process.exitCode = same && meshed ? 0 : 1;
}

await main(process.argv.slice(2));
