/** `npm start` and `npm run dev` as people run them; and what the first one builds, with programs in Vite's place. */
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { WebSocket } from "ws";

/** Building the app, should it be stale, takes most of a minute on two cores that have other work too. */
const BUILD_MS = 400_000;

let folder: string;
const children: ChildProcess[] = [];
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "bothy-start-"));
});
afterEach(async () => {
  for (const child of children.splice(0)) await end(child, "SIGKILL");
  rmSync(folder, { recursive: true, force: true });
});

interface Ended {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

/** Ends a process and, being the first of a group of its own, all that it started. */
async function end(child: ChildProcess, signal: NodeJS.Signals): Promise<Ended> {
  if (child.exitCode === null && child.signalCode === null) {
    process.kill(signal === "SIGKILL" ? -child.pid! : child.pid!, signal);
    await once(child, "exit");
  }
  return { code: child.exitCode, signal: child.signalCode };
}

interface Launched {
  readonly child: ChildProcess;
  readonly said: () => string;
  /** Waits for what it prints. @throws {Error} with all that it said when it ends before. */
  readonly words: (pattern: RegExp) => Promise<string>;
}

function launch(script: string, environment: Readonly<Record<string, string>>, ...args: readonly string[]): Launched {
  const child = spawn(process.execPath, [script, ...args], {
    stdio: ["ignore", "pipe", "pipe"],
    detached: true,
    env: { ...process.env, PORT: undefined, HOST: undefined, NO_COLOR: "1", ...environment },
  });
  children.push(child);
  let said = "";
  child.stdout.on("data", (part: Buffer) => (said += part.toString()));
  child.stderr.on("data", (part: Buffer) => (said += part.toString()));
  const words = async (pattern: RegExp): Promise<string> => {
    for (;;) {
      const [, found] = pattern.exec(said) ?? [];
      if (found !== undefined) return found;
      if (child.exitCode !== null) throw new Error(said);
      await Promise.race([once(child.stdout, "data"), once(child.stderr, "data"), once(child, "exit")]);
    }
  };
  return { child, said: () => said, words };
}

async function isFree(port: number): Promise<boolean> {
  const server = createServer().listen(port, "127.0.0.1");
  const free = await Promise.race([once(server, "listening").then(() => true), once(server, "error").then(() => false)]);
  if (free) {
    server.close();
    await once(server, "close");
  }
  return free;
}

/** A free port whose next one is free too, away from those that the system hands out to whoever asks for any. */
async function freePair(): Promise<number> {
  for (let port = 20_000 + (process.pid % 5000); ; port += 2) if ((await isFree(port)) && (await isFree(port + 1))) return port;
}

describe("npm start", () => {
  it(
    "prints its address, serves the built app and its health there, under HOST and PORT, and ends well by SIGINT",
    async () => {
      const { child, words } = launch("tools/start.mjs", { PORT: "0", HOST: "127.0.0.1" }, "--data", join(folder, "data"));
      const url = await words(/Bothy is at (\S+)/);
      expect(url).toMatch(/^http:\/\/127\.0\.0\.1:[1-9]\d*\/?$/);
      const page = await fetch(url);
      expect(page.status).toBe(200);
      const html = await page.text();
      expect(html).toContain("<title>Bothy</title>");
      const [, script = ""] = /<script [^>]*src="([^"]+)"/.exec(html) ?? [];
      const main = await fetch(new URL(script, `${url}/`));
      expect([main.status, main.headers.get("content-type")]).toEqual([200, expect.stringContaining("javascript")]);
      const health = await fetch(new URL("/healthz", url));
      expect([health.status, await health.json()]).toEqual([200, expect.objectContaining({ status: "ok" })]);
      expect(existsSync(join(folder, "data"))).toBe(true);
      expect(await end(child, "SIGINT")).toEqual({ code: 0, signal: null });
      await expect(fetch(url)).rejects.toThrow("fetch failed");
    },
    BUILD_MS,
  );

  it.each([
    ["a PORT that is no port", { PORT: "eighty" }, [], "--port is a number from 0 to 65535"],
    ["a PORT that is too high", { PORT: "65536" }, [], "--port is a number from 0 to 65535"],
    [
      "a HOST that this machine is not",
      { PORT: "0", HOST: "192.0.2.1" },
      [],
      "this machine has no such address; name another by --host or HOST",
    ],
    ["an option that it does not know", { PORT: "0" }, ["--prot", "1"], "--prot"],
  ] as const)(
    "refuses %s in one plain line",
    async (_what, environment, args, sentence) => {
      const { child, said } = launch("tools/start.mjs", environment, "--data", join(folder, "data"), ...args);
      await once(child, "close");
      expect(child.exitCode).toBe(1);
      const lines = said().trimEnd().split("\n");
      expect(lines.at(-1)).toMatch(/^bothy: /);
      expect(lines.at(-1)).toContain(sentence);
      expect(said()).not.toMatch(/^ +at /m);
    },
    BUILD_MS,
  );
});

interface HotMessage {
  readonly type: string;
}

/** What the development server needs of this project, with the same packages, and a cache of its own. */
function copyProject(root: string): void {
  const files = ["index.html", "package.json", "package-lock.json", "tsconfig.json", "tsconfig.base.json", "vite.config.ts"];
  for (const path of ["src", "relay", "tools", "public", "vendor", ...files]) cpSync(path, join(root, path), { recursive: true });
  mkdirSync(join(root, "node_modules"));
  const isCache = (name: string): boolean => /^\.(cache|vite)/.test(name);
  for (const name of readdirSync("node_modules").filter((one) => !isCache(one)))
    symlinkSync(resolve("node_modules", name), join(root, "node_modules", name));
}

describe("npm run dev", () => {
  it("serves the page and the sources as modules, with a relay behind it, and ends with it", async () => {
    const port = await freePair();
    const { child, words } = launch("tools/dev.mjs", { PORT: String(port) }, "--data", join(folder, "data"));
    const url = await words(/Local: +(http:\/\/localhost:\d+)\//);
    expect(url).toBe(`http://localhost:${port}`);
    expect(await words(/Bothy is at (\S+)/)).toContain(`localhost:${port + 1}`);
    const html = await (await fetch(url)).text();
    expect(html).toContain('src="./src/main.tsx"');
    expect(html).toContain('src="/@vite/client"');
    const main = await fetch(`${url}/src/main.tsx`);
    expect([main.status, main.headers.get("content-type")]).toEqual([200, expect.stringContaining("javascript")]);
    const script = await main.text();
    // Where Vite serves it, and not where the file names it.
    expect(script).toContain('"/src/things/gateway.ts"');
    expect(script).not.toContain("import type");
    const manifest = await fetch(`${url}/bothy/manifest`);
    expect([manifest.status, await manifest.json()]).toEqual([200, expect.objectContaining({ genesis: null })]);
    await end(child, "SIGINT");
    await vi.waitFor(async () => expect([await isFree(port), await isFree(port + 1)]).toEqual([true, true]), { timeout: 20_000 });
  });

  it("tells an open page which source changed: one that can be replaced by itself, or one for which it loads anew", async () => {
    const root = join(realpathSync(folder), "copy");
    copyProject(root);
    const port = await freePair();
    const { words } = launch(join(root, "tools/dev.mjs"), { PORT: String(port) }, "--data", join(folder, "data"));
    const url = await words(/Local: +(http:\/\/localhost:\d+)\//);
    const load = async (path: string): Promise<string> => (await fetch(`${url}${path}`)).text();
    const [, token = ""] = /wsToken = "([^"]+)"/.exec(await load("/@vite/client")) ?? [];
    const socket = new WebSocket(`${url.replace("http", "ws")}/?token=${token}`, "vite-hmr", { origin: url });
    const heard: HotMessage[] = [];
    socket.on("message", (data: Buffer) => heard.push(JSON.parse(data.toString()) as HotMessage));
    await vi.waitFor(() => expect(heard).toContainEqual({ type: "connected" }), { timeout: 20_000 });

    /**
     * Changes a source that the page has, until it hears what was expected: the watcher may still be on its way to the file, and while packages are bundled for
     * the first time the page is told to load all anew, which it does.
     */
    const change = async (path: string, message: object): Promise<void> => {
      const text = readFileSync(join(root, path), "utf8");
      let count = 0;
      const again = async (): Promise<void> => {
        await load(path);
        writeFileSync(join(root, path), `${text}\nconsole.log("changed ${++count}");\n`);
        await vi.waitFor(() => expect(heard).toContainEqual(expect.objectContaining(message)), { timeout: 2_000 });
      };
      await vi.waitFor(again, { timeout: 30_000 });
      expect(await load(path)).toContain(`changed ${count}`);
    };
    await load("/src/main.tsx");
    const component = "/src/ui/App.tsx";
    await change(component, { type: "update", updates: [expect.objectContaining({ type: "js-update", path: component })] });
    const plain = "/src/host/updates.ts";
    await change(plain, { type: "full-reload", triggeredBy: join(root, plain) });
    socket.terminate();
  });

  it.each(["eighty", "0", "65535"])("refuses PORT=%s in one plain line", async (PORT) => {
    const { child, said } = launch("tools/dev.mjs", { PORT });
    await once(child, "close");
    expect([child.exitCode, said()]).toEqual([1, "PORT is a number from 1 to 65534; the relay takes the one above it.\n"]);
  });
});

describe("what npm start builds", () => {
  const write = (path: string, text: string): void => {
    mkdirSync(dirname(join(folder, path)), { recursive: true });
    writeFileSync(join(folder, path), text);
  };
  const lock = JSON.stringify({ packages: { "node_modules/vite": { version: "1.0.0" } } });

  beforeEach(() => {
    mkdirSync(join(folder, "tools"));
    for (const name of ["start", "build", "launch", "bundle-size"]) cpSync(`tools/${name}.mjs`, join(folder, "tools", `${name}.mjs`));
    for (const path of ["package-lock.json", "node_modules/.package-lock.json"]) write(path, lock);
    write("package.json", '{ "type": "module" }');
    write("node_modules/vite/package.json", '{ "name": "vite", "type": "module", "bin": { "vite": "app.js" }, "exports": "./index.js" }');
    write(
      "node_modules/vite/app.js",
      `import { existsSync, mkdirSync, writeFileSync } from "node:fs";
if (existsSync("src/broken.ts")) process.exit(3);
console.log("app made in", process.env.NODE_ENV);
mkdirSync("dist/.vite", { recursive: true });
writeFileSync("dist/index.html", "");
writeFileSync("dist/.vite/manifest.json", "{}");`,
    );
    write(
      "node_modules/vite/index.js",
      `import { mkdirSync, writeFileSync } from "node:fs";
export async function build({ build: { outDir } }) {
  process.env.NODE_ENV = "production";
  mkdirSync(outDir, { recursive: true });
  writeFileSync(outDir + "/main.js", "console.log('relay', ...process.argv.slice(2))");
}`,
    );
    write("src/main.tsx", "1");
    write("src/main.test.ts", "1");
    write("src/protocol/codec.ts", "1");
    write("relay/main.ts", "1");
    write("relay/help.txt", "help");
  });

  /** Starts, with a relay in place that says what it is given and ends. */
  function start(...args: readonly string[]): { built: readonly string[]; said: string; code: number | null } {
    const { status, stdout, stderr } = spawnSync(process.execPath, [join("tools", "start.mjs"), ...args], {
      cwd: folder,
      encoding: "utf8",
    });
    const built = [...stdout.matchAll(/^Building the (\w+) /gm)].map(([, name = ""]) => name);
    return { built, said: stdout + stderr, code: status };
  }

  it("is all that is not there, once, whatever the times of the files", () => {
    const first = start("--port", "1");
    expect(first).toMatchObject({ built: ["relay", "app"], code: 0 });
    expect(first.said).toContain("relay --port 1\n");
    // What Vite sets for a build is not for what comes after it.
    expect(first.said).toContain(`app made in ${process.env["NODE_ENV"]}\n`);
    expect(existsSync(join(folder, "dist-relay", "help.txt"))).toBe(true);
    const later = new Date(Date.now() + 60_000);
    for (const path of ["src/main.tsx", "relay/main.ts", "package-lock.json"]) utimesSync(join(folder, path), later, later);
    expect(start()).toEqual({ built: [], said: "relay\n", code: 0 });
  });

  it.each([
    ["src/main.tsx", ["app"]],
    ["src/new.ts", ["app"]],
    ["relay/main.ts", ["relay"]],
    ["relay/help.txt", ["relay"]],
    ["src/protocol/codec.ts", ["relay", "app"]],
    ["package.json", ["relay", "app"]],
    ["src/main.test.ts", []],
    ["docs/deploy.md", []],
  ])("is what a change of %s makes stale: %j", (path, stale) => {
    start();
    write(path, path.endsWith(".json") ? '{ "type": "module", "version": "2" }' : "2");
    expect(start().built).toEqual(stale);
    expect(start().built).toEqual([]);
  });

  it("is only the relay for its help, and the app again after a build that failed, whose exit code is told", () => {
    expect(start("--help").built).toEqual(["relay"]);
    write("src/broken.ts", "1");
    for (let again = 0; again < 2; again++) {
      const failed = start();
      expect(failed).toMatchObject({ built: ["app"], code: 3 });
      expect(failed.said).toContain("It could not be built");
      expect(failed.said).not.toContain("\nrelay");
    }
    rmSync(join(folder, "src", "broken.ts"));
    expect(start()).toMatchObject({ built: ["app"], code: 0 });
  });
});
