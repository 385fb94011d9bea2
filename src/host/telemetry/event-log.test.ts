import { expect, it } from "vitest";
import { createVirtualClock } from "../../kit/clock.ts";
import { createEventLog, type LogEntry } from "./event-log.ts";

it("keeps the newest entries from a level on, with their time", () => {
  const clock = createVirtualClock(5000);
  const log = createEventLog({ clock, entriesMax: 3 });
  const heard: LogEntry[] = [];
  const end = log.subscribe((entry) => heard.push(entry));
  log.record("debug", "network", "dial");
  for (let i = 0; i < 5; i++) {
    clock.advance(1);
    log.record("info", "network", "linked", { peer: `p${i}` });
  }
  end();
  log.record("error", "storage", "storage-full");
  expect(log.entries().map(({ number, atMs, event }) => [number, atMs, event])).toEqual([
    [3, 5004, "linked"],
    [4, 5005, "linked"],
    [5, 5005, "storage-full"],
  ]);
  expect(heard).toHaveLength(5);
  expect(log.report({ version: "1" })).toMatchObject({
    about: { version: "1" },
    dropped: 3,
    entries: [{ number: 3 }, {}, {}],
  });
});

it("keeps no secrets and no documents", () => {
  const log = createEventLog({ clock: createVirtualClock() });
  log.record("warning", "keys", "restored", { words: "abandon abandon", accountSeed: "00ff", text: "x".repeat(5000) });
  const text = JSON.stringify(log.report({ password: "hunter2" }));
  expect(text).not.toMatch(/abandon|00ff|hunter2/);
  expect(text.length).toBeLessThan(1000);
});
