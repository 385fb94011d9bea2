import { existsSync, readFileSync, statSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { projectFiles } from "./project-files.ts";
import {
  anchorsOf,
  codesIn,
  criticalRegexps,
  deadLinks,
  EXCEPTIONS,
  fileLength,
  type Finding,
  functionLength,
  LENGTHS,
  machinePaths,
  markers,
  names,
  refusedWith,
  sleeps,
  unusedLimits,
  words,
} from "./tidy.ts";

const TEXT = /\.(ts|tsx|mjs|css|html|md|json|yml|yaml|svg|txt)$/;
/** Not written by us: the lock file, the standard's table, what others sell us. */
const FOREIGN = /^(package-lock\.json|vendor\/|conformance\/y4464\.json)/;
/** This rule book and its test name what they refuse. */
const RULE_BOOK = /^tools\/tidy\./;

const read = (path: string): string | undefined => {
  if (!existsSync(path)) return undefined;
  return statSync(path).isFile() && TEXT.test(path) ? readFileSync(path, "utf8") : "";
};

describe("the repository is tidy", () => {
  const paths = projectFiles().filter((path) => TEXT.test(path) && !FOREIGN.test(path));
  const texts = new Map(paths.map((path) => [path, readFileSync(path, "utf8")]));
  const findings = [...texts].flatMap(([path, text]): Finding[] => [
    ...fileLength(path, text),
    ...functionLength(path, text),
    ...(RULE_BOOK.test(path) ? [] : [...markers(path, text), ...machinePaths(path, text), ...sleeps(path, text)]),
    ...names(path),
    ...criticalRegexps(path, text),
    ...words(path, text),
    ...deadLinks(path, text, read),
  ]);
  const excepted = (one: Finding) => EXCEPTIONS.some(({ rule, path }) => rule === one.rule && path === one.path);

  it("keeps every rule, but for the listed exceptions", () => {
    expect(paths.length).toBeGreaterThan(20);
    expect(findings.filter((one) => !excepted(one)).map(({ rule, path, what }) => `${rule}: ${path}: ${what}`)).toEqual([]);
  });

  it("lists no exception that is no longer needed, and none without a reason", () => {
    const idle = EXCEPTIONS.filter(({ rule, path }) => !findings.some((one) => one.rule === rule && one.path === path));
    expect(idle).toEqual([]);
    expect(EXCEPTIONS.filter(({ reason }) => reason.length < 20)).toEqual([]);
  });

  it("keeps the relay small: it hands out the app and introduces peers, and nothing else", () => {
    const relay = [...texts].filter(([path]) => /^relay\/(?!.*\.test\.)[^/]*\.ts$/.test(path));
    expect(relay.length).toBeGreaterThan(3);
    expect(relay.reduce((sum, [, text]) => sum + text.trimEnd().split("\n").length, 0)).toBeLessThan(LENGTHS.relay);
  });

  it("holds every limit somewhere", () => {
    const limits = "src/protocol/limits.ts";
    const sources = [...texts].filter(([path]) => path.startsWith("src/") && path !== limits && !/\.(test|suite)\./.test(path));
    expect(
      unusedLimits(
        texts.get(limits) ?? "",
        sources.map(([, text]) => text),
      ),
    ).toEqual([]);
  });
});

describe("a code of a refusal", () => {
  const LIST = "src/protocol/codes.ts";
  const codes = codesIn(readFileSync(LIST, "utf8"));
  const texts = projectFiles()
    .filter((path) => /^(src|relay|sim|e2e)\/.*\.tsx?$/.test(path) && path !== LIST && !path.startsWith("src/ui/text/"))
    .map((path) => [path, readFileSync(path, "utf8")] as const);
  const isTest = (path: string): boolean => /\.(test|suite|spec)\.|^e2e\//.test(path);

  it("is what something is refused with: nobody has to mind a code that never comes", () => {
    const sources = texts.filter(([path]) => /^(src|relay)\//.test(path) && !isTest(path));
    const used = new Set(sources.flatMap(([path, text]) => [...refusedWith(path, text)]));
    expect(codes.length).toBeGreaterThan(50);
    expect(codes.filter((code) => !used.has(code))).toEqual([]);
  });

  it("is named by a test", () => {
    const tests = texts.filter(([path]) => isTest(path)).map(([, text]) => text);
    expect(codes.filter((code) => !tests.some((text) => text.includes(`"${code}"`)))).toEqual([]);
  });
});

describe("each rule catches a breach", () => {
  const lines = (count: number) => "const a = 1;\n".repeat(count);
  const body = (count: number) => `{\n${"  f();\n".repeat(count - 2)}}`;

  it("file-length", () => {
    expect(fileLength("src/kit/a.ts", lines(LENGTHS.file))).toEqual([]);
    expect(fileLength("src/kit/a.ts", lines(LENGTHS.file + 1))).toHaveLength(1);
    expect(fileLength("src/kit/a.test.ts", lines(LENGTHS.file + 1))).toEqual([]);
    expect(fileLength("src/kit/a.test.ts", lines(LENGTHS.testFile + 1))).toHaveLength(1);
  });

  it("function-length", () => {
    const long = body(LENGTHS.function + 1);
    expect(functionLength("src/kit/a.ts", `function f() ${body(LENGTHS.function)}`)).toEqual([]);
    expect(functionLength("src/kit/a.ts", `function f() ${long}`).map(({ what }) => what)).toEqual([
      `f: ${LENGTHS.function + 1} lines, at most ${LENGTHS.function}`,
    ]);
    expect(functionLength("src/kit/a.ts", `export const f = () => ${long};`)).toHaveLength(1);
    expect(functionLength("src/kit/a.ts", `class A { m() ${long} }`)).toHaveLength(1);
    expect(functionLength("src/ui/A.tsx", `export function A() ${long}`)).toEqual([]);
    expect(functionLength("src/ui/A.tsx", `export const A = memo(() => ${body(LENGTHS.component + 1)});`)).toHaveLength(1);
    expect(functionLength("src/ui/A.tsx", `function draw() ${long}`)).toHaveLength(1);
    expect(functionLength("src/kit/a.test.ts", `describe("a", () => ${body(300)});`)).toEqual([]);
    expect(functionLength("src/kit/a.test.ts", `it("a", () => ${body(300)});`)).toHaveLength(1);
  });

  it.each([
    "// TODO: later",
    "it.only(1)",
    "x as any",
    "// @ts-ignore",
    "vi.mock('a')",
    "retries: 2",
    "// eslint-disable",
    "throw Error('not implemented')",
  ])("marker: %s", (text) => {
    expect(markers("src/kit/a.ts", text)).toHaveLength(1);
  });

  it("name", () => {
    const good = [
      "src/kit/bounded-map.ts",
      "src/ui/home/Home.tsx",
      "src/main.tsx",
      "src/peer.worker.ts",
      "vite.config.ts",
      "src/kit/a.property.test.ts",
      "README.md",
    ];
    expect(good.flatMap(names)).toEqual([]);
    const bad = ["src/kit/boundedMap.ts", "src/ui/utils/a.ts", "src/kit/helpers.ts", "src/common/a.ts", "src/kit/Bytes.ts"];
    expect(bad.map((path) => names(path).length)).toEqual(bad.map(() => 1));
  });

  it.each([`"/home/ann/bothy"`, "see /Users/ann/x", `"C:\\Users"`, "https://registry.npmjs.org/x"])("machine: %s", (text) => {
    expect(machinePaths("README.md", text)).toHaveLength(1);
  });
  it.each(["https://example.org/home/x", "src/host/tmp/x", "#/home/x"])("no machine: %s", (text) => {
    expect(machinePaths("README.md", text)).toEqual([]);
  });

  it("regexp", () => {
    expect(criticalRegexps("src/protocol/a.ts", "const a = /\\p{L}/u;")).toHaveLength(1);
    expect(criticalRegexps("src/ui/a.ts", "const a = /\\p{L}/u;")).toEqual([]);
  });

  it.each(["await page.waitForTimeout(5)", "await new Promise((resolve) => setTimeout(resolve, 5))", "await sleep(5)"])(
    "sleep: %s",
    (text) => {
      expect(sleeps("e2e/a.spec.ts", text)).toHaveLength(1);
      expect(sleeps("src/host/clock.ts", text)).toEqual([]);
    },
  );

  it("word", () => {
    expect(words("docs/a.md", "Each validator votes.")).toHaveLength(1);
    expect(words("docs/a.md", "Each `validator` votes on Node 20.")).toEqual([]);
    expect(words("src/ui/texts.ts", `export const a = "This node is offline.";`)).toHaveLength(1);
    expect(words("src/ui/A.tsx", "export const A = () => <p>the wallet address</p>;")).toHaveLength(1);
    expect(words("src/ui/A.tsx", "export const node = tree.node;")).toEqual([]);
    expect(words("src/kit/a.ts", `export const a = "Each validator";`)).toEqual([]);
  });

  it("link", () => {
    const files: Record<string, string> = { "docs/b.md": "# One thing & another\n## One thing & another\n", "docs/c.png": "" };
    const dead = (text: string) => deadLinks("docs/a.md", text, (path) => files[path]).length;
    expect(anchorsOf(files["docs/b.md"] ?? "")).toEqual(new Set(["one-thing--another", "one-thing--another-1"]));
    expect(dead("[b](b.md) [b](b.md#one-thing--another-1) ![c](./c.png) [x](https://example.org/y) `[z](z.md)`")).toBe(0);
    expect(dead("[b](d.md)")).toBe(1);
    expect(dead("[b](b.md#else)")).toBe(1);
    expect(dead('<img src="d.png">')).toBe(1);
    expect(dead("# Here\n[b](#here) [c](#there)")).toBe(1);
  });

  it("codes", () => {
    expect(codesIn('export const REJECT_CODES = [\n  // a\n  "a-b",\n  "c",\n] as const;\nconst X = [\n  "d",\n];')).toEqual(["a-b", "c"]);
    const source = `requireThat(a, "one"); throw new Refusal(b ? "two" : c ?? "three"); const d = { code: "four" };
      if (code === "five") f(); export type Code = "six"; let g; g = "seven"; const h = ["eight"];`;
    expect([...refusedWith("src/kit/a.ts", source)].sort()).toEqual(["four", "one", "seven", "three", "two"]);
  });

  it("limits", () => {
    const limits = "export const LIMITS = {\n  aMax: 1,\n  bMax: 2,\n  cMax: 3,\n};";
    expect(unusedLimits(limits, ["f(LIMITS.aMax)", "const { bMax: most } = LIMITS;"])).toEqual(["cMax"]);
  });
});
