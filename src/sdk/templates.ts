/** Contracts to begin with, as source text that people read, change and deploy. */
// oxlint-disable import/default -- `?raw` gives a file's text, whatever the file exports
import escrow from "./templates/escrow.contract.js?raw";
import tally from "./templates/tally.contract.js?raw";
import trace from "./templates/trace.contract.js?raw";

export interface ContractTemplate {
  readonly name: string;
  readonly description: string;
  readonly source: string;
}

export const CONTRACT_TEMPLATES: readonly ContractTemplate[] = [
  { name: "Trace", description: "Follows items from hand to hand, from raw material to customer.", source: trace },
  { name: "Escrow", description: "Keeps the price until the buyer releases it, or gives it back after a deadline.", source: escrow },
  { name: "Tally", description: "Asks a question and counts one answer an account.", source: tally },
];
