/** Contracts to begin with, as source text that people read, change and deploy. */
import { assert } from "../kit/assert.ts";

export interface ContractTemplate {
  readonly name: string;
  readonly description: string;
  readonly source: string;
}

/** The files' texts by their paths. */
const SOURCES = import.meta.glob<string>("./templates/*.contract.js", { query: "?raw", import: "default", eager: true });

function sourceOf(file: string): string {
  const source = SOURCES[`./templates/${file}.contract.js`];
  assert(source !== undefined, `there is a template ${file}`);
  return source;
}

export const CONTRACT_TEMPLATES: readonly ContractTemplate[] = [
  { name: "Trace", description: "Follows items from hand to hand, from raw material to customer.", source: sourceOf("trace") },
  {
    name: "Escrow",
    description: "Keeps the price until the buyer releases it, or gives it back after a deadline.",
    source: sourceOf("escrow"),
  },
  { name: "Tally", description: "Asks a question and counts one answer an account.", source: sourceOf("tally") },
];
