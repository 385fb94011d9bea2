/** Time as something that is handed in: the real one is in `host/clock`; the virtual one moves when it is told to. */
export interface Clock {
  /** Milliseconds that only grow, for pauses, rates and timeouts. At the start they are those since 1970; `wallMs` may be set back behind them. */
  nowMs(): number;
  /** Milliseconds since 1970, as the platform says now: for what is stated to others, written down or shown, and for what they state. */
  wallMs(): number;
  /** Calls back once after the delay. Gives what cancels it; cancelling twice, or after the call, does nothing. */
  setTimer(delayMs: number, callback: () => void): () => void;
}

export interface VirtualClock extends Clock {
  /** Lets time pass, calling what is due in order of time and, at one moment, of setting. */
  advance(byMs: number): void;
  /** Timers not yet called or cancelled. */
  readonly timers: number;
}

export function createVirtualClock(startMs = 0): VirtualClock {
  interface Timer {
    readonly dueMs: number;
    readonly callback: () => void;
  }
  let nowMs = startMs;
  let timers: Timer[] = [];
  return {
    nowMs: () => nowMs,
    wallMs: () => nowMs,
    setTimer(delayMs, callback) {
      const timer: Timer = { dueMs: nowMs + Math.max(0, delayMs), callback };
      const later = timers.findIndex(({ dueMs }) => dueMs > timer.dueMs);
      timers.splice(later < 0 ? timers.length : later, 0, timer);
      return () => {
        timers = timers.filter((other) => other !== timer);
      };
    },
    advance(byMs) {
      const endMs = nowMs + byMs;
      for (let first = timers[0]; first && first.dueMs <= endMs; first = timers[0]) {
        timers.shift();
        nowMs = first.dueMs;
        first.callback();
      }
      nowMs = endMs;
    },
    get timers() {
      return timers.length;
    },
  };
}
