/** How far a tab has come on its way to being a peer, as the first minute shows it. */
import type { PeerView } from "../peer/view.ts";
import type { RejectCode } from "../protocol/codes.ts";
import type { JoiningProgress } from "../sdk/api.ts";

export interface JoiningFacts {
  readonly view: PeerView | null;
  /** Whether this tab's keys are there. */
  readonly keys: boolean;
  /** Why there is no BoT to join yet, if so. */
  readonly waitingCode: RejectCode | null;
  readonly seatWanted: boolean;
}

export function joiningOf({ view, keys, waitingCode, seatWanted }: JoiningFacts): readonly JoiningProgress[] {
  const network = view?.network ?? null;
  const relays = network?.relays ?? [];
  const linkedRelays = relays.filter((relay) => relay.state === "linked").length;
  // Which relays there are is not known before the manifest.
  const ofRelays = relays.length === 0 ? {} : { done: linkedRelays, total: relays.length };
  const links = network?.links.length ?? 0;
  const alone = view !== null && links === 0 && view.caughtUp;
  return [
    { step: "slot", state: "done" },
    { step: "keys", state: keys ? "done" : "working" },
    relays.length === 0 && view !== null && network !== null
      ? { step: "relay", state: "skipped" }
      : { step: "relay", state: linkedRelays > 0 ? "done" : "working", ...ofRelays },
    alone ? { step: "peers", state: "skipped", done: 0 } : { step: "peers", state: links > 0 ? "done" : "working", done: links },
    ledgerStep(view, waitingCode),
    seatStep(view, seatWanted),
  ];
}

function ledgerStep(view: PeerView | null, waitingCode: RejectCode | null): JoiningProgress {
  if (view === null)
    return waitingCode === null ? { step: "ledger", state: "waiting" } : { step: "ledger", state: "waiting", code: waitingCode };
  const done = view.final.height;
  if (view.halted !== null) return { step: "ledger", state: "failed", code: view.halted.code };
  if (view.caughtUp) return { step: "ledger", state: "done", done };
  if (view.joining !== null) {
    const { bytes, total } = view.joining;
    return { step: "ledger", state: "working", done: Math.min(bytes, total), total, unit: "bytes" };
  }
  if (view.isShutOut) return { step: "ledger", state: "waiting", code: "not-authorized" };
  if (view.stranded) return { step: "ledger", state: "waiting", code: "no-members" };
  return view.targetHeight === null
    ? { step: "ledger", state: "working", done }
    : { step: "ledger", state: "working", done, total: view.targetHeight };
}

function seatStep(view: PeerView | null, seatWanted: boolean): JoiningProgress {
  if (view?.seatWork === "seated") return { step: "seat", state: "done" };
  if (!seatWanted) return { step: "seat", state: "skipped" };
  const working = view !== null && view.caughtUp && view.seatWork !== "none";
  return { step: "seat", state: working ? "working" : "waiting" };
}
