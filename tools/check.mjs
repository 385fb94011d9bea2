/** `npm run check`: the static gates, under 40 seconds. */
import { performance } from "node:perf_hooks";
import { gates, runGates } from "./gates.mjs";
import { installIfStale, requireNode } from "./launch.mjs";

requireNode();
await installIfStale();
const list = gates({ withRules: true });
const began = performance.now();
const failed = await runGates(list);
const seconds = Math.round((performance.now() - began) / 1000);
console.log(failed.length === 0 ? `All ${list.length} gates pass (${seconds} s).` : `Failed: ${failed.join("; ")}.`);
process.exit(failed.length === 0 ? 0 : 1);
