/**
 * Firefox as it is installed, driven over Marionette (firefox-source-docs.mozilla.org, "Marionette", "Protocol"). A session of WebDriver BiDi listens
 * to the workers of every page, and under such a listener Firefox 153 now and then lets `new Worker` within a worker wait for ever: that thread and
 * the new worker's wait on one condition, of which only one of them is told.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { connect, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";

const START_MS_MAX = 60_000;
/** Of an expression, which may wait for a block. */
const SCRIPT_MS_MAX = 60_000;
const POLL_MS = 50;

/** A port of Firefox's own choice, and nothing that goes to the internet by itself; Marionette sets the rest. */
const PREFERENCES = {
  "marionette.port": 0,
  "app.update.disabledForTesting": true,
  "datareporting.policy.dataSubmissionEnabled": false,
  "toolkit.telemetry.server": "",
} as const;

interface Waiting {
  readonly resolve: (result: unknown) => void;
  readonly reject: (error: Error) => void;
}

/** Commands and answers as JSON, each behind its length in bytes and a colon. */
class Marionette {
  readonly #socket: Socket;
  readonly #waiting = new Map<number, Waiting>();
  #rest = Buffer.alloc(0);
  #lastId = 0;

  constructor(socket: Socket) {
    this.#socket = socket;
    socket.on("data", (part: Buffer) => this.#take(part));
    // Of a Firefox that was killed; "close" comes after it.
    socket.on("error", () => undefined);
    socket.on("close", () => {
      for (const { reject } of this.#waiting.values()) reject(new Error("Firefox has ended"));
    });
  }

  send(name: string, parameters: object = {}): Promise<unknown> {
    const id = ++this.#lastId;
    const text = JSON.stringify([0, id, name, parameters]);
    this.#socket.write(`${Buffer.byteLength(text)}:${text}`);
    return new Promise((resolve, reject) => this.#waiting.set(id, { resolve, reject }));
  }

  #take(part: Buffer): void {
    this.#rest = Buffer.concat([this.#rest, part]);
    for (;;) {
      const colon = this.#rest.indexOf(":");
      const end = colon + 1 + Number(this.#rest.subarray(0, colon));
      if (colon < 0 || this.#rest.length < end) return;
      const message: unknown = JSON.parse(this.#rest.subarray(colon + 1, end).toString("utf8"));
      this.#rest = this.#rest.subarray(end);
      // The first message only says which version this is.
      if (Array.isArray(message)) this.#answer(message as [number, number, { error: string; message: string } | null, unknown]);
    }
  }

  #answer([, id, error, result]: readonly [number, number, { error: string; message: string } | null, unknown]): void {
    const waiting = this.#waiting.get(id);
    this.#waiting.delete(id);
    if (error === null) waiting?.resolve(result);
    else waiting?.reject(new Error(`${error.error}: ${error.message}`));
  }
}

export interface FirefoxWindow {
  /** What an expression gives, or what it promises, as JSON carries it. */
  readonly evaluate: (expression: string) => Promise<unknown>;
}

export class Firefox {
  readonly #child: ChildProcess;
  readonly #profile: string;
  #marionette: Marionette | undefined;
  /** Every command is for the window that is chosen, so one goes after another. */
  #turn: Promise<unknown> = Promise.resolve();

  private constructor(program: string) {
    this.#profile = mkdtempSync(join(tmpdir(), "bothy-firefox-"));
    const lines = Object.entries(PREFERENCES).map(([name, value]) => `user_pref("${name}", ${JSON.stringify(value)});\n`);
    writeFileSync(join(this.#profile, "user.js"), lines.join(""));
    this.#child = spawn(program, ["--marionette", "--headless", "--no-remote", "--profile", this.#profile], { stdio: "ignore" });
  }

  /** @throws {Error} when it does not answer within a minute. */
  static async launch(program: string): Promise<Firefox> {
    const firefox = new Firefox(program);
    try {
      firefox.#marionette = new Marionette(await firefox.#connect());
      await firefox.#send("WebDriver:NewSession", {});
      await firefox.#send("WebDriver:SetTimeouts", { script: SCRIPT_MS_MAX });
    } catch (error) {
      await firefox.close();
      throw error;
    }
    return firefox;
  }

  async #connect(): Promise<Socket> {
    const file = join(this.#profile, "MarionetteActivePort");
    const deadline = performance.now() + START_MS_MAX;
    while (performance.now() < deadline) {
      const port = existsSync(file) ? Number(readFileSync(file, "utf8")) : 0;
      if (port > 0) {
        const socket = connect(port, "127.0.0.1");
        await once(socket, "connect");
        return socket;
      }
      await pause(POLL_MS);
    }
    throw new Error(`Firefox has not started within ${START_MS_MAX / 1000} s`);
  }

  #send(name: string, parameters: object): Promise<unknown> {
    return this.#marionette!.send(name, parameters);
  }

  #inTurn<Result>(work: () => Promise<Result>): Promise<Result> {
    const done = this.#turn.then(work);
    this.#turn = done.catch(() => undefined);
    return done;
  }

  /** A window of its own: a tab behind another is hidden, and its timers run once a second. */
  async openWindow(url: string): Promise<FirefoxWindow> {
    const handle = await this.#inTurn(async () => {
      const opened = (await this.#send("WebDriver:NewWindow", { type: "window" })) as { readonly handle: string };
      await this.#send("WebDriver:SwitchToWindow", { handle: opened.handle });
      await this.#send("WebDriver:Navigate", { url });
      return opened.handle;
    });
    return {
      evaluate: (expression) =>
        this.#inTurn(async () => {
          await this.#send("WebDriver:SwitchToWindow", { handle });
          const script = `return (async () => JSON.stringify(await (${expression})) ?? "null")()`;
          const { value } = (await this.#send("WebDriver:ExecuteScript", { script, args: [] })) as { readonly value: string };
          return JSON.parse(value) as unknown;
        }),
    };
  }

  async close(): Promise<void> {
    if (this.#child.exitCode === null && this.#child.signalCode === null) {
      this.#child.kill("SIGKILL");
      await once(this.#child, "exit");
    }
    // Its content processes notice a moment later, and may be writing yet.
    rmSync(this.#profile, { recursive: true, force: true, maxRetries: 10, retryDelay: 100 });
  }
}
