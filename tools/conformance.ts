/** `npm run conformance`: a row per identifier of ITU-T Y.4464 with the test or document that shows it, learnt from the tests that ran last. */
import { parseArgs } from "node:util";
import { spawnSync } from "node:child_process";
import { existsSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { conformanceFiles, documentExists } from "./conformance-files.ts";
import { conformanceReport, playwrightResults, titlesIn, vitestResults } from "./conformance-report.ts";
import { projectFiles } from "./project-files.ts";

const CACHE = join("node_modules", ".cache", "bothy");
const VITEST = join(CACHE, "vitest.json");
const PLAYWRIGHT = join(CACHE, "e2e.json");

const HELP = `npm run conformance [-- --run]

Prints a line for every row of ITU-T Y.4464: pass, fail or open, its clause, and the test or document that shows it, as the last
"npm test" left it. Without results it runs the unit tests first, some minutes; a row that only tests with real tabs show is then
open, and says so. --run runs the whole of "npm test" first, which takes up to 20 minutes.`;

const runNode = (...parameters: readonly string[]): void => {
  spawnSync(process.execPath, parameters, { stdio: ["ignore", "inherit", "inherit"] });
};

const readJson = (path: string): unknown => JSON.parse(readFileSync(path, "utf8"));

/** Tests with real tabs, by their sources: named where they have not run. */
function tabTests(): readonly { readonly title: string; readonly file: string }[] {
  const files = projectFiles().filter((path) => /^e2e\/.*\.spec\.ts$/.test(path));
  return files.flatMap((file) => titlesIn(file, readFileSync(file, "utf8")).map((title) => ({ title, file })));
}

function main(): number {
  const { values } = parseArgs({ options: { run: { type: "boolean" }, help: { type: "boolean" } } });
  if (values.help) {
    console.log(HELP);
    return 0;
  }
  if (values.run) runNode(join("tools", "test.mjs"));
  if (!existsSync(VITEST)) {
    console.log("No tests have run here yet: running the unit tests, some minutes …");
    const outcome = ["--reporter=dot", "--reporter=json", `--outputFile.json=${VITEST}`];
    runNode(join("node_modules", "vitest", "vitest.mjs"), "run", ...outcome);
  }
  if (!existsSync(VITEST)) {
    console.error("The unit tests broke off before they had results.");
    return 1;
  }
  const hasTabs = existsSync(PLAYWRIGHT);
  const results = [
    ...vitestResults(readJson(VITEST) as Parameters<typeof vitestResults>[0], process.cwd()),
    ...(hasTabs ? playwrightResults(readJson(PLAYWRIGHT) as Parameters<typeof playwrightResults>[0]) : []),
  ];
  const notRun = hasTabs ? [] : tabTests();
  const files = conformanceFiles();
  const { lines, errors } = conformanceReport({ ...files, results, notRun, documentExists });
  const width = Math.max(...lines.map(({ id }) => id.length));
  const clauseWidth = Math.max(...lines.map(({ clause }) => clause.length));
  for (const { id, state, clause, shownBy } of lines)
    console.log(`${id.padEnd(width)}  ${state}  ${clause.padEnd(clauseWidth)}  ${shownBy}`);
  const count = (state: string): number => lines.filter((line) => line.state === state).length;
  for (const error of errors) console.error(`error: ${error}`);
  const dateOf = (path: string): string => statSync(path).mtime.toISOString();
  const tabs = hasTabs ? `those with real tabs of ${dateOf(PLAYWRIGHT)}` : "those with real tabs have not run here (npm test runs all)";
  console.log(`From the unit tests of ${dateOf(VITEST)}; ${tabs}.`);
  console.log(`${count("pass")} pass, ${count("fail")} fail, ${count("open")} open, of ${files.rows.length} rows.`);
  return errors.length > 0 || count("fail") > 0 ? 1 : 0;
}

process.exitCode = main();
