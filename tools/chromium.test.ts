/** Which Chromium the tests with real tabs take, and how one is installed, with scripts in place of all programs. */
import { spawnSync } from "node:child_process";
import { chmodSync, cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";

let folder: string;
const write = (path: string, text: string): string => {
  const full = join(folder, path);
  mkdirSync(dirname(full), { recursive: true });
  writeFileSync(full, text);
  return full;
};

/** A program that writes down that it was called, does this, and ends so. */
function program(path: string, { does = "", code = 0 } = {}): string {
  const full = write(path, `#!/bin/sh\necho "${path.split("/").at(-1)} $*" >> "${folder}/called"\n${does}\nexit ${code}\n`);
  chmodSync(full, 0o755);
  return full;
}

/** A line of shell that makes a program which starts. */
const makes = (path: string): string => `printf '#!/bin/sh\\n' > "${folder}/${path}"; /bin/chmod 755 "${folder}/${path}"`;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "bothy-chromium-"));
  mkdirSync(join(folder, "tools"));
  for (const name of ["chromium", "launch"]) cpSync(`tools/${name}.mjs`, join(folder, "tools", `${name}.mjs`));
  for (const name of ["bin", "late", "own"]) mkdirSync(join(folder, name));
  write("node_modules/@playwright/test/package.json", '{ "main": "index.js", "bin": { "playwright": "cli.js" } }');
  write(
    "node_modules/@playwright/test/index.js",
    `exports.chromium = { executablePath: () => ${JSON.stringify(join(folder, "own/chrome"))} };`,
  );
  write(
    "node_modules/@playwright/test/cli.js",
    `process.exitCode = require("node:child_process").spawnSync(${JSON.stringify(join(folder, "playwright"))}, process.argv.slice(2)).status ?? 127;`,
  );
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

interface Found {
  /** Within the test's folder; undefined when there is none. */
  readonly path: string | undefined;
  /** Every program that was started, with its parameters, except the looks whether a Chromium starts. */
  readonly ordered: readonly string[];
  readonly said: string;
}

/** Looks for a Chromium with nothing but the test's two folders on the PATH. */
function find({ root = false, named = "" }: { readonly root?: boolean; readonly named?: string } = {}): Found {
  rmSync(join(folder, "called"), { force: true });
  const script = `process.getuid = () => ${root ? 0 : 1000};
const { findOrInstallChromium } = await import("./tools/chromium.mjs");
const path = await findOrInstallChromium();
(await import("node:fs")).writeFileSync("found", path ?? "none");`;
  const { status, stdout, stderr } = spawnSync(process.execPath, ["--input-type=module", "-e", script], {
    cwd: folder,
    encoding: "utf8",
    env: { PATH: [join(folder, "bin"), join(folder, "late")].join(":"), HOME: folder, CHROMIUM_PATH: named },
  });
  expect([status, stderr.includes("    at ")]).toEqual([0, false]);
  const found = readFileSync(join(folder, "found"), "utf8");
  const called = join(folder, "called");
  const lines = existsSync(called) ? readFileSync(called, "utf8").trimEnd().split("\n") : [];
  return {
    path: found === "none" ? undefined : found.slice(folder.length + 1),
    ordered: lines.filter((line) => !line.endsWith(" --version")),
    said: stdout + stderr,
  };
}

// On Windows a script is no program; and where macOS has its applications, one would be found before Playwright's own.
const hasOwn = ["Google Chrome", "Chromium"].some((name) => existsSync(`/Applications/${name}.app`));
describe.skipIf(process.platform === "win32")("a Chromium that is there", () => {
  it("is the one that CHROMIUM_PATH names, before any other", () => {
    program("bin/chromium");
    const named = program("elsewhere/browser");
    expect(find({ named })).toEqual({ path: "elsewhere/browser", ordered: [], said: "" });
  });

  it.each([
    ["ends badly", (): string => program("elsewhere/browser", { code: 1 })],
    ["is not there", (): string => join(folder, "elsewhere/gone")],
  ])("is refused when CHROMIUM_PATH names one that %s; no other is taken or installed", (_what, make) => {
    program("bin/chromium");
    program("bin/apt-get");
    program("playwright");
    const named = make();
    expect(find({ named, root: true })).toEqual({
      path: undefined,
      ordered: [],
      said: `CHROMIUM_PATH is ${named}, which does not run.\n`,
    });
  });

  it("is the first name of the PATH, wherever on it", () => {
    program("bin/google-chrome-stable");
    program("late/google-chrome");
    program("bin/chromium-browser");
    program("late/chromium");
    for (const name of ["late/chromium", "bin/chromium-browser", "late/google-chrome", "bin/google-chrome-stable"]) {
      expect(find()).toEqual({ path: name, ordered: [], said: "" });
      rmSync(join(folder, name));
    }
  });

  it.skipIf(hasOwn)("is Playwright's own when there is none on the PATH, or one that does not start", () => {
    program("own/chrome");
    expect(find()).toEqual({ path: "own/chrome", ordered: [], said: "" });
    program("bin/chromium", { code: 127 });
    expect(find()).toEqual({ path: "own/chrome", ordered: [], said: "" });
  });
});

describe.skipIf(process.platform === "win32" || hasOwn)("a Chromium that is not there", () => {
  const WORD = "No Chromium here: installing one …\n";
  const UPDATE = "apt-get update -qq";
  const INSTALL = "apt-get install -y -qq --no-install-recommends chromium";
  const OWN = "playwright install chromium";

  it("is installed by Playwright, for whoever is not root, though there is apt-get", () => {
    program("bin/apt-get", { does: makes("bin/chromium") });
    program("playwright", { does: makes("own/chrome") });
    expect(find()).toEqual({ path: "own/chrome", ordered: [OWN], said: WORD });
  });

  it("is installed by Playwright for root, where there is no apt-get", () => {
    program("playwright", { does: makes("own/chrome") });
    expect(find({ root: true })).toEqual({ path: "own/chrome", ordered: [OWN], said: WORD });
  });

  it("is installed by apt-get for root, without a question, and Playwright is left alone", () => {
    program("bin/apt-get", { does: `[ "$DEBIAN_FRONTEND" = noninteractive ] && [ "$1" = install ] && { ${makes("bin/chromium")}; }` });
    program("playwright", { does: makes("own/chrome") });
    expect(find({ root: true })).toEqual({ path: "bin/chromium", ordered: [UPDATE, INSTALL], said: WORD });
  });

  it.each([
    ["has no lists", { code: 100 }, [UPDATE, OWN]],
    ["has no such package", { does: '[ "$1" = update ] || exit 100' }, [UPDATE, INSTALL, OWN]],
  ])("is installed by Playwright after all where apt-get %s", (_what, behaviour, ordered) => {
    program("bin/apt-get", behaviour);
    program("playwright", { does: makes("own/chrome") });
    expect(find({ root: true })).toEqual({ path: "own/chrome", ordered, said: WORD });
  });

  it("is none when nothing can be installed", () => {
    program("playwright", { code: 1 });
    expect(find()).toEqual({ path: undefined, ordered: [OWN], said: WORD });
  });
});
