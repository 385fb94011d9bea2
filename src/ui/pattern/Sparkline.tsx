/**
 * A line for a glance: no axes, last point marked. The last `tentative` points are dashed: read, but not yet final.
 * `until` (0 to 1) is where in the shown span the readings end, so that a silent device leaves a gap and never a flat line.
 */
export function Sparkline({
  values,
  width = 120,
  height = 36,
  tentative = 0,
  label,
  tone = "house",
  fill = true,
  until = 1,
}: {
  values: readonly number[];
  width?: number;
  height?: number;
  tentative?: number;
  label: string;
  tone?: "house" | "offline" | "live";
  fill?: boolean;
  until?: number;
}) {
  if (values.length < 2) return null;
  const low = Math.min(...values),
    high = Math.max(...values),
    span = high - low || 1,
    pad = 4;
  const point = (v: number, i: number) =>
    [(i / (values.length - 1)) * (width - pad) * until, pad + (1 - (v - low) / span) * (height - 2 * pad)] as const;
  const path = (from: number, to: number) =>
    values
      .slice(from, to)
      .map((v, i) =>
        point(v, from + i)
          .map((n) => n.toFixed(1))
          .join(" "),
      )
      .join("L");
  const turn = values.length - tentative;
  const [x, y] = point(values[values.length - 1]!, values.length - 1);
  return (
    <svg
      className="b-spark"
      data-tone={tone}
      viewBox={`0 0 ${width} ${height}`}
      preserveAspectRatio="none"
      style={{ height }}
      role="img"
      aria-label={label}
    >
      {fill && <path className="b-spark-fill" d={`M0 ${height}L${path(0, values.length)}L${x.toFixed(1)} ${height}z`} />}
      {until < 1 && <path className="b-spark-gap" vectorEffect="non-scaling-stroke" d={`M${x + 6} ${height - 1}H${width - pad}`} />}
      <path className="b-spark-line" vectorEffect="non-scaling-stroke" d={`M${path(0, turn)}`} />
      {tentative > 0 && (
        <path className="b-spark-line" data-tentative vectorEffect="non-scaling-stroke" d={`M${path(turn - 1, values.length)}`} />
      )}
      <path className="b-spark-dot" vectorEffect="non-scaling-stroke" d={`M${x} ${y}h.01`} />
    </svg>
  );
}
