/** The real relay as a process of its own, which can be killed and started again under the same address and with the same data. */
import { spawn, type ChildProcess } from "node:child_process";
import { randomInt } from "node:crypto";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Parameters } from "../../src/protocol/genesis.ts";

/** Below those that the system gives to connections (Linux: from 32768), which would take a relay's port before it starts or while it is dead. */
const PORTS = { from: 11_000, until: 32_000 };

async function isFree(port: number): Promise<boolean> {
  const server = createServer().listen(port, "127.0.0.1");
  // It rejects when an error comes first.
  const free = await once(server, "listening").then(
    () => true,
    () => false,
  );
  if (!free) return false;
  server.close();
  await once(server, "close");
  return true;
}

/** A free port whose next one is free too: there the guide to the certificate is served. */
export async function freePort(): Promise<number> {
  for (;;) {
    const port = randomInt(PORTS.from, PORTS.until);
    if ((await isFree(port)) && (await isFree(port + 1))) return port;
  }
}

/** The build to test. */
export const APP = process.env["BOTHY_APP"] ?? "dist";
/** One bit of work for the grant: what it costs a phone is measured elsewhere. */
const PARAMETERS: Partial<Parameters> = { claimBits: 1 };
/** HTTPS as for phones in the room, with this machine as the room. */
const HTTPS = ["--https", "--lan", "127.0.0.1"];

export interface RelayProcessOptions {
  /** The folder that it serves. */
  readonly app?: string;
  /** Over HTTPS, under a certificate authority that it makes in its `data`. */
  readonly https?: boolean;
}

export class RelayProcess {
  readonly port: number;
  readonly url: string;
  readonly data = mkdtempSync(join(tmpdir(), "bothy-relay-"));
  readonly #parameters: Partial<Parameters>;
  readonly #options: RelayProcessOptions;
  #process: ChildProcess | undefined;
  /** What it has printed since its start. */
  said = "";

  private constructor(port: number, parameters: Partial<Parameters>, options: RelayProcessOptions) {
    this.port = port;
    this.url = `http${options.https ? "s" : ""}://127.0.0.1:${port}/`;
    this.#options = options;
    this.#parameters = { ...PARAMETERS, ...parameters };
  }

  /** A relay that runs, on which nobody has founded yet. */
  static async open(parameters: Partial<Parameters> = {}, options: RelayProcessOptions = {}): Promise<RelayProcess> {
    const relay = new RelayProcess(await freePort(), parameters, options);
    await relay.start();
    return relay;
  }

  /** `another` keeps another BoT under the same address. */
  async start(another = ""): Promise<void> {
    const parameters = Object.entries(this.#parameters).flatMap(([name, value]) => ["--parameter", `${name}=${value}`]);
    const { app = APP, https = false } = this.#options;
    const place = ["--host", "127.0.0.1", "--port", String(this.port), "--app", app, "--data", join(this.data, another)];
    const options = [...place, ...(https ? HTTPS : []), ...parameters];
    const child = spawn(process.execPath, ["dist-relay/main.js", ...options], { stdio: ["ignore", "pipe", "inherit"] });
    this.#process = child;
    this.said = "";
    // The guide is the last to start.
    const lastWords = https ? "2. Open the app" : "Bothy is at";
    await new Promise<void>((resolve, reject) => {
      child.once("exit", (code) => reject(new Error(`the relay ended with ${code}: ${this.said}`)));
      child.stdout.on("data", (part) => {
        this.said += String(part);
        if (this.said.includes(lastWords)) resolve();
      });
    });
  }

  /** As a crash would: nobody is told. */
  async kill(): Promise<void> {
    const child = this.#process;
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    child.kill("SIGKILL");
    await once(child, "exit");
  }

  async remove(): Promise<void> {
    await this.kill();
    rmSync(this.data, { recursive: true, force: true });
  }
}
