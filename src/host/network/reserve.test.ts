import { describe, expect, it } from "vitest";
import { readStatus } from "./reserve.ts";

describe("the status of a reservation", () => {
  it.each([
    ["OK alone", [4, 0x08, 2, 0x28, 100], 100],
    ["OK after a reservation to skip", [9, 0x08, 2, 0x1a, 3, 0x08, 5, 0x00, 0x28, 100], 100],
    ["refused, in two bytes", [5, 0x08, 2, 0x28, 0xc8, 0x01], 200],
    ["not there yet", [4, 0x08, 2], undefined],
    ["nothing yet", [], undefined],
    ["missing", [2, 0x08, 2], 0],
    ["of an unknown wire type", [2, 0x2b, 1], 0],
  ])("%s", (_, bytes, status) => {
    expect(readStatus(Uint8Array.from(bytes))).toBe(status);
  });
});
