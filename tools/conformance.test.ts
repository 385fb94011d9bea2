import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { conformanceFiles, documentExists } from "./conformance-files.ts";
import { conformanceReport, idsOf, playwrightResults, titlesIn, vitestResults } from "./conformance-report.ts";
import { projectFiles } from "./project-files.ts";

describe("the conformance table", () => {
  const files = conformanceFiles();
  const tests = projectFiles().filter((path) => /\.(test|suite|spec)\.tsx?$/.test(path) && path !== "tools/conformance.test.ts");
  const titles = tests.flatMap((path) =>
    titlesIn(path, readFileSync(path, "utf8")).map((title) => ({ title, file: path, state: "passed" as const })),
  );

  it("answers for every row, by a test that exists, a document that exists, or a reason", () => {
    const { lines, errors } = conformanceReport({ ...files, results: titles, notRun: [], documentExists });
    expect(errors).toEqual([]);
    expect(lines.filter(({ state }) => state === "fail")).toEqual([]);
    expect(lines).toHaveLength(169);
  });

  it("opens a row only with a reason that says something", () => {
    expect(Object.entries(files.open).filter(([, reason]) => reason.length < 20)).toEqual([]);
  });
});

describe("the report", () => {
  const row = { id: "R5", clause: "7.2.1", kind: "required", check: "…" };
  const empty = { rows: [row], results: [], notRun: [], documents: {}, open: {}, documentExists: () => true };
  const test = (title: string, state: "passed" | "failed" | "skipped") => ({ title, file: "a.test.ts", state });

  it("reads identifiers at the head of a title only", () => {
    expect(idsOf("[R5][10.6a-4-5] a contract")).toEqual(["R5", "10.6a-4-5"]);
    expect(idsOf("[R5] [II.1-1] a contract")).toEqual(["R5", "II.1-1"]);
    expect(idsOf("a contract [R5]")).toEqual([]);
    expect(idsOf("[a, b] sorted")).toEqual([]);
  });

  it("finds the titles of tests and groups in a source", () => {
    const text = "describe('[R1] a', () => { it.each([1])(`[R2] b ${x}`, () => {}); test.describe('c', () => {}); other('[R3] d'); });";
    expect(titlesIn("a.test.ts", text)).toEqual(["[R1] a", "[R2] b ", "c"]);
  });

  it.each([
    ["a passing test", { results: [test("[R5] a", "passed")] }, "pass"],
    ["a failing test beside a passing one", { results: [test("[R5] a", "passed"), test("[R5] b", "failed")] }, "fail"],
    ["a document", { documents: { R5: "README.md#a" } }, "pass"],
    ["a document that is gone", { documents: { R5: "README.md#a" }, documentExists: () => false }, "fail"],
    ["a test that has not run here", { notRun: [test("[R5] a", "passed")] }, "open"],
    [
      "a passing test beside one that has not run here",
      { results: [test("[R5] a", "passed")], notRun: [test("[R5] b", "passed")] },
      "pass",
    ],
    ["a reason", { open: { R5: "comes with the access module" } }, "open"],
  ])("%s", (_name, sources, state) => {
    const { lines, errors } = conformanceReport({ ...empty, ...sources });
    expect(errors).toEqual([]);
    expect(lines.map((line) => line.state)).toEqual([state]);
  });

  it.each([
    ["nothing at all", {}],
    ["a test that was skipped", { results: [test("[R5] a", "skipped")] }],
    ["an open row that is shown", { open: { R5: "comes with the access module" }, results: [test("[R5] a", "passed")] }],
    ["an open row whose test has not run here", { open: { R5: "comes with the access module" }, notRun: [test("[R5] a", "passed")] }],
    ["an unknown identifier", { results: [test("[R5] a", "passed"), test("[R99] b", "passed")] }],
  ])("an error: %s", (_name, sources) => {
    expect(conformanceReport({ ...empty, ...sources }).errors).toHaveLength(1);
  });

  it("reads the runners' results", () => {
    const assertionResults = [
      { title: "[R5] a", ancestorTitles: ["plain", "[R6] group"], status: "passed" },
      { title: "b", ancestorTitles: [], status: "pending" },
    ];
    expect(vitestResults({ testResults: [{ name: "/here/src/a.test.ts", assertionResults }] }, "/here")).toEqual([
      { title: "[R5] a", file: "src/a.test.ts", state: "passed" },
      { title: "[R6] group", file: "src/a.test.ts", state: "passed" },
      { title: "b", file: "src/a.test.ts", state: "skipped" },
    ]);
    const specs = [
      { title: "[C9b] c", file: "a.spec.ts", tests: [{ status: "expected" }] },
      { title: "d", file: "a.spec.ts", tests: [{ status: "unexpected" }] },
    ];
    expect(playwrightResults({ suites: [{ title: "a.spec.ts", specs: [], suites: [{ title: "[R1] group", specs }] }] })).toEqual([
      { title: "[C9b] c", file: "e2e/a.spec.ts", state: "passed" },
      { title: "[R1] group", file: "e2e/a.spec.ts", state: "passed" },
      { title: "d", file: "e2e/a.spec.ts", state: "failed" },
      { title: "[R1] group", file: "e2e/a.spec.ts", state: "failed" },
    ]);
  });
});
