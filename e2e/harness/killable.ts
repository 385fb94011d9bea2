/** A browser of our own with a profile that outlives it, to be killed as the machine would. */
import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { chromium, type Browser, type BrowserContext } from "@playwright/test";
import { CHROMIUM_ARGUMENTS } from "../../tools/chromium-arguments.ts";

export class KillableBrowser {
  readonly #profile: string;
  #running: ChildProcess | undefined;
  #connection: Browser | undefined;

  private constructor(profile: string) {
    this.#profile = profile;
  }

  static async create(): Promise<KillableBrowser> {
    return new KillableBrowser(await mkdtemp(join(tmpdir(), "bothy-profile-")));
  }

  /** Starts it, and gives the context of its profile. */
  async open(): Promise<BrowserContext> {
    const executable = process.env["CHROMIUM_PATH"] ?? chromium.executablePath();
    const places = [`--user-data-dir=${this.#profile}`, "--remote-debugging-port=0", "about:blank"];
    // A process group of its own is ours to kill.
    const running = spawn(executable, ["--headless=new", ...CHROMIUM_ARGUMENTS, ...places], {
      detached: true,
      stdio: ["ignore", "ignore", "pipe"],
    });
    this.#running = running;
    const endpoint = await new Promise<string>((resolve, reject) => {
      let said = "";
      running.on("exit", () => reject(new Error(`the browser ended: ${said}`)));
      running.stderr.on("data", (chunk: Buffer) => {
        said += chunk.toString();
        const found = /DevTools listening on (\S+)/.exec(said);
        if (found) resolve(found[1]!);
      });
    });
    this.#connection = await chromium.connectOverCDP(endpoint);
    return this.#connection.contexts()[0]!;
  }

  /**
   * Whether Chromium made the databases of this origin anew when it last opened them. After a kill in the middle of its own writing it now and then finds
   * them damaged and drops them all (docs/adr/0043-a-killed-browser-may-drop-all.md): what it says of it in their log tells this from a fault of ours.
   */
  async hasDropped(origin: string): Promise<boolean> {
    const { protocol, hostname, port } = new URL(origin);
    const folder = `${protocol.slice(0, -1)}_${hostname}_${port}.indexeddb.leveldb`;
    const log = await readFile(join(this.#profile, "Default", "IndexedDB", folder, "LOG"), "utf8");
    return log.includes("since it was missing");
  }

  async kill(): Promise<void> {
    const running = this.#running;
    if (running === undefined || running.exitCode !== null || running.signalCode !== null) return;
    const exited = once(running, "exit");
    process.kill(-running.pid!, "SIGKILL");
    await exited;
    // What still waits for an answer of it fails now, and not in the next test.
    const connection = this.#connection;
    if (connection?.isConnected()) await new Promise((resolve) => connection.once("disconnected", resolve));
  }

  async remove(): Promise<void> {
    await this.kill();
    // Only the first process of the group is waited for: another may hold a file for a moment.
    await rm(this.#profile, { recursive: true, maxRetries: 5 });
  }
}

/** Park and Miller's generator: the moments of the kills, the same in every run. */
export function* seededCounts(seed: number, countMax: number): Generator<number> {
  for (let state = seed; ;) {
    state = (state * 48271) % 2147483647;
    yield 1 + (state % countMax);
  }
}
