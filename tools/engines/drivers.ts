/** How to open a page in each engine and read what its suites left there. An engine that is not installed is left out, not failed. */
import { type ChildProcess, spawn } from "node:child_process";
import { accessSync, constants } from "node:fs";
import { createServer } from "node:net";
import { delimiter, join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { chromium, type Browser } from "@playwright/test";
import { CHROMIUM_ARGUMENTS } from "../chromium-arguments.ts";
import { Firefox } from "./firefox.ts";

export interface EngineDriver {
  readonly name: string;
  /** Whether the programs it needs are here. */
  readonly found: boolean;
  /** Opens the page and waits for its result, percent-encoded. */
  run(url: string): Promise<string>;
}

/** Generous: the suites take half a minute where nothing else runs, and checks may share two cores. */
const RESULT_MS_MAX = 420_000;
const POLL_MS = 250;

/** In pieces: WebKit's driver cannot carry a long text at once. The page's text is ASCII. */
const READ_PIECE =
  "const text = document.documentElement.dataset.result; return text?.slice(arguments[0], arguments[0] + arguments[1]) ?? null";
const PIECE_UNITS = 20_000;

function programOf(...names: readonly string[]): string | undefined {
  for (const folder of (process.env["PATH"] ?? "").split(delimiter)) {
    for (const name of names) {
      const path = join(folder, name);
      try {
        accessSync(path, constants.X_OK);
        return path;
      } catch {
        // Not in this folder.
      }
    }
  }
  return undefined;
}

async function poll(read: () => Promise<string | null | undefined>): Promise<string> {
  const deadline = performance.now() + RESULT_MS_MAX;
  while (performance.now() < deadline) {
    const text = await read();
    if (typeof text === "string") return text;
    await pause(POLL_MS);
  }
  throw new Error(`no result within ${RESULT_MS_MAX / 1000} s`);
}

/** Reads a text piece by piece; `read` gives null while there is none, and an empty piece at its end. */
async function readInPieces(read: (start: number) => Promise<string | null>): Promise<string> {
  let piece = await poll(() => read(0));
  let text = "";
  while (piece !== "") {
    text += piece;
    piece = (await read(text.length)) ?? "";
  }
  return text;
}

export function findChromium(): string | undefined {
  return process.env["CHROMIUM_PATH"] ?? programOf("chromium", "google-chrome");
}

export function launchChromium(): Promise<Browser> {
  return chromium.launch({ executablePath: findChromium()!, args: CHROMIUM_ARGUMENTS });
}

export function findFirefox(): string | undefined {
  return programOf("firefox-esr", "firefox");
}

export function launchFirefox(): Promise<Firefox> {
  return Firefox.launch(findFirefox()!);
}

function chromiumDriver(): EngineDriver {
  return {
    name: "chromium",
    found: findChromium() !== undefined,
    async run(url) {
      const browser = await launchChromium();
      try {
        const page = await browser.newPage();
        await page.goto(url);
        return await poll(() => page.evaluate(() => document.documentElement.dataset["result"] ?? null));
      } finally {
        await browser.close();
      }
    },
  };
}

function firefoxDriver(): EngineDriver {
  return {
    name: "firefox",
    found: findFirefox() !== undefined,
    async run(url) {
      const firefox = await launchFirefox();
      try {
        const { evaluate } = await firefox.openWindow(url);
        return await poll(async () => (await evaluate('document.documentElement.dataset["result"] ?? null')) as string | null);
      } finally {
        await firefox.close();
      }
    },
  };
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  if (address === null || typeof address === "string") throw new Error("no free port");
  return address.port;
}

/** One W3C WebDriver command. */
async function command(base: string, method: string, path: string, body?: unknown): Promise<unknown> {
  const response = await fetch(`${base}${path}`, {
    method,
    ...(body === undefined ? {} : { body: JSON.stringify(body), headers: { "content-type": "application/json" } }),
  });
  const { value } = (await response.json()) as { value: unknown };
  if (!response.ok) throw new Error(`WebDriver ${path}: ${JSON.stringify(value)}`);
  return value;
}

async function untilReady(base: string): Promise<void> {
  const deadline = performance.now() + 30_000;
  while (performance.now() < deadline) {
    try {
      const status = (await command(base, "GET", "/status")) as { ready?: boolean };
      if (status.ready !== false) return;
    } catch {
      // Not listening yet.
    }
    await pause(POLL_MS);
  }
  throw new Error("WebKitWebDriver does not answer");
}

/** Starts an X server on a display of its own choice. */
async function startDisplay(program: string): Promise<{ readonly display: string; readonly child: ChildProcess }> {
  const child = spawn(program, ["-displayfd", "3", "-screen", "0", "1280x800x24", "-nolisten", "tcp"], {
    stdio: ["ignore", "ignore", "ignore", "pipe"],
  });
  const number = await new Promise<string>((resolve, reject) => {
    child.stdio[3]!.once("data", (data: Buffer) => resolve(data.toString("utf8").trim()));
    child.once("exit", () => reject(new Error("Xvfb ended")));
  });
  return { display: `:${number}`, child };
}

function webKitDriver(): EngineDriver {
  const driver = programOf("WebKitWebDriver");
  const xvfb = programOf("Xvfb");
  return {
    name: "webkit",
    found: driver !== undefined && xvfb !== undefined,
    async run(url) {
      const display = await startDisplay(xvfb!);
      const port = await freePort();
      const child = spawn(driver!, [`--port=${port}`, "--host=127.0.0.1"], {
        stdio: "ignore",
        env: { ...process.env, DISPLAY: display.display, WEBKIT_DISABLE_COMPOSITING_MODE: "1", LIBGL_ALWAYS_SOFTWARE: "1" },
      });
      const base = `http://127.0.0.1:${port}`;
      try {
        await untilReady(base);
        const session = (await command(base, "POST", "/session", { capabilities: {} })) as { sessionId: string };
        const path = `/session/${session.sessionId}`;
        try {
          await command(base, "POST", `${path}/url`, { url });
          const args = (start: number): object => ({ script: READ_PIECE, args: [start, PIECE_UNITS] });
          return await readInPieces(async (start) => (await command(base, "POST", `${path}/execute/sync`, args(start))) as string | null);
        } finally {
          await command(base, "DELETE", path);
        }
      } finally {
        child.kill();
        display.child.kill();
      }
    },
  };
}

export function engineDrivers(): readonly EngineDriver[] {
  return [chromiumDriver(), firefoxDriver(), webKitDriver()];
}
