/** Every operation, by `module.verb`. */
import type { Operation } from "../operation.ts";
import { accountOperations } from "./account.ts";
import { contractOperations } from "./contract.ts";
import { deviceOperations } from "./device.ts";
import { governanceOperations } from "./governance.ts";
import { recordOperations } from "./record.ts";
import { seatOperations } from "./seat.ts";
import { streamOperations } from "./stream.ts";
import { tokenOperations } from "./token.ts";

export const operations: Readonly<Record<string, Operation<unknown>>> = {
  ...accountOperations,
  ...tokenOperations,
  ...seatOperations,
  ...deviceOperations,
  ...streamOperations,
  ...contractOperations,
  ...recordOperations,
  ...governanceOperations,
};
