/** Sentences made of what the protocol says: refusals, and what a transaction does. */
import type { CallInfo, OperationCall, RefusalShape, Value } from "../../sdk/api.ts";
import { ownOf } from "../pattern/data-schema.ts";
import type { Format } from "./format.ts";
import type { Text } from "./en.ts";

/** Why, and the number that explains it where the refusal carries one. */
export function refusalSentence(text: Text, refusal: RefusalShape): string {
  const { message, field, expected, balance, amount } = refusal.data;
  const sentence = text.codes[refusal.code];
  if (refusal.code === "balance-too-low" && typeof balance === "number" && typeof amount === "number") {
    const number = new Intl.NumberFormat(text.locale);
    return text.common.tooFewTokens(number.format(balance), number.format(amount));
  }
  if (typeof message === "string" && message !== "") return `${sentence} (${message})`;
  if (typeof field === "string") return `${sentence} (${field}${typeof expected === "string" ? `: ${expected}` : ""})`;
  return sentence;
}

function partOf(value: unknown, key: string): unknown {
  return typeof value === "object" && value !== null ? (value as Readonly<Record<string, unknown>>)[key] : undefined;
}

/** A person's words for a transaction: what its first call does, and how many more there are. */
export function callsTitle(text: Text, format: Format, calls: readonly (CallInfo | OperationCall)[], token: string): string {
  const first = calls[0];
  if (first === undefined) return text.operations.other("");
  const more = calls.length > 1 ? ` ${text.operations.andMore(calls.length - 1)}` : "";
  const amount = partOf(first.arguments, "amount");
  const method = partOf(first.arguments, "method");
  if (first.operation === "account.transfer" && typeof amount === "number")
    return text.operations.transfer(`${format.number(amount)} ${token}`) + more;
  if (first.operation === "contract.call" && typeof method === "string") return text.operations.call(method) + more;
  return (ownOf(text.operations.names, first.operation) ?? text.operations.other(first.operation)) + more;
}

/** Any value for a person to read: texts bare, the rest as in JSON, bytes in hexadecimal. */
export function valueText(value: Value): string {
  if (typeof value === "string") return value;
  return JSON.stringify(
    value,
    (_, part: unknown) => (part instanceof Uint8Array ? Array.from(part, (byte) => byte.toString(16).padStart(2, "0")).join("") : part),
    1,
  );
}
