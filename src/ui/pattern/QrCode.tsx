import encodeQR from "qr";
import { useMemo } from "react";

/** A QR code as one path; dark on white in both schemes, or cameras would not read it. */
export function QrCode({ content, label }: { content: string; label: string }) {
  const { size, path } = useMemo(() => {
    const rows = encodeQR(content, "raw", { ecc: "medium", border: 2 });
    let drawn = "";
    for (const [y, row] of rows.entries()) for (const [x, dark] of row.entries()) if (dark) drawn += `M${x} ${y}h1v1h-1z`;
    return { size: rows.length, path: drawn };
  }, [content]);
  return (
    <div className="qr">
      <svg viewBox={`0 0 ${size} ${size}`} role="img" aria-label={label} shapeRendering="crispEdges">
        <path d={path} fill="#14201b" />
      </svg>
    </div>
  );
}
