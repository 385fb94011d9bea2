import * as fc from "fast-check";
import { expect, it } from "vitest";
import { digest } from "../protocol/identifiers.ts";
import type { Call } from "../protocol/transaction.ts";
import { voteToValue } from "../protocol/vote.ts";
import { heldSupply, listContracts, snapshotChunks, stateOfChunks, supplyOf, type Receipt } from "./index.ts";
import { account, Scenario, SIGNATURE, votingKey, type Program } from "./scenario.suite.ts";

const SEED = 4464;
const ACCOUNTS = 6;

const programs: Readonly<Record<string, Program>> = {
  purse: {
    pay: (host, input) => {
      host.stateSet("last", input);
      host.transfer(host.caller, input as number);
      return null;
    },
  },
};

const party = fc.integer({ min: 0, max: ACCOUNTS - 1 });
const amount = fc.integer({ min: 1, max: 900 });
const contractOf = (scenario: Scenario) => listContracts(scenario.state, { limit: 1 })[0]?.id ?? digest(new Uint8Array(1));
const cast = (scenario: Scenario, seat: number, candidate: number) =>
  voteToValue({
    chain: scenario.chain,
    epochId: scenario.chain,
    round: 1,
    kind: "notarize",
    candidate: digest(Uint8Array.of(candidate)),
    seat: votingKey(seat),
    signature: SIGNATURE,
  });

/** An operation in the making: what it does depends on the state it meets. */
const call: fc.Arbitrary<(scenario: Scenario, sender: number, step: number) => Call> = fc.oneof(
  fc.tuple(party, amount).map(([to, value]) => (): Call => ["account.transfer", { to: account(to), amount: value }]),
  fc.constant((scenario: Scenario): Call => ["token.claim", { reference: scenario.chain, nonce: new Uint8Array(4) }]),
  fc.constant((_: Scenario, sender: number, step: number): Call => [
    "seat.take",
    { votingKey: votingKey(100 * step + sender), proof: SIGNATURE },
  ]),
  fc.nat({ max: 40 }).map((step) => (_: Scenario, sender: number): Call => ["seat.leave", { votingKey: votingKey(100 * step + sender) }]),
  fc.tuple(fc.nat({ max: 40 }), party).map(([step, seat]) => (scenario: Scenario): Call => [
    "seat.evidence",
    { first: cast(scenario, 100 * step + seat, 1), second: cast(scenario, 100 * step + seat, 2) },
  ]),
  fc.constant((): Call => ["contract.deploy", { source: "purse", arguments: null, gasMax: 5000 }]),
  amount.map((value) => (scenario: Scenario): Call => ["contract.fund", { contract: contractOf(scenario), amount: value }]),
  amount.map((value) => (scenario: Scenario): Call => [
    "contract.call",
    { contract: contractOf(scenario), method: "pay", arguments: value, gasMax: 5000 },
  ]),
  fc.constant((scenario: Scenario): Call => ["contract.terminate", { contract: contractOf(scenario) }]),
);

const step = fc.record({
  sender: party,
  calls: fc.array(call, { minLength: 1, maxLength: 3 }),
  fee: fc.integer({ min: 0, max: 20 }),
  afterMs: fc.constantFrom(1000, 31_000, 200_000, 90_000_000),
});

function balances(scenario: Scenario): readonly number[] {
  return Array.from({ length: ACCOUNTS }, (_, number) => scenario.balance(number));
}

function expectOnlyFee(scenario: Scenario, before: readonly number[], sender: number, receipt: Receipt): void {
  const after = balances(scenario);
  for (const [number, balance] of before.entries()) expect(after[number]).toBe(balance - (number === sender ? receipt.feePaid : 0));
}

it("supply is conserved over any sequence of transactions, a failed one changes fee and nonce only, and a replay agrees", () => {
  fc.assert(
    fc.property(fc.array(step, { minLength: 1, maxLength: 40 }), (steps) => {
      const make = () => new Scenario({ programs, parameters: { grant: 1000, bond: 300 } }).fund([1, 2, 3], 800);
      const scenario = make();
      const replayed = make();
      for (const [index, { sender, calls, fee, afterMs }] of steps.entries()) {
        const transaction = scenario.transaction(
          sender,
          calls.map((callOf) => callOf(scenario, sender, index)),
          { fee, validForMs: afterMs },
        );
        const before = balances(scenario);
        const freeBonds = afterMs >= 86_400_000;
        const body = scenario.build([transaction], { afterMs });
        expect(body.transactions.length + body.refused.length).toBe(1);
        const receipt = body.receipts[0];
        if (receipt?.refusal && !freeBonds) expectOnlyFee(scenario, before, sender, receipt);
        const { issued, burnt } = supplyOf(scenario.state);
        expect(heldSupply(scenario.state)).toBe(issued - burnt);
        if (body.transactions.length === 0) {
          replayed.build([], { afterMs });
        } else replayed.block(body.transactions, { afterMs });
        expect(replayed.state.root()).toEqual(scenario.state.root());
      }
      expect(stateOfChunks([...snapshotChunks(scenario.state)]).root()).toEqual(scenario.state.root());
    }),
    { seed: SEED, numRuns: 40 },
  );
});
