/** `npm run conformance`: a row per identifier of ITU-T Y.4464 with the test or document that shows it, learnt from the last `npm test`. */
import { parseArgs } from "node:util";
import { spawnSync } from "node:child_process";
import { existsSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { conformanceFiles, documentExists } from "./conformance-files.ts";
import { conformanceReport, playwrightResults, vitestResults } from "./conformance-report.ts";

const CACHE = join("node_modules", ".cache", "bothy");
const VITEST = join(CACHE, "vitest.json");
const PLAYWRIGHT = join(CACHE, "e2e.json");

const HELP = `npm run conformance [-- --run]

Prints a line for every row of ITU-T Y.4464: pass, fail or open, its clause, and the test or document that shows it, as the last
"npm test" left it. --run runs the whole of "npm test" first, which takes up to 20 minutes.`;

function main(): number {
  const { values } = parseArgs({ options: { run: { type: "boolean" }, help: { type: "boolean" } } });
  if (values.help) {
    console.log(HELP);
    return 0;
  }
  if (values.run) spawnSync(process.execPath, [join("tools", "test.mjs")], { stdio: ["ignore", "inherit", "inherit"] });
  if (!existsSync(VITEST) || !existsSync(PLAYWRIGHT)) {
    console.error("There are no results of a whole test run here. Run npm test, or npm run conformance -- --run.");
    return 1;
  }
  const read = (path: string): unknown => JSON.parse(readFileSync(path, "utf8"));
  const results = [
    ...vitestResults(read(VITEST) as Parameters<typeof vitestResults>[0], process.cwd()),
    ...playwrightResults(read(PLAYWRIGHT) as Parameters<typeof playwrightResults>[0]),
  ];
  const files = conformanceFiles();
  const { lines, errors } = conformanceReport({ ...files, results, documentExists });
  const width = Math.max(...lines.map(({ id }) => id.length));
  const clauseWidth = Math.max(...lines.map(({ clause }) => clause.length));
  for (const { id, state, clause, shownBy } of lines)
    console.log(`${id.padEnd(width)}  ${state}  ${clause.padEnd(clauseWidth)}  ${shownBy}`);
  const count = (state: string): number => lines.filter((line) => line.state === state).length;
  for (const error of errors) console.error(`error: ${error}`);
  console.log(`From the test run of ${statSync(VITEST).mtime.toISOString()}.`);
  console.log(`${count("pass")} pass, ${count("fail")} fail, ${count("open")} open, of ${files.rows.length} rows.`);
  return errors.length > 0 || count("fail") > 0 ? 1 : 0;
}

process.exitCode = main();
