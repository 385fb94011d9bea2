/** Calls that say who may act, as the ledger reads them: lists in its order, keys as bytes. */
import { compareBytes } from "../../kit/bytes.ts";
import type { Value } from "../../protocol/codec.ts";
import type { OperationCall, SigningPolicy } from "../../sdk/api.ts";
import { textToAccount } from "./texts.ts";

export type RightsCall = Extract<OperationCall, { operation: "account.setPolicy" | "account.authorize" | "account.deauthorize" }>;

function policyToValue({ keys, threshold, operations }: SigningPolicy): Value {
  return { keys: keys.map(textToAccount).sort(compareBytes), threshold, operations };
}

/** @throws {Refusal} `schema-invalid` for what is no account. */
export function toRightsArguments(call: RightsCall): Value {
  switch (call.operation) {
    case "account.setPolicy": {
      const { policy } = call.arguments;
      return { policy: policy === null ? null : policyToValue(policy) };
    }
    case "account.authorize": {
      const { key, scope, untilMs } = call.arguments;
      return { key: textToAccount(key), scope: [...scope].sort(), untilMs };
    }
    case "account.deauthorize":
      return { key: textToAccount(call.arguments.key) };
  }
}
