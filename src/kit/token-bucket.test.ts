import { describe, expect, it } from "vitest";
import { TokenBucket } from "./token-bucket.ts";

describe("a token bucket", () => {
  it("gives a burst, then the rate, and never more than it holds", () => {
    const bucket = new TokenBucket({ capacity: 3, perSecond: 2, nowMs: 0 });
    expect([bucket.take(1, 0), bucket.take(2, 0), bucket.take(1, 0)]).toEqual([true, true, false]);
    expect([bucket.take(1, 499), bucket.take(1, 500)]).toEqual([false, true]);
    expect([bucket.take(3, 60_000), bucket.take(1, 60_000)]).toEqual([true, false]);
  });

  it("gains nothing from a clock that goes backward", () => {
    const bucket = new TokenBucket({ capacity: 1, perSecond: 1, nowMs: 10_000 });
    expect(bucket.take(1, 10_000)).toBe(true);
    expect(bucket.take(1, 0)).toBe(false);
    expect(bucket.take(1, 500)).toBe(false);
  });
});
