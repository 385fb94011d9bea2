/** Who may import whom, and the reader that finds every way in which one file names another. The single source of the layering rule. */
import { posix } from "node:path";
import { isNode, type Node, parse, walk } from "./syntax.ts";

export const ROOMS = ["kit", "protocol", "ledger", "consensus", "contracts", "sdk", "peer", "host", "things", "ui"] as const;
export type Room = (typeof ROOMS)[number];

/** Lowest layer first; a room may always import itself. Type-only imports count: a type is knowledge too. */
export const MAY_IMPORT: Readonly<Record<Room, readonly Room[]>> = {
  kit: [],
  protocol: ["kit"],
  ledger: ["kit", "protocol"],
  consensus: ["kit", "protocol"],
  contracts: ["kit", "protocol"],
  sdk: ["kit", "protocol"],
  peer: ["kit", "protocol", "ledger", "consensus", "contracts"],
  host: ["kit", "protocol", "ledger", "consensus", "contracts", "peer", "sdk"],
  things: ["kit", "protocol", "sdk"],
  ui: ["kit", "sdk", "things"],
};

/** Wiring only; the one place where every room may be named. */
export const DOORS: readonly string[] = [
  "src/main.tsx",
  "src/peer.worker.ts",
  "src/signature.worker.ts",
  "src/claim.worker.ts",
  // What the build gives the doors.
  "src/virtual.d.ts",
];

interface Outside {
  readonly rooms: readonly Room[];
  /** Rooms of which only `import type` may speak, or an address that is handed to a bundler to make a page of. */
  readonly types: readonly Room[];
  readonly folders: readonly string[];
}

const UP_TO_HOST: readonly Room[] = ["kit", "protocol", "ledger", "consensus", "contracts", "peer", "host", "sdk"];

/** Folders beside `src/`, and what they may use. */
export const OUTSIDE: Readonly<Record<string, Outside>> = {
  relay: { rooms: ["kit", "protocol"], types: [], folders: [] },
  sim: { rooms: UP_TO_HOST, types: [], folders: [] },
  bench: { rooms: UP_TO_HOST, types: ROOMS, folders: ["e2e", "sim", "tools"] },
  examples: { rooms: ["sdk"], types: [], folders: [] },
  e2e: { rooms: ["kit", "protocol", "consensus", "host"], types: ROOMS, folders: ["tools"] },
  tools: { rooms: [], types: ROOMS, folders: [] },
};

/** Single arrows beside the table, each with its reason. */
export const EXCEPTIONS: readonly { readonly path: string; readonly target: string; readonly reason: string }[] = [
  {
    path: "tools/vite-metered-wasm.ts",
    target: "src/host/vm/load-wasm-node.ts",
    reason: "The build bundles the very binary that tests and simulator run, made by the one metering pass.",
  },
  {
    path: "bench/page/block.worker.ts",
    target: "src/signature.worker.ts",
    reason: "What is measured checks signatures in the product's own workers, started as the peer worker starts them.",
  },
  {
    path: "e2e/full-disk.spec.ts",
    target: "src/host/storage/row.ts",
    reason: "What a tab wrote before it voted is read as it lies on the disk, behind the back of the peer.",
  },
  {
    path: "e2e/full-disk.spec.ts",
    target: "src/consensus/records.ts",
    reason: "The votes in such a row are read as the peer itself reads them when it starts.",
  },
];

/** Pure rooms run the same in a tab, in Node and in the simulator; of packages they may name only these. */
export const PURE_ROOMS: readonly Room[] = ["kit", "protocol", "ledger", "consensus", "contracts", "peer"];
export const PURE_PACKAGES: readonly string[] = [
  "@chainsafe/as-sha256",
  "@noble/ciphers",
  "@noble/curves",
  "@noble/hashes",
  "@scure/bip39",
  "multiformats",
];

/** Test files may use the test runner, and Node to read vectors; they are no part of the product. */
const TEST_FILE = /\.(test|suite)\.tsx?$/;

interface Import {
  readonly specifier: string;
  /** Nothing of it runs here: a type, or an address. */
  readonly typeOnly: boolean;
  readonly address?: boolean;
}

const textOf = (node: unknown): string | undefined =>
  isNode(node) && node.type === "Literal" && typeof node["value"] === "string" ? node["value"] : undefined;

/** Specifiers that a node of these three kinds reaches: `import("…")`, `typeof import("…")`, `new URL("…", import.meta.url)`. */
function reachedBy(node: Node): Import | "unreadable" | undefined {
  if (node.type === "ImportExpression") {
    const specifier = textOf(node["source"]);
    return specifier === undefined ? "unreadable" : { specifier, typeOnly: false };
  }
  if (node.type === "TSImportType") {
    const specifier = textOf(node["source"] ?? node["argument"]);
    return specifier === undefined ? "unreadable" : { specifier, typeOnly: true };
  }
  if (node.type !== "NewExpression" || !isNode(node["callee"]) || node["callee"]["name"] !== "URL") return undefined;
  const [address, base] = node["arguments"] as readonly unknown[];
  const relative = isNode(base) && base.type === "MemberExpression" && isNode(base["object"]) && base["object"].type === "MetaProperty";
  const specifier = textOf(address);
  return relative && specifier !== undefined ? { specifier, typeOnly: false, address: true } : undefined;
}

/** Every file or package that a source text names: static imports and re-exports, dynamic imports, import types, worker and asset addresses. */
export function importsOf(path: string, text: string): { readonly imports: readonly Import[]; readonly unreadable: boolean } {
  const imports: Import[] = [];
  let unreadable = false;
  walk(parse(path, text), (node) => {
    if (node.type === "ImportDeclaration" || node.type === "ExportNamedDeclaration" || node.type === "ExportAllDeclaration") {
      const specifier = textOf(node["source"]);
      const kind = node["importKind"] ?? node["exportKind"];
      if (specifier !== undefined) imports.push({ specifier, typeOnly: kind === "type" });
      return;
    }
    const reached = reachedBy(node);
    if (reached === "unreadable") unreadable = true;
    else if (reached !== undefined) imports.push(reached);
  });
  return { imports, unreadable };
}

type Place =
  | { readonly kind: "room"; readonly room: Room }
  | { readonly kind: "door" }
  | { readonly kind: "folder"; readonly folder: string }
  | { readonly kind: "unknown" };

/** Where a path of the project belongs. */
export function placeOf(path: string): Place {
  if (DOORS.includes(path)) return { kind: "door" };
  const [top = "", second = "", ...rest] = path.split("/");
  if (top === "src") {
    const room = ROOMS.find((name) => name === second);
    return room === undefined || rest.length === 0 ? { kind: "unknown" } : { kind: "room", room };
  }
  return top in OUTSIDE ? { kind: "folder", folder: top } : { kind: "unknown" };
}

function packageName(specifier: string): string {
  const [first = "", second = ""] = specifier.split("/");
  return first.startsWith("@") ? `${first}/${second}` : first;
}

/** Files a folder outside `src/` may reach that stand in no folder of code: vectors, committed JSON, the configuration. */
const isData = (target: string): boolean => /^(spec|conformance|docs|bench\/results\.json|package\.json|.*\.json$)/.test(target);

function refusalOf(path: string, from: Place, { specifier, typeOnly, address }: Import): string | undefined {
  const clean = specifier.replace(/[?#].*$/, "");
  const test = TEST_FILE.test(path);
  if (!clean.startsWith(".")) {
    const pure = from.kind === "room" && PURE_ROOMS.includes(from.room);
    return pure && !test && !PURE_PACKAGES.includes(packageName(clean)) ? `a pure room uses the package ${specifier}` : undefined;
  }
  const target = posix.normalize(posix.join(posix.dirname(path), clean));
  if (target.startsWith("..")) return `${specifier} leaves the project`;
  if (test && isData(target)) return undefined;
  // The address of a folder, from which a program finds its way; no file is named.
  if (address === true && /^[./]+$/.test(clean)) return undefined;
  if (EXCEPTIONS.some((one) => one.path === path && one.target === target)) return undefined;
  const to = placeOf(target);
  switch (from.kind) {
    case "door":
      return to.kind === "folder" ? `a door names ${specifier}` : undefined;
    case "room":
      if (to.kind === "room" && (to.room === from.room || MAY_IMPORT[from.room].includes(to.room))) return undefined;
      // A worker's door is named by the room that starts it, as an address.
      if (address === true && to.kind === "door" && from.room === "host" && target.endsWith(".worker.ts")) return undefined;
      // The start-up self-test of the signature back ends runs the published vectors.
      if (from.room === "host" && /^spec\/vectors\/.*\.json$/.test(target)) return undefined;
      return `${from.room} may not name ${target}`;
    case "folder": {
      const rule = OUTSIDE[from.folder];
      if (to.kind === "folder" && (to.folder === from.folder || rule?.folders.includes(to.folder) === true)) return undefined;
      if (
        to.kind === "room" &&
        (rule?.rooms.includes(to.room) === true || ((typeOnly || address === true) && rule?.types.includes(to.room) === true))
      )
        return undefined;
      return isData(target) ? undefined : `${from.folder} may not name ${target}`;
    }
    case "unknown":
      return "stands in no known room";
  }
}

/** Breaches of the rule in one source text; `path` is relative to the project, with forward slashes. */
export function breachesOf(path: string, text: string): readonly string[] {
  const from = placeOf(path);
  if (from.kind === "unknown") return [`${path}: stands in no known room or folder`];
  const { imports, unreadable } = importsOf(path, text);
  const breaches = imports.map((one) => refusalOf(path, from, one)).filter((reason) => reason !== undefined);
  if (unreadable && from.kind !== "folder") breaches.push("imports an address that only running it would tell");
  return breaches.map((reason) => `${path}: ${reason}`);
}
