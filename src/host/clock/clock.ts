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
 * What pauses go by never goes back: after the platform's clock was set back it goes on at its pace, ahead of it. Forward it follows at once, as after
 * sleep, when some platforms' steady time has stood. What is stated follows the platform's clock in both directions.
 */
export function createSystemClock(platform: PlatformTime = { wallMs: Date.now, steadyMs: () => performance.now() }): Clock {
  let shownMs = platform.wallMs();
  let steadyMs = platform.steadyMs();
  return {
    nowMs() {
      const passedMs = platform.steadyMs() - steadyMs;
      steadyMs += passedMs;
      shownMs = Math.max(shownMs + passedMs, platform.wallMs());
      return Math.floor(shownMs);
    },
    wallMs: () => Math.floor(platform.wallMs()),
    setTimer(delayMs, callback) {
      const timer = setTimeout(callback, Math.min(Math.max(0, delayMs), DELAY_MS_MAX));
      return () => clearTimeout(timer);
    },
  };
}
