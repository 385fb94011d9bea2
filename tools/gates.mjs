/** The static gates: what can be said of the text without running the product. Shared by `npm run check` and `npm test`. */
import { availableParallelism } from "node:os";
import { performance } from "node:perf_hooks";
import { capture, scriptOf } from "./launch.mjs";

const TEXT = ["**/*.{ts,tsx,mjs,css}", "!src/ui/vendor/**"];

/** Repository rules that are written as tests; `npm test` runs them with all others instead. */
const RULES = ["tools/layers.test.ts", "tools/tidy.test.ts", "tools/conformance.test.ts"];

/** @returns {readonly { name: string, command: readonly string[] }[]} longest first, so that two cores are busy to the end */
export function gates({ withRules }) {
  const all = [
    { name: "lint", command: [scriptOf("oxlint"), "--deny-warnings", "src", "relay", "sim", "bench", "tools", "e2e"] },
    { name: "types", command: [scriptOf("typescript", "tsc"), "-p", "tsconfig.json", "--pretty", "false"] },
    { name: "types of the pure rooms", command: [scriptOf("typescript", "tsc"), "-p", "tsconfig.pure.json", "--pretty", "false"] },
    { name: "unused files, exports and packages", command: [scriptOf("knip"), "--no-progress"] },
    { name: "format", command: [scriptOf("oxfmt"), "--check", ...TEXT] },
  ];
  if (withRules) all.unshift({ name: "layers, tidy, conformance", command: [scriptOf("vitest"), "run", "--reporter=dot", ...RULES] });
  return all;
}

/** Runs the gates, as many at a time as there are cores, and says how each ended. @returns {Promise<readonly string[]>} names of those that failed */
export async function runGates(list) {
  const waiting = [...list];
  const failed = [];
  const worker = async () => {
    for (let gate = waiting.shift(); gate !== undefined; gate = waiting.shift()) {
      const began = performance.now();
      const { code, output } = await capture(process.execPath, gate.command);
      const seconds = ((performance.now() - began) / 1000).toFixed(1);
      console.log(`${code === 0 ? "pass" : "FAIL"}  ${gate.name} (${seconds} s)`);
      if (code === 0) continue;
      failed.push(gate.name);
      console.log(output.trimEnd().replace(/^/gm, "      "));
    }
  };
  await Promise.all(Array.from({ length: Math.min(4, Math.max(2, availableParallelism())) }, worker));
  return failed;
}
