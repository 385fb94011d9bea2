import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { encodeFrame, FrameReader } from "./frames.ts";

const MAX = 64;

describe("frames", () => {
  it("come out as they went in, however the stream is cut", () => {
    fc.assert(
      fc.property(
        fc.array(fc.uint8Array({ maxLength: MAX }), { maxLength: 8 }),
        fc.array(fc.integer({ min: 1, max: 40 }), { minLength: 1 }),
        (messages, cuts) => {
          const stream = Buffer.concat(messages.map(encodeFrame));
          const reader = new FrameReader(MAX);
          const got: Uint8Array[] = [];
          for (let offset = 0, i = 0; offset < stream.length; i++) {
            const length = cuts[i % cuts.length]!;
            got.push(...reader.push(stream.subarray(offset, offset + length)));
            offset += length;
          }
          expect(got.map((bytes) => [...bytes])).toEqual(messages.map((bytes) => [...bytes]));
        },
      ),
      { seed: 1, numRuns: 300 },
    );
  });

  it("above the limit are refused by their length alone", () => {
    const reader = new FrameReader(MAX);
    expect(reader.push(encodeFrame(new Uint8Array(MAX)))).toHaveLength(1);
    expect(() => reader.push(Uint8Array.of(0, 0, 0, MAX + 1))).toThrow(expect.objectContaining({ code: "too-large" }));
    expect(() => new FrameReader(MAX).push(Uint8Array.of(0xff, 0xff, 0xff, 0xff))).toThrow(expect.objectContaining({ code: "too-large" }));
  });
});
