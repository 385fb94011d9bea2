/**
 * The attack suite: snippets as data, and how to run them on a machine. Every engine must give the same rows, gas included; Node also
 * compares how each ends with what is written beside it.
 */
import { bytesToHex } from "../kit/bytes.ts";
import type { RejectCode } from "../protocol/codes.ts";
import { encode, type Value } from "../protocol/codec.ts";
import type { ContractMachine } from "../protocol/contract-machine.ts";
import { HOST_ATTACKS } from "./attacks-host.suite.ts";
import { LANGUAGE_ATTACKS } from "./attacks-language.suite.ts";
import { PROBES } from "./attacks-probes.suite.ts";
import { MemoryHost } from "./memory-host.ts";

export interface Attack {
  readonly name: string;
  /** Evaluated as a script, or as the body of a method that has `ctx`. */
  readonly by: "script" | "host";
  readonly ends: RejectCode | "result";
  readonly code: string;
}

export const ATTACKS: readonly Attack[] = [...PROBES, ...LANGUAGE_ATTACKS, ...HOST_ATTACKS];

/** Enough for every attack to show its nature, some twenty milliseconds where an engine is warm. */
const ATTACK_GAS = 100_000_000;

const SOURCE = `export const manifest = { name: "attack", methods: { script: {}, host: {} } };
function show(value) { return typeof value === "object" ? value : String(value); }
export function script(ctx, code) { return show((0, eval)(code)); }
export function host(ctx, code) { return show((0, eval)("(ctx) => eval(" + JSON.stringify(code) + ")")(ctx)); }`;

export interface AttackRow {
  readonly name: string;
  readonly ends: Attack["ends"];
  /** The result, or the message. */
  readonly text: string;
  readonly gasUsed: number;
  /** What state came to, as hexadecimal text of its encoding. */
  readonly state: string;
}

function show(value: Value): string {
  return typeof value === "string" ? value : bytesToHex(encode(value));
}

export function runAttack(machine: ContractMachine, attack: Attack): AttackRow {
  const host = new MemoryHost();
  const outcome = machine.call({
    source: SOURCE,
    sourceDigest: "attack",
    method: attack.by,
    arguments: attack.code,
    gasMax: ATTACK_GAS,
    host,
  });
  const state = bytesToHex(encode([...host.state].length < 100 ? [...host.state].map(([key, value]) => [key, value]) : host.state.size));
  const { name } = attack;
  return outcome.ok
    ? { name, ends: "result", text: show(outcome.result), gasUsed: outcome.gasUsed, state }
    : { name, ends: outcome.code, text: outcome.message, gasUsed: outcome.gasUsed, state };
}

/** A row as one line: what engines compare. */
export function encodeRow(row: AttackRow): string {
  return [row.name, row.ends, row.text, row.gasUsed, row.state].join(" | ");
}
