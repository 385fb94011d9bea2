/** Joins the rows of ITU-T Y.4464 with what shows them: tests by the identifiers in their titles, documents, or an open reason. */
import { isNode, parse, walk } from "./syntax.ts";

export interface Row {
  readonly id: string;
  readonly clause: string;
  readonly kind: string;
  readonly check: string;
}

/** One test of a finished run. `title` is its own or that of a group around it. */
export interface TestResult {
  readonly title: string;
  readonly file: string;
  readonly state: "passed" | "failed" | "skipped";
}

export interface ReportLine {
  readonly id: string;
  readonly state: "pass" | "fail" | "open";
  readonly clause: string;
  readonly shownBy: string;
}

export interface Report {
  readonly lines: readonly ReportLine[];
  /** What makes the table untrue: unknown identifiers, rows that nothing answers for, open rows that are shown. */
  readonly errors: readonly string[];
}

const LEADING = /^(?:\[[A-Z0-9][A-Za-z0-9.-]*\] ?)+/;

/** Identifiers at the head of a title: `[R5][R6] a contract …` gives R5 and R6. */
export function idsOf(title: string): readonly string[] {
  const head = LEADING.exec(title)?.[0] ?? "";
  return [...head.matchAll(/\[([^\]]+)\]/g)].map(([, id = ""]) => id);
}

const TESTERS = new Set(["it", "test", "describe"]);

function testerOf(callee: unknown): string {
  if (!isNode(callee)) return "";
  if (callee.type === "Identifier") return String(callee["name"]);
  return testerOf(callee["object"] ?? callee["callee"] ?? callee["tag"]);
}

/** Titles that a test file gives to its tests and groups, as far as they are written out. */
export function titlesIn(path: string, text: string): readonly string[] {
  const titles: string[] = [];
  walk(parse(path, text), (node) => {
    if (node.type !== "CallExpression" || !TESTERS.has(testerOf(node["callee"]))) return;
    const [first] = node["arguments"] as readonly unknown[];
    if (!isNode(first)) return;
    if (first.type === "Literal" && typeof first["value"] === "string") titles.push(first["value"]);
    if (first.type !== "TemplateLiteral") return;
    const [head] = first["quasis"] as readonly { readonly value: { readonly raw: string } }[];
    titles.push(head?.value.raw ?? "");
  });
  return titles;
}

interface Sources {
  readonly rows: readonly Row[];
  readonly results: readonly TestResult[];
  /** Tests that exist and have not run here: they show nothing, but answer for their rows. */
  readonly notRun: readonly Pick<TestResult, "title" | "file">[];
  /** Identifier to `path#anchor`. */
  readonly documents: Readonly<Record<string, string>>;
  /** Identifier to the reason why it is open. */
  readonly open: Readonly<Record<string, string>>;
  readonly documentExists: (address: string) => boolean;
}

function lineOf(row: Row, { results, notRun, documents, open, documentExists }: Sources): ReportLine | string {
  const { id, clause } = row;
  const waiting = notRun.filter(({ title }) => idsOf(title).includes(id));
  const tests = results.filter(({ title, state }) => state !== "skipped" && idsOf(title).includes(id));
  const failed = tests.filter(({ state }) => state === "failed");
  const address = documents[id];
  const reason = open[id];
  if (reason !== undefined && (tests.length > 0 || waiting.length > 0 || address !== undefined))
    return `${id} stands in conformance/open.json and is shown by a test or a document`;
  if (failed.length > 0) return { id, clause, state: "fail", shownBy: failed.map(({ file, title }) => `${file}: ${title}`).join("; ") };
  if (address !== undefined && !documentExists(address)) return { id, clause, state: "fail", shownBy: `${address} is not there` };
  const shown = [...tests.map(({ file, title }) => `${file}: ${title}`), ...(address === undefined ? [] : [address])];
  if (shown.length > 0) {
    const more = shown.length > 1 ? ` (and ${shown.length - 1} more)` : "";
    const unseen = waiting.length > 0 ? ` (not run here: ${waiting.length})` : "";
    return { id, clause, state: "pass", shownBy: `${shown[0] ?? ""}${more}${unseen}` };
  }
  const [first] = waiting;
  if (first !== undefined) return { id, clause, state: "open", shownBy: `not run here: ${first.file}: ${first.title}` };
  if (reason !== undefined && reason !== "") return { id, clause, state: "open", shownBy: reason };
  return `${id} has no test, no document and no reason in conformance/open.json`;
}

export function conformanceReport(sources: Sources): Report {
  const known = new Set(sources.rows.map(({ id }) => id));
  const named = [
    ...[...sources.results, ...sources.notRun].flatMap(({ title, file }) => idsOf(title).map((id) => ({ id, where: file }))),
    ...Object.keys(sources.documents).map((id) => ({ id, where: "conformance/documents.json" })),
    ...Object.keys(sources.open).map((id) => ({ id, where: "conformance/open.json" })),
  ];
  const errors = new Set(named.filter(({ id }) => !known.has(id)).map(({ id, where }) => `${where} names ${id}, which is no row`));
  const lines: ReportLine[] = [];
  for (const row of sources.rows) {
    const line = lineOf(row, sources);
    if (typeof line === "string") errors.add(line);
    else lines.push(line);
  }
  return { lines, errors: [...errors] };
}

interface VitestJson {
  readonly testResults: readonly {
    readonly name: string;
    readonly assertionResults: readonly { readonly title: string; readonly ancestorTitles: readonly string[]; readonly status: string }[];
  }[];
}

/** Results of vitest's JSON reporter; a group's title counts for each of its tests. `root` is cut from the paths. */
export function vitestResults(json: VitestJson, root: string): readonly TestResult[] {
  return json.testResults.flatMap(({ name, assertionResults }) =>
    assertionResults.flatMap(({ title, ancestorTitles, status }) =>
      [title, ...ancestorTitles.filter((one) => idsOf(one).length > 0)].map((one) => ({
        title: one,
        file: name.replace(root, "").replace(/^\//, ""),
        state: status === "passed" || status === "failed" ? status : ("skipped" as const),
      })),
    ),
  );
}

interface PlaywrightSuite {
  readonly title: string;
  readonly suites?: readonly PlaywrightSuite[];
  readonly specs?: readonly { readonly title: string; readonly file: string; readonly tests: readonly { readonly status: string }[] }[];
}

/** Results of Playwright's JSON reporter. */
export function playwrightResults(json: { readonly suites: readonly PlaywrightSuite[] }): readonly TestResult[] {
  const results: TestResult[] = [];
  const visit = (suite: PlaywrightSuite, groups: readonly string[]): void => {
    for (const { title, file, tests } of suite.specs ?? []) {
      for (const { status } of tests) {
        const state = status === "skipped" ? "skipped" : status === "expected" ? "passed" : "failed";
        for (const one of [title, ...groups.filter((group) => idsOf(group).length > 0)])
          results.push({ title: one, file: `e2e/${file}`, state });
      }
    }
    for (const inner of suite.suites ?? []) visit(inner, [...groups, inner.title]);
  };
  for (const suite of json.suites) visit(suite, []);
  return results;
}
