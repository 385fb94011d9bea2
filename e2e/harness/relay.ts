/** The real relay as a process of its own, which can be killed and started again under the same address and with the same data. */
import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Parameters } from "../../src/protocol/genesis.ts";

async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  server.close();
  await once(server, "close");
  if (typeof address !== "object" || address === null) throw new Error("no port");
  return address.port;
}

/** The build to test. */
export const APP = process.env["BOTHY_APP"] ?? "dist";
/** One bit of work for the grant: what it costs a phone is measured elsewhere. */
const PARAMETERS: Partial<Parameters> = { claimBits: 1 };

export class RelayProcess {
  readonly port: number;
  readonly url: string;
  readonly #parameters: Partial<Parameters>;
  readonly #app: string;
  readonly #data = mkdtempSync(join(tmpdir(), "bothy-relay-"));
  #process: ChildProcess | undefined;

  private constructor(port: number, parameters: Partial<Parameters>, app: string) {
    this.#app = app;
    this.port = port;
    this.url = `http://127.0.0.1:${port}/`;
    this.#parameters = { ...PARAMETERS, ...parameters };
  }

  /** A relay that runs, on which nobody has founded yet. `app` is the folder that it serves. */
  static async open(parameters: Partial<Parameters> = {}, app = APP): Promise<RelayProcess> {
    const relay = new RelayProcess(await freePort(), parameters, app);
    await relay.start();
    return relay;
  }

  async start(): Promise<void> {
    const parameters = Object.entries(this.#parameters).flatMap(([name, value]) => ["--parameter", `${name}=${value}`]);
    const options = ["--host", "127.0.0.1", "--port", String(this.port), "--app", this.#app, "--data", this.#data, ...parameters];
    const child = spawn(process.execPath, ["--import", "tsx", "relay/main.ts", ...options], { stdio: ["ignore", "pipe", "inherit"] });
    this.#process = child;
    let said = "";
    await new Promise<void>((resolve, reject) => {
      child.once("exit", (code) => reject(new Error(`the relay ended with ${code}: ${said}`)));
      child.stdout.on("data", (part) => {
        said += String(part);
        if (said.includes("Bothy is at")) resolve();
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
    rmSync(this.#data, { recursive: true, force: true });
  }
}
