import { lazy, Suspense, useMemo } from "react";
import type { ReadingInfo } from "../../sdk/api.ts";
import { unitText } from "../devices/description.ts";
import { useFormat, useText } from "../text/language.tsx";
import { seriesOf, summaryOf } from "./series.ts";

// It brings the plotting with it, which a page of switches does without.
const Chart = lazy(() => import("../pattern/Chart.tsx").then((module) => ({ default: module.Chart })));

/** Numbers of one property over time, final and not yet final, with a key. Nothing where there are none. */
export function ReadingsChart({ readings, property, title }: { readings: readonly ReadingInfo[]; property: string; title: string }) {
  const text = useText();
  const format = useFormat();
  const series = useMemo(() => seriesOf(readings, property), [readings, property]);
  const summary = summaryOf(readings, property);
  if (summary === null) return null;
  const unit = unitText(readings.findLast((reading) => reading.property === property)?.unit);
  const number = (value: number): string => format.number(value, 2);
  const label = text.data.chart({
    property: title,
    last: number(summary.last),
    low: number(summary.lowest),
    high: number(summary.highest),
    unit,
    count: summary.count,
  });
  return (
    <>
      <Suspense fallback={<div className="chart" />}>
        <Chart series={series} unit={unit} locale={text.locale} label={label} />
      </Suspense>
      <div className="legend">
        <span>
          <svg width="22" height="4" aria-hidden>
            <path d="M0 2h22" stroke="var(--b-stroke)" strokeWidth="2" />
          </svg>
          {text.data.final}
        </span>
        {summary.tentative > 0 && (
          <span>
            <svg width="22" height="4" aria-hidden>
              <path d="M0 2h22" stroke="var(--b-tentative-line)" strokeWidth="2" strokeDasharray="4 3" />
            </svg>
            {text.data.notFinal(format.number(summary.tentative))}
          </span>
        )}
      </div>
    </>
  );
}
