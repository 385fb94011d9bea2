/** What neighbours have done wrong, and who is refused for a while. */
import { BoundedMap } from "../../kit/bounded-map.ts";
import { OBJECTIVE_FAULTS, type RejectCode } from "../../protocol/codes.ts";
import { STANDING } from "./bounds.ts";

interface Record {
  points: number;
  atMs: number;
  bannedUntilMs: number;
}

export class Standing {
  readonly #records = new BoundedMap<string, Record>(STANDING.peersMax);

  /** Counts a fault; only objective ones cost anything (PROTOCOL, wire). Gives whether the peer is now banned. */
  penalize(peer: string, code: RejectCode, nowMs: number): boolean {
    if (!OBJECTIVE_FAULTS.has(code)) return this.isBanned(peer, nowMs);
    const record = this.#records.get(peer) ?? { points: 0, atMs: nowMs, bannedUntilMs: 0 };
    const forgiven = (Math.max(0, nowMs - record.atMs) * STANDING.forgivenPerSecond) / 1000;
    record.points = Math.max(0, record.points - forgiven) + STANDING.faultPoints;
    record.atMs = nowMs;
    this.#records.set(peer, record);
    if (record.points >= STANDING.banPoints) this.ban(peer, nowMs);
    return this.isBanned(peer, nowMs);
  }

  /** For what breaks the transport itself: a frame above the limit, a flood. */
  ban(peer: string, nowMs: number): void {
    this.#records.set(peer, { points: 0, atMs: nowMs, bannedUntilMs: nowMs + STANDING.banMs });
  }

  /** It did nothing wrong, but is not wanted now. */
  refuse(peer: string, nowMs: number): void {
    const record = this.#records.get(peer) ?? { points: 0, atMs: nowMs, bannedUntilMs: 0 };
    this.#records.set(peer, { ...record, bannedUntilMs: Math.max(record.bannedUntilMs, nowMs + STANDING.refusedMs) });
  }

  isBanned(peer: string, nowMs: number): boolean {
    return (this.#records.get(peer)?.bannedUntilMs ?? 0) > nowMs;
  }
}
