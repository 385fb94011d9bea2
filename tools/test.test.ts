/** What `npm test` says in its last line and by its exit code, with programs in place of its suites; and what the real ones write. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, realpathSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";

let folder: string;
const children: ChildProcess[] = [];

const write = (path: string, text: string): void => {
  mkdirSync(dirname(join(folder, path)), { recursive: true });
  writeFileSync(join(folder, path), text);
};

/** A package whose program does what is said here. */
function program(name: string, body: string, bin = name): void {
  write(`node_modules/${name}/package.json`, JSON.stringify({ name, type: "module", bin: { [bin]: "program.js" } }));
  write(`node_modules/${name}/program.js`, body);
}

interface File {
  readonly path?: string;
  readonly status: "passed" | "failed";
  readonly tests: readonly { readonly fullName: string; readonly status: "passed" | "failed" }[];
}
const ONE_PASSED: File = { status: "passed", tests: [{ fullName: "adds", status: "passed" }] };

/** Program in place of the unit tests that writes its results and ends so. */
function unitTests(files: readonly File[], code = 0): void {
  const results = {
    numPassedTests: files.flatMap(({ tests }) => tests).filter(({ status }) => status === "passed").length,
    testResults: files.map(({ path = "src/sum.test.ts", status, tests }) => ({
      name: join(folder, path),
      status,
      assertionResults: tests,
    })),
  };
  program(
    "vitest",
    `import { writeFileSync } from "node:fs";
const [, path] = process.argv.find((one) => one.startsWith("--outputFile.json=")).split("=");
writeFileSync(path, ${JSON.stringify(JSON.stringify(results))});
process.exitCode = ${code};`,
  );
}

interface Spec {
  readonly title: string;
  readonly ok: boolean;
}

interface TabSuite {
  readonly specs: readonly Spec[];
  readonly code?: number;
  readonly errors?: readonly { readonly message: string }[];
}
const TWO_MEET: TabSuite = { specs: [{ title: "two tabs meet", ok: true }] };
const ONE_IS_BACK: TabSuite = { specs: [{ title: "one tab is back in time", ok: true }] };

/** The same in place of both projects with real tabs, each test in a suite within a suite. */
function tabTests(tabs: TabSuite, timed = ONE_IS_BACK): void {
  const outcomes = Object.entries({ tabs, timed }).map(([project, { specs, code = 0, errors = [] }]) => {
    const inner = { title: "inner", specs: specs.map((spec) => ({ ...spec, file: `${project}.spec.ts` })) };
    const results = { suites: [{ specs: [], suites: [inner] }], errors, stats: { expected: specs.filter(({ ok }) => ok).length } };
    return [`--project=${project}`, { code, results: JSON.stringify(results) }];
  });
  program(
    "@playwright/test",
    `import { writeFileSync } from "node:fs";
if (process.env.CHROMIUM_PATH !== process.execPath) throw new Error("another Chromium");
const { code, results } = ${JSON.stringify(Object.fromEntries(outcomes))}[process.argv.at(-1)];
writeFileSync(process.env.PLAYWRIGHT_JSON_OUTPUT_FILE, results);
process.exitCode = code;`,
    "playwright",
  );
}

function engines(lines: readonly string[], code = 0): void {
  write("tools/run.mjs", `console.log(${JSON.stringify(lines.join("\n"))}); process.exitCode = ${code};`);
}

/** Five gates, a build, one unit test, two engines, one test with tabs and a timed one. */
const ALL = 5 + 1 + 1 + 2 + 1 + 1;
const TABS = ["tests with real tabs (tabs)", "tests with real tabs (timed)"] as const;

beforeEach(() => {
  folder = realpathSync(mkdtempSync(join(tmpdir(), "bothy-test-")));
  mkdirSync(join(folder, "tools"));
  for (const name of ["test", "gates", "launch", "chromium", "build", "bundle-size"])
    cpSync(`tools/${name}.mjs`, join(folder, "tools", `${name}.mjs`));
  write("package.json", '{ "type": "module" }');
  for (const path of ["package-lock.json", "node_modules/.package-lock.json"]) write(path, '{ "packages": {} }');
  for (const name of ["oxlint", "knip", "oxfmt"]) program(name, "");
  program("typescript", "", "tsc");
  write("node_modules/vite/package.json", '{ "name": "vite", "type": "module", "bin": { "vite": "app.js" }, "exports": "./index.js" }');
  write(
    "node_modules/vite/app.js",
    `import { mkdirSync, writeFileSync } from "node:fs";
mkdirSync("dist/.vite", { recursive: true });
writeFileSync("dist/index.html", "");
writeFileSync("dist/.vite/manifest.json", "{}");`,
  );
  write(
    "node_modules/vite/index.js",
    `import { mkdirSync } from "node:fs";
export const build = async ({ build: { outDir } }) => mkdirSync(outDir, { recursive: true });`,
  );
  mkdirSync(join(folder, "relay"));
  unitTests([ONE_PASSED]);
  engines(["pass node words: 3 rows", "firefox is not installed: left out", "pass chromium words: 3 of 3 rows as in Node"]);
  tabTests(TWO_MEET);
});
afterEach(async () => {
  for (const child of children.splice(0)) {
    if (child.exitCode !== null || child.signalCode !== null) continue;
    child.kill("SIGKILL");
    await once(child, "exit");
  }
  rmSync(folder, { recursive: true, force: true });
});

function launch({ environment = {}, flags = [] }: Options = {}): { child: ChildProcess; said: () => string } {
  const child = spawn(process.execPath, [...flags, "tools/test.mjs"], {
    cwd: folder,
    stdio: ["ignore", "pipe", "pipe"],
    // Any program that starts and knows --version is a Chromium here. What this run of Vitest tells its own workers is not for another.
    env: { PATH: process.env["PATH"], HOME: folder, CHROMIUM_PATH: process.execPath, ...environment },
  });
  children.push(child);
  let said = "";
  for (const stream of [child.stdout!, child.stderr!]) stream.on("data", (part: Buffer) => (said += part.toString()));
  return { child, said: () => said };
}

interface Options {
  readonly environment?: Readonly<Record<string, string>>;
  /** Of Node. */
  readonly flags?: readonly string[];
}

interface Verdict {
  readonly code: number | null;
  readonly last: string | undefined;
  /** What failed, by name. */
  readonly failures: readonly string[];
}

/** Runs all of it. */
async function test(options?: Options): Promise<Verdict> {
  const { child, said } = launch(options);
  await once(child, "close");
  const failures = [...said().matchAll(/^failed: (.*)$/gm)].map(([, name = ""]) => name);
  return { code: child.exitCode, last: said().trimEnd().split("\n").at(-1), failures };
}

const failed = (passed: number, ...failures: readonly string[]): Verdict => ({
  code: 1,
  last: `${passed} passed, ${failures.length} failed`,
  failures,
});

describe("the last line and the exit code of npm test", () => {
  it("are the sum of all that passed, and 0", async () => {
    expect(await test()).toEqual({ code: 0, last: `${ALL} passed, 0 failed`, failures: [] });
  });

  it("count each failed test by its name, and go on after it", async () => {
    unitTests([{ status: "failed", tests: [...ONE_PASSED.tests, { fullName: "sum > subtracts", status: "failed" }] }], 1);
    engines(["pass node words: 3 rows", "FAIL chromium words: 2 of 3 rows as in Node"], 1);
    tabTests(
      { specs: [...TWO_MEET.specs, { title: "two tabs part", ok: false }], code: 1 },
      { specs: [{ title: "one tab is back in time", ok: false }], code: 1 },
    );
    const names = ["src/sum.test.ts: sum > subtracts", "chromium words: 2 of 3 rows as in Node"];
    expect(await test()).toEqual(failed(ALL - 2, ...names, "tabs.spec.ts: two tabs part", "timed.spec.ts: one tab is back in time"));
  });

  it("count a gate that fails, and an app that does not build", async () => {
    program("oxfmt", "process.exitCode = 1;");
    write("node_modules/vite/app.js", "process.exitCode = 3;");
    expect(await test()).toEqual(failed(ALL - 2, "format", "the app does not build"));
  });

  it("count a file that did not load", async () => {
    unitTests([ONE_PASSED, { path: "src/gone.test.ts", status: "failed", tests: [] }], 1);
    expect(await test()).toEqual(failed(ALL, "src/gone.test.ts: did not load"));
  });

  it.each([["nothing"], ["half a file"]])("count suites that broke off and wrote %s, whatever lay there from before", async (what) => {
    expect((await test()).code).toBe(0);
    const body = (path: string): string =>
      `import { writeFileSync } from "node:fs"; ${what === "nothing" ? "" : `writeFileSync(${path}, '{ "suites": [');`} process.exitCode = 134;`;
    program("vitest", body('process.argv.find((one) => one.startsWith("--outputFile.json=")).split("=")[1]'));
    program("@playwright/test", body("process.env.PLAYWRIGHT_JSON_OUTPUT_FILE"), "playwright");
    expect(await test()).toEqual(failed(ALL - 3, ...["unit tests", ...TABS].map((name) => `${name}: broke off`)));
  });

  it("count suites in which no test ran, though they ended well", async () => {
    unitTests([]);
    engines(["firefox is not installed: left out"]);
    tabTests({ specs: [] }, { specs: [] });
    expect(await test()).toEqual(failed(ALL - 5, ...["unit tests", "engines", ...TABS].map((name) => `${name}: no test ran`)));
  });

  it("count suites that ended badly without a failed test", async () => {
    unitTests([ONE_PASSED], 1);
    engines(["pass node words: 3 rows", "pass chromium words: 3 of 3 rows as in Node"], 7);
    tabTests({ ...TWO_MEET, code: 2 });
    const of = (name: string, code: number): string => `${name}: ended with exit code ${code} outside of any test`;
    expect(await test()).toEqual(failed(ALL, of("unit tests", 1), of("engines", 7), of(TABS[0], 2)));
  });

  it("count what went wrong around the tests with tabs, by its first line", async () => {
    tabTests({ ...TWO_MEET, code: 1, errors: [{ message: "Error: no server\n    at somewhere" }] });
    expect(await test()).toEqual(failed(ALL, `${TABS[0]}: Error: no server`));
  });

  it("count a Chromium that is not there, and run all else", async () => {
    expect(await test({ environment: { CHROMIUM_PATH: join(folder, "gone") } })).toEqual(
      failed(ALL - 2, ...TABS.map((name) => `${name}: no Chromium, and none could be installed`)),
    );
  });

  it("are read from what Vitest and Playwright write", async () => {
    for (const name of ["vitest", "@playwright/test"]) {
      rmSync(join(folder, "node_modules", name), { recursive: true });
      symlinkSync(resolve("node_modules", name), join(folder, "node_modules", name));
    }
    const two = (name: string): string => `${name}("holds", () => {}); ${name}("breaks", () => expect(1).toBe(2));`;
    write("src/sum.test.ts", `import { describe, expect, it } from "vitest"; describe("sum", () => { ${two("it")} });`);
    write("src/gone.test.ts", 'import "./gone.ts";');
    write("e2e/two.spec.ts", `import { expect, test } from "@playwright/test"; test.describe("tabs", () => { ${two("test")} });`);
    write("vitest.config.ts", 'export default { test: { include: ["src/*.test.ts"] } };');
    write("e2e/timed.spec.ts", 'import { test } from "@playwright/test"; test("holds in time", () => {});');
    const projects = '[{ name: "tabs", testIgnore: "timed.spec.ts" }, { name: "timed", testMatch: "timed.spec.ts" }]';
    write("playwright.config.ts", `export default { testDir: "e2e", workers: 1, reporter: "json", projects: ${projects} };`);
    const { failures, ...verdict } = await test();
    expect(verdict).toEqual({ code: 1, last: `${ALL} passed, 3 failed` });
    expect([...failures].sort()).toEqual(["src/gone.test.ts: did not load", "src/sum.test.ts: sum breaks", "two.spec.ts: breaks"]);
  });
});

describe.skipIf(process.platform === "win32")("a suite that npm test ends", () => {
  const isAlive = (pid: number): boolean => {
    try {
      process.kill(pid, 0);
      // One that nobody waited for yet still has its number on Linux.
      return !existsSync(`/proc/${pid}/stat`) || !/\) Z /.test(readFileSync(`/proc/${pid}/stat`, "utf8"));
    } catch {
      return false;
    }
  };
  /** A suite that starts another process, writes the numbers of both, and never ends. */
  const HANGS = `import { spawn } from "node:child_process";
import { renameSync, writeFileSync } from "node:fs";
const { pid } = spawn(process.execPath, ["-e", "setInterval(() => {}, 1e6)"]);
writeFileSync("started.new", JSON.stringify([process.pid, pid]));
renameSync("started.new", "started");
setInterval(() => {}, 1e6);`;
  const started = (): readonly number[] =>
    existsSync(join(folder, "started")) ? (JSON.parse(readFileSync(join(folder, "started"), "utf8")) as number[]) : [];
  const alive = (): readonly boolean[] => started().map(isAlive);
  beforeEach(() => program("vitest", HANGS));
  afterEach(() => {
    for (const pid of started()) if (isAlive(pid)) process.kill(pid, "SIGKILL");
  });

  it("on SIGINT ends with all that it started", async () => {
    const { child } = launch();
    await vi.waitFor(() => expect(alive()).toEqual([true, true]), { timeout: 30_000 });
    child.kill("SIGINT");
    await once(child, "exit");
    expect(child.exitCode).toBe(130);
    await vi.waitFor(() => expect(alive()).toEqual([false, false]), { timeout: 10_000 });
  });

  it("for its length has failed, and ends with all that it started", async () => {
    // Its time is up as soon as it hangs.
    write(
      "clock.mjs",
      `import { existsSync } from "node:fs";
const ordinary = globalThis.setTimeout;
globalThis.setTimeout = (call, ms, ...rest) => {
  if (ms < 60_000 || existsSync("started")) return ordinary(call, ms, ...rest);
  const look = setInterval(() => {
    if (!existsSync("started")) return;
    clearInterval(look);
    call();
  }, 20);
  return look;
};`,
    );
    // The programs after it are not held up by what the first one left.
    expect(await test({ flags: ["--import", "./clock.mjs"] })).toEqual(failed(ALL - 1, "unit tests: broke off"));
    await vi.waitFor(() => expect(alive()).toEqual([false, false]), { timeout: 10_000 });
  });
});
