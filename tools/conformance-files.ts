/** The files of the conformance table, and the address of a document. */
import { existsSync, readFileSync } from "node:fs";
import type { Row } from "./conformance-report.ts";
import { anchorsOf } from "./tidy.ts";

const readJson = (path: string): unknown => JSON.parse(readFileSync(path, "utf8"));

export function conformanceFiles(): {
  readonly rows: readonly Row[];
  readonly documents: Readonly<Record<string, string>>;
  readonly open: Readonly<Record<string, string>>;
} {
  return {
    rows: readJson("conformance/y4464.json") as readonly Row[],
    documents: readJson("conformance/documents.json") as Readonly<Record<string, string>>,
    open: readJson("conformance/open.json") as Readonly<Record<string, string>>,
  };
}

/** Whether `path#anchor` names a heading of a Markdown file of the project. */
export function documentExists(address: string): boolean {
  const [path = "", anchor] = address.split("#");
  if (!existsSync(path)) return false;
  return anchor === undefined || anchorsOf(readFileSync(path, "utf8")).has(anchor);
}
