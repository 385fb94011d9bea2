/** Which machine this version of the protocol runs. Two peers with different machines would compute different gas: so it is pinned to the bit. */
import type { MeterOptions } from "./metering/meter.ts";

/** SHA-256 of `quickjs.wasm` as `quickjs-wasi` 3.6.2 ships it. */
export const QUICKJS_DIGEST = "d4c9375f2b1ca4dc95f72c8aa2982a7a9951ac8011490d79c6582df732b4bbd9";

/** SHA-256 of the metered binary; `host/vm/load-wasm-node.ts` builds it, and no other is run. */
export const METERED_DIGEST = "c1aaf10aba7803ea1a57380f6bec7c1f7cc471ae99e03882dc417f229ead904c";

/** Measured in docs/adr/0020-metered-quickjs.md. */
export const METER_OPTIONS: MeterOptions = {
  branchTolerance: 40,
  bulkShift: 2,
  growGas: 4096,
  /** 32 MiB. */
  pagesMax: 512,
  /** Native stacks overflowed first at 882 thousand units (Chromium, cold). */
  depthMax: 500_000,
  stackPointerGlobal: 0,
};

/** Bytes that a contract's objects may take; above it QuickJS throws `out of memory`, which a contract may catch. */
export const MEMORY_BYTES_MAX = 16 * 1024 * 1024;

/** QuickJS's own stack, whose overflow is an ordinary error of the contract. */
export const STACK_BYTES_MAX = 96 * 1024;

/** Depth that a host call takes of the budget: the host's own frames stand on the same native stack. */
export const HOST_CALL_DEPTH = 20_000;
