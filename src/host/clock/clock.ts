/** The platform's clock. In a worker its timers are not throttled when the tab is in the background. */
import type { Clock } from "../../kit/clock.ts";

/** `setTimeout` wraps above this and would call at once. */
const DELAY_MS_MAX = 2 ** 31 - 1;

export function createSystemClock(): Clock {
  return {
    nowMs: () => Date.now(),
    setTimer(delayMs, callback) {
      const timer = setTimeout(callback, Math.min(Math.max(0, delayMs), DELAY_MS_MAX));
      return () => clearTimeout(timer);
    },
  };
}
