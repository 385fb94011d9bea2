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

it("pauses go by what never goes back, also when the clock is set back, and follow it forward; statements follow it both ways", () => {
  const platform = { wall: 1_000_000, steady: 0 };
  const clock = createSystemClock({ wallMs: () => platform.wall, steadyMs: () => platform.steady });
  const after = (passedMs: number, setMs = 0): readonly [now: number, wall: number] => {
    platform.wall += passedMs + setMs;
    platform.steady += passedMs;
    return [clock.nowMs(), clock.wallMs()];
  };
  expect([after(0), after(500)]).toEqual([
    [1_000_000, 1_000_000],
    [1_000_500, 1_000_500],
  ]);
  expect(after(0, -300_000)).toEqual([1_000_500, 700_500]);
  // A pause of a second is one, however far back it was set.
  expect(after(1000)).toEqual([1_001_500, 701_500]);
  expect(after(0, 300_000)).toEqual([1_001_500, 1_001_500]);
  // After a sleep some platforms' steady time has stood.
  expect(after(0, 3_600_000)).toEqual([4_601_500, 4_601_500]);
});
