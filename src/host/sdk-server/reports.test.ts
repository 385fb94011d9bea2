import { expect, it } from "vitest";
import type { PeerMessage } from "../../sdk/messages.ts";
import { Reports } from "./reports.ts";
import { Feeds } from "./topics.ts";

it("a send whose peer halts is told that it stopped, and not the peer's own fault as if that were the transaction's fate", () => {
  const nowMs = (): number => 0;
  const posted: PeerMessage[] = [];
  const reports = new Reports({ view: () => null, nowMs, feeds: new Feeds({ nowMs, state: () => null }) });
  reports.open({
    id: 7,
    post: (message) => posted.push(message),
    progress: false,
    submission: { calls: [], fee: 1, validForMs: 1 },
    resultAt: [],
    nowMs: 0,
  });
  reports.onEffect({ kind: "halted", refusal: { code: "storage-full", data: {} } }, null);
  expect(posted).toEqual([{ kind: "refused", id: 7, code: "stopped", data: { reason: "storage-full" } }]);
});
