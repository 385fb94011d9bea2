/** What happened in this tab, for the person's own diagnostics file. It stays on the machine, and it holds no secrets. */
import type { Clock } from "../../kit/clock.ts";

export const LOG_LEVELS = ["debug", "info", "warning", "error"] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];

/** Plain facts only: bytes, and so keys and signatures, are not of this type. */
export type LogData = Readonly<Record<string, string | number | boolean | null>>;

export type LogEntry = {
  readonly number: number;
  readonly atMs: number;
  readonly level: LogLevel;
  /** The room or part that says it, such as `network` or `storage`. */
  readonly area: string;
  readonly event: string;
  readonly data: LogData;
};

export interface EventLog {
  record(level: LogLevel, area: string, event: string, data?: LogData): void;
  /** The entries kept, oldest first. */
  entries(): readonly LogEntry[];
  /** Calls back for each new entry. Gives what ends it. */
  subscribe(listener: (entry: LogEntry) => void): () => void;
  /** The entries and how many were dropped, with `about` in front. */
  report(about?: LogData): LogReport;
}

export type LogReport = {
  readonly about: LogData;
  readonly dropped: number;
  readonly entries: readonly LogEntry[];
};

export interface EventLogOptions {
  readonly clock: Clock;
  /** Below it nothing is kept. */
  readonly levelMin?: LogLevel;
  /** The oldest of more entries are dropped: an hour of a busy peer in well under a megabyte. */
  readonly entriesMax?: number;
}

/** A longer text is cut: an entry is a fact, not a document. */
const TEXT_UNITS_MAX = 300;
const SECRET_NAME = /seed|secret|password|words|mnemonic|private|token/i;

function cleanData(data: LogData): LogData {
  return Object.fromEntries(
    Object.entries(data).map(([name, value]) => {
      if (SECRET_NAME.test(name)) return [name, "(not kept)"];
      return [name, typeof value === "string" ? value.slice(0, TEXT_UNITS_MAX) : value];
    }),
  );
}

export function createEventLog({ clock, levelMin = "info", entriesMax = 2000 }: EventLogOptions): EventLog {
  const kept: LogEntry[] = [];
  const listeners = new Set<(entry: LogEntry) => void>();
  let count = 0;
  return {
    record(level, area, event, data = {}) {
      if (LOG_LEVELS.indexOf(level) < LOG_LEVELS.indexOf(levelMin)) return;
      const entry: LogEntry = { number: count++, atMs: clock.wallMs(), level, area, event, data: cleanData(data) };
      kept.push(entry);
      if (kept.length > entriesMax) kept.shift();
      for (const listener of listeners) listener(entry);
    },
    entries: () => [...kept],
    subscribe(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    report: (about = {}) => ({ about: cleanData(about), dropped: count - kept.length, entries: [...kept] }),
  };
}
