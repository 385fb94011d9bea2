import { expect, it } from "vitest";
import { createSystemClock } from "./clock.ts";

it("tells the time and calls back once, in the order of the delays", async () => {
  const clock = createSystemClock();
  const before = Date.now();
  const calls: number[] = [];
  const cancel = clock.setTimer(1, () => calls.push(-1));
  cancel();
  await new Promise<void>((resolve) => {
    clock.setTimer(20, () => {
      calls.push(2);
      resolve();
    });
    clock.setTimer(2, () => calls.push(1));
  });
  expect(calls).toEqual([1, 2]);
  expect(clock.nowMs()).toBeGreaterThanOrEqual(before);
});

it("never goes back: a clock that was set back is waited for at half the pace, and one set forward is followed", () => {
  const platform = { wall: 1_000_000, steady: 0 };
  const clock = createSystemClock({ wallMs: () => platform.wall, steadyMs: () => platform.steady });
  const after = (passedMs: number, setMs = 0): number => {
    platform.wall += passedMs + setMs;
    platform.steady += passedMs;
    return clock.nowMs();
  };
  expect([after(0), after(500)]).toEqual([1_000_000, 1_000_500]);
  expect(after(0, -300_000)).toBe(1_000_500);
  expect([after(1000), after(3), after(1)]).toEqual([1_001_000, 1_001_001, 1_001_002]);
  // Twice as long as it was set back by, from when it was.
  after(600_000 - 1004);
  expect(clock.nowMs()).toBe(platform.wall);
  expect(after(10)).toBe(platform.wall);
  expect(after(0, 3_600_000)).toBe(platform.wall);
});
