/** Calls that say who may act and what holds, as the ledger reads them: lists in its order, keys as bytes. */
import { compareBytes } from "../../kit/bytes.ts";
import type { Value } from "../../protocol/codec.ts";
import type { OperationCall, ProposedChange, SigningPolicy } from "../../sdk/api.ts";
import { textToAccount, textToDigest } from "./texts.ts";

export type RightsCall = Extract<
  OperationCall,
  { operation: "account.setPolicy" | "account.authorize" | "account.deauthorize" | `governance.${string}` }
>;

function policyToValue({ keys, threshold, operations }: SigningPolicy): Value {
  return { keys: keys.map(textToAccount).sort(compareBytes), threshold, operations };
}

function changeToValue(change: ProposedChange): Value {
  if (change.kind === "parameters") return { kind: change.kind, parameters: change.parameters };
  const { kind, account, roles } = change;
  return { kind, account: textToAccount(account), roles: roles === null ? null : [...roles].sort() };
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
    case "governance.propose": {
      const { change, note, untilMs } = call.arguments;
      return { change: changeToValue(change), note, untilMs };
    }
    case "governance.vote":
      return { proposal: textToDigest(call.arguments.proposal, "proposal"), approve: call.arguments.approve };
    case "governance.execute":
      return { proposal: textToDigest(call.arguments.proposal, "proposal") };
  }
}
