/** Finds a Chromium for the tests with real tabs, or installs one. */
import { existsSync } from "node:fs";
import { createRequire } from "node:module";
import { capture, findOnPath, run, scriptOf } from "./launch.mjs";

const NAMES = ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable"];
const APPLICATIONS = ["/Applications/Google Chrome.app/Contents/MacOS/Google Chrome", "/Applications/Chromium.app/Contents/MacOS/Chromium"];

async function works(path) {
  return existsSync(path) && (process.platform === "win32" || (await capture(path, ["--version"])).code === 0);
}

async function findChromium() {
  const named = process.env.CHROMIUM_PATH;
  if (named !== undefined && named !== "") {
    if (await works(named)) return named;
    console.error(`CHROMIUM_PATH is ${named}, which does not run.`);
    return undefined;
  }
  const candidates = [findOnPath(NAMES), ...APPLICATIONS, createRequire(import.meta.url)("@playwright/test").chromium.executablePath()];
  for (const path of candidates) if (path !== undefined && (await works(path))) return path;
  return undefined;
}

/** @returns {Promise<string | undefined>} the path of a Chromium that starts */
export async function findOrInstallChromium() {
  const found = await findChromium();
  if (found !== undefined || (process.env.CHROMIUM_PATH ?? "") !== "") return found;
  console.log("No Chromium here: installing one …");
  if (process.getuid?.() === 0 && findOnPath(["apt-get"]) !== undefined) {
    const quiet = { env: { DEBIAN_FRONTEND: "noninteractive" } };
    if ((await run("apt-get", ["update", "-qq"], quiet)) === 0)
      await run("apt-get", ["install", "-y", "-qq", "--no-install-recommends", "chromium"], quiet);
  }
  if ((await findChromium()) === undefined)
    await run(process.execPath, [scriptOf("@playwright/test", "playwright"), "install", "chromium"]);
  return findChromium();
}
