import { afterEach, describe, expect, it } from "vitest";
import type { Value } from "../../protocol/codec.ts";
import { DEFAULT_PARAMETERS, encodeGenesis, type Role } from "../../protocol/genesis.ts";
import { accountToDid, asAccountId, asVotingKey } from "../../protocol/identifiers.ts";
import { genesisOf, type StateView } from "../../ledger/index.ts";
import { account, membersOfNumbers, NO_TOKENS, Scenario, SIGNATURE, votingKey } from "../../ledger/scenario.suite.ts";
import type { GovernanceInfo, ProposedChange } from "../../sdk/api.ts";
import { createKeys } from "../keys/keys.ts";
import { createMemorySeeds } from "../keys/memory-seeds.ts";
import { createMemoryStorage } from "../storage/memory-storage.ts";
import { governance } from "./queries-governance.ts";
import { codeOf, openWorld, OTHER, type World } from "./world.suite.ts";

const HOUR_MS = 3_600_000;
const did = (number: number): string => accountToDid(account(number));

const asked = (state: StateView, number: number, nowMs = 0): GovernanceInfo =>
  governance({ view: { state, genesis: genesisOf(state), account: account(number) }, nowMs });

/** Makes a proposal final, open for an hour. */
function propose(scenario: Scenario, sender: number, change: Value, note = "because"): void {
  const call = ["governance.propose", { change, note, untilMs: scenario.timeMs + HOUR_MS }] as const;
  const { receipts } = scenario.build([scenario.transaction(sender, [call])]);
  expect(receipts[0]!.refusal).toBeNull();
}

function vote(scenario: Scenario, sender: number, proposal: string, approve: boolean): void {
  const call = ["governance.vote", { proposal: Uint8Array.from(Buffer.from(proposal, "hex")), approve }] as const;
  const { receipts } = scenario.build([scenario.transaction(sender, [call])]);
  expect(receipts[0]!.refusal).toBeNull();
}

/** A public BoT in which accounts 0 to 2 have a seat, and 3 has none. */
function seated(): Scenario {
  const scenario = new Scenario().fund([1, 2, 3], 10_000);
  for (const number of [1, 2])
    scenario.build([scenario.transaction(number, [["seat.take", { votingKey: votingKey(number), proof: SIGNATURE }]])]);
  return scenario;
}

describe("governance", () => {
  it("[I-3] of a public BoT: nobody is a member, who has a seat has a vote, and the parameters are those in force", () => {
    const { state } = seated();
    const seatless = asked(state, 3);
    expect(seatless).toEqual({
      kind: "public",
      owner: null,
      mine: ["deploy", "read", "transact", "vote"],
      mayVote: false,
      members: [],
      voters: 3,
      parameters: { ...DEFAULT_PARAMETERS, claimBits: 0 },
      proposals: [],
    });
    expect(asked(state, 1).mayVote).toBe(true);
  });

  it("tells proposals newest first, who voted how, and when they are carried and over", () => {
    const scenario = seated();
    propose(scenario, 1, { kind: "parameters", parameters: { feePerKilobyte: 2 } }, "Dearer");
    propose(scenario, 2, { kind: "parameters", parameters: { heartbeatMs: 5000, grant: 900 } });
    const [second, first] = asked(scenario.state, 1).proposals;
    expect(second).toMatchObject({ proposer: did(2), change: { kind: "parameters", parameters: { heartbeatMs: 5000, grant: 900 } } });
    const { id, createdMs } = first!;
    expect(first).toEqual({
      id,
      proposer: did(1),
      change: { kind: "parameters", parameters: { feePerKilobyte: 2 } },
      note: "Dearer",
      createdMs,
      untilMs: createdMs - 1000 + HOUR_MS,
      state: "open",
      approving: 1,
      rejecting: 0,
      needed: 2,
      voters: 3,
      votes: [{ account: did(1), approve: true }],
      mine: true,
    });
    const told = (number: number, nowMs?: number) => asked(scenario.state, number, nowMs).proposals.find((one) => one.id === id)!;
    expect(told(0).mine).toBeNull();
    vote(scenario, 0, id, false);
    expect(told(0)).toMatchObject({ approving: 1, rejecting: 1, mine: false, state: "open" });
    vote(scenario, 2, id, true);
    expect(told(2)).toMatchObject({ approving: 2, rejecting: 1, mine: true, state: "carried" });
    expect(told(2).votes.map(({ account: who }) => who)).toEqual([did(1), did(0), did(2)]);
    // Over by this machine's clock, where no block has come since.
    expect(told(2, createdMs - 1001 + HOUR_MS).state).toBe("carried");
    expect(told(2, createdMs - 1000 + HOUR_MS).state).toBe("expired");
    scenario.build([], { afterMs: HOUR_MS });
    expect(told(2).state).toBe("expired");
  });

  it("leaves out the votes of those who have none any more", () => {
    const scenario = seated();
    propose(scenario, 1, { kind: "parameters", parameters: { feePerKilobyte: 2 } });
    scenario.build([scenario.transaction(1, [["seat.leave", { votingKey: votingKey(1) }]])]);
    expect(asked(scenario.state, 1)).toMatchObject({ mayVote: false, voters: 2 });
    expect(asked(scenario.state, 1).proposals[0]).toMatchObject({ approving: 0, votes: [], mine: null, needed: 2, voters: 2 });
  });

  it("[I-7] of a consortium: members with their names, roles and seats, and what is proposed about them", () => {
    const members = membersOfNumbers({ 0: ["transact", "vote"], 1: ["vote"], 3: ["read", "transact"] });
    const scenario = new Scenario({ parameters: NO_TOKENS, kind: { kind: "consortium", token: null, members } });
    scenario.build([scenario.transaction(3, [["account.setProfile", { name: "Ailsa", encryptionKey: null }]], { fee: 0 })]);
    const call = [
      "governance.propose",
      { change: { kind: "membership", account: account(3), roles: null }, note: "", untilMs: scenario.timeMs + HOUR_MS },
    ] as const;
    scenario.build([scenario.transaction(0, [call], { fee: 0 })]);
    const told = asked(scenario.state, 3);
    expect(told).toMatchObject({ kind: "consortium", owner: null, mine: ["read", "transact"], mayVote: false, voters: 2 });
    expect(told.members.map(({ account: who }) => who).toSorted()).toEqual([0, 1, 3].map(did).toSorted());
    expect(told.members.find(({ account: who }) => who === did(3))).toEqual({
      account: did(3),
      name: "Ailsa",
      roles: ["read", "transact"],
      seated: false,
    });
    expect(told.members.find(({ account: who }) => who === did(0))).toEqual({
      account: did(0),
      name: null,
      roles: ["transact", "vote"],
      seated: true,
    });
    expect(told.proposals[0]).toMatchObject({ change: { kind: "membership", account: did(3), roles: null }, needed: 2, approving: 1 });
    // A stranger may nothing.
    expect(asked(scenario.state, 9)).toMatchObject({ mine: [], mayVote: false });
  });
});

describe("through a port", () => {
  let world: World | undefined;
  afterEach(() => world?.close());

  it("[I-7] the owner of a private BoT admits a member at once, with an account's text", async () => {
    const keys = await createKeys(createMemorySeeds());
    const owner = asAccountId(await keys.create("account"));
    const genesis = encodeGenesis({
      version: 1,
      kind: "private",
      name: "Test",
      token: null,
      createdMs: Date.now() - 1,
      founder: owner,
      foundingSeat: asVotingKey(await keys.create("voting")),
      parameters: { ...DEFAULT_PARAMETERS, ...NO_TOKENS },
      salt: new Uint8Array(16),
      owner,
      members: [],
    });
    world = await openWorld(null, { keys, storage: createMemoryStorage(), genesis });
    const client = world.connect();
    const all: readonly Role[] = ["deploy", "read", "transact", "vote"];
    const before = await client.query("governance");
    expect(before).toMatchObject({ kind: "private", owner: world.account, mine: all, mayVote: true, voters: 1, members: [] });
    const propose = (change: ProposedChange): Promise<string> =>
      codeOf(client.send([{ operation: "governance.propose", arguments: { change, note: "", untilMs: Date.now() + HOUR_MS } }]));
    expect(await propose({ kind: "membership", account: OTHER, roles: ["transact", "read"] })).toBe("accepted");
    expect(await client.query("governance")).toMatchObject({
      members: [{ account: OTHER, name: null, roles: ["read", "transact"], seated: false }],
      proposals: [],
    });
    expect(await propose({ kind: "parameters", parameters: { bond: 1 } })).toBe("no-tokens");
    expect((await client.query("governance")).proposals).toEqual([]);
  });

  it("an estimate tries what is proposed, so that nobody pays to have it refused", async () => {
    world = await openWorld(null);
    const client = world.connect();
    const estimated = (change: ProposedChange): Promise<string> =>
      codeOf(
        client.query("estimate", {
          calls: [{ operation: "governance.propose", arguments: { change, note: "", untilMs: Date.now() + HOUR_MS } }],
        }),
      );
    expect(await estimated({ kind: "parameters", parameters: { bond: 1000 } })).toBe("locks-out");
    expect(await estimated({ kind: "membership", account: OTHER, roles: ["vote"] })).toBe("not-supported");
    expect(await estimated({ kind: "parameters", parameters: { feePerKilobyte: 2 } })).toBe("accepted");
    expect((await client.query("governance")).parameters.feePerKilobyte).toBe(1);
  });
});
