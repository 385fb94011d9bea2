import { useMemo } from "react";
import { shortId } from "../pattern/Digest.tsx";
import { useNameOf, usePeer } from "../shell/peer-context.tsx";
import { useFormat, useText } from "../text/language.tsx";
import type { ChangeWords } from "./change-text.ts";

/** What sentences about a change are made of: the language, the BoT's token, and names as this person knows them. */
export function useWords(): ChangeWords {
  const text = useText();
  const format = useFormat();
  const known = useNameOf();
  const token = usePeer(({ status }) => status?.token ?? "");
  return useMemo(() => ({ text, format, token, nameOf: (account) => known(account) ?? shortId(account) }), [text, format, token, known]);
}
