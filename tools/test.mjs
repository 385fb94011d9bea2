/** `npm test`: every check there is. Its last line is `N passed, N failed`. */
import { mkdirSync, readFileSync, rmSync } from "node:fs";
import { join, relative } from "node:path";
import { performance } from "node:perf_hooks";
import { buildIfStale } from "./build.mjs";
import { findOrInstallChromium } from "./chromium.mjs";
import { gates, runGates } from "./gates.mjs";
import { CACHE, exitCode, installIfStale, requireNode, ROOT, scriptOf, start } from "./launch.mjs";

/** One part of the whole. `failures` names each test or program that failed. @typedef {{ passed: number, failures: readonly string[] }} Sum */

let running;
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) {
  process.on(signal, () => {
    stop(signal);
    process.exit(130);
  });
}

/** Ends a suite with all that it started: browsers, relays, workers. */
function stop(signal) {
  if (running?.pid === undefined || running.exitCode !== null) return;
  try {
    process.kill(process.platform === "win32" ? running.pid : -running.pid, signal);
  } catch {
    // It ended between the question and the answer.
  }
}

/** Runs a suite in a group of its own; one that hangs is ended, and counts as crashed. @returns {Promise<{ code: number, output: string }>} */
async function runSuite(parameters, { minutes, env = {} }) {
  running = start(process.execPath, parameters, { env, detached: process.platform !== "win32", stdio: ["ignore", "pipe", "inherit"] });
  const parts = [];
  running.stdout.on("data", (part) => {
    parts.push(part);
    process.stdout.write(part);
  });
  const timer = setTimeout(() => {
    console.error(`Still running after ${minutes} minutes: ended.`);
    stop("SIGKILL");
  }, minutes * 60_000);
  const code = await exitCode(running);
  clearTimeout(timer);
  return { code, output: Buffer.concat(parts).toString("utf8") };
}

/** The JSON of a runner; undefined when it broke off before it wrote any. */
function readResults(path) {
  try {
    return JSON.parse(readFileSync(path, "utf8"));
  } catch {
    return undefined;
  }
}

/** A suite that should have run and showed nothing, or that complained beyond its tests, has failed as such. @returns {Sum} */
function sum(name, { passed, failures, code }) {
  if (passed + failures.length === 0) return { passed: 0, failures: [`${name}: no test ran`] };
  if (code !== 0 && failures.length === 0) return { passed, failures: [`${name}: ended with exit code ${code} outside of any test`] };
  return { passed, failures };
}

async function staticGates() {
  const list = gates({ withRules: false });
  const failed = await runGates(list);
  return { passed: list.length - failed.length, failures: failed };
}

async function appBuild() {
  return (await buildIfStale()) === 0 ? { passed: 1, failures: [] } : { passed: 0, failures: ["the app does not build"] };
}

async function unitTests() {
  const file = join(CACHE, "vitest.json");
  rmSync(file, { force: true });
  const reporters = ["--reporter=default", "--reporter=json", `--outputFile.json=${file}`];
  const { code } = await runSuite([scriptOf("vitest"), "run", ...reporters], { minutes: 15 });
  const json = readResults(file);
  if (json === undefined) return { passed: 0, failures: ["unit tests: broke off"] };
  const failures = [];
  for (const { name: path, status, assertionResults } of json.testResults) {
    const name = relative(ROOT, path);
    const failed = assertionResults.filter((one) => one.status === "failed");
    for (const one of failed) failures.push(`${name}: ${one.fullName}`);
    if (status === "failed" && failed.length === 0) failures.push(`${name}: did not load`);
  }
  return sum("unit tests", { passed: json.numPassedTests, failures, code });
}

/** The same programs in each engine that is there, compared to the byte. It prints a line `pass …` or `FAIL …` per comparison. */
async function engineTests() {
  const { code, output } = await runSuite(["tools/run.mjs", "tools/engines/run.ts"], { minutes: 8 });
  const lines = output.split("\n");
  return sum("engines", {
    passed: lines.filter((line) => line.startsWith("pass ")).length,
    failures: lines.filter((line) => line.startsWith("FAIL ")).map((line) => line.slice(5).trim()),
    code,
  });
}

function specsOf(suite) {
  return [...(suite.specs ?? []), ...(suite.suites ?? []).flatMap(specsOf)];
}

/** Those of one project of playwright.config.ts. */
async function tabTests(chromium, project) {
  const name = `tests with real tabs (${project})`;
  if (chromium === undefined) return { passed: 0, failures: [`${name}: no Chromium, and none could be installed`] };
  const file = join(CACHE, `e2e-${project}.json`);
  rmSync(file, { force: true });
  const env = { CHROMIUM_PATH: chromium, PLAYWRIGHT_JSON_OUTPUT_FILE: file };
  const { code } = await runSuite([scriptOf("@playwright/test", "playwright"), "test", `--project=${project}`], { minutes: 25, env });
  const json = readResults(file);
  if (json === undefined) return { passed: 0, failures: [`${name}: broke off`] };
  const failures = json.suites
    .flatMap(specsOf)
    .filter(({ ok }) => !ok)
    .map(({ file: spec, title }) => `${spec}: ${title}`);
  for (const { message } of json.errors ?? []) failures.push(`${name}: ${String(message).split("\n")[0]}`);
  return sum(name, { passed: json.stats.expected, failures, code });
}

async function main() {
  requireNode();
  await installIfStale();
  mkdirSync(CACHE, { recursive: true });
  const chromium = await findOrInstallChromium();
  if (chromium !== undefined) process.env.CHROMIUM_PATH = chromium;
  const parts = {
    "static gates": staticGates,
    build: appBuild,
    "unit tests": unitTests,
    engines: engineTests,
    "real tabs": () => tabTests(chromium, "tabs"),
    "real tabs, timed": () => tabTests(chromium, "timed"),
  };
  const sums = [];
  for (const [name, part] of Object.entries(parts)) {
    console.log(`\n--- ${name}`);
    const began = performance.now();
    sums.push({ name, ...(await part()), seconds: Math.round((performance.now() - began) / 1000) });
  }
  const failures = sums.flatMap((one) => one.failures);
  console.log("");
  for (const failure of failures) console.log(`failed: ${failure}`);
  console.log(`${sums.reduce((total, { seconds }) => total + seconds, 0)} s together`);
  for (const { name, passed, failures: failed, seconds } of sums)
    console.log(`${name}: ${passed} passed, ${failed.length} failed (${seconds} s)`);
  console.log(`${sums.reduce((total, { passed }) => total + passed, 0)} passed, ${failures.length} failed`);
  return failures.length === 0 ? 0 : 1;
}

process.exitCode = await main();
