/**
 * rule 7: whoever gathers a certificate passes it on. All who hear the votes gather it at the same time, so it waits a little, everybody a different time,
 * and is left out when somebody else was heard to say it: in a certificate, or in a candidate that rests on it (ADR 13).
 */
import { toHex } from "../../protocol/identifiers.ts";
import type { Certificate } from "../../protocol/vote.ts";
import type { SimplexState } from "./state.ts";

/** In parts of the base timeout: longer than it takes the next leader to propose, so that under load its candidate says it; and the turns of those behind. */
const WAIT = 0.3;
const TURN = 0.05;
const TURNS_MAX = 8;

export interface Passing {
  readonly certificate: Certificate;
  readonly atMs: number;
}

function nameOf({ epochId, kind, round }: Certificate): string {
  return `${toHex(epochId)}/${kind}/${round}`;
}

/** Takes a certificate that this peer has gathered from votes. Turns move with the round, so that nobody does it all. */
export function passOnLater(s: SimplexState, certificate: Certificate): void {
  const seats = s.epoch.seats.length;
  const index = s.seat === null ? undefined : s.epoch.indexOf(toHex(s.seat));
  const turn = index === undefined ? seats : (index + certificate.round) % seats;
  const waitMs = s.options.baseTimeoutMs * (WAIT + TURN * Math.min(turn, TURNS_MAX));
  s.passing.set(nameOf(certificate), { certificate, atMs: s.nowMs + waitMs });
}

/** Somebody says it. */
export function heardSaid(s: SimplexState, certificate: Certificate): void {
  s.passing.delete(nameOf(certificate));
}

/** Passes on what is due and still says something; below a finality certificate nothing does. */
export function passOn(s: SimplexState): void {
  for (const [name, { certificate, atMs }] of s.passing.entries()) {
    if (isOutdated(s, certificate)) s.passing.delete(name);
    else if (s.nowMs < atMs) s.out.push({ kind: "wake", atMs });
    else {
      s.passing.delete(name);
      s.broadcast({ kind: "certificate", certificate });
    }
  }
}

function isOutdated(s: SimplexState, { epochId, kind, round }: Certificate): boolean {
  const epoch = s.epochs.get(toHex(epochId));
  if (epoch === undefined) return true;
  return kind === "finalize" ? round < epoch.finalRound : round <= epoch.finalRound;
}
