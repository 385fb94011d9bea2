/** `npm run check`: the static gates, under 40 seconds. */
import { gates, runGates } from "./gates.mjs";
import { installIfStale, requireNode } from "./launch.mjs";

requireNode();
await installIfStale();
const list = gates({ withRules: true });
const failed = await runGates(list);
console.log(failed.length === 0 ? `All ${list.length} gates pass.` : `Failed: ${failed.join("; ")}.`);
process.exit(failed.length === 0 ? 0 : 1);
