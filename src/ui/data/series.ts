/** Readings of one property as a chart, as numbers, and as a file. */
import type { ReadingInfo, Value } from "../../sdk/api.ts";
import type { Series } from "../pattern/Chart.tsx";
import { isoTime } from "../text/format.ts";

/** Properties with at least one number, in the order they came. */
export function numericProperties(readings: readonly ReadingInfo[]): readonly string[] {
  return [...new Set(readings.filter(({ value }) => typeof value === "number").map(({ property }) => property))];
}

/** The last final point also begins the tentative line, so that the two meet. */
export function seriesOf(readings: readonly ReadingInfo[], property: string): Series {
  const own = readings.filter((reading) => reading.property === property && typeof reading.value === "number");
  const turn = own.findIndex(({ final }) => !final);
  const values = own.map(({ value }) => value as number);
  return {
    times: own.map(({ timeMs }) => timeMs),
    values: values.map((value, index) => (turn < 0 || index < turn ? value : null)),
    tentative: values.map((value, index) => (turn >= 0 && index >= turn - 1 ? value : null)),
  };
}

export interface Summary {
  readonly count: number;
  readonly lowest: number;
  readonly mean: number;
  readonly highest: number;
  /** The newest. */
  readonly last: number;
  readonly tentative: number;
}

export function summaryOf(readings: readonly ReadingInfo[], property: string): Summary | null {
  const own = readings.filter((reading) => reading.property === property && typeof reading.value === "number");
  if (own.length === 0) return null;
  const values = own.map(({ value }) => value as number);
  return {
    count: values.length,
    lowest: Math.min(...values),
    mean: values.reduce((sum, value) => sum + value, 0) / values.length,
    highest: Math.max(...values),
    last: values.at(-1)!,
    tentative: own.filter(({ final }) => !final).length,
  };
}

/**
 * A cell of RFC 4180. A text that a spreadsheet would take for a formula gets an apostrophe in front: readings come from strangers'
 * devices, and a file of them is opened at home.
 */
function cell(value: Value | undefined): string {
  const text = value === undefined || value === null ? "" : typeof value === "string" ? value : JSON.stringify(value);
  const safe = typeof value === "string" && /^[=+\-@\t\r]/.test(text) ? `'${text}` : text;
  return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}

/** One line a reading (RFC 4180). */
export function readingsToCsv(readings: readonly ReadingInfo[]): string {
  const rows = readings.map(({ timeMs, property, value, unit, height, sequence, final }) =>
    [isoTime(timeMs) ?? timeMs, property, value, unit, height, sequence, final].map(cell).join(","),
  );
  return ["time,property,value,unit,block,pack,final", ...rows, ""].join("\r\n");
}
