/** Which kind of BoT fits, by what a founder answers. Y.4464, Appendix I; docs/conformance.md has the table. */
import type { BotKind } from "../../sdk/api.ts";

export const QUESTIONS = ["who", "decides", "asleep"] as const;
export const ANSWERS = {
  who: ["own", "named", "anyone"],
  decides: ["me", "members", "nobody"],
  asleep: ["rarely", "often"],
} as const;

export type Question = (typeof QUESTIONS)[number];
export type Answers = { readonly [Name in Question]?: (typeof ANSWERS)[Name][number] };

/** Why it is that kind: a sentence of the texts. */
export type Reason = "anyone" | "nobodyDecides" | "own" | "oneDecides" | "sleepers" | "members";

export interface Recommendation {
  readonly kind: BotKind;
  readonly reason: Reason;
}

/** What the answers so far point to; null before the first. */
export function recommend({ who, decides, asleep }: Answers): Recommendation | null {
  if (who === undefined) return null;
  if (who === "anyone") return { kind: "public", reason: "anyone" };
  if (decides === "nobody") return { kind: "public", reason: "nobodyDecides" };
  if (who === "own") return { kind: "private", reason: "own" };
  if (decides === "me") return { kind: "private", reason: "oneDecides" };
  // A consortium waits while a third of its seats is away.
  if (asleep === "often") return { kind: "private", reason: "sleepers" };
  return { kind: "consortium", reason: "members" };
}
