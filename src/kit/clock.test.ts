import { expect, it } from "vitest";
import { createVirtualClock } from "./clock.ts";

it("calls what is due in order of time, then of setting, also what a callback sets", () => {
  const clock = createVirtualClock(1000);
  const calls: string[] = [];
  const say = (name: string) => () => calls.push(`${name}@${clock.nowMs()}`);
  clock.setTimer(20, say("c"));
  clock.setTimer(10, say("a"));
  clock.setTimer(10, () => {
    say("b")();
    clock.setTimer(5, say("set by b"));
  });
  clock.advance(9);
  expect(calls).toEqual([]);
  clock.advance(20);
  expect(calls).toEqual(["a@1010", "b@1010", "set by b@1015", "c@1020"]);
  expect(clock.nowMs()).toBe(1029);
});

it("does not call what was cancelled", () => {
  const clock = createVirtualClock();
  let calls = 0;
  const cancel = clock.setTimer(1, () => calls++);
  expect(clock.timers).toBe(1);
  cancel();
  cancel();
  clock.advance(10);
  expect([calls, clock.timers]).toEqual([0, 0]);
});
