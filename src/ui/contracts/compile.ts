import type { RefusalShape } from "../../sdk/api.ts";
import { sourceFault, stripTypes } from "./strip-types.ts";

/** JavaScript of what is typed, or why it cannot be made of it. */
export function compile(source: string): { readonly code: string } | { readonly error: RefusalShape } {
  const fault = sourceFault(source);
  return fault === null ? { code: stripTypes(source) } : { error: { code: "contract-error", data: { message: fault.message } } };
}
