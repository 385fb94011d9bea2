/** A browser of our own with a profile that outlives it, to be killed as the machine would. */
import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { chromium } from "@playwright/test";
import { CHROMIUM_ARGUMENTS } from "../../tools/chromium-arguments.ts";

/** Its process group is ours to kill. `endpoint` is where DevTools listen. */
export async function launchProfile(profile: string): Promise<{ browser: ChildProcess; endpoint: string }> {
  const executable = process.env["CHROMIUM_PATH"] ?? chromium.executablePath();
  const browser = spawn(
    executable,
    ["--headless=new", ...CHROMIUM_ARGUMENTS, `--user-data-dir=${profile}`, "--remote-debugging-port=0", "about:blank"],
    {
      detached: true,
      stdio: ["ignore", "ignore", "pipe"],
    },
  );
  const endpoint = await new Promise<string>((resolve, reject) => {
    let said = "";
    browser.on("exit", () => reject(new Error(`the browser ended: ${said}`)));
    browser.stderr!.on("data", (chunk: Buffer) => {
      said += chunk.toString();
      const found = /DevTools listening on (\S+)/.exec(said);
      if (found) resolve(found[1]!);
    });
  });
  return { browser, endpoint };
}

export async function killGroup(browser: ChildProcess): Promise<void> {
  if (browser.exitCode !== null || browser.signalCode !== null) return;
  const exited = once(browser, "exit");
  process.kill(-browser.pid!, "SIGKILL");
  await exited;
}

/** Park and Miller's generator: the moments of the kills, the same in every run. */
export function* seededCounts(seed: number, countMax: number): Generator<number> {
  for (let state = seed; ;) {
    state = (state * 48271) % 2147483647;
    yield 1 + (state % countMax);
  }
}
