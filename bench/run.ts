/** `npm run bench [-- CASE …]`: runs the cases, prints a table and keeps the medians in bench/results.json. */
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { cpus, loadavg, totalmem } from "node:os";
import { sha256 } from "@noble/hashes/sha2.js";
import type { BenchCase, Figure, Goal } from "./case.ts";
import { CASES } from "./cases.ts";
import { median } from "./harness/median.ts";

const RESULTS = "bench/results.json";
const HASHED_BYTES = 4 * 1024 * 1024;
const TOUCHED_BYTES = 64 * 1024 * 1024;
const PAGE_BYTES = 4096;
const REFERENCE_RUNS = 7;

/** How fast the machine itself was, in MB/s, before and after: on shared ones it changes twofold within minutes. */
interface Reference {
  /** SHA-256 in plain JavaScript on one core. */
  readonly hashed: number;
  /** Memory that is used for the first time. */
  readonly touched: number;
}

interface CaseResult {
  readonly what: string;
  readonly date: string;
  readonly machine: string;
  /** Average number of runnable programs in the last minute, as it was before and after: near 0 and the number of cores when nothing else runs. */
  readonly load: readonly [before: number, after: number];
  readonly reference: readonly [before: Reference, after: Reference];
  readonly figures: Readonly<Record<string, Figure & { readonly median: number; readonly values: readonly number[] }>>;
}

function machine(): string {
  const processors = cpus();
  const memoryGb = Math.round(totalmem() / 2 ** 30);
  return `${processors[0]?.model.trim() ?? "unknown processor"}, ${processors.length} cores, ${memoryGb} GB, Node ${process.versions.node}, ${process.platform}`;
}

/** MB/s. */
function speedOf(bytes: number, work: () => void): number {
  const speeds = Array.from({ length: REFERENCE_RUNS }, () => {
    const began = performance.now();
    work();
    return bytes / 1000 / (performance.now() - began);
  });
  return rounded(median(speeds));
}

function reference(): Reference {
  const bytes = new Uint8Array(HASHED_BYTES);
  return {
    hashed: speedOf(HASHED_BYTES, () => void sha256(bytes)),
    touched: speedOf(TOUCHED_BYTES, () => {
      const fresh = new Uint8Array(TOUCHED_BYTES);
      for (let offset = 0; offset < TOUCHED_BYTES; offset += PAGE_BYTES) fresh[offset] = 1;
    }),
  };
}

const rounded = (value: number): number => Number(value.toPrecision(4));

function verdict(value: number, goal: Goal | undefined): string {
  if (goal === undefined) return "";
  const reached = value >= (goal.atLeast ?? -Infinity) && value <= (goal.atMost ?? Infinity);
  const text = goal.atLeast === undefined ? `≤ ${goal.atMost ?? ""}` : `≥ ${goal.atLeast}`;
  return `${text}  ${reached ? "reached" : "missed"}`;
}

async function runCase({ name, what, runs, figures, run }: BenchCase): Promise<CaseResult> {
  const values: Record<string, number[]> = {};
  const loadBefore = rounded(loadavg()[0]!);
  const referenceBefore = reference();
  for (let count = 1; count <= runs; count++) {
    console.error(`${name}: run ${count} of ${runs} …`);
    const measured = await run();
    for (const figure of Object.keys(figures)) {
      const value = measured[figure];
      if (value === undefined || !Number.isFinite(value)) throw new Error(`${name} gave no value for ${figure}`);
      (values[figure] ??= []).push(rounded(value));
    }
  }
  const summary = Object.entries(figures).map(
    ([figure, unit]) => [figure, { ...unit, median: rounded(median(values[figure] ?? [])), values: values[figure] ?? [] }] as const,
  );
  return {
    what,
    date: new Date().toISOString().slice(0, 10),
    machine: machine(),
    load: [loadBefore, rounded(loadavg()[0]!)],
    reference: [referenceBefore, reference()],
    figures: Object.fromEntries(summary),
  };
}

function printRow(name: string, result: CaseResult): void {
  for (const [figure, { median: value, unit, goal }] of Object.entries(result.figures))
    console.log(`${name.padEnd(20)}  ${figure.padEnd(28)}  ${`${value} ${unit}`.padEnd(20)}  ${verdict(value, goal)}`);
}

async function main(names: readonly string[]): Promise<number> {
  const unknown = names.filter((name) => !CASES.some((one) => one.name === name));
  if (unknown.length > 0 || CASES.length === 0) {
    console.error(`No such case: ${unknown.join(", ")}. There are: ${CASES.map(({ name }) => name).join(", ")}.`);
    return 2;
  }
  const kept = existsSync(RESULTS) ? (JSON.parse(readFileSync(RESULTS, "utf8")) as Record<string, CaseResult>) : {};
  let broken = 0;
  for (const one of CASES.filter(({ name }) => names.length === 0 || names.includes(name))) {
    try {
      kept[one.name] = await runCase(one);
    } catch (error) {
      broken++;
      console.error(`${one.name} broke off: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`);
      continue;
    }
    printRow(one.name, kept[one.name] as CaseResult);
    writeFileSync(RESULTS, `${JSON.stringify(kept, undefined, 2)}\n`);
  }
  return broken === 0 ? 0 : 1;
}

process.exitCode = await main(process.argv.slice(2));
