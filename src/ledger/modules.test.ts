import { describe, expect, it } from "vitest";
import { utf8 } from "../kit/bytes.ts";
import { encode, type Value } from "../protocol/codec.ts";
import { accountToDid, digest, toHex, type Hash } from "../protocol/identifiers.ts";
import { createTransaction, type Call } from "../protocol/transaction.ts";
import {
  accountOf,
  contractOf,
  contractStateOf,
  descriptionOf,
  deviceOf,
  dryRun,
  heldSupply,
  listContracts,
  listDevices,
  listRecords,
  listStreams,
  proveKey,
  runView,
  streamOf,
  supplyOf,
  verifyProof,
} from "./index.ts";
import { readPack } from "./senml.ts";
import { account, Scenario, SIGNATURE, START_MS, type Program } from "./scenario.suite.ts";

const DESCRIPTION = utf8('{"@context":"https://www.w3.org/2022/wot/td/v1.1","title":"Lamp"}');

function run(scenario: Scenario, sender: number, ...calls: readonly Call[]) {
  return scenario.block([scenario.transaction(sender, calls, { fee: 100 })]).receipts[0]!;
}

function register(scenario: Scenario, overrides: Readonly<Record<string, Value>> = {}): Hash {
  const receipt = run(scenario, 1, [
    "device.register",
    { description: DESCRIPTION, gateway: account(2), key: null, properties: ["light"], ...overrides },
  ]);
  expect(receipt.refusal).toBeNull();
  return receipt.results[0] as Hash;
}

const funded = (programs: Readonly<Record<string, Program>> = {}) => new Scenario({ programs }).fund([1, 2, 3], 1000);

describe("device", () => {
  it("is registered with its description, reports its status with a lease, and retires", () => {
    const scenario = funded();
    const device = register(scenario);
    expect(descriptionOf(scenario.state, device)).toEqual(DESCRIPTION);
    expect(deviceOf(scenario.state, device)).toMatchObject({ owner: account(1), status: "offline", description: digest(DESCRIPTION) });
    run(scenario, 2, ["device.setStatus", { device, status: "active", leaseMs: 60_000 }]);
    expect(deviceOf(scenario.state, device)).toMatchObject({ status: "active", leaseUntilMs: scenario.timeMs + 60_000 });
    run(scenario, 1, ["device.update", { device, gateway: null }]);
    expect(run(scenario, 2, ["device.setStatus", { device, status: "maintenance", leaseMs: 0 }]).refusal?.code).toBe("not-authorized");
    expect(run(scenario, 2, ["device.retire", { device }]).refusal?.code).toBe("not-owner");
    run(scenario, 1, ["device.retire", { device }]);
    expect(run(scenario, 1, ["device.update", { device, properties: [] }]).refusal?.code).toBe("wrong-status");
  });

  it("is there from its registration on where that gives a lease; a later one counts from when it was last heard", () => {
    const scenario = funded();
    const device = register(scenario, { leaseMs: 60_000 });
    const seenMs = scenario.timeMs;
    expect(deviceOf(scenario.state, device)).toMatchObject({ status: "active", seenMs, leaseUntilMs: seenMs + 60_000 });
    run(scenario, 1, ["device.update", { device, leaseMs: 1000 }]);
    expect(scenario.timeMs).toBeGreaterThan(seenMs);
    expect(deviceOf(scenario.state, device)).toMatchObject({ status: "active", seenMs, leaseUntilMs: seenMs + 1000 });
    expect(() => run(scenario, 1, ["device.update", { device, leaseMs: 86_400_001 }])).toThrow("schema-invalid");
  });

  it("has a description of well-formed UTF-8 within the limit", () => {
    const scenario = funded();
    const attempt = (description: Uint8Array) => () =>
      run(scenario, 1, ["device.register", { description, gateway: null, key: null, properties: [] }]);
    expect(attempt(Uint8Array.of(0x7b, 0xc0, 0x80))).toThrow("schema-invalid");
    expect(attempt(Uint8Array.of(0x7b, 0xed, 0xa0, 0x80))).toThrow("schema-invalid");
    expect(attempt(new Uint8Array(40_000).fill(0x20))).toThrow("schema-invalid");
  });

  it("is listed in pages, each row with a proof", () => {
    const scenario = funded();
    const devices = [register(scenario), register(scenario), register(scenario)];
    const first = listDevices(scenario.state, { limit: 2 });
    const rest = listDevices(scenario.state, { limit: 2, after: first[1]!.id });
    const rows = [...first, ...rest];
    expect(rows.map(({ id }) => toHex(id))).toEqual(devices.map(toHex).sort());
    for (const { proofKey } of rows) {
      const { key, value, proof, root } = proveKey(scenario.state, proofKey);
      expect(verifyProof(root, key, value, proof)).toBe(true);
    }
  });
});

describe("stream", () => {
  const pack = (...records: readonly Value[]): Uint8Array => encode(records);
  const open = (scenario: Scenario, device: Hash): Hash => run(scenario, 2, ["stream.open", { device, name: "light" }]).results[0] as Hash;

  it("keeps count, last time, running digest and last values of what is appended in sequence", () => {
    const scenario = funded();
    const device = register(scenario);
    const stream = open(scenario, device);
    const packs = [
      pack({ n: "light", v: 21.5, u: "lx", t: 1_700_000_000 }, { n: "door", vb: true }),
      pack({ n: "light", v: 7, t: 1_700_000_001.5 }),
    ];
    for (const [sequence, bytes] of packs.entries()) run(scenario, 2, ["stream.append", { stream, sequence, pack: bytes }]);
    const running = digest(Buffer.concat([digest(Buffer.concat([new Uint8Array(32), digest(packs[0]!)])), digest(packs[1]!)]));
    expect(streamOf(scenario.state, stream)).toMatchObject({ packs: 2, readings: 3, lastMs: 1_700_000_001_500, digest: running });
    expect(streamOf(scenario.state, stream)!.last).toEqual([
      ["door", true, START_MS + 3000, null],
      ["light", 7, 1_700_000_001_500, null],
    ]);
    expect(listStreams(scenario.state, { limit: 9 })).toHaveLength(1);
    expect(run(scenario, 2, ["stream.append", { stream, sequence: 1, pack: packs[0]! }]).refusal).toMatchObject({
      code: "sequence-wrong",
      data: { next: 2 },
    });
    expect(run(scenario, 3, ["stream.append", { stream, sequence: 2, pack: packs[0]! }]).refusal?.code).toBe("not-authorized");
    run(scenario, 1, ["stream.close", { stream }]);
    expect(run(scenario, 2, ["stream.append", { stream, sequence: 2, pack: packs[0]! }]).refusal?.code).toBe("wrong-status");
  });

  it("reads packs as RFC 8428 resolves them", () => {
    const bytes = pack(
      { bn: "urn:dev:1:", bt: 1.6e9, bu: "Cel", bv: 20, n: "a", v: 1.5 },
      { n: "b", t: 2, u: "%RH", v: 30 },
      { n: "c", vs: "on" },
    );
    expect(readPack(bytes, 5)).toEqual([
      { name: "urn:dev:1:a", value: 21.5, unit: "Cel", timeMs: 1_600_000_000_000 },
      { name: "urn:dev:1:b", value: 50, unit: "%RH", timeMs: 1_600_000_002_000 },
      { name: "urn:dev:1:c", value: "on", unit: "Cel", timeMs: 1_600_000_000_000 },
    ]);
  });

  it.each([
    ["no value", [{ n: "a" }]],
    ["two values", [{ n: "a", v: 1, vb: true }]],
    ["no name", [{ v: 1 }]],
    ["a name that begins with a sign", [{ n: "_a", v: 1 }]],
    ["an unknown label", [{ n: "a", v: 1, x: 1 }]],
    ["a relative time", [{ n: "a", v: 1, t: -5 }]],
    ["a time after the last moment of a Date", [{ n: "a", v: 1, t: 8_640_000_000_001 }]],
    ["a sum beyond numbers", [{ n: "a", bv: 9007199254740991, v: 9007199254740991 }]],
    ["nothing", []],
  ] as const)("refuses a pack with %s", (_, records) => {
    expect(() => readPack(pack(...(records as readonly Value[])), 5)).toThrow("schema-invalid");
  });
});

describe("record", () => {
  it("is written for ever, with who else signed it", () => {
    const scenario = funded();
    const call: Call = [
      "record.write",
      { about: "bike/7", kind: "delivery", digest: digest(DESCRIPTION), note: "in the shed", countersigner: account(2) },
    ];
    const alone = scenario.transaction(1, [call]);
    expect(scenario.block([alone]).receipts[0]!.refusal?.code).toBe("signature-missing");
    const { bodyBytes } = scenario.transaction(1, [call]);
    const both = createTransaction(bodyBytes, [
      [account(1), SIGNATURE],
      [account(2), SIGNATURE],
    ]);
    scenario.block([both]);
    expect(listRecords(scenario.state, { limit: 5 })).toMatchObject([{ author: account(1), countersigner: account(2), about: "bike/7" }]);
  });
});

describe("contract", () => {
  const programs: Readonly<Record<string, Program>> = {
    counter: {
      init: (host, input) => {
        host.stateSet("count", input);
        return null;
      },
      add: (host, input) => {
        host.stateSet("count", (host.stateGet("count") as number) + (input as number));
        host.emit("added", { by: input });
        return host.stateGet("count")!;
      },
      viewCount: (host) => host.stateGet("count") ?? null,
      viewCheat: (host) => {
        host.stateSet("count", 0);
        return null;
      },
      pay: (host, input) => {
        host.stateSet("paid", true);
        host.transfer(host.caller, input as number);
        return null;
      },
      list: (host) => host.stateList("", undefined, 10).map(([key]) => key),
      note: (host) => {
        host.record("self", { caller: host.caller });
        return null;
      },
      look: (host, input) => host.device(input as string),
    },
    plain: { hello: () => "hello" },
  };
  const GAS = 1_000_000;
  const deploy = (scenario: Scenario, source = "counter", arguments_: Value = 5) =>
    run(scenario, 1, ["contract.deploy", { source, arguments: arguments_, gasMax: GAS }]);
  const call = (scenario: Scenario, contract: Hash, method: string, input: Value, sender = 2) =>
    run(scenario, sender, ["contract.call", { contract, method, arguments: input, gasMax: GAS }]);

  it("is deployed with its constructor, called, and read by views for free", () => {
    const scenario = funded(programs);
    const deployed = deploy(scenario);
    const contract = deployed.results[0] as Hash;
    expect(deployed).toMatchObject({ refusal: null, gasUsed: 2000, feePaid: 2 });
    expect(contractOf(scenario.state, contract)).toMatchObject({ owner: account(1), name: "counter", status: "active" });
    const called = call(scenario, contract, "add", 3);
    expect(called.results).toEqual([8]);
    expect(called.events).toContainEqual({ name: "contract.emitted", data: { contract, topic: "added", data: { by: 3 } } });
    const request = { contract, method: "viewCount", arguments: null, caller: account(3) };
    expect(runView(scenario.state, scenario.deps.machine, request).outcome).toMatchObject({ ok: true, result: 8 });
    expect(contractStateOf(scenario.state, contract, { limit: 5 })).toEqual([["count", 8]]);
    expect(() => runView(scenario.state, scenario.deps.machine, { ...request, method: "add" })).toThrow("not-a-view");
    expect(runView(scenario.state, scenario.deps.machine, { ...request, method: "viewCheat" }).outcome.ok).toBe(false);
    expect(call(scenario, contract, "viewCheat", null).refusal?.code).toBe("contract-error");
    expect(listContracts(scenario.state, { limit: 5 })).toHaveLength(1);
  });

  it("need not have a constructor, which nobody else may call", () => {
    const scenario = funded(programs);
    const plain = deploy(scenario, "plain").results[0] as Hash;
    expect(call(scenario, plain, "hello", null).results).toEqual(["hello"]);
    const counter = deploy(scenario).results[0] as Hash;
    expect(call(scenario, counter, "init", 100).refusal?.code).toBe("method-unknown");
    expect(deploy(scenario, "no program").refusal?.code).toBe("manifest-invalid");
  });

  it("changes nothing but fee and nonce when a call fails, and pays for its gas", () => {
    const scenario = funded(programs);
    const contract = deploy(scenario).results[0] as Hash;
    const before = scenario.balance(2);
    const receipt = call(scenario, contract, "pay", 50);
    expect(receipt).toMatchObject({ refusal: { code: "contract-error" }, gasUsed: 1000, feePaid: 2 });
    expect(scenario.balance(2)).toBe(before - 2);
    expect(contractStateOf(scenario.state, contract, { limit: 5 })).toEqual([["count", 5]]);
  });

  it.each([0, -1, 1.5])("pays no amount of %d", (amount) => {
    const scenario = funded(programs);
    const contract = deploy(scenario).results[0] as Hash;
    run(scenario, 3, ["contract.fund", { contract, amount: 200 }]);
    const before = scenario.balance(2);
    expect(call(scenario, contract, "pay", amount).refusal).toMatchObject({ code: "contract-error", data: { message: "amount-invalid" } });
    expect([accountOf(scenario.state, contract).balance, scenario.balance(2)]).toEqual([200, before - 2]);
  });

  it("holds what it is given, pays it out, and returns the rest at its end", () => {
    const scenario = funded(programs);
    const contract = deploy(scenario).results[0] as Hash;
    run(scenario, 3, ["contract.fund", { contract, amount: 200 }]);
    expect(accountOf(scenario.state, contract).balance).toBe(200);
    const before = scenario.balance(2);
    expect(call(scenario, contract, "pay", 50).refusal).toBeNull();
    expect(scenario.balance(2)).toBe(before + 48);
    expect(run(scenario, 2, ["contract.terminate", { contract }]).refusal?.code).toBe("not-owner");
    expect(run(scenario, 1, ["contract.terminate", { contract }]).results).toEqual([150]);
    expect(call(scenario, contract, "add", 1).refusal?.code).toBe("contract-terminated");
    expect(contractStateOf(scenario.state, contract, { limit: 5 })).toHaveLength(2);
    const { issued, burnt } = supplyOf(scenario.state);
    expect(heldSupply(scenario.state)).toBe(issued - burnt);
  });

  it("[C7b] lists its own keys only, writes records, and reads devices with their last values", () => {
    const scenario = funded(programs);
    const first = deploy(scenario).results[0] as Hash;
    deploy(scenario);
    expect(call(scenario, first, "list", null).results).toEqual([["count"]]);
    call(scenario, first, "note", null);
    expect(listRecords(scenario.state, { limit: 5 })).toMatchObject([
      { author: first, kind: "contract", note: { caller: accountToDid(account(2)) } },
    ]);
    const device = register(scenario);
    const stream = run(scenario, 1, ["stream.open", { device, name: "" }]).results[0] as Hash;
    run(scenario, 1, ["stream.append", { stream, sequence: 0, pack: encode([{ n: "light", v: 4 }]) }]);
    expect(call(scenario, first, "look", toHex(device)).results[0]).toMatchObject({ status: "offline", readings: { light: { value: 4 } } });
    expect(call(scenario, first, "look", "nothing").results).toEqual([null]);
  });

  it("is tried on a test bench without a trace", () => {
    const scenario = funded(programs);
    const root = scenario.state.root();
    const tried = dryRun(scenario.state, scenario.deps.machine, {
      program: { source: "counter", initArguments: 1, balance: 10 },
      calls: [
        { method: "add", arguments: 4 },
        { method: "pay", arguments: 11 },
      ],
      caller: account(1),
      gasMax: GAS,
    });
    expect(tried.runs.map(({ method, outcome }) => [method, outcome.ok])).toEqual([
      ["init", true],
      ["add", true],
      ["pay", false],
    ]);
    expect(tried.runs[1]!.state).toEqual([["count", 5]]);
    expect(scenario.state.root()).toEqual(root);
  });
});
