import type { KeyboardEvent } from "react";

/** Where a key leads among so many tabs, or null: the ends are linked (WAI-ARIA Authoring Practices, Tabs). */
export function tabAfter(key: string, at: number, count: number): number | null {
  switch (key) {
    case "ArrowRight":
      return (at + 1) % count;
    case "ArrowLeft":
      return (at + count - 1) % count;
    case "Home":
      return 0;
    case "End":
      return count - 1;
    default:
      return null;
  }
}

/** Tabs over one panel, which has the identifier `panel` and `aria-labelledby={tabId(panel, chosen)}`. One stop for the Tab key; arrows go on. */
export function TabBar<Name extends string>({
  names,
  chosen,
  label,
  panel,
  said,
  onChoose,
}: {
  names: readonly Name[];
  chosen: Name;
  label: string;
  panel: string;
  said: Readonly<Record<Name, string>>;
  onChoose: (name: Name) => void;
}) {
  const onKey = (event: KeyboardEvent<HTMLElement>): void => {
    const next = tabAfter(event.key, names.indexOf(chosen), names.length);
    if (next === null) return;
    event.preventDefault();
    onChoose(names[next]!);
    event.currentTarget.parentElement?.querySelectorAll("button")[next]?.focus();
  };
  return (
    <div className="tabs" role="tablist" aria-label={label}>
      {names.map((name) => (
        <button
          key={name}
          id={tabId(panel, name)}
          type="button"
          role="tab"
          className="tab"
          aria-selected={name === chosen}
          aria-controls={panel}
          tabIndex={name === chosen ? 0 : -1}
          onClick={() => onChoose(name)}
          onKeyDown={onKey}
        >
          {said[name]}
        </button>
      ))}
    </div>
  );
}

export const tabId = (panel: string, name: string): string => `${panel}-${name}`;
