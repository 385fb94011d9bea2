/** When the entry scripts install: by what the lock file says, and never through a link. */
import { spawnSync } from "node:child_process";
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, utimesSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";

interface Packages {
  readonly [path: string]: { readonly version: string; readonly optional?: boolean };
}
const WANTED: Packages = {
  "": { version: "0.1.0" },
  "node_modules/one": { version: "1.0.0" },
  "node_modules/other-system": { version: "2.0.0", optional: true },
};
const THERE: Packages = { "node_modules/one": { version: "1.0.0" } };

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "bothy-launch-"));
  mkdirSync(join(folder, "tools"));
  cpSync("tools/launch.mjs", join(folder, "tools", "launch.mjs"));
  writeFileSync(join(folder, "npm.js"), 'require("node:fs").appendFileSync("called", process.argv[2] + "\\n");');
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const lock = (path: string, packages: Packages): void => writeFileSync(join(folder, path), JSON.stringify({ packages }));

/** Installs if that is due, with a program in npm's place; gives what was ordered of it, and the exit code. */
function install(): { ordered: string; status: number | null; said: string } {
  const { status, stderr } = spawnSync(
    process.execPath,
    ["--input-type=module", "-e", 'await (await import("./tools/launch.mjs")).installIfStale();'],
    {
      cwd: folder,
      env: { ...process.env, npm_execpath: join(folder, "npm.js") },
    },
  );
  const called = join(folder, "called");
  return { ordered: existsSync(called) ? readFileSync(called, "utf8") : "", status, said: String(stderr) };
}

it("installs what the lock file says and is not there, whatever the times of the files", () => {
  lock("package-lock.json", WANTED);
  expect(install()).toMatchObject({ ordered: "ci\n", status: 0 });
  mkdirSync(join(folder, "node_modules"));
  for (const there of [{}, { "node_modules/one": { version: "0.9.0" } }, { ...THERE, "node_modules/gone": { version: "1.0.0" } }]) {
    rmSync(join(folder, "called"));
    lock("node_modules/.package-lock.json", there);
    expect(install().ordered).toBe("ci\n");
  }
});

it("installs nothing when all is there, though the lock file is newer", () => {
  lock("package-lock.json", WANTED);
  mkdirSync(join(folder, "node_modules"));
  lock("node_modules/.package-lock.json", THERE);
  const later = new Date(Date.now() + 60_000);
  utimesSync(join(folder, "package-lock.json"), later, later);
  expect(install()).toMatchObject({ ordered: "", status: 0 });
});

it("touches no folder of packages that is a link", () => {
  lock("package-lock.json", WANTED);
  mkdirSync(join(folder, "elsewhere"));
  symlinkSync(join(folder, "elsewhere"), join(folder, "node_modules"));
  const { ordered, status, said } = install();
  expect([ordered, status]).toEqual(["", 1]);
  expect(said).toContain("node_modules is a link");
});
