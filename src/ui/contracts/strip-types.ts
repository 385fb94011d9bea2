/** TypeScript is stripped where it is written; only JavaScript goes on the ledger, readable by all. CONTRACTS.md. */
import { transform } from "sucrase";

/** @throws {SyntaxError} whose message ends in `(line:column)`. */
export function stripTypes(source: string): string {
  return transform(source, { transforms: ["typescript"], disableESTransforms: true, keepUnusedImports: true }).code;
}

export interface SourceFault {
  readonly message: string;
  /** From 1; null where it is not known. */
  readonly line: number | null;
}

/** What is wrong with the source as it is typed, or null. */
export function sourceFault(source: string): SourceFault | null {
  try {
    stripTypes(source);
    return null;
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    const place = /\((\d+):\d+\)$/.exec(message);
    return { message: message.replace(/^Error transforming [^:]*: /, ""), line: place ? Number(place[1]) : null };
  }
}
