import { describe, expect, it } from "vitest";
import { recommend, type Answers } from "./recommend.ts";

describe("[I-9] the kind of BoT that is recommended", () => {
  it("is none before the first answer", () => expect(recommend({})).toBeNull());

  it.each<readonly [Answers, string, string]>([
    [{ who: "anyone" }, "public", "anyone"],
    [{ who: "anyone", decides: "me", asleep: "rarely" }, "public", "anyone"],
    [{ who: "named", decides: "nobody", asleep: "often" }, "public", "nobodyDecides"],
    [{ who: "own" }, "private", "own"],
    [{ who: "own", decides: "members", asleep: "rarely" }, "private", "own"],
    [{ who: "named", decides: "me", asleep: "rarely" }, "private", "oneDecides"],
    [{ who: "named", decides: "members", asleep: "often" }, "private", "sleepers"],
    [{ who: "named", decides: "members", asleep: "rarely" }, "consortium", "members"],
    [{ who: "named" }, "consortium", "members"],
  ])("for %j is %s", (answers, kind, reason) => expect(recommend(answers)).toEqual({ kind, reason }));
});
