import { expect, it } from "vitest";
import { LIMITS } from "../../sdk/api.ts";
import { gasMaxOf } from "./gas.ts";

it("leaves a call room above its trial, within what a transaction may use", () => {
  expect(gasMaxOf(0)).toBe(1_000_000);
  expect(gasMaxOf(5_000_000)).toBe(10_000_000);
  expect(gasMaxOf(LIMITS.transactionGasMax * 0.6)).toBe(LIMITS.transactionGasMax);
});
