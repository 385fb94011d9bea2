import { beforeAll, describe, expect, it } from "vitest";
import { MemoryHost } from "../../contracts/memory-host.ts";
import type { Value } from "../../protocol/codec.ts";
import type { ContractMachine } from "../../protocol/contract-machine.ts";
import { CONTRACT_TEMPLATES } from "../../sdk/templates.ts";
import { createContractMachine } from "./contract-machine.ts";
import { loadMeteredWasmNode } from "./load-wasm-node.ts";

let machine: ContractMachine;
beforeAll(async () => {
  machine = await createContractMachine(await loadMeteredWasmNode());
});

/** A deployed template: calls it as somebody, gives the result, or throws the contract's message. As on a ledger, a failed call changes nothing. */
function deploy(
  name: string,
  owner = "did:key:owner",
): { host: MemoryHost; as: (caller: string, method: string, argument?: Value) => Value } {
  const { source } = CONTRACT_TEMPLATES.find((template) => template.name === name)!;
  const host = new MemoryHost();
  const as = (caller: string, method: string, argument: Value = null): Value => {
    host.caller = caller;
    const before = new Map(host.state);
    const outcome = machine.call({ source, sourceDigest: name, method, arguments: argument, gasMax: 20_000_000, host });
    if (outcome.ok) return outcome.result;
    host.state = before;
    throw new Error(outcome.message);
  };
  as(owner, "init");
  return { host, as };
}

it.each(CONTRACT_TEMPLATES.map(({ name }) => name))("%s loads, and its manifest agrees with its list entry", (name) => {
  const template = CONTRACT_TEMPLATES.find((one) => one.name === name)!;
  expect(machine.inspect(template.source, 20_000_000)).toMatchObject({
    manifest: { name: template.name, description: template.description },
  });
});

describe("Trace", () => {
  it("[II.1-1] follows an item from hand to hand and shows its history in order", () => {
    const { host, as } = deploy("Trace");
    as("did:key:smelter", "create", { item: "frame-7", name: "Bicycle frame" });
    host.timeMs += 1000;
    as("did:key:smelter", "handOver", { item: "frame-7", to: "did:key:welder", stage: "part", note: "batch 3" });
    as("did:key:welder", "handOver", { item: "frame-7", to: "did:key:shop", stage: "retailer" });
    expect(as("anybody", "trace", { item: "frame-7" })).toMatchObject({
      holder: "did:key:shop",
      stage: "retailer",
      steps: [
        { stage: "raw material", holder: "did:key:smelter" },
        { stage: "part", holder: "did:key:welder", note: "batch 3" },
        { stage: "retailer", holder: "did:key:shop" },
      ],
    });
    expect(host.events.map(([topic]) => topic)).toEqual(["created", "handed-over", "handed-over"]);
  });

  it("keeps others' hands off, and time's arrow", () => {
    const { as } = deploy("Trace");
    as("a", "create", { item: "x", name: "X" });
    expect(() => as("b", "create", { item: "x", name: "Y" })).toThrow("item-exists");
    expect(() => as("b", "handOver", { item: "x", to: "b", stage: "part" })).toThrow("not-the-holder");
    expect(() => as("a", "handOver", { item: "y", to: "b", stage: "part" })).toThrow("item-unknown");
    expect(() => as("a", "handOver", { item: "x", to: "b", stage: "lost" })).toThrow("stage-unknown");
    as("a", "handOver", { item: "x", to: "b", stage: "product" });
    expect(() => as("b", "handOver", { item: "x", to: "c", stage: "part" })).toThrow("stage-goes-back");
    expect(() => as("a", "create", { item: "x/y", name: "" })).toThrow("item-invalid");
  });
});

describe("Escrow", () => {
  const terms = { seller: "did:key:seller", amount: 50, refundAfterMs: 1_700_000_100_000 };

  it("pays the seller when the buyer releases", () => {
    const { host, as } = deploy("Escrow", "did:key:buyer");
    as("did:key:buyer", "agree", terms);
    expect(() => as("did:key:seller", "release")).toThrow("not-the-buyer");
    host.balance = 50;
    as("did:key:buyer", "release");
    expect(host.transfers).toEqual([["did:key:seller", 50]]);
    expect(() => as("did:key:buyer", "release")).toThrow("not-open");
    expect(as("anybody", "deal")).toMatchObject({ status: "released" });
  });

  it("pays the buyer back after the deadline, or earlier by the seller's word", () => {
    for (const [who, laterMs] of [
      ["did:key:buyer", 100_000],
      ["did:key:seller", 0],
    ] as const) {
      const { host, as } = deploy("Escrow", "did:key:buyer");
      as("did:key:buyer", "agree", terms);
      host.balance = 50;
      expect(() => as("did:key:buyer", "refund")).toThrow("not-yet");
      expect(() => as("did:key:stranger", "refund")).toThrow("not-yet");
      host.timeMs += laterMs;
      as(who, "refund");
      expect(host.transfers).toEqual([["did:key:buyer", 50]]);
    }
  });

  it("stays open if it was never funded", () => {
    const { as } = deploy("Escrow", "did:key:buyer");
    expect(() => as("did:key:stranger", "agree", terms)).toThrow("not-the-buyer");
    as("did:key:buyer", "agree", terms);
    expect(() => as("did:key:buyer", "agree", terms)).toThrow("already-agreed");
    expect(() => as("did:key:buyer", "release")).toThrow("balance-too-low");
    expect(as("anybody", "deal")).toMatchObject({ status: "open" });
  });
});

describe("Tally", () => {
  it("counts one answer an account, which can be changed until it is closed", () => {
    const { as } = deploy("Tally");
    expect(() => as("did:key:a", "ask", { question: "?", answers: ["yes", "no"] })).toThrow("not-the-owner");
    as("did:key:owner", "ask", { question: "Tea?", answers: ["yes", "no"] });
    as("did:key:a", "answer", { answer: "yes" });
    as("did:key:b", "answer", { answer: "yes" });
    as("did:key:b", "answer", { answer: "no" });
    as("did:key:b", "answer", { answer: "no" });
    expect(() => as("did:key:b", "answer", { answer: "perhaps" })).toThrow("no-such-answer");
    expect(as("anybody", "answerOf", { account: "did:key:b" })).toBe("no");
    as("did:key:owner", "close");
    expect(() => as("did:key:a", "answer", { answer: "no" })).toThrow("closed");
    expect(as("anybody", "result")).toEqual({
      question: "Tea?",
      counts: [
        { answer: "yes", count: 1 },
        { answer: "no", count: 1 },
      ],
      closed: true,
    });
  });

  it("asks nothing twice and takes no repeated answers", () => {
    const { as } = deploy("Tally");
    expect(() => as("did:key:a", "answer", { answer: "yes" })).toThrow("nothing-asked");
    expect(() => as("did:key:owner", "ask", { question: "?", answers: ["a", "a"] })).toThrow("answers-repeat");
    as("did:key:owner", "ask", { question: "?", answers: ["a", "b"] });
    expect(() => as("did:key:owner", "ask", { question: "?", answers: ["a", "b"] })).toThrow("already-asked");
  });
});
