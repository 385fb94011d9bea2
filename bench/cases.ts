/** Every benchmark there is, in the order of the table. */
import { blockCase } from "./block.ts";
import { bytesCase } from "./bytes.ts";
import type { BenchCase } from "./case.ts";
import { contractCase } from "./contract-call.ts";
import { memoryCase } from "./memory.ts";
import { openCase } from "./open.ts";
import { pastCase } from "./past.ts";
import { tabsCase } from "./tabs.ts";
import { vmCase } from "./vm.ts";

export const CASES: readonly BenchCase[] = [tabsCase, blockCase, vmCase, contractCase, openCase, pastCase, bytesCase, memoryCase];
