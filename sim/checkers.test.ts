import { describe, expect, it } from "vitest";
import type { HashHex } from "../src/protocol/identifiers.ts";
import { Checkers } from "./checkers.ts";
import type { FinalReport } from "./node.ts";

function finalOf(epochName: string, blockName: string): FinalReport {
  const [epoch, id] = [epochName as HashHex, blockName as HashHex];
  return { epoch, head: id, height: 5, certified: [{ epoch, height: 5, id }], stateRoot: id, strength: "full" };
}

describe("the checkers", () => {
  it.each([true, false])("see two certified blocks at one height of one epoch, also where branches may differ: %s", (mayFork) => {
    const checkers = new Checkers({ mayFork });
    checkers.onFinal(1, "p0", finalOf("e", "A"));
    checkers.onFinal(2, "p1", finalOf("e", "B"));
    expect(checkers.failures.join("\n")).toMatch(/two final blocks of height 5 in one epoch/);
  });

  it("allow branches that begin with different recoveries only where they may differ", () => {
    const failures = [true, false].map((mayFork) => {
      const checkers = new Checkers({ mayFork });
      checkers.onFinal(1, "p0", finalOf("e1", "A"));
      checkers.onFinal(2, "p1", finalOf("e2", "B"));
      return checkers.failures.length;
    });
    expect(failures).toEqual([0, 1]);
  });
});
