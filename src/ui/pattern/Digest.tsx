import { IconCheck, IconCopy } from "@tabler/icons-react";
import { useState, type ReactNode } from "react";
import { usePlatform } from "../shell/peer-context.tsx";
import { useFormat, useText } from "../text/language.tsx";
import { Identicon, type IdenticonKind } from "./Identicon.tsx";

/** Drops what every identifier has in common (`did:key:z6Mk`, `12D3KooW`), keeps four characters at each end. */
export function shortId(id: string, ends = 4): string {
  const own = id.replace(/^did:key:(z6Mk)?/, "").replace(/^12D3KooW/, "");
  return own.length <= ends * 2 + 1 ? own : `${own.slice(0, ends)}…${own.slice(-ends)}`;
}

const SAID_MS = 1500;

/** A digest or did:key: short to look at, whole to copy. `plain` is for rows that are links already. */
export function Digest({ value, plain }: { value: string; plain?: boolean }) {
  const text = useText();
  const platform = usePlatform();
  const [copied, setCopied] = useState<boolean | null>(null);
  const short = <span className="b-digest-text">{shortId(value)}</span>;
  if (plain)
    return (
      <span className="b-digest" title={value}>
        {short}
      </span>
    );
  const copy = async (): Promise<void> => {
    setCopied(await platform.copy(value));
    setTimeout(() => setCopied(null), SAID_MS);
  };
  return (
    <button
      type="button"
      className="b-digest"
      data-copy
      title={value}
      onClick={() => void copy()}
      aria-label={copied === null ? text.common.copy(shortId(value)) : copied ? text.common.copied : text.common.notCopied}
    >
      {copied === false ? <span className="fault">{text.common.notCopied}</span> : short}
      {copied ? <IconCheck size={14} aria-hidden /> : <IconCopy size={14} aria-hidden />}
    </button>
  );
}

/** Who or what: identicon, then the name a person gave it, then the digest. Without a name the digest stands first. `note` null: one line. */
export function Who({
  id,
  name,
  kind = "account",
  note,
  size = 28,
  you,
}: {
  id: string;
  name?: string | null | undefined;
  kind?: IdenticonKind;
  note?: ReactNode;
  size?: number;
  you?: boolean | undefined;
}) {
  const text = useText();
  return (
    <span className="b-who">
      <Identicon id={id} kind={kind} size={size} ring={you} />
      <span className="b-who-text">
        <span className="b-who-name">
          {name ?? <Digest value={id} plain />}
          {you && <span className="b-you">{text.common.you}</span>}
        </span>
        {note !== null && (note !== undefined || name) && <span className="b-who-note">{note ?? <Digest value={id} plain />}</span>}
      </span>
    </span>
  );
}

/** An amount: grouped, tabular, the unit after it. A sign only where direction matters, a real minus. */
export function Amount({ value, unit, signed }: { value: number; unit: string; signed?: boolean }) {
  const format = useFormat();
  return (
    <span className="b-amount">
      {value < 0 ? "−" : signed ? "+" : ""}
      {format.number(Math.abs(value))}
      <span className="b-amount-unit">{unit}</span>
    </span>
  );
}
