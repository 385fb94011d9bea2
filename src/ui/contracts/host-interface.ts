/** What the editor offers after `ctx.`: the host interface of CONTRACTS.md. */
export interface HostMember {
  readonly label: string;
  readonly detail: string;
  readonly type: "property" | "function" | "namespace";
  readonly apply?: string;
}

export const CTX_MEMBERS: readonly HostMember[] = [
  { label: "caller", detail: "account or contract that calls", type: "property" },
  { label: "self", detail: "this contract", type: "property" },
  { label: "block", detail: "{ height, timeMs }", type: "property" },
  { label: "state", detail: "get, set, delete, list", type: "namespace" },
  { label: "emit", detail: "(topic, data)", type: "function", apply: "emit(" },
  { label: "transfer", detail: "(to, amount)", type: "function", apply: "transfer(" },
  { label: "record", detail: "(about, data)", type: "function", apply: "record(" },
  { label: "device", detail: "(id) → registration and last values, or null", type: "function", apply: "device(" },
  { label: "require", detail: "(condition, code)", type: "function", apply: "require(" },
  { label: "log", detail: "(text)", type: "function", apply: "log(" },
];

export const STATE_MEMBERS: readonly HostMember[] = [
  { label: "get", detail: "(key) → value or undefined", type: "function", apply: "get(" },
  { label: "set", detail: "(key, value)", type: "function", apply: "set(" },
  { label: "delete", detail: "(key)", type: "function", apply: "delete(" },
  { label: "list", detail: "(prefix, { after, limit }) → [key, value][]", type: "function", apply: "list(" },
];
