/** The platform's clock. In a worker its timers are not throttled when the tab is in the background. */
import type { Clock } from "../../kit/clock.ts";

/** `setTimeout` wraps above this and would call at once. */
const DELAY_MS_MAX = 2 ** 31 - 1;

/** What the platform knows of time: when it is, which a person or a time server may set back, and what has passed, which only grows. */
export interface PlatformTime {
  readonly wallMs: () => number;
  readonly steadyMs: () => number;
}

/**
 * Time that never goes back, since all pauses and timeouts are measured by it: after the platform's clock was set back it goes on at half its pace until the
 * two agree again. Forward it follows at once, as after sleep.
 */
export function createSystemClock(platform: PlatformTime = { wallMs: Date.now, steadyMs: () => performance.now() }): Clock {
  let shownMs = platform.wallMs();
  let steadyMs = platform.steadyMs();
  return {
    nowMs() {
      const passedMs = platform.steadyMs() - steadyMs;
      steadyMs += passedMs;
      shownMs = Math.max(shownMs + passedMs / 2, platform.wallMs());
      return Math.floor(shownMs);
    },
    setTimer(delayMs, callback) {
      const timer = setTimeout(callback, Math.min(Math.max(0, delayMs), DELAY_MS_MAX));
      return () => clearTimeout(timer);
    },
  };
}
