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
