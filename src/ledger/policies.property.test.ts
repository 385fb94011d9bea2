/** Who may act for an account: policies of m of n keys, by operation, and keys with a scope. */
import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { compareBytes } from "../kit/bytes.ts";
import type { Value } from "../protocol/codec.ts";
import { LIMITS } from "../protocol/limits.ts";
import type { Call } from "../protocol/transaction.ts";
import { authorityOf, createMempool, listRecords, policyAccount, proofKeyOf, proveKey, verifyProof, type Policy } from "./index.ts";
import { account, Scenario } from "./scenario.suite.ts";

const SEED = 4464;
const keysOf = (...numbers: readonly number[]): readonly Uint8Array[] => numbers.map(account).sort(compareBytes);
const policyOf = (keys: readonly Uint8Array[], threshold: number, operations: Policy["operations"] = {}): Policy => ({
  keys,
  threshold,
  operations,
});
const set = (policy: Policy | null): Call => ["account.setPolicy", { policy: policy as unknown as Value }];
const pay: Call = ["account.transfer", { to: account(9), amount: 1 }];
const name: Call = ["account.setProfile", { name: "Us", encryptionKey: null }];

/** Whether a block may carry it: the code that forbids it, or null. */
function refusalOf(scenario: Scenario, calls: readonly Call[], signers: readonly Uint8Array[], from = account(1)): string | null {
  const transaction = scenario.transaction(1, calls, { signers, from });
  const body = scenario.build([transaction]);
  return body.refused[0]?.[1].code ?? body.receipts[0]!.refusal?.code ?? null;
}

/** Account 1 under a policy of 2 of 3 keys, 3 to pay. */
function shared(): Scenario {
  const scenario = new Scenario().fund([1], 10_000);
  const policy = policyOf(keysOf(2, 3, 4), 2, { "account.transfer": 3, "account.setPolicy": 3, "account.authorize": 3 });
  expect(refusalOf(scenario, [set(policy)], [account(1), ...keysOf(2, 3, 4)])).toBeNull();
  return scenario;
}

describe("a policy", () => {
  it("[C4d] lets pass what enough different keys of it signed for, call by call, and nothing else", () => {
    const numbers = [1, 2, 3, 4, 5];
    fc.assert(
      fc.property(
        fc.subarray(numbers, { minLength: 1 }),
        fc.nat(),
        fc.nat(),
        fc.subarray([1, 2, 3, 4, 5, 6], { minLength: 1 }),
        fc.subarray([pay, name], { minLength: 1 }),
        (members, m, dearer, signers, calls) => {
          const threshold = 1 + (m % members.length);
          const paying = threshold + (dearer % (members.length - threshold + 1));
          const guards = { "account.transfer": paying, "account.setPolicy": paying, "account.authorize": paying };
          const scenario = new Scenario().fund([1], 10_000);
          const first = [set(policyOf(keysOf(...members), threshold, guards))];
          expect(refusalOf(scenario, first, keysOf(...new Set([1, ...members])))).toBeNull();
          const signed = signers.filter((number) => members.includes(number)).length;
          const needed = calls.includes(pay) ? paying : threshold;
          expect(refusalOf(scenario, calls, keysOf(...signers))).toBe(signed >= needed ? null : "signature-missing");
        },
      ),
      { seed: SEED, numRuns: 200 },
    );
  });

  it("[C4d] takes the place of the account's own key, and is kept under the state root", () => {
    const scenario = shared();
    expect(refusalOf(scenario, [name], [account(1)])).toBe("signature-missing");
    expect(refusalOf(scenario, [name], keysOf(2, 4))).toBeNull();
    expect(refusalOf(scenario, [pay], keysOf(2, 4))).toBe("signature-missing");
    expect(refusalOf(scenario, [name, pay], keysOf(2, 4))).toBe("signature-missing");
    expect(refusalOf(scenario, [name, pay], keysOf(2, 3, 4))).toBeNull();
    const { root, key, value, proof } = proveKey(scenario.state, proofKeyOf.policy(account(1)));
    expect(value).not.toBeNull();
    expect(verifyProof(root, key, value, proof)).toBe(true);
  });

  it.each<readonly [string, Policy]>([
    ["no keys", policyOf([], 1)],
    ["no signature needed", policyOf(keysOf(2, 3), 0)],
    ["no signature needed", policyOf(keysOf(2, 3), 1, { "account.transfer": 0 })],
    ["more signatures than keys", policyOf(keysOf(2, 3), 3)],
    ["more signatures than keys", policyOf(keysOf(2, 3), 2, { "account.transfer": 3 })],
    ["the same key twice", policyOf(keysOf(2, 2), 1)],
    ["weak key", policyOf([new Uint8Array(32)], 1)],
    ["weak key", policyOf([new Uint8Array(32).fill(255)], 1)],
    ["weaker than what it guards", policyOf(keysOf(2, 3), 1, { "account.transfer": 2 })],
    ["weaker than what it guards", policyOf(keysOf(2, 3), 2, { "account.authorize": 1 })],
  ])("that could not be met, or protects nothing, is refused: %s", (reason, policy) => {
    const scenario = new Scenario().fund([1], 10_000);
    const signers = [account(1), account(2), account(3)];
    const transaction = () => scenario.transaction(1, [set(policy)], { signers });
    expect(() => scenario.block([transaction()])).toThrow(expect.objectContaining({ code: "policy-invalid", data: { reason } }));
    expect(() => createMempool().check(transaction(), scenario.state, scenario.timeMs)).toThrow("policy-invalid");
  });

  it("has at most as many keys as a transaction has signatures", () => {
    const scenario = new Scenario().fund([1], 10_000);
    const many = keysOf(...Array.from({ length: LIMITS.signaturesMax + 1 }, (_, index) => 20 + index));
    expect(refusalOf(scenario, [set(policyOf(many, 1))], [account(1)])).toBe("limit-exceeded");
  });

  it("is set only by those who can meet it, so that a mistyped key locks nobody out", () => {
    const scenario = new Scenario().fund([1], 10_000);
    const policy = policyOf(keysOf(2, 3, 4), 2);
    expect(refusalOf(scenario, [set(policy)], [account(1), account(2)])).toBe("signature-missing");
    expect(refusalOf(scenario, [name], [account(1)])).toBeNull();
    expect(refusalOf(scenario, [set(policy)], [account(1), account(2), account(3)])).toBeNull();
    expect(refusalOf(scenario, [set(null)], keysOf(2, 3))).toBe("signature-missing");
    expect(refusalOf(scenario, [set(null)], [account(1), ...keysOf(2, 3)])).toBeNull();
    expect(refusalOf(scenario, [name], [account(1)])).toBeNull();
    expect(authorityOf(scenario.state, account(1))).toEqual({ policy: null, authorized: [] });
  });

  it("[C4d] is an account by itself, by its digest, which its first transaction shows", () => {
    const scenario = new Scenario().fund([1], 10_000);
    const policy = policyOf(keysOf(2, 3, 4), 2);
    const club = policyAccount(policy);
    const other = policyOf(keysOf(2, 3, 5), 2);
    scenario.block([scenario.transaction(1, [["account.transfer", { to: club, amount: 500 }]])]);
    const attempt = (calls: readonly Call[], ...signers: readonly number[]) => refusalOf(scenario, calls, keysOf(...signers), club);
    expect(attempt([pay], 2, 3)).toBe("signature-missing");
    expect(attempt([set(other), pay], 2, 3)).toBe("signature-missing");
    expect(attempt([set(policy), pay], 2)).toBe("signature-missing");
    expect(attempt([set(policy), pay], 2, 3)).toBeNull();
    expect(attempt([pay], 3, 4)).toBeNull();
    expect(attempt([set(null)], 2, 3, 4)).toBe("signature-missing");
    // Once it has another policy, the one that it is the digest of counts no more.
    expect(attempt([set(other)], 2, 3)).toBeNull();
    expect(attempt([set(policy)], 2, 4)).toBe("signature-missing");
  });

  it("covers what an account countersigns", () => {
    const scenario = shared();
    const call: Call = ["record.write", { about: "a", kind: "b", digest: null, note: "", countersigner: account(1) }];
    scenario.fund([5], 1000);
    expect(refusalOf(scenario, [call], [account(5), account(1)], account(5))).toBe("signature-missing");
    expect(refusalOf(scenario, [call], [account(5), account(2), account(3)], account(5))).toBeNull();
    expect(listRecords(scenario.state, { limit: 1 })).toMatchObject([{ countersigner: account(1) }]);
  });

  it("is held to before signatures are verified: the mempool knows who signed by the keys alone", () => {
    const scenario = shared();
    const check = (signers: readonly Uint8Array[]) => () =>
      createMempool().check(scenario.transaction(1, [pay], { signers }), scenario.state, scenario.timeMs);
    expect(check(keysOf(2, 3))).toThrow(expect.objectContaining({ code: "signature-missing", data: { needed: 3, signed: 2 } }));
    expect(check(keysOf(2, 3, 4))).not.toThrow();
  });
});

describe("a key with a scope", () => {
  const authorize = (scope: readonly string[], untilMs: number | null = null): Call => [
    "account.authorize",
    { key: account(7), scope, untilMs },
  ];

  it("[C4d] acts alone for what is in it, until its time, and no longer than it is authorized", () => {
    const scenario = new Scenario().fund([1], 10_000);
    const own = [account(1)];
    const gateway = [account(7)];
    expect(refusalOf(scenario, [name], gateway)).toBe("signature-missing");
    expect(refusalOf(scenario, [authorize(["account.setProfile"], scenario.timeMs + 5000)], own)).toBeNull();
    expect(refusalOf(scenario, [name], gateway)).toBeNull();
    expect(refusalOf(scenario, [pay], gateway)).toBe("signature-missing");
    expect(refusalOf(scenario, [name, pay], gateway)).toBe("signature-missing");
    expect(refusalOf(scenario, [name, pay], own)).toBeNull();
    const late = scenario.transaction(1, [name], { signers: gateway });
    expect(scenario.build([late], { afterMs: 6000 }).refused[0]?.[1].code).toBe("signature-missing");
    expect(refusalOf(scenario, [authorize(["account.setProfile", "account.transfer"])], own)).toBeNull();
    expect(refusalOf(scenario, [name, pay], gateway)).toBeNull();
    expect(refusalOf(scenario, [["account.deauthorize", { key: account(7) }]], own)).toBeNull();
    expect(refusalOf(scenario, [name], gateway)).toBe("signature-missing");
  });

  it("never has rights over the account, and is one of few", () => {
    const scenario = new Scenario().fund([1], 10_000);
    for (const scope of [["account.setPolicy"], ["account.authorize"], []])
      expect(() => scenario.block([scenario.transaction(1, [authorize(scope)])])).toThrow("policy-invalid");
    expect(() => scenario.block([scenario.transaction(1, [authorize(["everything"])])])).toThrow("schema-invalid");
    const one = (number: number): Call => ["account.authorize", { key: account(number), scope: ["stream.append"], untilMs: null }];
    for (let number = 0; number < LIMITS.authorizedKeysMax; number++)
      expect(refusalOf(scenario, [one(30 + number)], [account(1)])).toBeNull();
    expect(refusalOf(scenario, [one(99)], [account(1)])).toBe("limit-exceeded");
    expect(refusalOf(scenario, [one(30)], [account(1)])).toBeNull();
  });
});
