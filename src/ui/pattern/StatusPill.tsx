import {
  IconCircleCheckFilled,
  IconCircleDashed,
  IconCircleXFilled,
  IconPlugConnectedX,
  IconProgress,
  IconRotateClockwise2,
  IconTool,
} from "@tabler/icons-react";
import type { ReactNode } from "react";
import { useText } from "../text/language.tsx";

/** One word, one shape, one colour, everywhere. The shape alone is enough to tell them apart. */
export type StatusWord = "live" | "tentative" | "final" | "recovered" | "refused" | "offline" | "mending" | "waiting";

const ICONS: Record<StatusWord, typeof IconCircleDashed> = {
  live: IconProgress,
  tentative: IconCircleDashed,
  final: IconCircleCheckFilled,
  recovered: IconRotateClockwise2,
  refused: IconCircleXFilled,
  offline: IconPlugConnectedX,
  mending: IconTool,
  waiting: IconCircleDashed,
};

export function StatusPill({ status, children, bare }: { status: StatusWord; children?: ReactNode; bare?: boolean }) {
  const { word, tells } = useText().status[status];
  const Icon = ICONS[status];
  return (
    <span className="b-pill" data-status={status} data-bare={bare || undefined} title={tells}>
      {status === "live" ? <span className="b-live-dot" aria-hidden /> : <Icon size={15} aria-hidden />}
      {children ?? word}
    </span>
  );
}
