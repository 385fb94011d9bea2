/** The storage suite and crash traffic as a worker's script, for a page of a real browser. Bundled by e2e/storage.spec.ts. */
import type { StorageBatch } from "../../peer/ports.ts";
import { assert } from "../../kit/assert.ts";
import { openDexieStorage } from "./dexie-storage.ts";
import { STORAGE_CASES } from "./storage.suite.ts";

interface SuiteRequest {
  readonly command: "suite" | "traffic" | "check";
  readonly name: string;
}

/** Batches under way at once, so that a kill always hits some. */
const IN_FLIGHT = 4;
const STATE_BYTES = 64 * 1024;

const keyOf = (number: number): string => String(number).padStart(8, "0");
const bytesOf = (number: number, length: number): Uint8Array => new Uint8Array(length).fill(number & 255);

/** One batch of traffic: a block, its vote, the state after it, and the pool without what it took. */
function trafficBatch(number: number): StorageBatch {
  return {
    puts: [
      ["blocks", keyOf(number), bytesOf(number, 2000)],
      ["votes", keyOf(number), bytesOf(number, 200)],
      ["states", "latest", bytesOf(number, STATE_BYTES)],
      ["meta", "height", Uint8Array.of(number >>> 8, number & 255)],
      ["pool", keyOf(number), bytesOf(number, 300)],
    ],
    deletes: [["pool", keyOf(number - 1)]],
    strict: number % 2 === 0,
  };
}

/** Which batch the database is at. @throws {AssertionError} if any row is of another one. */
async function checkTraffic(name: string): Promise<number> {
  const storage = await openDexieStorage(name);
  const [high = 0, low = 0] = (await storage.read("meta", "height")) ?? [];
  const height = high * 256 + low;
  const keys = async (table: "blocks" | "votes" | "pool"): Promise<string[]> =>
    (await storage.range(table, { from: "", to: "~", limit: 1e6 })).map(([key]) => key);
  const expected = Array.from({ length: height }, (_, i) => keyOf(i + 1)).join(" ");
  assert((await keys("blocks")).join(" ") === expected, `blocks at ${height}`);
  assert((await keys("votes")).join(" ") === expected, `votes at ${height}`);
  assert((await keys("pool")).join(" ") === (height === 0 ? "" : keyOf(height)), `pool at ${height}`);
  const state = await storage.read("states", "latest");
  assert(height === 0 ? state === undefined : state!.length === STATE_BYTES && state![0] === (height & 255), `state at ${height}`);
  storage.close();
  return height;
}

/** Says at which batch it opens, then writes batch after batch until the browser is killed, and says the number of each that is kept. */
async function runTraffic(name: string, report: (told: { readonly opened: number } | { readonly height: number }) => void): Promise<void> {
  const opened = await checkTraffic(name);
  report({ opened });
  let next = opened + 1;
  const storage = await openDexieStorage(name);
  const lane = async (): Promise<never> => {
    for (;;) {
      const number = next++;
      await storage.write(trafficBatch(number));
      report({ height: number });
    }
  };
  await Promise.all(Array.from({ length: IN_FLIGHT }, lane));
}

async function runSuite(name: string): Promise<string[]> {
  const failures: string[] = [];
  for (const { name: caseName, run } of STORAGE_CASES) {
    await run(() => openDexieStorage(`${name} ${caseName}`)).catch((error: unknown) => failures.push(`${caseName}: ${String(error)}`));
  }
  return failures;
}

const scope = self as unknown as DedicatedWorkerGlobalScope;
scope.onmessage = ({ data: { command, name } }: MessageEvent<SuiteRequest>) => {
  const fail = (error: unknown): void => scope.postMessage({ failure: String(error) });
  if (command === "traffic") void runTraffic(name, (told) => scope.postMessage(told)).catch(fail);
  if (command === "check") void checkTraffic(name).then((height) => scope.postMessage({ height }), fail);
  if (command === "suite") void runSuite(name).then((failures) => scope.postMessage({ failures }), fail);
};
