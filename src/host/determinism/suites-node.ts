/** The determinism suites in Node: what the other engines are compared with. */
import { loadMeteredWasmNode, METERED_FILE } from "../vm/load-wasm-node.ts";
import { type DeterminismSuite, runDeterminismSuites } from "./suites.ts";

export async function runInNode(): Promise<{ readonly suites: readonly DeterminismSuite[]; readonly wasmFile: string }> {
  return { suites: await runDeterminismSuites(await loadMeteredWasmNode()), wasmFile: METERED_FILE };
}
