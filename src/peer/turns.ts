/**
 * Whoever asks for much costs this peer a read and an answer that is far larger than the question, so everybody has turns: one answer at a time, and the
 * next after a pause that grows with what was given.
 */
import { BoundedMap } from "../kit/bounded-map.ts";
import { LIMITS } from "../protocol/limits.ts";

/** Does the work of an answer, and says how many bytes were given once it is done. */
export type Work = (end: (bytes: number) => void) => void;

interface Turn {
  isBusy: boolean;
  freeAtMs: number;
  /** The last question that came meanwhile. */
  waiting: Work | null;
}

export class Turns {
  readonly #turns = new BoundedMap<string, Turn>(LIMITS.answeredPeersMax);
  #nowMs = 0;

  /** Answers at once when it is the peer's turn; else it waits for that, or where `waits` is false is forgotten. */
  take(peer: string, nowMs: number, work: Work, { waits }: { readonly waits: boolean }): void {
    this.#nowMs = nowMs;
    let turn = this.#turns.get(peer);
    if (turn === undefined) this.#turns.set(peer, (turn = { isBusy: false, freeAtMs: 0, waiting: null }));
    if (this.#isFree(turn)) this.#begin(turn, work);
    else if (waits) turn.waiting = work;
  }

  /** Serves those whose turn has come. */
  tick(nowMs: number): void {
    this.#nowMs = nowMs;
    for (const [, turn] of this.#turns.entries()) {
      const { waiting } = turn;
      if (waiting !== null && this.#isFree(turn)) this.#begin(turn, waiting);
    }
  }

  #isFree({ isBusy, freeAtMs }: Turn): boolean {
    return !isBusy && this.#nowMs >= freeAtMs;
  }

  #begin(turn: Turn, work: Work): void {
    turn.isBusy = true;
    turn.waiting = null;
    work((bytes) => {
      turn.isBusy = false;
      turn.freeAtMs = this.#nowMs + LIMITS.servePauseMs + (bytes * 1000) / LIMITS.serveBytesPerSecondMax;
    });
  }
}
