/** For how long nobody was linked. */
import { useNow, usePeer } from "./peer-context.tsx";

/** A relay that is being dialled, or a link that is being replaced, is no news. */
const OFFLINE_AFTER_MS = 4_000;

/** In milliseconds; null while linked, or not long enough without a link to say so. */
export function useOfflineMs(): number | null {
  const now = useNow();
  const since = usePeer((state) => state.offlineSinceMs);
  return since === null || now - since < OFFLINE_AFTER_MS ? null : now - since;
}
