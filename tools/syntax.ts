/** Syntax trees of the project's own text, by the parser that Vite brings (TypeScript 7 has none to call). */
import { parseSync } from "vite";

export interface Node {
  readonly type: string;
  readonly [key: string]: unknown;
}

export function isNode(value: unknown): value is Node {
  return typeof value === "object" && value !== null && typeof (value as { type?: unknown }).type === "string";
}

/** The program of a source text. @throws {Error} with the path when it does not parse. */
export function parse(path: string, text: string): unknown {
  const { program, errors } = parseSync(path, text);
  if (errors.length > 0) throw new Error(`${path}: ${errors[0]?.message ?? "does not parse"}`);
  return program;
}

/** Calls `visit` on every node of a syntax tree, parents before children. */
export function walk(tree: unknown, visit: (node: Node) => void): void {
  if (Array.isArray(tree)) {
    for (const item of tree) walk(item, visit);
  } else if (isNode(tree)) {
    visit(tree);
    for (const value of Object.values(tree)) if (typeof value === "object" && value !== null) walk(value, visit);
  }
}
