/** `npm start [-- options of the relay]`: installs what is missing, builds what is stale, and becomes the relay. */
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { buildIfStale } from "./build.mjs";
import { installIfStale, requireNode, ROOT } from "./launch.mjs";

requireNode();
const parameters = process.argv.slice(2);
await installIfStale();
const code = await buildIfStale(parameters.includes("--help") ? ["relay"] : ["relay", "app"]);
if (code !== 0) {
  console.error("It could not be built; what went wrong is said above.");
  process.exit(code);
}
// In this very process: no other stands between the relay and the terminal's signals.
const relay = join(ROOT, "dist-relay", "main.js");
process.chdir(ROOT);
process.argv = [process.execPath, relay, ...parameters];
await import(pathToFileURL(relay).href);
