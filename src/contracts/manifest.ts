/** Reads what a contract's `manifest` export says, within bounds. */
import type { Value, ValueMap } from "../protocol/codec.ts";
import type { ContractManifest, ContractMethod } from "../protocol/contract-machine.ts";
import { LIMITS } from "../protocol/limits.ts";
import { Refusal, requireThat } from "../protocol/refusal.ts";
import { isValueMap, readList, readMap, readText } from "../protocol/schema.ts";
import { valueBytes } from "./gas.ts";

/** Called once when the contract is deployed, and by nobody afterwards. */
export const INIT_METHOD = "init";

/** Exports with a meaning of their own, which no method may take. */
const RESERVED: ReadonlySet<string> = new Set([INIT_METHOD, "migrate", "manifest", "default"]);
const DESCRIPTION_UNITS_MAX = 500;
const METHOD_NAME = /^[A-Za-z_][A-Za-z0-9_]{0,63}$/;

function readMethod(name: string, value: Value, exported: ReadonlySet<string>, view: boolean): ContractMethod {
  requireThat(METHOD_NAME.test(name) && !RESERVED.has(name), "manifest-invalid", { reason: "method name", method: name });
  requireThat(exported.has(name), "manifest-invalid", { reason: "not an exported function", method: name });
  const method = readMap(value, `methods.${name}`, ["description?", "input?"]);
  const input = method["input"] ?? null;
  requireThat(input === null || isValueMap(input), "manifest-invalid", { reason: "input is no schema", method: name });
  return { name, description: readText(method["description"] ?? "", "description", DESCRIPTION_UNITS_MAX), input, view };
}

function readChecked(value: ValueMap, exported: ReadonlySet<string>): ContractManifest {
  const name = readText(value["name"], "name", LIMITS.nameBytesMax, 1);
  const description = readText(value["description"] ?? "", "description", DESCRIPTION_UNITS_MAX);
  const methods = value["methods"];
  requireThat(isValueMap(methods), "manifest-invalid", { reason: "no methods" });
  const names = Object.keys(methods);
  requireThat(names.length <= LIMITS.contractMethodsMax, "manifest-invalid", { reason: "too many methods" });
  const views = readList(value["views"] ?? [], "views");
  for (const view of views) {
    requireThat(typeof view === "string" && Object.hasOwn(methods, view), "manifest-invalid", { reason: "a view that is no method" });
  }
  return { name, description, methods: names.map((method) => readMethod(method, methods[method]!, exported, views.includes(method))) };
}

/**
 * `exported` are the names of the module's exported functions; every method of the manifest must be among them. Keys it does not know
 * (such as `triggers`) are left alone, for later versions.
 * @throws {Refusal} `manifest-invalid`, with the reason or the field.
 */
export function readManifest(value: Value, exported: readonly string[]): ContractManifest {
  requireThat(isValueMap(value), "manifest-invalid", { reason: "no manifest" });
  requireThat(valueBytes(value) <= LIMITS.contractValueBytesMax, "manifest-invalid", { reason: "too large" });
  try {
    return readChecked(value, new Set(exported));
  } catch (error) {
    if (error instanceof Refusal && error.code === "schema-invalid") throw new Refusal("manifest-invalid", error.data);
    throw error;
  }
}
