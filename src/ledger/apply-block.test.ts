import { describe, expect, it } from "vitest";
import { encode } from "../protocol/codec.ts";
import type { ContractMachine } from "../protocol/contract-machine.ts";
import { digest } from "../protocol/identifiers.ts";
import { LIMITS } from "../protocol/limits.ts";
import { createBlock, transactionsRootOf, type BlockHeader } from "../protocol/block.ts";
import { createTransaction, type Call, type Transaction } from "../protocol/transaction.ts";
import { DEFAULT_PARAMETERS } from "../protocol/genesis.ts";
import {
  applyBlock,
  buildBlockBody,
  validateBlock,
  blockDueAtMs,
  decodeReceipts,
  encodeReceipts,
  hasShownWork,
  headOf,
  heldSupply,
  nextNonceOf,
  parametersOf,
  proofKeyOf,
  proveKey,
  seatsOf,
  signatureChecksOf,
  supplyOf,
  verifyProof,
} from "./index.ts";
import type { BaseState } from "./state.ts";
import { account, Scenario, SIGNATURE, START_MS, votingKey } from "./scenario.suite.ts";

const funded = (): Scenario => new Scenario().fund([1, 2], 1000);

describe("genesis", () => {
  it("grants the founder, locks its bond and seats it", () => {
    const { state } = new Scenario();
    const { grant, bond } = parametersOf(state);
    expect(seatsOf(state).current.map((seat) => seat.votingKey)).toEqual([votingKey(0)]);
    expect(supplyOf(state)).toEqual({ issued: grant, burnt: 0 });
    expect(heldSupply(state)).toBe(grant);
    expect(new Scenario().balance(0)).toBe(grant - bond);
  });
});

describe("a block", () => {
  it("moves tokens, burns the fee, advances the nonce and proves the result", () => {
    const scenario = funded();
    const outcome = scenario.block([scenario.transfer(1, 2, 100)]);
    expect(outcome.receipts[0]).toMatchObject({ refusal: null, feePaid: 1, results: [null] });
    expect([scenario.balance(1), scenario.balance(2)]).toEqual([899, 1100]);
    expect(nextNonceOf(scenario.state, account(1), 0)).toBe(1);
    expect(supplyOf(scenario.state).burnt).toBe(1);
    const proof = proveKey(scenario.state, proofKeyOf.account(account(2)));
    expect(verifyProof(outcome.stateRoot, proof.key, proof.value, proof.proof)).toBe(true);
  });

  it("charges a transaction that fails in execution its fee and nonce, and undoes all of its calls", () => {
    const scenario = funded();
    const failing = scenario.transaction(1, [
      ["account.transfer", { to: account(2), amount: 500 }],
      ["account.transfer", { to: account(2), amount: 600 }],
    ]);
    const { receipts } = scenario.block([failing]);
    expect(receipts[0]).toMatchObject({ refusal: { code: "balance-too-low" }, feePaid: 1, results: [], events: [] });
    expect([scenario.balance(1), scenario.balance(2)]).toEqual([999, 1000]);
    expect(nextNonceOf(scenario.state, account(1), 0)).toBe(1);
    expect(heldSupply(scenario.state)).toBe(supplyOf(scenario.state).issued - 1);
  });

  it.each([
    ["expired", { validForMs: -1 }],
    ["valid-too-long", { validForMs: 3_700_000 }],
    ["nonce-gap", { number: 1 }],
    ["fee-too-low", { fee: 0 }],
    ["balance-too-low", { fee: 2000 }],
  ] as const)("is invalid when it carries a transaction that nobody would pay for: %s", (code, options) => {
    const scenario = funded();
    const transaction = scenario.transfer(1, 2, 1, options);
    expect(() => scenario.block([transaction])).toThrow(code);
    expect(scenario.build([transaction]).refused.map(([, refusal]) => refusal.code)).toEqual([code]);
  });

  it("is invalid with a used nonce, a foreign chain, a sender that did not sign, an unknown operation", () => {
    const scenario = funded();
    const transaction = scenario.transfer(1, 2, 1);
    expect(() => scenario.block([transaction, transaction])).toThrow("nonce-used");
    const other = new Scenario({ parameters: { grant: 999 } }).fund([1], 1000);
    expect(() => scenario.block([other.transfer(1, 2, 1)])).toThrow("wrong-chain");
    const unsigned = createTransaction(transaction.bodyBytes, [[account(2), SIGNATURE]]);
    expect(() => scenario.block([unsigned])).toThrow("signature-missing");
    expect(() => scenario.block([scenario.transaction(1, [["account.nothing", null]])])).toThrow("unknown-operation");
  });

  it("stands at the next height, after its parent's time, in its parent's epoch", () => {
    const scenario = funded();
    const transactions = [scenario.transfer(1, 2, 1)];
    const attempt = (options: Parameters<Scenario["context"]>[0]) => () =>
      applyBlock(scenario.state, scenario.context(options), transactions, scenario.deps);
    expect(attempt({ height: 2 })).toThrow("block-invalid");
    expect(attempt({ timeMs: START_MS })).toThrow("time-too-early");
    expect(attempt({ epochId: digest(new Uint8Array(1)) })).toThrow("unknown-epoch");
    expect(attempt({})).not.toThrow();
  });

  it("has something to say, or waits for the heartbeat", () => {
    const scenario = funded();
    expect(blockDueAtMs(scenario.state)).toBe(START_MS + DEFAULT_PARAMETERS.heartbeatMs);
    expect(() => scenario.block([])).toThrow("block-invalid");
    expect(scenario.block([], { afterMs: DEFAULT_PARAMETERS.heartbeatMs }).endsEpoch).toBe(false);
  });

  it("without height changes nothing, and carries nothing", () => {
    const scenario = funded();
    const root = scenario.state.root();
    expect(scenario.block([], { height: null }).stateRoot).toEqual(root);
    const transactions = [scenario.transfer(1, 2, 1)];
    expect(() => applyBlock(scenario.state, scenario.context({ height: null }), transactions, scenario.deps)).toThrow("block-invalid");
  });

  it("is built from what can be carried, each lane in its order", () => {
    const scenario = funded();
    const good = [0, 1, 2].map((number) => scenario.transfer(1, 2, 1, { number }));
    const gap = scenario.transfer(2, 1, 1, { number: 5 });
    const body = scenario.build([good[0]!, gap, good[2]!, good[1]!]);
    expect(body.transactions).toEqual([good[0]]);
    expect(body.refused.map(([transaction, { code }]) => [transaction, code])).toEqual([
      [gap, "nonce-gap"],
      [good[2], "nonce-gap"],
    ]);
    expect(scenario.build(good.slice(1)).transactions).toEqual(good.slice(1));
  });

  it("has room for so many transactions, bytes and gas: what is more makes it invalid, and waits for the next when it is built", () => {
    const small = funded();
    const one = small.transfer(1, 2, 1);
    expect(() => small.block(Array.from({ length: LIMITS.blockTransactionsMax + 1 }, () => one))).toThrow("block-full");
    const note = "x".repeat(LIMITS.recordNoteBytesMax);
    const write: Call = ["record.write", { about: "a", kind: "note", digest: null, note, countersigner: null }];
    const large = small.transaction(1, [write, write, write, write, write, write, write, write], { fee: 20 });
    const many = Math.floor(LIMITS.blockBytesMax / large.bytes.length) + 1;
    expect(many).toBeLessThan(LIMITS.blockTransactionsMax);
    expect(() => small.block(Array.from({ length: many }, () => large))).toThrow("block-full");
    const greedy = new Scenario().fund([1], 10_000);
    const wasteful: ContractMachine = {
      ...greedy.deps.machine,
      inspect: (_source, gasMax) => ({ code: "out-of-gas", message: "", gasUsed: gasMax }),
    };
    const deploys = [0, 1, 2, 3].map((number) =>
      greedy.transaction(1, [["contract.deploy", { source: "any", arguments: null, gasMax: LIMITS.transactionGasMax }]], {
        number,
        fee: 400,
      }),
    );
    expect(4 * LIMITS.transactionGasMax).toBeGreaterThan(LIMITS.blockGasMax);
    expect(() => applyBlock(greedy.state, greedy.context(), deploys, { machine: wasteful })).toThrow("block-full");
    const body = buildBlockBody(greedy.state, greedy.context(), deploys, { machine: wasteful });
    expect(body.transactions).toEqual(deploys.slice(0, 3));
    expect(body.refused).toEqual([]);
  });

  it("gives the same outcome whether it is built or applied", () => {
    const built = funded();
    const applied = funded();
    const transactions = [
      built.transfer(1, 2, 5),
      built.transfer(2, 1, 2000),
      built.transaction(1, [["account.setProfile", { name: "Ada", encryptionKey: null }]], { number: 1 }),
    ];
    const body = built.build(transactions);
    const outcome = applied.block(transactions);
    expect(body.stateRoot).toEqual(outcome.stateRoot);
    expect(body.receiptsRoot).toEqual(outcome.receiptsRoot);
    expect(body.seatsDigest).toEqual(outcome.seatsDigest);
    expect(decodeReceipts(encodeReceipts(outcome.receipts))).toEqual(outcome.receipts);
  });

  it("names every signature to be verified outside", () => {
    const scenario = funded();
    const take = scenario.transaction(1, [["seat.take", { votingKey: votingKey(1), proof: SIGNATURE }]]);
    const checks = signatureChecksOf(take);
    expect(checks.map((check) => check.publicKey)).toEqual([account(1), votingKey(1)]);
    expect(checks[0]!.message).toEqual(take.bodyBytes);
    expect(checks[1]!.message).toEqual(encode(["bothy/seat/1", scenario.chain, account(1), votingKey(1)]));
  });
});

describe("a grant", () => {
  const claim = (scenario: Scenario, number: number, options: { reference?: Uint8Array; nonce?: Uint8Array } = {}) =>
    scenario.transaction(
      number,
      [["token.claim", { reference: options.reference ?? scenario.chain, nonce: options.nonce ?? new Uint8Array(8) }]],
      { fee: 0 },
    );

  it("is given once an account, free of fee, and few a block", () => {
    const scenario = new Scenario({ parameters: { claimsPerBlockMax: 2 } });
    const claims = [1, 2, 3].map((number) => claim(scenario, number));
    const body = scenario.build(claims);
    expect(body.transactions).toEqual(claims.slice(0, 2));
    expect(body.refused).toEqual([]);
    expect([scenario.balance(1), scenario.balance(3)]).toEqual([1000, 0]);
    expect(() => scenario.block([claim(scenario, 1)])).toThrow("claim-used");
    expect(heldSupply(scenario.state)).toBe(supplyOf(scenario.state).issued);
  });

  it("is none in a BoT without tokens, and none where amounts would stop being exact", () => {
    const bare = new Scenario({ parameters: { grant: 0, bond: 0 } });
    expect(() => bare.block([claim(bare, 1)])).toThrow("no-tokens");
    const { issued } = supplyOf(new Scenario().state);
    const { grant } = DEFAULT_PARAMETERS;
    const full = new Scenario().fund([9], LIMITS.amountMax - issued - grant);
    const [first, second] = [claim(full, 1), claim(full, 2)];
    expect(() => full.block([first, second])).toThrow("supply-exceeded");
    const body = full.build([first, second]);
    expect(body.transactions).toEqual([first]);
    expect(body.refused.map(([, { code }]) => code)).toEqual(["supply-exceeded"]);
    expect(supplyOf(full.state).issued).toBe(LIMITS.amountMax);
  });

  it("needs its work, tied to a recent block and to the account", () => {
    const scenario = new Scenario({ parameters: { claimBits: 24 } });
    expect(() => scenario.block([claim(scenario, 1)])).toThrow("work-too-low");
    const easy = new Scenario();
    expect(() => easy.block([claim(easy, 1, { reference: digest(new Uint8Array(2)) })])).toThrow("claim-invalid");
  });

  it("costs whoever checks a block no more than the claims that one may hold, and nothing after the first with too little work", () => {
    const scenario = new Scenario({ parameters: { claimBits: 24, claimsPerBlockMax: 2 } });
    const isTried = (transaction: Transaction): boolean => hasShownWork(transaction, { claimBits: 0 });
    const claims = [1, 2, 3].map((number) => claim(scenario, number));
    expect(() => scenario.block(claims)).toThrow("claims-full");
    expect(claims.filter(isTried)).toEqual([]);
    expect(() => scenario.block(claims.slice(0, 2))).toThrow("work-too-low");
    expect(claims.filter(isTried)).toEqual([claims[0]]);
  });
});

it("the head follows the chain", () => {
  const scenario = funded();
  scenario.block([scenario.transfer(1, 2, 1)]);
  expect(headOf(scenario.state)).toMatchObject({ height: 1, timeMs: START_MS + 1000, epochId: scenario.chain, ended: false });
});

describe("a header", () => {
  const blockOf = (scenario: Scenario, changed: Partial<BlockHeader> = {}) => {
    const context = scenario.context();
    const body = buildBlockBody(scenario.state, context, [scenario.transfer(1, 2, 1)], scenario.deps);
    const header: BlockHeader = {
      version: 1,
      chain: scenario.chain,
      height: context.height,
      epochId: context.epochId,
      round: 1,
      parent: scenario.lastBlock,
      timeMs: context.timeMs,
      proposer: votingKey(0),
      transactionsRoot: transactionsRootOf(body.transactions),
      receiptsRoot: body.receiptsRoot,
      stateRoot: body.stateRoot,
      seatsDigest: body.seatsDigest,
      endsEpoch: body.endsEpoch,
      lastRecovery: body.lastRecovery,
      certificate: null,
      lateVotes: [],
      alives: [],
      ...changed,
    };
    body.overlay.release();
    return createBlock(header, body.transactions);
  };
  const validate = (scenario: Scenario, changed?: Partial<BlockHeader>) =>
    validateBlock(scenario.state, blockOf(scenario, changed), scenario.lastBlock, [votingKey(0)], scenario.deps);
  const other = digest(new Uint8Array(3));

  it("[C1b] says what execution gives, or the block is invalid", () => {
    expect(validate(funded()).receipts).toHaveLength(1);
    for (const root of ["stateRoot", "receiptsRoot", "seatsDigest"] as const)
      expect(() => validate(funded(), { [root]: other })).toThrow("root-mismatch");
    expect(() => validate(funded(), { endsEpoch: true })).toThrow("block-invalid");
    expect(() => validate(funded(), { lastRecovery: other })).toThrow("block-invalid");
  });

  it("that lies leaves nothing behind", () => {
    const scenario = funded();
    const { tree } = scenario.state as BaseState;
    const before = tree.nodesUsed;
    expect(() => validate(scenario, { stateRoot: other })).toThrow("root-mismatch");
    expect(tree.nodesUsed).toBe(before);
  });
});
