import { useState } from "react";
import type { RefusalShape } from "../../sdk/api.ts";
import { refusalOf } from "../shell/peer-store.ts";

/** Something that a button does and that may fail: whether it is under way, and why it failed. */
export function useDeed(): {
  readonly busy: boolean;
  readonly error: RefusalShape | null;
  readonly run: (deed: () => Promise<unknown>) => void;
} {
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<RefusalShape | null>(null);
  const run = (deed: () => Promise<unknown>): void => {
    setBusy(true);
    setError(null);
    deed()
      .catch((reason: unknown) => setError(refusalOf(reason)))
      .finally(() => setBusy(false));
  };
  return { busy, error, run };
}
