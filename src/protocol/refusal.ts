/** The one error shape from the core to the UI: a code and typed data. */
import type { RejectCode } from "./codes.ts";
import type { Value } from "./codec.ts";
import { HostFault } from "./contract-machine.ts";

export type RefusalData = Readonly<Record<string, Value>>;

/** What a refusal looks like in messages, receipts and answers of the sdk. */
export interface RefusalShape {
  readonly code: RejectCode;
  readonly data: RefusalData;
}

/** An input was refused. Expected, never a fault of this peer: `code` says why, `data` with what numbers. */
export class Refusal extends Error implements RefusalShape {
  override readonly name = "Refusal";
  readonly code: RejectCode;
  readonly data: RefusalData;

  constructor(code: RejectCode, data: RefusalData = {}) {
    super(code);
    this.code = code;
    this.data = data;
  }
}

/** What was thrown, in that shape: what is no refusal is a fault of this peer's own, or of the engine around its contract machine. */
export function shapeOf(thrown: unknown): RefusalShape {
  if (thrown instanceof Refusal) return { code: thrown.code, data: thrown.data };
  const message = thrown instanceof Error ? `${thrown.name}: ${thrown.message}` : String(thrown);
  return { code: thrown instanceof HostFault ? "host-fault" : "internal", data: { message } };
}

/** @throws {Refusal} with this code unless the condition holds. */
export function requireThat(condition: unknown, code: RejectCode, data?: RefusalData): asserts condition {
  if (!condition) throw new Refusal(code, data);
}
