import type { ReactNode } from "react";
import { BothyScene, type Scene } from "./BothyMark.tsx";

/** What a page shows instead of its content: what is so, why, and what to do. Loading has skeletons of the page's own shape instead. */
export function PageState({
  state,
  title,
  why,
  detail,
  children,
}: {
  state: Scene;
  title: string;
  why: ReactNode;
  detail?: ReactNode;
  children?: ReactNode;
}) {
  return (
    <section className="b-state" data-state={state} role={state === "broken" ? "alert" : undefined}>
      <BothyScene scene={state} />
      <h2>{title}</h2>
      <p>{why}</p>
      {children && <div className="b-state-actions">{children}</div>}
      {detail && <div className="b-state-detail">{detail}</div>}
    </section>
  );
}

/** A line above content that is still shown but old or waiting: offline never blanks a page that has data. */
export function Banner({
  tone,
  icon,
  children,
  action,
}: {
  tone: "offline" | "tentative" | "refused" | "recovered" | "live";
  icon: ReactNode;
  children: ReactNode;
  action?: ReactNode;
}) {
  return (
    <div className="b-banner" data-tone={tone} role="status">
      {icon}
      <div>{children}</div>
      {action}
    </div>
  );
}
