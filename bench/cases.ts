/** Every benchmark there is, in the order of the table. */
import type { BenchCase } from "./case.ts";

export const CASES: readonly BenchCase[] = [];
