import { execFile } from "node:child_process";
import { cp, mkdir, mkdtemp, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { breachesOf, EXCEPTIONS, importsOf, OUTSIDE, ROOMS } from "./layers.ts";
import { projectFiles } from "./project-files.ts";

const execute = promisify(execFile);
const CODE = /\.(ts|tsx)$/;

describe("first net: the imports", () => {
  it("every file keeps to the table", async () => {
    const folders = ["src", ...Object.keys(OUTSIDE)];
    const paths = projectFiles().filter((path) => CODE.test(path) && folders.includes(path.split("/")[0] ?? ""));
    expect(paths.length).toBeGreaterThan(10);
    const breaches = await Promise.all(paths.map(async (path) => breachesOf(path, await readFile(path, "utf8"))));
    expect(breaches.flat()).toEqual([]);
  });

  it("lists no exception that is no longer needed", async () => {
    for (const { path, target } of EXCEPTIONS) {
      const { imports } = importsOf(path, await readFile(path, "utf8"));
      expect(imports.map(({ specifier }) => join(dirname(path), specifier))).toContain(target);
    }
  });

  const breach: readonly (readonly [why: string, path: string, text: string])[] = [
    ["upwards", "src/protocol/a.ts", `import { x } from "../ledger/b.ts";`],
    ["sideways", "src/ledger/a.ts", `import { x } from "../consensus/b.ts";`],
    ["a type only", "src/kit/a.ts", `import type { X } from "../protocol/b.ts";`],
    ["a re-export", "src/kit/a.ts", `export * from "../protocol/b.ts";`],
    ["a dynamic import", "src/ui/shell/a.ts", `export const load = () => import("../../host/b.ts");`],
    ["a dynamic import that cannot be read", "src/ui/a.ts", `export const load = (name: string) => import(name);`],
    ["an import type", "src/ui/a.ts", `export type X = import("../peer/b.ts").X;`],
    ["a worker's address", "src/ui/a.ts", `export const worker = new Worker(new URL("../peer.worker.ts", import.meta.url));`],
    ["an unknown folder", "src/helpers/a.ts", ""],
    ["a file beside the doors", "src/extra.ts", ""],
    ["a package in a pure room", "src/consensus/a.ts", `import { useState } from "react";`],
    ["Node in a pure room", "src/ledger/a.ts", `import { readFileSync } from "node:fs";`],
    ["the relay and the ledger", "relay/a.ts", `import { x } from "../src/ledger/b.ts";`],
    ["the simulator and the screens", "sim/a.ts", `import { x } from "../src/ui/b.ts";`],
    ["a value of the product in e2e", "e2e/a.spec.ts", `import { x } from "../src/sdk/b.ts";`],
    ["the product and its tests' tools", "src/host/a.ts", `import { x } from "../../sim/b.ts";`],
    ["an example and more than the sdk", "examples/a.ts", `import { x } from "../src/protocol/b.ts";`],
  ];
  it.each(breach)("catches %s", (_why, path, text) => {
    expect(breachesOf(path, text)).toHaveLength(1);
  });

  const allowed: readonly (readonly [why: string, path: string, text: string])[] = [
    ["downwards", "src/peer/a.ts", `import { x } from "../ledger/modules/b.ts";\nimport { y } from "../kit/c.ts";`],
    ["a door and all rooms", "src/main.tsx", `import { x } from "./ui/a.tsx";\nimport { y } from "./host/b.ts";`],
    [
      "the host and a worker's door",
      "src/host/a.ts",
      `export const worker = new Worker(new URL("../peer.worker.ts", import.meta.url), { type: "module" });`,
    ],
    ["a type in e2e", "e2e/a.spec.ts", `import type { X } from "../src/sdk/b.ts";`],
    ["a page of the product's suite in e2e", "e2e/a.spec.ts", `const entry = new URL("../src/host/storage/b.ts", import.meta.url);`],
    ["the simulator and the brain", "sim/a.ts", `import { x } from "../src/peer/b.ts";`],
    [
      "vectors in a test of a pure room",
      "src/protocol/a.test.ts",
      `import vectors from "../../spec/vectors/a.json";\nimport { it } from "vitest";`,
    ],
  ];
  it.each(allowed)("allows %s", (_why, path, text) => {
    expect(breachesOf(path, text)).toEqual([]);
  });
});

/** A copy of the settings in a folder of its own, so that a breach can be written without touching the project. */
describe("second and third net: the compiler and the linter", () => {
  let folder = "";

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "bothy-nets-"));
    for (const name of [".oxlintrc.json", "tsconfig.base.json", "tsconfig.pure.json"]) await cp(name, join(folder, name));
    await symlink(join(process.cwd(), "node_modules"), join(folder, "node_modules"), "junction");
  });
  afterAll(() => rm(folder, { recursive: true, force: true }));

  async function write(path: string, text: string): Promise<void> {
    await mkdir(dirname(join(folder, path)), { recursive: true });
    await writeFile(join(folder, path), text);
  }

  /** What a program printed when it refused; the empty text when it found nothing. */
  async function complaint(script: string, parameters: readonly string[]): Promise<string> {
    try {
      await execute(process.execPath, [join(process.cwd(), "node_modules", script), ...parameters], { cwd: folder });
      return "";
    } catch (error) {
      const { stdout, stderr } = error as { stdout: string; stderr: string };
      return stdout + stderr;
    }
  }

  const compile = () =>
    complaint("typescript/bin/tsc", [
      "-p",
      "tsconfig.pure.json",
      "--tsBuildInfoFile",
      join(folder, "pure.tsbuildinfo"),
      "--pretty",
      "false",
    ]);
  it("the compiler knows no browser, no Node and no other room in a pure one", async () => {
    await write("src/kit/clean.ts", `export const one = 1;\n`);
    expect(await compile()).toBe("");
    await write("src/ui/title.ts", `export const title = "";\n`);
    await write(
      "src/kit/breach.ts",
      `import { title } from "../ui/title.ts";\nexport const all = [title, document, process, setTimeout];\n`,
    );
    const found = await compile();
    for (const word of ["ui/title.ts", "'document'", "'process'", "'setTimeout'"]) expect(found).toContain(word);
    await rm(join(folder, "src/kit/breach.ts"));
  });

  const bannedInPure = [
    "new Date()",
    "Math.random()",
    "globalThis.crypto",
    "crypto.subtle",
    "performance.now()",
    "WebAssembly.validate",
    "new TextEncoder()",
    "setTimeout(f, 1)",
    "console.log(1)",
    "window.name",
  ];
  const bannedInConsensus = ["JSON.stringify({})", `"a".normalize()`, `"a".toLowerCase()`, `"a".localeCompare("b")`];

  it("the linter refuses what would make peers differ, and leaves the host alone", async () => {
    const cases = [
      ...bannedInPure.map((expression) => ({ room: "peer", expression, refused: true })),
      ...[...bannedInPure, ...bannedInConsensus].map((expression) => ({ room: "ledger", expression, refused: true })),
      ...bannedInConsensus.map((expression) => ({ room: "peer", expression, refused: false })),
      ...[...bannedInPure, ...bannedInConsensus].map((expression) => ({ room: "host", expression, refused: false })),
    ].map((one, index) => ({ ...one, path: `src/${one.room}/case-${index}.ts` }));
    for (const { path, expression } of cases) await write(path, `export const f = (): unknown => ${expression};\n`);
    const found = await complaint("oxlint/bin/oxlint", ["--format", "unix", "src"]);
    const refused = cases.filter(({ path }) => found.includes(path));
    expect(refused).toEqual(cases.filter((one) => one.refused));
  });

  it("names every room of the compiler's list", async () => {
    const { include } = JSON.parse(await readFile("tsconfig.pure.json", "utf8")) as { include: string[] };
    expect(include.map((path) => path.replace("src/", ""))).toEqual(ROOMS.filter((room) => include.includes(`src/${room}`)));
    expect(include).toHaveLength(6);
  });
});
