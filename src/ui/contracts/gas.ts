import { LIMITS } from "../../sdk/api.ts";

/** On top of what the dry run measured: other calls may come between it and the block, and change the state. */
const GAS_MARGIN = 2;
const GAS_LEAST = 1_000_000;

/** What a call may use, by what its trial did; no more than a transaction may. */
export function gasMaxOf(gasUsed: number): number {
  return Math.min(LIMITS.transactionGasMax, Math.max(GAS_LEAST, gasUsed * GAS_MARGIN));
}
