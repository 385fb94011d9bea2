/** What the engine goes by, out of the state that is final. */
import type { SimplexOptions } from "../consensus/simplex/state.ts";
import { genesisOf, parametersOf, type StateView } from "../ledger/index.ts";
import type { Hash } from "../protocol/identifiers.ts";

/** Longer than any clock of a recovery runs. */
const NO_RECOVERY_MS = Number.MAX_SAFE_INTEGER;

/** An epoch goes by one set of parameters: what changes them ends it, and the next begins when that is final. A consortium never recovers: safety comes first. */
export function simplexOptions(chain: Hash, state: StateView, blockIntervalMs: () => number): SimplexOptions {
  return {
    chain,
    blockIntervalMs,
    get baseTimeoutMs() {
      return parametersOf(state).baseTimeoutMs;
    },
    get heartbeatMs() {
      return parametersOf(state).heartbeatMs;
    },
    get recoveryMs() {
      return genesisOf(state).kind === "consortium" ? NO_RECOVERY_MS : parametersOf(state).recoveryMs;
    },
  };
}
