/** The metered binary in Node, for tests, the simulator and benchmarks: built once into the cache, then read from there. */
import { createHash } from "node:crypto";
import { mkdir, readFile, rename, writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { METER_OPTIONS, METERED_DIGEST, QUICKJS_DIGEST } from "../../contracts/machine-version.ts";
import { meter } from "../../contracts/metering/meter.ts";
import { assert } from "../../kit/assert.ts";

/** `quickjs.wasm` as it was installed. */
const SOURCE_FILE = createRequire(import.meta.url).resolve("quickjs-wasi/quickjs.wasm");
export const METERED_FILE = join(dirname(SOURCE_FILE), "..", ".cache", "bothy", "quickjs-metered.wasm");

function digestOf(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex");
}

/** Rewrites the installed binary: half a second. @throws {AssertionError} if what went in or came out is not what is pinned. */
export async function buildMeteredWasm(): Promise<Uint8Array> {
  const source = new Uint8Array(await readFile(SOURCE_FILE));
  assert(digestOf(source) === QUICKJS_DIGEST, `quickjs.wasm is not the pinned one: ${digestOf(source)}`);
  const bytes = meter(source, METER_OPTIONS);
  assert(digestOf(bytes) === METERED_DIGEST, `the metering pass gave another binary than the pinned one: ${digestOf(bytes)}`);
  return bytes;
}

/** Reads the metered binary, building it first where it is missing or stale. */
export async function loadMeteredWasmNode(): Promise<Uint8Array> {
  try {
    const cached = new Uint8Array(await readFile(METERED_FILE));
    if (digestOf(cached) === METERED_DIGEST) return cached;
  } catch {
    // Not built yet.
  }
  const bytes = await buildMeteredWasm();
  await mkdir(dirname(METERED_FILE), { recursive: true });
  const temporary = `${METERED_FILE}.${process.pid}`;
  await writeFile(temporary, bytes);
  await rename(temporary, METERED_FILE); // several processes may build at once
  return bytes;
}
