/** `npm start [-- options of the relay]`: installs what is missing, builds what is stale, and becomes the relay. */
import { buildIfStale } from "./build.mjs";
import { installIfStale, requireNode } from "./launch.mjs";
import { runTypeScript } from "./run.mjs";

requireNode();
const parameters = process.argv.slice(2);
await installIfStale();
const code = parameters.includes("--help") ? 0 : await buildIfStale();
if (code !== 0) {
  console.error("The app could not be built; what went wrong is said above.");
  process.exit(code);
}
await runTypeScript("relay/main.ts", parameters);
