import { describe, expect, it } from "vitest";
import { concentrationOf, sharesOf } from "./concentration.ts";

const votesOf = (...owners: readonly string[]) => owners.map((account) => ({ account }));

describe("[III-1] the concentration of votes", () => {
  it.each([
    [1, 1, 1, 1],
    [2, 2, 1, 2],
    [3, 3, 1, 3],
    [4, 3, 2, 3],
    [7, 5, 3, 5],
    [10, 7, 4, 7],
  ])("of %i owners with a vote each and a quorum of %i: %i could stop it, %i decide", (count, quorum, stopping, deciding) => {
    const votes = votesOf(...Array.from({ length: count }, (_, index) => `owner ${index}`));
    expect(concentrationOf(votes, quorum)).toMatchObject({ stopping, deciding });
  });

  it("counts owners and not seats: whoever has many votes needs few others", () => {
    expect(concentrationOf(votesOf("a", "b", "b", "c", "b", "b", "b"), 5)).toEqual({
      shares: [
        ["b", 5],
        ["a", 1],
        ["c", 1],
      ],
      stopping: 1,
      deciding: 1,
    });
  });
});

it("[III-1] shares of proposals are counted by owner, most first", () => {
  expect(sharesOf(["a", "b", "b", "c", "b", "c"])).toEqual([
    ["b", 3],
    ["c", 2],
    ["a", 1],
  ]);
  expect(sharesOf([])).toEqual([]);
});
