import { Popover, UnstyledButton } from "@mantine/core";
import { IconHelpCircle } from "@tabler/icons-react";
import type { ReactNode } from "react";
import { useText } from "../text/language.tsx";

/** The explanation one tap away: a word of ours with a question mark beside it. */
export function Explain({ term, children }: { term: string; children: ReactNode }) {
  const text = useText();
  return (
    <Popover width={280} position="bottom" withArrow shadow="md" radius="md">
      <Popover.Target>
        <UnstyledButton className="b-explain" aria-label={text.common.whatIs(term)}>
          <IconHelpCircle size={16} aria-hidden />
        </UnstyledButton>
      </Popover.Target>
      <Popover.Dropdown>
        <span className="b-explain-text">{children}</span>
      </Popover.Dropdown>
    </Popover>
  );
}

/** One measured number. `source` says who measured it and over what time: without a source there is no card. */
export function StatCard({
  label,
  value,
  unit,
  source,
  explain,
  children,
}: {
  label: string;
  value: ReactNode;
  unit?: string;
  source: string;
  explain?: string;
  children?: ReactNode;
}) {
  return (
    <div className="b-stat">
      <div className="b-stat-label">
        {label}
        {explain && <Explain term={label}>{explain}</Explain>}
      </div>
      <div className="b-stat-value">
        {value}
        {unit && <span className="b-stat-unit">{unit}</span>}
      </div>
      {children}
      <div className="b-stat-source">{source}</div>
    </div>
  );
}
