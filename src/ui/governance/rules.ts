/** The rules of a BoT as a person reads and types them: amounts in tokens, times in their unit. Pure. */
import { PARAMETER_BOUNDS, TOKEN_PARAMETERS, type ParameterName } from "../../sdk/api.ts";
import type { Text } from "../text/en.ts";
import type { Format } from "../text/format.ts";

type RuleKind = "amount" | "bits" | "count" | "seconds" | "hours";

/** In the order in which they are shown. */
const KINDS: Readonly<Record<ParameterName, RuleKind>> = {
  feePerKilobyte: "amount",
  feePerMillionGas: "amount",
  grant: "amount",
  claimBits: "bits",
  claimsPerBlockMax: "count",
  bond: "amount",
  bondLiableMs: "hours",
  heartbeatMs: "seconds",
  baseTimeoutMs: "seconds",
  recoveryMs: "seconds",
};
const UNIT_MS: Readonly<Record<RuleKind, number>> = { amount: 1, bits: 1, count: 1, seconds: 1000, hours: 3_600_000 };
const UNITS = { amount: "", bits: "", count: "", seconds: "s", hours: "h" } as const;
/** About a tokenless BoT they say nothing: who comes in claims nothing there, and a seat is free. */
const OF_TOKENS: ReadonlySet<ParameterName> = new Set([...TOKEN_PARAMETERS, "claimBits", "claimsPerBlockMax", "bondLiableMs"]);

export interface RuleWords {
  readonly text: Text;
  readonly format: Format;
  readonly token: string;
}

/** Those that mean something in a BoT with this token, empty for none. */
export function ruleNames(token: string): readonly ParameterName[] {
  const all = Object.keys(KINDS) as ParameterName[];
  return token === "" ? all.filter((name) => !OF_TOKENS.has(name)) : all;
}

export function isRule(name: string): name is ParameterName {
  return Object.hasOwn(KINDS, name);
}

/** In the largest unit in which it is a whole number, or else in seconds. */
function durationText({ text, format }: RuleWords, ms: number): string {
  if (ms >= 86_400_000 && ms % 86_400_000 === 0) return text.common.days(ms / 86_400_000);
  if (ms >= 3_600_000 && ms % 3_600_000 === 0) return `${format.number(ms / 3_600_000)} h`;
  if (ms >= 60_000 && ms % 60_000 === 0) return `${format.number(ms / 60_000)} min`;
  return `${format.number(ms / 1000, 3)} s`;
}

/** A value with its unit. */
export function ruleText(words: RuleWords, name: ParameterName, value: number): string {
  const { text, format, token } = words;
  switch (KINDS[name]) {
    case "amount":
      return `${format.number(value)} ${token}`.trim();
    case "bits":
      return text.governance.bits(format.number(value));
    case "count":
      return format.number(value);
    default:
      return durationText(words, value);
  }
}

/** The unit in which a value is typed; empty for a bare number. */
export function unitOf({ token }: Pick<RuleWords, "token">, name: ParameterName): string {
  const kind = KINDS[name];
  return kind === "amount" ? token : UNITS[kind];
}

/** What may be typed, in its unit. */
export function boundsText(words: RuleWords, name: ParameterName): string {
  const [min, max] = PARAMETER_BOUNDS[name].map((bound) => bound / UNIT_MS[KINDS[name]]) as [number, number];
  const digitsMax = KINDS[name] === "seconds" ? 1 : 0;
  const tail = unitOf(words, name) === "" ? "" : ` ${unitOf(words, name)}`;
  return words.text.governance.bounds(words.format.number(min, digitsMax), words.format.number(max, digitsMax) + tail);
}

function decimalSign(locale: string): string {
  return new Intl.NumberFormat(locale).formatToParts(1.5).find(({ type }) => type === "decimal")?.value ?? ".";
}

/**
 * What was typed, in the ledger's unit; null unless it is a number within the bounds. Only times have decimals, with the language's own sign: a
 * point or comma that sets thousands apart elsewhere would make a thousandth of what was meant.
 */
export function readRule(name: ParameterName, typed: string, locale: string): number | null {
  const kind = KINDS[name];
  const sign = kind === "seconds" || kind === "hours" ? decimalSign(locale) : null;
  const [whole, fraction, ...more] = sign === null ? [typed.trim()] : typed.trim().split(sign);
  if (more.length > 0 || !/^[0-9]{1,12}$/.test(whole ?? "") || (fraction !== undefined && !/^[0-9]{1,3}$/.test(fraction))) return null;
  const value = Math.round(Number(`${whole}.${fraction ?? 0}`) * UNIT_MS[kind]);
  const [min, max] = PARAMETER_BOUNDS[name];
  return value >= min && value <= max ? value : null;
}
