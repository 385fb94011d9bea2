/** Kinds of BoT, and how those who have a vote change what holds in them. */
import { describe, expect, it } from "vitest";
import type { Value } from "../protocol/codec.ts";
import { decode, encode } from "../protocol/codec.ts";
import { DEFAULT_PARAMETERS, decodeGenesis, encodeGenesis, type ConsortiumGenesis, type Role } from "../protocol/genesis.ts";
import { LIMITS } from "../protocol/limits.ts";
import type { Call } from "../protocol/transaction.ts";
import {
  applyRecovery,
  blockDueAtMs,
  createMempool,
  genesisOf,
  headOf,
  listProposals,
  membersOf,
  parametersOf,
  proofKeyOf,
  proveKey,
  seatsOf,
  tallyOf,
  votersOf,
} from "./index.ts";
import { account, membersOfNumbers, NO_TOKENS, Scenario, SIGNATURE, votingKey } from "./scenario.suite.ts";

const ALL: readonly Role[] = ["deploy", "read", "transact", "vote"];
const HOUR_MS = 3_600_000;
const note: Call = ["record.write", { about: "a", kind: "b", digest: null, note: "" }];
const take = (number: number): Call => ["seat.take", { votingKey: votingKey(number), proof: SIGNATURE }];
const member = (number: number, roles: readonly Role[] | null): Value => ({
  kind: "membership",
  account: account(number),
  roles: roles as Value,
});
const parameters = (changed: Record<string, number>): Value => ({ kind: "parameters", parameters: changed });

/** Accounts 0 to 2 vote, 3 transacts, 4 reads only. */
const consortium = (): Scenario =>
  new Scenario({
    parameters: NO_TOKENS,
    kind: {
      kind: "consortium",
      token: null,
      members: membersOfNumbers({ 0: ALL, 1: ALL, 2: ["transact", "vote"], 3: ["transact"], 4: ["read"] }),
    },
  });
const owned = (): Scenario =>
  new Scenario({
    parameters: NO_TOKENS,
    kind: { kind: "private", token: null, owner: account(0), members: membersOfNumbers({ 1: ["vote"] }) },
  });

function refusalOf(scenario: Scenario, sender: number, call: Call): string | null {
  const body = scenario.build([scenario.transaction(sender, [call], { fee: parametersOf(scenario.state).feePerKilobyte })]);
  return body.refused[0]?.[1].code ?? body.receipts[0]!.refusal?.code ?? null;
}

function propose(scenario: Scenario, sender: number, change: Value, forMs = HOUR_MS): string | null {
  return refusalOf(scenario, sender, ["governance.propose", { change, note: "because", untilMs: scenario.timeMs + 1000 + forMs }]);
}

const only = (scenario: Scenario): Uint8Array => listProposals(scenario.state)[0]!.id;
const vote = (scenario: Scenario, sender: number, approve = true, proposal = only(scenario)): string | null =>
  refusalOf(scenario, sender, ["governance.vote", { proposal, approve }]);
const execute = (scenario: Scenario, sender: number, proposal = only(scenario)): string | null =>
  refusalOf(scenario, sender, ["governance.execute", { proposal }]);

/** A public BoT in which accounts 0 to 3 have a seat. */
function seated(): Scenario {
  const scenario = new Scenario().fund([1, 2, 3, 4], 10_000);
  for (const number of [1, 2, 3]) scenario.build([scenario.transaction(number, [take(number)])]);
  expect(votersOf(scenario.state)).toHaveLength(4);
  return scenario;
}

describe("a public BoT", () => {
  it("[I-3] gives every seat one vote, and changes its parameters with more than half of them", () => {
    const scenario = seated();
    expect(propose(scenario, 4, parameters({ feePerKilobyte: 3 }))).toBe("not-authorized");
    expect(propose(scenario, 1, parameters({ feePerKilobyte: 3 }))).toBeNull();
    expect(vote(scenario, 4)).toBe("not-authorized");
    expect(vote(scenario, 2)).toBeNull();
    expect(execute(scenario, 1)).toBe("votes-missing");
    expect(vote(scenario, 2, false)).toBeNull();
    expect(vote(scenario, 3)).toBeNull();
    expect(tallyOf(scenario.state, listProposals(scenario.state)[0]!)).toEqual({ approving: 2, rejecting: 1, voters: 4, needed: 3 });
    expect(execute(scenario, 1)).toBe("votes-missing");
    expect(vote(scenario, 0)).toBeNull();
    const proof = proveKey(scenario.state, proofKeyOf.proposal(only(scenario)));
    expect(proof.value).not.toBeNull();
    expect(execute(scenario, 4)).toBeNull();
    expect(listProposals(scenario.state)).toEqual([]);
    expect(parametersOf(scenario.state).feePerKilobyte).toBe(3);
    const cheap = scenario.transaction(1, [note], { fee: 2 });
    expect(() => createMempool().check(cheap, scenario.state, scenario.timeMs)).toThrow("fee-too-low");
    expect(scenario.build([cheap]).refused[0]?.[1].code).toBe("fee-too-low");
    expect(scenario.build([scenario.transaction(1, [note], { fee: 3 })]).receipts[0]?.feePaid).toBe(3);
  });

  it("counts no vote of a seat that ended", () => {
    const scenario = seated();
    propose(scenario, 1, parameters({ feePerKilobyte: 3 }));
    vote(scenario, 2);
    vote(scenario, 3);
    for (const number of [2, 3]) scenario.build([scenario.transaction(number, [["seat.leave", { votingKey: votingKey(number) }]])]);
    expect(execute(scenario, 0)).toBe("votes-missing");
    expect(tallyOf(scenario.state, listProposals(scenario.state)[0]!)).toEqual({ approving: 1, rejecting: 0, voters: 2, needed: 2 });
    // Whoever votes takes them out.
    vote(scenario, 0, false);
    expect(listProposals(scenario.state)[0]!.votes.map(({ approve }) => approve)).toEqual([true, false]);
  });

  it("changes a parameter of consensus with an epoch: the block that does so ends its own, which goes by one set", () => {
    const scenario = seated();
    propose(scenario, 1, parameters({ heartbeatMs: 5000 }));
    vote(scenario, 2);
    vote(scenario, 3);
    expect(blockDueAtMs(scenario.state)).toBe(scenario.timeMs + DEFAULT_PARAMETERS.heartbeatMs);
    const { endsEpoch } = scenario.build([scenario.transaction(1, [["governance.execute", { proposal: only(scenario) }]])]);
    expect(endsEpoch).toBe(true);
    expect(headOf(scenario.state).ended).toBe(true);
    expect(blockDueAtMs(scenario.state)).toBe(scenario.timeMs + 5000);
  });

  it("refuses what would leave nobody able to change anything, and what is no parameter", () => {
    const scenario = seated();
    for (const [changed, code] of [
      [{ feePerKilobyte: 126 }, "locks-out"],
      [{ bond: 1000 }, "locks-out"],
      [{ grant: 0 }, "locks-out"],
      [{ heartbeatMs: 1 }, "schema-invalid"],
      [{ feePerKilobyte: 1_000_001 }, "schema-invalid"],
      [{ free: 1 }, "schema-invalid"],
      [{}, "schema-invalid"],
    ] as readonly (readonly [Record<string, number>, string])[])
      expect([changed, propose(scenario, 1, parameters(changed))]).toEqual([changed, code]);
    expect(propose(scenario, 1, member(4, ALL))).toBe("not-supported");
    expect(propose(scenario, 1, { kind: "engine" })).toBe("schema-invalid");
  });

  it("holds a change to its bounds again when it is made, since others came between", () => {
    const scenario = seated();
    propose(scenario, 1, parameters({ bond: 900 }));
    propose(scenario, 2, parameters({ grant: 600 }));
    const [first, second] = listProposals(scenario.state).map(({ id }) => id);
    for (const id of [first!, second!]) for (const number of [0, 1, 2, 3]) vote(scenario, number, true, id);
    expect(execute(scenario, 1, first)).toBeNull();
    expect(execute(scenario, 1, second)).toBe("locks-out");
  });

  it("lets proposals expire by block time, keeps few of them open, and forgets the others", () => {
    const scenario = seated();
    const change = (to: number): Value => parameters({ feePerKilobyte: to });
    expect(propose(scenario, 1, change(2), -2000)).toBe("expired");
    expect(propose(scenario, 1, change(2), LIMITS.proposalMsMax + 1)).toBe("valid-too-long");
    for (let to = 0; to < LIMITS.proposalsPerAccountMax; to++) expect(propose(scenario, 1, change(to), 5000 + to)).toBeNull();
    expect(propose(scenario, 1, change(9))).toBe("limit-exceeded");
    const first = only(scenario);
    scenario.build([], { afterMs: 60_000 });
    expect(vote(scenario, 2, true, first)).toBe("expired");
    expect(execute(scenario, 2, first)).toBe("expired");
    expect(listProposals(scenario.state)).toHaveLength(LIMITS.proposalsPerAccountMax);
    expect(propose(scenario, 1, change(9))).toBeNull();
    expect(listProposals(scenario.state)).toHaveLength(1);
    expect(vote(scenario, 2, true, first)).toBe("unknown-proposal");
    expect([...scenario.state.list("proposal", undefined, 100)]).toHaveLength(2);
  });
});

describe("a consortium", () => {
  it("[I-4] [R23] carries transactions of members only, each with the role that it needs, before anybody pays or verifies", () => {
    const scenario = consortium();
    const deploy: Call = ["contract.deploy", { source: "x", arguments: null, gasMax: 5000 }];
    expect(refusalOf(scenario, 5, note)).toBe("not-authorized");
    expect(refusalOf(scenario, 4, note)).toBe("not-authorized");
    expect(refusalOf(scenario, 3, note)).toBeNull();
    expect(refusalOf(scenario, 3, deploy)).toBe("not-authorized");
    expect(refusalOf(scenario, 1, deploy)).toBe("manifest-invalid");
    const stranger = scenario.transaction(5, [note], { fee: 0 });
    expect(() => createMempool().check(stranger, scenario.state, scenario.timeMs)).toThrow("not-authorized");
  });

  it("[I-3] seats members with the role to vote only, and without a bond", () => {
    const scenario = consortium();
    expect(refusalOf(scenario, 3, take(3))).toBe("not-authorized");
    expect(refusalOf(scenario, 5, take(5))).toBe("not-authorized");
    for (const number of [1, 2]) expect(refusalOf(scenario, number, take(number))).toBeNull();
    expect(seatsOf(scenario.state).current).toHaveLength(3);
  });

  it("[I-8] has no tokens: none can be claimed, sent or asked for", () => {
    const scenario = consortium();
    expect(refusalOf(scenario, 1, ["token.claim", { reference: scenario.chain, nonce: new Uint8Array(1) }])).toBe("no-tokens");
    expect(refusalOf(scenario, 1, ["account.transfer", { to: account(2), amount: 1 }])).toBe("balance-too-low");
    expect(propose(scenario, 1, parameters({ feePerKilobyte: 1 }))).toBe("no-tokens");
    expect(propose(scenario, 1, parameters({ grant: 100 }))).toBe("no-tokens");
  });

  it("admits and lets go with two thirds of the votes; who goes loses the seat at once", () => {
    const scenario = consortium();
    for (const number of [1, 2]) refusalOf(scenario, number, take(number));
    expect(propose(scenario, 3, member(5, ["transact"]))).toBe("not-authorized");
    expect(propose(scenario, 1, member(5, ["transact"]))).toBeNull();
    expect(execute(scenario, 1)).toBe("votes-missing");
    expect(vote(scenario, 2)).toBeNull();
    expect(execute(scenario, 1)).toBeNull();
    expect(refusalOf(scenario, 5, note)).toBeNull();
    expect(propose(scenario, 1, member(5, ["read"]))).toBe("already-exists");
    expect(propose(scenario, 1, member(6, null))).toBe("unknown-account");
    expect(propose(scenario, 1, member(2, null))).toBeNull();
    vote(scenario, 0);
    const { endsEpoch, receipts } = scenario.build([
      scenario.transaction(1, [["governance.execute", { proposal: only(scenario) }]], { fee: 0 }),
    ]);
    expect(receipts[0]!.refusal).toBeNull();
    expect(endsEpoch).toBe(true);
    expect(seatsOf(scenario.state).current).toHaveLength(2);
    expect(refusalOf(scenario, 2, note)).toBe("not-authorized");
    expect(membersOf(scenario.state)).toHaveLength(5);
  });

  it("changes roles; without the one to vote a seat and its votes are gone", () => {
    const scenario = consortium();
    for (const number of [1, 2]) refusalOf(scenario, number, take(number));
    propose(scenario, 2, parameters({ heartbeatMs: 5000 }));
    const earlier = only(scenario);
    propose(scenario, 0, { kind: "roles", account: account(2), roles: ["read"] });
    const change = listProposals(scenario.state).find(({ change: { kind } }) => kind === "roles")!.id;
    vote(scenario, 1, true, change);
    expect(execute(scenario, 0, change)).toBeNull();
    expect(seatsOf(scenario.state).current).toHaveLength(2);
    expect(tallyOf(scenario.state, listProposals(scenario.state)[0]!)).toEqual({ approving: 0, rejecting: 0, voters: 2, needed: 2 });
    expect(execute(scenario, 0, earlier)).toBe("votes-missing");
    expect(refusalOf(scenario, 2, note)).toBe("not-authorized");
  });

  it("refuses to lose its last seat or its last voter", () => {
    const scenario = consortium();
    expect(propose(scenario, 1, member(0, null))).toBe("locks-out");
    expect(propose(scenario, 1, { kind: "roles", account: account(0), roles: ["read"] })).toBe("locks-out");
    const alone = new Scenario({
      parameters: NO_TOKENS,
      kind: { kind: "consortium", token: null, members: membersOfNumbers({ 0: ALL, 3: ["transact"] }) },
    });
    expect(propose(alone, 0, member(0, null))).toBe("locks-out");
    expect(propose(alone, 0, { kind: "roles", account: account(0), roles: ["transact"] })).toBe("locks-out");
  });

  it("never recovers: what is left of a quorum waits for the rest", () => {
    const scenario = consortium();
    const { epochId } = headOf(scenario.state);
    const recovery = { chain: scenario.chain, epochId, base: scenario.lastBlock, seats: [votingKey(0)], sleepers: false };
    expect(() => applyRecovery(scenario.state, recovery, scenario.lastBlock, [votingKey(0)])).toThrow("recovery-invalid");
    expect(() => applyRecovery(owned().state, { ...recovery, base: owned().chain }, owned().chain, [votingKey(0)])).not.toThrow();
  });
});

describe("a private BoT", () => {
  it("is kept by its owner's word alone", () => {
    const scenario = owned();
    expect(refusalOf(scenario, 1, note)).toBe("not-authorized");
    expect(propose(scenario, 1, member(2, ALL))).toBe("not-authorized");
    expect(propose(scenario, 0, member(2, ["transact"]))).toBeNull();
    expect(listProposals(scenario.state)).toEqual([]);
    expect(refusalOf(scenario, 2, note)).toBeNull();
    expect(refusalOf(scenario, 1, take(1))).toBeNull();
    expect(propose(scenario, 0, member(1, null))).toBeNull();
    expect(seatsOf(scenario.state).current).toHaveLength(1);
    expect(propose(scenario, 0, member(0, ALL))).toBe("already-exists");
    expect(propose(scenario, 0, parameters({ recoveryMs: 2000 }))).toBeNull();
    expect(parametersOf(scenario.state).recoveryMs).toBe(2000);
  });

  it("[I-8] has tokens where its owner wants them", () => {
    const kind = { kind: "private", token: "bun", owner: account(0), members: membersOfNumbers({ 1: ["transact"] }) } as const;
    const scenario = new Scenario({ kind });
    const claim: Call = ["token.claim", { reference: scenario.chain, nonce: new Uint8Array(1) }];
    expect(scenario.build([scenario.transaction(1, [claim], { fee: 0 })]).receipts[0]?.results).toEqual([1000]);
    expect(scenario.build([scenario.transaction(2, [claim], { fee: 0 })]).refused[0]?.[1].code).toBe("not-authorized");
  });
});

describe("contracts", () => {
  const counting = { count: { init: () => null, add: () => 7 } };
  const kinds = [
    ["public", new Scenario({ programs: counting }).fund([1], 10_000)],
    [
      "consortium",
      new Scenario({
        programs: counting,
        parameters: NO_TOKENS,
        kind: { kind: "consortium", token: null, members: membersOfNumbers({ 0: ALL, 1: ["deploy", "transact"] }) },
      }),
    ],
    [
      "private",
      new Scenario({
        programs: counting,
        parameters: NO_TOKENS,
        kind: { kind: "private", token: null, owner: account(0), members: membersOfNumbers({ 1: ["deploy", "transact"] }) },
      }),
    ],
  ] as const;

  it.each(kinds)("[I-5] are deployed and called in a %s BoT, with tokens or without", (_, scenario) => {
    const fee = genesisOf(scenario.state).token === null ? 0 : 10;
    const deploy: Call = ["contract.deploy", { source: "count", arguments: null, gasMax: 5000 }];
    const deployed = scenario.build([scenario.transaction(1, [deploy], { fee })]).receipts[0]!;
    expect(deployed.refusal).toBeNull();
    const call: Call = ["contract.call", { contract: deployed.results[0]!, method: "add", arguments: null, gasMax: 5000 }];
    expect(scenario.build([scenario.transaction(1, [call], { fee })]).receipts[0]).toMatchObject({ refusal: null, results: [7] });
  });
});

describe("a genesis", () => {
  const given: ConsortiumGenesis = {
    version: 1,
    kind: "consortium",
    name: "a",
    token: null,
    createdMs: 1,
    founder: account(0),
    foundingSeat: votingKey(0),
    parameters: { ...DEFAULT_PARAMETERS, ...NO_TOKENS },
    salt: new Uint8Array(16),
    members: membersOfNumbers({ 0: ALL, 1: ["read"] }),
  };
  const read = (changed: Record<string, unknown>) => () => decodeGenesis(encode({ ...given, ...changed } as unknown as Value));

  it("comes back as it was, of every kind", () => {
    const { members: _, ...rest } = given;
    for (const genesis of [
      given,
      { ...rest, kind: "public", token: "coal" } as const,
      { ...given, kind: "private", owner: account(2), token: "coal", parameters: DEFAULT_PARAMETERS } as const,
      { ...given, kind: "private", owner: account(0), token: null, members: [] } as const,
    ])
      expect(decodeGenesis(encodeGenesis(genesis))).toEqual(genesis);
  });

  it.each<readonly [string, Record<string, unknown>]>([
    ["a kind that is none", { kind: "secret" }],
    ["another kind's fields", { kind: "public", token: "coal" }],
    ["an owner in a consortium", { owner: account(0) }],
    ["no owner where there must be one", { kind: "private" }],
    ["an owner who is also a member", { kind: "private", owner: account(0) }],
    ["a founder who is no member", { founder: account(7) }],
    ["a founder who may not vote", { founder: account(1) }],
    ["a private BoT's founder that nobody admitted", { kind: "private", owner: account(7), founder: account(1) }],
    ["tokens in a consortium", { token: "coal", parameters: DEFAULT_PARAMETERS }],
    ["a grant without tokens", { parameters: { ...DEFAULT_PARAMETERS, ...NO_TOKENS, grant: 1 } }],
    [
      "a fee without tokens",
      { kind: "private", owner: account(9), parameters: { ...DEFAULT_PARAMETERS, ...NO_TOKENS, feePerKilobyte: 1 } },
    ],
    ["members that are not sorted", { members: [...given.members].reverse() }],
    ["a member twice", { members: [given.members[0], given.members[0]] }],
    ["a role that is none", { members: [[account(0), ["vote", "write"]]] }],
    ["roles that are not sorted", { members: [[account(0), ["vote", "read"]]] }],
    ["a member without a role", { members: [[account(0), []]] }],
    ["a member that is no account", { members: [[new Uint8Array(31), ["vote"]]] }],
  ])("with %s is refused", (_, changed) => {
    expect(read(changed)).toThrow(/schema-invalid|not-supported/);
    expect(read({})).not.toThrow();
  });

  it("names at most so many members as are counted", () => {
    const numbers = Object.fromEntries(Array.from({ length: LIMITS.membersMax + 1 }, (_, number) => [number, ["vote"] as const]));
    const members = membersOfNumbers(numbers);
    expect(read({ members })).toThrow("limit-exceeded");
    expect(
      read({ members: members.filter(([id]) => id !== account(0)).slice(0, LIMITS.membersMax), founder: members[0]![0] }),
    ).not.toThrow();
    expect(decode(encode(members as unknown as Value))).toHaveLength(LIMITS.membersMax + 1);
  });
});
