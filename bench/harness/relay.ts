/** The real relay as a process of its own, serving the built app to the tabs of a benchmark. */
import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Parameters } from "../../src/protocol/genesis.ts";

export interface RunningRelay {
  readonly url: string;
  stop(): Promise<void>;
}

/** Starts a relay on a free port with a folder of its own; nobody has founded on it yet. */
export async function startRelay(parameters: Partial<Parameters>, app = process.env["BOTHY_APP"] ?? "dist"): Promise<RunningRelay> {
  const data = mkdtempSync(join(tmpdir(), "bothy-bench-"));
  const founding = Object.entries(parameters).flatMap(([name, value]) => ["--parameter", `${name}=${value}`]);
  const options = ["--port", "0", "--data", data, "--app", app, ...founding];
  const child = spawn(process.execPath, ["dist-relay/main.js", ...options], { stdio: ["ignore", "pipe", "inherit"] });
  const url = await addressOf(child);
  return {
    url,
    stop: async () => {
      child.kill("SIGTERM");
      if (child.exitCode === null && child.signalCode === null) await once(child, "exit");
      rmSync(data, { recursive: true, force: true });
    },
  };
}

function addressOf(child: ChildProcess): Promise<string> {
  return new Promise((resolve, reject) => {
    let said = "";
    child.once("exit", (code) => reject(new Error(`the relay ended with ${code}: ${said}`)));
    child.stdout!.on("data", (part) => {
      said += String(part);
      const address = /Bothy is at (\S+)/.exec(said)?.[1];
      if (address !== undefined) resolve(address);
    });
  });
}
