/** Rules of the repository that no compiler and no linter knows. Each takes a path and a text, so that a test can show what it catches. */
import { posix } from "node:path";
import { isNode, type Node, parse, walk } from "./syntax.ts";

export type Rule = "file-length" | "function-length" | "marker" | "name" | "machine" | "regexp" | "sleep" | "word" | "link";

export interface Finding {
  readonly rule: Rule;
  readonly path: string;
  readonly what: string;
}

/** Where a rule does not hold, and why. An exception that is no longer needed fails the test. */
export const EXCEPTIONS: readonly { readonly rule: Rule; readonly path: string; readonly reason: string }[] = [
  { rule: "file-length", path: "src/ui/text/en.ts", reason: "A language is one file, so that a translator has one table to fill in." },
  { rule: "file-length", path: "src/ui/text/de.ts", reason: "A language is one file, so that a translator has one table to fill in." },
  { rule: "sleep", path: "e2e/firefox/mixed-mesh.ts", reason: "It polls for a condition itself: the driver of Firefox has no such wait." },
  { rule: "sleep", path: "e2e/harness/heap.ts", reason: "DevTools tell of workers one by one, and never that this was the last." },
  { rule: "sleep", path: "e2e/pages/app.ts", reason: "A bound on an answer that a page between two documents never gives, not a wait." },
];

export const LENGTHS = { relay: 600, file: 500, testFile: 800, function: 80, component: 150, testFunction: 150 } as const;

const CODE = /\.(ts|tsx|mjs)$/;
const TEST = /\.(test|suite|spec)\.tsx?$|^e2e\//;
const CRITICAL = /^src\/(protocol|ledger|consensus|contracts)\//;

const find = (rule: Rule, path: string, whats: readonly string[]): Finding[] => whats.map((what) => ({ rule, path, what }));

/** A file that one can hold in one's head. */
export function fileLength(path: string, text: string): Finding[] {
  if (!CODE.test(path)) return [];
  const lines = text.trimEnd().split("\n").length;
  const most = TEST.test(path) ? LENGTHS.testFile : LENGTHS.file;
  return lines > most ? find("file-length", path, [`${lines} lines, at most ${most}`]) : [];
}

const FUNCTIONS = new Set(["FunctionDeclaration", "FunctionExpression", "ArrowFunctionExpression"]);

/** What a declaration, a key or a callee is called; the empty text for what has no name. */
function nameOf(node: unknown): string {
  if (!isNode(node)) return "";
  for (const name of [node["name"], node["value"]]) if (typeof name === "string") return name;
  return nameOf(node["property"] ?? node["callee"] ?? node["object"]);
}

/** The function that a value is, or that it wraps: `memo(function …)`. */
function functionIn(value: unknown): Node | undefined {
  if (!isNode(value)) return undefined;
  if (FUNCTIONS.has(value.type)) return value;
  const [first] = value.type === "CallExpression" ? (value["arguments"] as readonly unknown[]) : [];
  return first === undefined ? undefined : functionIn(first);
}

/** Names for the functions that a node gives a name to: its own, its variable's, its property's, or that of the call it is handed to. */
function named(node: Node): readonly (readonly [fn: Node | undefined, name: string])[] {
  switch (node.type) {
    case "FunctionDeclaration":
      return [[node, nameOf(node["id"])]];
    case "VariableDeclarator":
      return [[functionIn(node["init"]), nameOf(node["id"])]];
    case "Property":
    case "MethodDefinition":
    case "PropertyDefinition":
      return [[functionIn(node["value"]), nameOf(node["key"])]];
    case "CallExpression":
      return (node["arguments"] as readonly unknown[]).map((one) => [functionIn(one), `${nameOf(node["callee"])}(…)`] as const);
    default:
      return [];
  }
}

/** A function that fits a screen; a component may have a longer body, being mostly markup, and so may the story of a test. */
export function functionLength(path: string, text: string): Finding[] {
  if (!CODE.test(path)) return [];
  const names = new Map<Node, string>();
  const findings: Finding[] = [];
  walk(parse(path, text), (node) => {
    for (const [fn, name] of named(node)) if (fn !== undefined && !names.has(fn)) names.set(fn, name);
    if (!FUNCTIONS.has(node.type)) return;
    const name = names.get(node) ?? "a function";
    if (name.startsWith("describe")) return;
    const lines = text.slice(Number(node["start"]), Number(node["end"])).split("\n").length;
    const component = path.endsWith(".tsx") && /^[A-Z]/.test(name);
    const most = TEST.test(path) ? LENGTHS.testFunction : component ? LENGTHS.component : LENGTHS.function;
    if (lines > most) findings.push({ rule: "function-length", path, what: `${name}: ${lines} lines, at most ${most}` });
  });
  return findings;
}

/** Signs of work that is not done, or of a check that was switched off. Written in pieces, or this file would find itself. */
const MARKERS: readonly RegExp[] = [
  /\bTO[D]O\b/,
  /\bFIX[M]E\b/,
  /\bXX[X]\b/,
  /\bHAC[K]\b/,
  /not[ ]implemented/i,
  /placeholder[ ]data|mock[ ]data/i,
  /\.(skip|only|fixme)[(]/,
  /\bvi[.]mock[(]/,
  /\bas[ ]any\b(?! [a-z])/,
  /@ts-(ignore|expect-error|nocheck)/,
  /(eslint|oxlint)-disable(?!-next-line [a-z@/-]+ -- \S)/,
  /\bretries: *[1-9]/,
];

export function markers(path: string, text: string): Finding[] {
  return find("marker", path, matches(text, MARKERS));
}

/** Each match with its line's number. */
function matches(text: string, patterns: readonly RegExp[]): string[] {
  return text
    .split("\n")
    .flatMap((line, index) =>
      patterns.flatMap((pattern) => pattern.exec(line)?.[0] ?? []).map((found) => `line ${index + 1}: ${found.trim()}`),
    );
}

/** Kebab-case files, PascalCase components, and no drawer for what has no place. */
export function names(path: string): Finding[] {
  const parts = path.split("/");
  const file = parts.at(-1) ?? "";
  const drawers = parts.filter((part) => /^(utils?|helpers?|common|misc|shared|lib)(\.|$)/.test(part));
  const stem = file.replace(/(\.(test|property\.test|browser\.test|suite|spec|worker|config|d))?\.[a-z]+$/, "");
  const component = file.endsWith(".tsx") && /^[A-Z][A-Za-z0-9]*$/.test(stem);
  const well = !CODE.test(path) || component || /^[a-z0-9]+(-[a-z0-9]+)*$/.test(stem);
  return find("name", path, [
    ...drawers.map((part) => `a drawer named ${part}`),
    ...(well ? [] : ["neither kebab-case nor a PascalCase component"]),
  ]);
}

/** Nothing of the machine it was written on, and no address of a registry. */
const MACHINE: readonly RegExp[] = [
  /(?<![\w.$}#])\/(work|home|root|Users|tmp)\/[\w.-]+/,
  /\b[A-Z]:\\[A-Za-z]/,
  /\bregistry\.(npmjs|yarnpkg|npmmirror)\.\w+|\bnpmmirror\b|\bjsr\.io\b|\bpypi\.org\b/,
];

export function machinePaths(path: string, text: string): Finding[] {
  return find("machine", path, matches(text, MACHINE));
}

/** Unicode tables differ by engine, so a regexp that asks them may split the ledger. */
export function criticalRegexps(path: string, text: string): Finding[] {
  return CRITICAL.test(path) && !TEST.test(path) ? find("regexp", path, matches(text, [/\\[pP]\{/])) : [];
}

/** A test waits for a condition; a sleep is too short on one machine and too long on all others. */
export function sleeps(path: string, text: string): Finding[] {
  return TEST.test(path)
    ? find("sleep", path, matches(text, [/waitForTimeout[(]/, /setTimeout\((resolve|done|ok|r)\b/, /\bsleep\(/, /timers\/promises/]))
    : [];
}

/** One word for one thing, in what people read. `texts`: where the word is refused; `why`: the word to use. */
const WORDS: readonly { readonly word: RegExp; readonly use: string; readonly where: "everywhere" | "screens" }[] = [
  { word: /\bvalidators?\b/i, use: "seat", where: "everywhere" },
  { word: /\b(full|light|validating|peer) nodes?\b/i, use: "peer", where: "everywhere" },
  { word: /\bnodes?\b/, use: "peer", where: "screens" },
  { word: /\b(wallet|account) address(es)?\b/i, use: "account", where: "everywhere" },
  { word: /\b(mining|miners?)\b/i, use: "claim, or leader", where: "everywhere" },
  { word: /\bon-chain\b|\boff-chain\b/i, use: "on the ledger, outside the ledger", where: "everywhere" },
  { word: /\bsmart contracts?\b/i, use: "contract", where: "screens" },
  { word: /\b(tx|txs|txn|txns)\b/i, use: "transaction", where: "screens" },
  { word: /\bhash(es)?\b/i, use: "digest", where: "screens" },
  { word: /\bslots?\b/i, use: "peer N in this browser", where: "screens" },
  { word: /\b(coins?|crypto ?currenc(y|ies))\b/i, use: "token", where: "everywhere" },
  { word: /\bfinali[s]ed|finali[s]es?\b|finali[s]ation\b/i, use: "finalized (one spelling)", where: "everywhere" },
];

/** What a person reads of a file: sentences of a Markdown file without its code, strings and JSX text of a screen. */
function proseOf(path: string, text: string): readonly string[] {
  if (path.endsWith(".md"))
    return [
      text
        .replace(/^(```|~~~)[\s\S]*?^\1/gm, "")
        .replace(/`[^`\n]*`/g, "")
        .replace(/\]\([^)]*\)/g, "]"),
    ];
  const prose: string[] = [];
  walk(parse(path, text), (node) => {
    if (node.type === "JSXText") prose.push(String(node["value"]));
    // A sentence, not a key, a class name or a path.
    const value =
      node.type === "Literal" ? node["value"] : node.type === "TemplateElement" ? (node["value"] as { raw?: unknown }).raw : undefined;
    if (typeof value === "string" && /^[A-Z].* /.test(value)) prose.push(value);
  });
  return prose;
}

/** Words that already have another name here. Applies to the screens and to what is written about Bothy, not to code. */
export function words(path: string, text: string): Finding[] {
  const screen = /^src\/ui\/.*\.tsx?$/.test(path) && !TEST.test(path);
  if (!screen && !path.endsWith(".md")) return [];
  const prose = proseOf(path, text).join("\n");
  const wrong = WORDS.filter(({ where }) => where === "everywhere" || screen).flatMap(({ word, use }) => {
    const found = word.exec(prose)?.[0];
    return found === undefined ? [] : [`“${found}”: say ${use}`];
  });
  return find("word", path, wrong);
}

/** GitHub's rule for the address of a heading. */
export function anchorsOf(markdown: string): ReadonlySet<string> {
  const anchors = new Set<string>();
  const counts = new Map<string, number>();
  for (const [, heading = ""] of markdown.replace(/^```[\s\S]*?^```/gm, "").matchAll(/^#{1,6} +(.+?) *#*$/gm)) {
    const base = heading
      .replace(/\[([^\]]*)\]\([^)]*\)/g, "$1")
      .toLowerCase()
      .replace(/[^\p{L}\p{N}\s_-]/gu, "")
      .replace(/\s/g, "-");
    const count = counts.get(base) ?? 0;
    counts.set(base, count + 1);
    anchors.add(count === 0 ? base : `${base}-${count}`);
  }
  for (const [, id = ""] of markdown.matchAll(/<a (?:id|name)="([^"]+)"/g)) anchors.add(id);
  return anchors;
}

/** Links of a Markdown file to files or headings that are not there. `read` gives a file's text, or undefined. */
export function deadLinks(path: string, text: string, read: (path: string) => string | undefined): Finding[] {
  if (!path.endsWith(".md")) return [];
  const prose = text.replace(/^```[\s\S]*?^```/gm, "").replace(/`[^`\n]*`/g, "");
  const targets = [
    ...prose.matchAll(/\]\(<?([^)\s>]+)>?(?: "[^"]*")?\)/g),
    ...prose.matchAll(/(?:src|href)="([^"]+)"/g),
    ...prose.matchAll(/^\[[^\]]+\]: +(\S+)/gm),
  ];
  const dead = targets.flatMap(([, target = ""]) => {
    if (/^[a-z][a-z0-9+.-]*:/i.test(target)) return [];
    const [file = "", anchor] = target.split("#");
    const full = file === "" ? path : posix.normalize(posix.join(posix.dirname(path), file));
    const found = file === "" ? text : read(full);
    if (found === undefined) return [`${target}: no such file`];
    return anchor !== undefined && full.endsWith(".md") && !anchorsOf(found).has(anchor) ? [`${target}: no such heading`] : [];
  });
  return find("link", path, dead);
}

/** Keys of `LIMITS` that no other text under `src/` names: a bound nobody holds protects nobody. */
export function unusedLimits(limits: string, sources: readonly string[]): readonly string[] {
  const keys = [...limits.matchAll(/^ {2}(\w+):/gm)].map(([, key = ""]) => key);
  const used = new Set(sources.flatMap((text) => [...text.matchAll(/\bLIMITS\.(\w+)/g)].map(([, key = ""]) => key)));
  for (const text of sources)
    for (const [, list = ""] of text.matchAll(/\{([^{}]*)\} = LIMITS\b/g))
      for (const key of list.split(",")) used.add(key.trim().split(":")[0] ?? "");
  return keys.filter((key) => !used.has(key));
}

/** Texts that an expression may come to: a literal, or either side of a choice. */
function outcomesOf(value: unknown): readonly string[] {
  if (!isNode(value)) return [];
  if (value.type === "Literal") return typeof value["value"] === "string" ? [value["value"]] : [];
  if (value.type === "ConditionalExpression") return [...outcomesOf(value["consequent"]), ...outcomesOf(value["alternate"])];
  return value.type === "LogicalExpression" ? [...outcomesOf(value["left"]), ...outcomesOf(value["right"])] : [];
}

/** Texts that a source refuses with: handed to a call or `new`, or put under a key or into a variable; not those it only compares with. */
export function refusedWith(path: string, text: string): ReadonlySet<string> {
  const found = new Set<string>();
  walk(parse(path, text), (node) => {
    const values =
      node.type === "CallExpression" || node.type === "NewExpression"
        ? (node["arguments"] as readonly unknown[])
        : node.type === "Property"
          ? [node["value"]]
          : node.type === "VariableDeclarator"
            ? [node["init"]]
            : node.type === "AssignmentExpression"
              ? [node["right"]]
              : [];
    for (const value of values.flatMap(outcomesOf)) found.add(value);
  });
  return found;
}

/** Codes of `REJECT_CODES` in the text of their list. */
export function codesIn(list: string): readonly string[] {
  const [, inner = ""] = /REJECT_CODES = \[([\s\S]*?)\] as const/.exec(list) ?? [];
  return [...inner.matchAll(/^ *"([a-z-]+)",/gm)].map(([, code = ""]) => code);
}
