/** Runs one of the project's TypeScript programs in this very process: `node tools/run.mjs sim/cli.ts --seed 7`. */
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { buildIfStale } from "./build.mjs";
import { installIfStale, requireNode, ROOT } from "./launch.mjs";

/** Programs that open the built app in browsers. */
const OPENS_TABS = /^(bench|tools\/engines)\//;

/**
 * Loads a TypeScript program as if it had been started itself. No process stands between it and the terminal, so that its signals,
 * its exit code and its output are its own.
 */
async function runTypeScript(path, parameters) {
  const { register } = await import("tsx/esm/api");
  register();
  const full = join(ROOT, path);
  process.chdir(ROOT);
  process.argv = [process.execPath, full, ...parameters];
  await import(pathToFileURL(full).href);
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? "").href) {
  requireNode();
  const [path, ...parameters] = process.argv.slice(2);
  if (path === undefined) {
    console.error("Say which program: node tools/run.mjs PROGRAM.ts [options]");
    process.exit(2);
  }
  await installIfStale();
  if (OPENS_TABS.test(path) && (await buildIfStale()) !== 0) process.exit(1);
  await runTypeScript(path, parameters);
}
