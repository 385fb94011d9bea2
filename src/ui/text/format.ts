/** Numbers, times and sizes in a person's words; one place, so that a figure looks the same on every page. */
import type { Text } from "./en.ts";

export interface Format {
  number(value: number, digitsMax?: number): string;
  /** A span in its largest fitting unit: "4 s", "3 min". */
  span(ms: number): string;
  /** The span from then to now. After ten seconds it moves on every five: a page that is drawn each second for it costs more than the peer at rest. */
  age(thenMs: number, nowMs: number): string;
  /** The same in words. */
  ago(thenMs: number, nowMs: number): string;
  seconds(ms: number): string;
  bytes(count: number): string;
  time(ms: number): string;
  /** A time of a feed: with its date where it is a day or more away from now. */
  feedTime(ms: number, nowMs: number): string;
  dateTime(ms: number): string;
}

const SECOND = 1000;
const CALM_AFTER = 10 * SECOND;
const CALM_STEP = 5 * SECOND;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

/** ISO 8601, or nothing where a calendar has no such moment: times of readings are what their gateway says. */
export function isoTime(ms: number): string | undefined {
  const date = new Date(ms);
  return Number.isNaN(date.getTime()) ? undefined : date.toISOString();
}

export function createFormat(text: Text): Format {
  const whole = new Intl.NumberFormat(text.locale, { maximumFractionDigits: 0 });
  const time = new Intl.DateTimeFormat(text.locale, { hour: "2-digit", minute: "2-digit", second: "2-digit" });
  const dateTime = new Intl.DateTimeFormat(text.locale, { dateStyle: "medium", timeStyle: "medium" });
  const dayTime = new Intl.DateTimeFormat(text.locale, { dateStyle: "short", timeStyle: "short" });
  const number = (value: number, digitsMax = 0): string =>
    digitsMax === 0 ? whole.format(value) : new Intl.NumberFormat(text.locale, { maximumFractionDigits: digitsMax }).format(value);
  const span = (ms: number): string => {
    const past = Math.max(0, ms);
    if (past < MINUTE) return `${whole.format(Math.floor(past / SECOND))} s`;
    if (past < HOUR) return `${whole.format(Math.floor(past / MINUTE))} min`;
    if (past < DAY) return `${whole.format(Math.floor(past / HOUR))} h`;
    return text.common.days(Math.floor(past / DAY));
  };
  const age = (thenMs: number, nowMs: number): string => {
    const past = nowMs - thenMs;
    return span(past > CALM_AFTER && past < MINUTE ? past - (past % CALM_STEP) : past);
  };
  return {
    number,
    span,
    age,
    ago: (thenMs, nowMs) => (nowMs - thenMs < 2 * SECOND ? text.common.justNow : text.common.ago(age(thenMs, nowMs))),
    seconds: (ms) => number(ms / SECOND, ms < 10 * SECOND ? 2 : 1),
    bytes: (count) => {
      if (count < 1000) return `${whole.format(count)} B`;
      if (count < 1_000_000) return `${number(count / 1000, 1)} kB`;
      if (count < 1_000_000_000) return `${number(count / 1_000_000, 1)} MB`;
      return `${number(count / 1_000_000_000, 1)} GB`;
    },
    time: (ms) => (isoTime(ms) === undefined ? "–" : time.format(ms)),
    feedTime: (ms, nowMs) => (isoTime(ms) === undefined ? "–" : (Math.abs(nowMs - ms) < DAY ? time : dayTime).format(ms)),
    dateTime: (ms) => (isoTime(ms) === undefined ? "–" : dateTime.format(ms)),
  };
}
