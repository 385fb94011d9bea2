/** Gives the app the address of the metered QuickJS as `virtual:metered-quickjs`; builds the binary first where it is missing. */
import type { Plugin } from "vite";
import { METERED_FILE, loadMeteredWasmNode } from "../src/host/vm/load-wasm-node.ts";

const NAME = "virtual:metered-quickjs";
const RESOLVED = `\0${NAME}`;

export function meteredWasm(): Plugin {
  return {
    name: "bothy-metered-wasm",
    async buildStart() {
      await loadMeteredWasmNode();
    },
    resolveId: (id) => (id === NAME ? RESOLVED : undefined),
    load: (id) => (id === RESOLVED ? `export { default } from ${JSON.stringify(`${METERED_FILE}?url`)};` : undefined),
  };
}
