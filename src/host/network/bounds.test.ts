import { describe, expect, it } from "vitest";
import { encodeConsensusMessage } from "../../consensus/wire.ts";
import { digest } from "../../protocol/identifiers.ts";
import { LIMITS } from "../../protocol/limits.ts";
import { CHANNEL_BOUNDS } from "./bounds.ts";
import { Rate } from "./channels.ts";

describe("what a peer may say to another", () => {
  const id = digest(Uint8Array.of(1));
  const known = Array.from({ length: LIMITS.knownBlocksMax }, () => id);
  const { length } = encodeConsensusMessage({ kind: "hello", epochId: id, lastFinal: id, height: 2 ** 32, known });

  /** How many of the largest greetings, one after each pause, are heard before one is too much. */
  function heard(pauseMs: number, count: number): number {
    const rate = new Rate(CHANNEL_BOUNDS.hello, 0);
    for (let said = 0; said < count; said++) {
      if (!rate.takeMessage(said * pauseMs) || !rate.takeBytes(length, said * pauseMs)) return said;
    }
    return count;
  }

  it("lets a newcomer greet after every answer that it is given, however many epochs there are", () => {
    expect(heard(LIMITS.servePauseMs, 20_000)).toBe(20_000);
  });

  it("ends with whoever greets twice as often as anybody is answered", () => {
    expect(heard(LIMITS.servePauseMs / 2, 20_000)).toBeLessThan(2000);
  });
});
