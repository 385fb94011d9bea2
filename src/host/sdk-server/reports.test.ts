import { expect, it } from "vitest";
import { createVirtualClock } from "../../kit/clock.ts";
import type { PeerMessage } from "../../sdk/messages.ts";
import { Reports } from "./reports.ts";
import { Feeds } from "./topics.ts";

it("a send whose peer halts is told that it stopped, and not the peer's own fault as if that were the transaction's fate", () => {
  const clock = createVirtualClock();
  const posted: PeerMessage[] = [];
  const reports = new Reports({ view: () => null, clock, feeds: new Feeds({ clock, state: () => null }) });
  reports.open({
    id: 7,
    post: (message) => posted.push(message),
    progress: false,
    submission: { calls: [], fee: 1, validForMs: 1 },
    resultAt: [],
    sentAtMs: 0,
  });
  reports.onEffect({ kind: "halted", refusal: { code: "storage-full", data: {} } }, null);
  expect(posted).toEqual([{ kind: "refused", id: 7, code: "stopped", data: { reason: "storage-full" } }]);
});
