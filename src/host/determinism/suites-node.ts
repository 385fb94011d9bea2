/** The determinism suites in Node: what the other engines are compared with. */
import { loadMeteredWasmNode, METERED_FILE } from "../vm/load-wasm-node.ts";
import { DETERMINISM_SUITES } from "./suites.ts";

export interface NodeRun {
  readonly suites: readonly { readonly name: string; readonly rows: readonly string[] }[];
  readonly wasmFile: string;
}

export async function runInNode(): Promise<NodeRun> {
  const wasm = await loadMeteredWasmNode();
  const suites: { name: string; rows: readonly string[] }[] = [];
  for (const [name, run] of Object.entries(DETERMINISM_SUITES)) suites.push({ name, rows: await run(wasm) });
  return { suites, wasmFile: METERED_FILE };
}
