/** The mark: a bothy with a lamp in its window. The lamp is the state of this peer: lit = linked, breathing = joining, dark = offline or stopped. */
export type Lamp = "lit" | "joining" | "dark";
export function BothyMark({ size = 32, lamp = "lit" }: { size?: number; lamp?: Lamp }) {
  return (
    <svg className="b-mark" data-lamp={lamp} viewBox="0 0 32 32" width={size} height={size} aria-hidden="true" focusable="false">
      <path className="b-mark-wall" d="M5 14.6 16 6l11 8.6V26a1.6 1.6 0 0 1-1.6 1.6H6.6A1.6 1.6 0 0 1 5 26z" />
      <path className="b-mark-roof" d="M3 15.2 16 5l13 10.2M22.6 9.4V5.2" />
      <path className="b-mark-door" d="M9 27.6v-8.1a1 1 0 0 1 1-1h4a1 1 0 0 1 1 1v8.1z" />
      <rect className="b-mark-lamp" x="18.4" y="17.6" width="5" height="5" rx=".9" />
    </svg>
  );
}

/** The same house, larger and drawn in line, for pages that have nothing else to show. */
export type Scene = "empty" | "offline" | "forbidden" | "broken" | "loading";
export function BothyScene({ scene }: { scene: Scene }) {
  return (
    <svg className="b-scene" data-scene={scene} viewBox="0 0 200 112" width={200} height={112} aria-hidden="true" focusable="false">
      <path className="b-scene-hill" d="M0 96C28 78 44 64 70 72s40-26 66-22 40 30 64 40v22H0z" />
      <path className="b-scene-line" d="M18 100h164" />
      <path className="b-scene-wall" d="M62 100V60l38-28 38 28v40z" />
      <path
        className="b-scene-roof"
        d={scene === "broken" ? "M54 66 84 43.8M94 36.4 100 32l46 34M124 49.6V36" : "M54 66l46-34 46 34M124 49.6V36"}
      />
      <path
        className="b-scene-door"
        data-open={scene === "empty" || undefined}
        d={scene === "empty" ? "M76 100V76h16v24M76 76l-9 5v24l9-5" : "M76 100V76h16v24"}
      />
      <rect className="b-scene-lamp" x="108" y="74" width="15" height="13" rx="1.5" />
      <path className="b-scene-line" d="M115.500 74v13M108 80.500h15" />
      {scene === "offline" && <path className="b-scene-moon" d="M168 18a12 12 0 1 0 8 20a10 10 0 0 1-8-20z" />}
      {scene === "forbidden" && (
        <g className="b-scene-lock">
          <rect x="80" y="85" width="8" height="7" rx="1" />
          <path d="M82 85v-2a2 2 0 0 1 4 0v2" />
        </g>
      )}
      {scene === "broken" && <path className="b-scene-line" d="M87 30l3 5M80 26l-1 6M93 24l-3 4" />}
    </svg>
  );
}
