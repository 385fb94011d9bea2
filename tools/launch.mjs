/** What the entry scripts share. Node built-ins only: these files run before the packages are installed. */
import { spawn } from "node:child_process";
import { existsSync, lstatSync, readFileSync } from "node:fs";
import { delimiter, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

export const ROOT = dirname(dirname(fileURLToPath(import.meta.url)));
/** Results of the last runs, for `npm run conformance` and for people. Ignored by git. */
export const CACHE = join(ROOT, "node_modules", ".cache", "bothy");
const NODE_MINIMUM = [20, 19];

/** Ends the process with one plain sentence when this Node is too old. */
export function requireNode() {
  const [major = 0, minor = 0] = process.versions.node.split(".").map(Number);
  if (major > NODE_MINIMUM[0] || (major === NODE_MINIMUM[0] && minor >= NODE_MINIMUM[1])) return;
  console.error(`Bothy needs Node ${NODE_MINIMUM.join(".")} or newer; this is Node ${process.versions.node}. nodejs.org has newer ones.`);
  process.exit(1);
}

/**
 * Starts a program in the project's folder, without a shell between a signal and it.
 * @param {string} command
 * @param {readonly string[]} parameters
 * @param {import("node:child_process").SpawnOptions} options
 */
export function start(command, parameters, options = {}) {
  return spawn(command, [...parameters], {
    cwd: ROOT,
    stdio: ["ignore", "inherit", "inherit"],
    ...options,
    // Logs are read in files too; and some programs take any FORCE_COLOR for a yes.
    env: { ...process.env, NO_COLOR: "1", FORCE_COLOR: undefined, ...options.env },
  });
}

/** Path of the script behind a package's program, to be run with this Node on every system alike. */
export function scriptOf(packageName, name = packageName) {
  const folder = join(ROOT, "node_modules", packageName);
  const { bin } = JSON.parse(readFileSync(join(folder, "package.json"), "utf8"));
  return join(folder, typeof bin === "string" ? bin : bin[name]);
}

/** @returns {Promise<number>} the exit code; 128 or more when a signal or a missing program ended it */
export function exitCode(child) {
  return new Promise((resolve) => {
    child.once("error", (error) => {
      console.error(error.message);
      resolve(127);
    });
    child.once("close", (code, signal) => resolve(code ?? (signal === "SIGINT" ? 130 : 143)));
  });
}

export function run(command, parameters, options) {
  return exitCode(start(command, parameters, options));
}

/** Runs quietly and keeps what was said, for things that speak only when they fail. */
export async function capture(command, parameters, options = {}) {
  const child = start(command, parameters, { ...options, stdio: ["ignore", "pipe", "pipe"] });
  const parts = [];
  child.stdout?.on("data", (part) => parts.push(part));
  child.stderr?.on("data", (part) => parts.push(part));
  const code = await exitCode(child);
  return { code, output: Buffer.concat(parts).toString("utf8") };
}

/** First program of these names on the PATH. */
export function findOnPath(names) {
  for (const name of names) {
    for (const folder of (process.env.PATH ?? "").split(delimiter)) {
      const path = join(folder, name);
      if (folder !== "" && existsSync(path)) return path;
    }
  }
  return undefined;
}

const PACKAGES = join(ROOT, "node_modules");

/** @returns {Record<string, { version?: string, optional?: boolean }> | undefined} packages of a lock file, by path */
function lockedPackages(path) {
  try {
    return JSON.parse(readFileSync(path, "utf8")).packages;
  } catch {
    return undefined;
  }
}

/** Whether the packages that are there are not those of the lock file. By contents: a checkout gives every file a new time. */
function installIsStale() {
  const wanted = lockedPackages(join(ROOT, "package-lock.json")) ?? {};
  const there = lockedPackages(join(PACKAGES, ".package-lock.json"));
  if (there === undefined) return true;
  // Optional ones may be for another system.
  const isThere = ([path, { version, optional }]) => path === "" || (there[path] ? there[path].version === version : optional === true);
  return !Object.entries(wanted).every(isThere) || Object.keys(there).some((path) => !(path in wanted));
}

/** An install would empty the folder that a link leads to, and that is another project's. */
function refuseLink() {
  if (!lstatSync(PACKAGES, { throwIfNoEntry: false })?.isSymbolicLink()) return;
  console.error("node_modules is a link to another folder, and its packages are not those of package-lock.json. Remove the link first.");
  process.exit(1);
}

function runNpm(parameters) {
  const path = process.env.npm_execpath;
  if (path?.endsWith(".js")) return run(process.execPath, [path, ...parameters]);
  return run(process.platform === "win32" ? "npm.cmd" : "npm", parameters, { shell: process.platform === "win32" });
}

/** Installs the packages when they are not those of the lock file. Ends the process when that fails. */
export async function installIfStale() {
  if (!installIsStale()) return;
  refuseLink();
  console.log("Installing packages (once, and after each change of package-lock.json) …");
  const quiet = ["--no-audit", "--no-fund", "--loglevel=error"];
  let code = await runNpm(["ci", ...quiet]);
  if (code !== 0) {
    console.log("The exact install failed; trying an ordinary one …");
    code = await runNpm(["install", ...quiet]);
  }
  if (code !== 0) {
    console.error("The packages could not be installed. Is there a network, and room on the disk?");
    process.exit(1);
  }
}

/** Passes what would stop this process on to its children, and lets them end in their own time. */
export function forwardSignals(children) {
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) {
    process.on(signal, () => {
      for (const child of children) if (child.exitCode === null) child.kill(signal);
    });
  }
}
