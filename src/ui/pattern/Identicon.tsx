/**
 * A small quilt drawn from an identifier. Same id, same picture, on every peer and in both colour schemes.
 * The outline says what kind of thing it is: circle = account, hexagon = peer, rounded square = device, page = contract, bar = block.
 * It is a recognition aid and never proof: it is always shown beside a name or a digest, and hidden from screen readers.
 */
export type IdenticonKind = "account" | "peer" | "device" | "contract" | "block";

const dyes = [
  ["#cfe3d8", "#1f5b44"],
  ["#cfe3ee", "#1c5878"],
  ["#f3e2b8", "#7a5200"],
  ["#e6d6f0", "#6a3f87"],
  ["#f6d5cf", "#9c2a22"],
  ["#dedbd0", "#3a3c38"],
  ["#e0e6bd", "#4d5a14"],
  ["#d6d9f0", "#3d4489"],
] as const;
const outline: Record<IdenticonKind, string> = {
  account: "M12 0a12 12 0 1 1 0 24a12 12 0 1 1 0-24z",
  peer: "M10.5.6a3 3 0 0 1 3 0l7.4 4.3a3 3 0 0 1 1.5 2.6v9a3 3 0 0 1-1.5 2.6l-7.4 4.3a3 3 0 0 1-3 0l-7.4-4.3a3 3 0 0 1-1.5-2.6v-9a3 3 0 0 1 1.5-2.6z",
  device: "M6 0h12a6 6 0 0 1 6 6v12a6 6 0 0 1-6 6H6a6 6 0 0 1-6-6V6a6 6 0 0 1 6-6z",
  contract: "M4 0h13l6 6v15a3 3 0 0 1-3 3H4a3 3 0 0 1-3-3V3a3 3 0 0 1 3-3z",
  block: "M2 1h20a2 2 0 0 1 2 2v18a2 2 0 0 1-2 2H2a2 2 0 0 1-2-2V3a2 2 0 0 1 2-2z",
};

function randomFrom(text: string) {
  let h = 2166136261;
  for (let i = 0; i < text.length; i++) h = Math.imul(h ^ text.charCodeAt(i), 16777619);
  // splitmix32: each draw is well mixed, so that near identifiers do not share a dye
  return (n: number) => {
    h = (h + 0x9e3779b9) | 0;
    let t = h ^ (h >>> 16);
    t = Math.imul(t, 0x21f0aaad);
    t ^= t >>> 15;
    t = Math.imul(t, 0x735a2d97);
    t ^= t >>> 15;
    return (t >>> 0) % n;
  };
}

const T = 5,
  O = 4.5;
/** One tile at (column, row); `turn` picks the corner of a quarter disc or a triangle. */
function tile(column: number, row: number, shape: number, turn: number): string {
  const x = O + column * T,
    y = O + row * T,
    X = x + T,
    Y = y + T;
  if (shape === 0) return "";
  if (shape === 1) return `M${x} ${y}H${X}V${Y}H${x}z`;
  if (shape === 2)
    return [
      `M${x} ${y}H${X}A${T} ${T} 0 0 1 ${x} ${Y}z`,
      `M${X} ${y}V${Y}A${T} ${T} 0 0 1 ${x} ${y}z`,
      `M${X} ${Y}H${x}A${T} ${T} 0 0 1 ${X} ${y}z`,
      `M${x} ${Y}V${y}A${T} ${T} 0 0 1 ${X} ${Y}z`,
    ][turn]!;
  return [`M${x} ${y}H${X}L${x} ${Y}z`, `M${X} ${y}V${Y}L${x} ${y}z`, `M${X} ${Y}H${x}L${X} ${y}z`, `M${x} ${Y}V${y}L${X} ${Y}z`][turn]!;
}
function middle(row: number, shape: number): string {
  const x = O + T,
    y = O + row * T,
    r = T / 2;
  return [
    "",
    `M${x} ${y}h${T}v${T}h${-T}z`,
    `M${x} ${y + r}a${r} ${r} 0 1 1 ${T} 0a${r} ${r} 0 1 1 ${-T} 0z`,
    `M${x + r} ${y}l${r} ${r}l${-r} ${r}l${-r} ${-r}z`,
    `M${x} ${y}h${T}v${r}h${-T}z`,
    `M${x} ${y + r}h${T}v${r}h${-T}z`,
  ][shape]!;
}

export function Identicon({
  id,
  kind = "account",
  size = 24,
  ring,
}: {
  id: string;
  kind?: IdenticonKind;
  size?: number;
  ring?: boolean | undefined;
}) {
  const next = randomFrom(`${kind}:${id}`);
  const [ground, figure] = dyes[next(dyes.length)]!;
  let d = "";
  for (let row = 0; row < 3; row++) {
    const shape = next(4),
      turn = next(4),
      mirrored = [1, 0, 3, 2][turn]!;
    d += tile(0, row, shape, turn) + middle(row, next(6)) + tile(2, row, shape, mirrored);
  }
  return (
    <svg
      className="b-identicon"
      viewBox="0 0 24 24"
      width={size}
      height={size}
      aria-hidden="true"
      focusable="false"
      style={ring ? { outline: "2px solid var(--b-lamp)", outlineOffset: 2, borderRadius: kind === "account" ? "50%" : 8 } : undefined}
    >
      <path d={outline[kind]} fill={ground} />
      <path d={d} fill={figure} />
    </svg>
  );
}
