/** Every operation, by `module.verb`. */
import type { Operation } from "../operation.ts";
import { accountOperations } from "./account.ts";

export const operations: Readonly<Record<string, Operation<unknown>>> = {
  ...accountOperations,
};
