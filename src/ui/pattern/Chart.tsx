import "uplot/dist/uPlot.min.css";
import { useComputedColorScheme } from "@mantine/core";
import { useEffect, useRef } from "react";
import UPlot from "uplot";
import { isoTime } from "../text/format.ts";

/** Points in the order of time; times in milliseconds. A value is in `tentative` from where readings are not yet final. */
export interface Series {
  readonly times: readonly number[];
  readonly values: readonly (number | null)[];
  readonly tentative: readonly (number | null)[];
}

const MINUTE_MS = 60_000;
const DAY_MS = 86_400_000;

function colour(name: string): string {
  return getComputedStyle(document.documentElement).getPropertyValue(name).trim();
}

/** Marks closer than a second read the same: each is written once. */
function once(marks: readonly string[]): string[] {
  return marks.map((words, index) => (words === marks[index - 1] ? "" : words));
}

function optionsOf(width: number, height: number, locale: string): UPlot.Options {
  const axis = {
    stroke: colour("--b-ink-2"),
    grid: { stroke: colour("--b-line"), width: 1 },
    ticks: { show: false },
    font: `13px ${getComputedStyle(document.body).fontFamily}`,
  };
  const number = new Intl.NumberFormat(locale, { maximumFractionDigits: 2 });
  const day = new Intl.DateTimeFormat(locale, { day: "numeric", month: "short" });
  const minute = new Intl.DateTimeFormat(locale, { hour: "2-digit", minute: "2-digit" });
  const second = new Intl.DateTimeFormat(locale, { hour: "2-digit", minute: "2-digit", second: "2-digit" });
  /** As fine as the steps between the marks, or several marks would read the same. */
  const time = (stepMs: number): Intl.DateTimeFormat => (stepMs < MINUTE_MS ? second : stepMs < DAY_MS ? minute : day);
  // Marks stand also beside the line, where a calendar may have no moment any more.
  const mark = (timeMs: number, stepMs: number): string => (isoTime(timeMs) === undefined ? "" : time(stepMs).format(timeMs));
  return {
    width,
    height,
    ms: 1,
    // A last mark stands half beside the line.
    padding: [8, 30, 0, 0],
    legend: { show: false },
    cursor: { y: false },
    axes: [
      { ...axis, values: (_, splits, _axis, _space, stepMs) => once(splits.map((split) => mark(split, stepMs))), space: 84, size: 28 },
      { ...axis, values: (_, splits) => splits.map((split) => number.format(split)), size: 56 },
    ],
    series: [
      {},
      { stroke: colour("--b-stroke"), width: 1.75, fill: `${colour("--b-stroke")}17`, points: { show: false } },
      { stroke: colour("--b-tentative-line"), width: 1.75, dash: [4, 5], points: { show: false } },
    ],
  };
}

/** A line over time, with the unit above its axis. `label` says its range and its current value, for those who cannot see it. */
export function Chart({ series, unit, label, locale }: { series: Series; unit: string; label: string; locale: string }) {
  const box = useRef<HTMLDivElement>(null);
  const plot = useRef<UPlot>(undefined);
  const shown = useRef(series);
  const scheme = useComputedColorScheme("light");
  useEffect(() => {
    shown.current = series;
  });
  useEffect(() => {
    const place = box.current;
    if (place === null) return undefined;
    const dataOf = ({ times, values, tentative }: Series): UPlot.AlignedData => [[...times], [...values], [...tentative]];
    // Colours are read from the tokens again when the scheme changes, so the plot is made anew.
    plot.current = new UPlot(optionsOf(place.clientWidth, place.clientHeight, locale), dataOf(shown.current), place);
    const observer = new ResizeObserver(() => plot.current?.setSize({ width: place.clientWidth, height: place.clientHeight }));
    observer.observe(place);
    return () => {
      observer.disconnect();
      plot.current?.destroy();
      plot.current = undefined;
    };
  }, [scheme, locale]);
  useEffect(() => {
    plot.current?.setData([[...series.times], [...series.values], [...series.tentative]]);
  }, [series]);
  return (
    <div role="img" aria-label={label} data-scheme={scheme}>
      <div className="chart-unit">{unit}</div>
      <div className="chart" ref={box} />
    </div>
  );
}
