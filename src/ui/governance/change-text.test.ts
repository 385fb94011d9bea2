import { expect, it } from "vitest";
import type { GovernanceInfo, ProposedChange } from "../../sdk/api.ts";
import { en } from "../text/en.ts";
import { createFormat } from "../text/format.ts";
import { changeLines, rolesText } from "./change-text.ts";

const words = { text: en, format: createFormat(en), token: "coal", nameOf: (account: string) => (account === "a" ? "Ailsa" : account) };
const info = {
  parameters: { feePerKilobyte: 1, heartbeatMs: 60_000 },
  members: [{ account: "a", name: null, roles: ["read", "vote"], seated: false }],
} as unknown as GovernanceInfo;

it("roles are named in the order in which they are explained", () => {
  expect(rolesText(en, ["vote", "deploy", "read"])).toBe("Read, Deploy, Vote");
  expect(rolesText(en, [])).toBe("nothing");
});

it.each<[ProposedChange, readonly string[]]>([
  [
    { kind: "parameters", parameters: { feePerKilobyte: 2, heartbeatMs: 90_000 } },
    ["Fee per kilobyte: from 1 coal to 2 coal", "Heartbeat: from 1 min to 90 s"],
  ],
  // A later version may know more rules than this app.
  [{ kind: "parameters", parameters: { constructor: 5 } }, ["constructor: 5"]],
  [{ kind: "membership", account: "b", roles: ["transact"] }, ["Let b in, who may then: Transact"]],
  [{ kind: "membership", account: "a", roles: null }, ["Let Ailsa go"]],
  [{ kind: "roles", account: "a", roles: ["read"] }, ["What Ailsa may do: from Read, Vote to Read"]],
])("says what %o changes, from what is now", (change, lines) => expect(changeLines(words, info, change)).toEqual(lines));
