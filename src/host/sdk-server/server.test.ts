import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createVirtualClock } from "../../kit/clock.ts";
import { assert } from "../../kit/assert.ts";
import { createRandom } from "../../kit/random.ts";
import type { Value } from "../../protocol/codec.ts";
import type { OperationCall, RoadProgress } from "../../sdk/api.ts";
import { createClient, type Client } from "../../sdk/client.ts";
import { QUERY_SCHEMAS } from "../../sdk/schemas.ts";
import { CONTRACT_TEMPLATES } from "../../sdk/templates.ts";
import { createContractMachine } from "../vm/contract-machine.ts";
import { loadMeteredWasmNode } from "../vm/load-wasm-node.ts";
import { createSdkServer } from "./server.ts";
import { DEFAULT_SETTINGS } from "../settings.ts";
import { codeOf, commands, openWorld, OTHER, transfer, UNKNOWN, type World } from "./world.suite.ts";

const ESCROW = CONTRACT_TEMPLATES.find(({ name }) => name === "Escrow")!.source;
const COUNTER = `
export const manifest = {
  name: "counter",
  description: "Counts",
  methods: { add: { description: "Adds" }, count: {} },
  views: ["count"],
};
export function init(ctx) { ctx.state.set("count", 0); }
export function add(ctx, { by }) {
  ctx.require(by > 0, "not-positive");
  const count = ctx.state.get("count") + by;
  ctx.state.set("count", count);
  ctx.emit("added", { by, count });
  ctx.log("adding");
  return count;
}
export function count(ctx) { return ctx.state.get("count"); }
`;
const THING = JSON.stringify({ "@context": "https://www.w3.org/2022/wot/td/v1.1", title: "Porch lamp", properties: { on: {}, level: {} } });

let world: World;
let client: Client;
beforeAll(async () => {
  world = await openWorld(await createContractMachine(await loadMeteredWasmNode()));
  client = world.connect();
});
afterAll(() => world.close());

const paidCall = (amount: number): OperationCall => ({
  operation: "contract.call",
  arguments: { contract: UNKNOWN, method: "pay", arguments: null, gasMax: 1_000_000, amount },
});

async function identifierOf(call: OperationCall): Promise<string> {
  const { results } = await client.send([call]);
  const [id] = results;
  assert(typeof id === "string", "the result is an identifier");
  return id;
}

describe("send", () => {
  it("tells every stop of the road, then the height at which it is final and written", async () => {
    const stages: RoadProgress[] = [];
    const result = await client.send([transfer(5)], { onProgress: (progress) => stages.push(progress) });
    expect(stages.map(({ stage }) => stage)).toEqual(["signed", "shared", "in-block", "final"]);
    expect(result.results).toEqual([null]);
    const info = await client.query("transaction", { id: result.transaction });
    expect(info).toMatchObject({
      state: "final",
      sender: world.account,
      block: { height: result.height },
      calls: [{ operation: "account.transfer", arguments: { to: OTHER, amount: 5 } }],
      results: [null],
      refusal: null,
    });
    expect(info.events).toMatchObject([{ source: "account", topic: "transferred", data: { from: world.account, to: OTHER, amount: 5 } }]);
    expect(info.road.final).toBeGreaterThanOrEqual(info.road.signed!);
    expect((await client.status()).finality.samples).toBeGreaterThan(0);
  });

  it("[C4b] rejects with the ledger's code, before a block and in one", async () => {
    expect(await codeOf(client.send([transfer(1)], { feeMax: 0 }))).toBe("fee-too-low");
    expect(await codeOf(client.send([transfer(10_000_000)]))).toBe("balance-too-low");
    const toDigits = { operation: "account.transfer", arguments: { to: UNKNOWN, amount: 1 } } as const;
    expect(await codeOf(client.send([toDigits]))).toBe("unknown-contract");
    expect(await codeOf(client.query("estimate", { calls: [toDigits] }))).toBe("unknown-contract");
    expect(await codeOf(client.send([{ operation: "token.claim", arguments: {} }]))).toBe("not-supported");
    expect(await codeOf(client.send([{ operation: "seat.leave", arguments: {} }]))).toBe("last-seat");
  });

  it("estimates what is then paid at most", async () => {
    const { fee, ...rest } = await client.query("estimate", { calls: [transfer(1)] });
    const { balance } = await client.query("account", { account: world.account });
    expect(rest).toEqual({ gasUsed: 0, amount: 1, balance });
    const { transaction } = await client.send([transfer(1)]);
    const info = await client.query("transaction", { id: transaction });
    expect(info.feeMax).toBe(fee);
    expect(info.feePaid).toBeLessThanOrEqual(fee);
    // More than there is: a transfer's cost is told all the same, a call that could not be tried is refused.
    expect(await client.query("estimate", { calls: [transfer(10_000_000)] })).toMatchObject({ amount: 10_000_000 });
    const unpaid = client.query("estimate", { calls: [paidCall(10_000_000)] });
    await expect(unpaid).rejects.toMatchObject({ code: "balance-too-low", data: { amount: expect.any(Number) } });
  });

  it("estimates and sends what runs no contract also where nobody serves the contract machine", async () => {
    const remote = await openWorld(null);
    const asking = remote.connect();
    expect((await asking.query("estimate", { calls: [transfer(1)] })).fee).toBeGreaterThan(0);
    expect((await asking.send([transfer(1)])).height).toBeGreaterThan(0);
    remote.close();
  });

  it("makes no key and finds no proof of work for an estimate, nor for what no transaction can carry", async () => {
    const [claim, seat] = [
      { operation: "token.claim", arguments: {} },
      { operation: "seat.take", arguments: {} },
    ] as const;
    // Nothing here can complete a call.
    expect(await codeOf(client.send([seat]))).toBe("not-supported");
    expect(await client.query("estimate", { calls: [claim] })).toMatchObject({ fee: 0, amount: 0 });
    const { fee } = await client.query("estimate", { calls: [seat] });
    expect(fee).toBeGreaterThan(0);
    // A contract beside it is tried as if alone.
    expect(await codeOf(client.query("estimate", { calls: [seat, paidCall(1)] }))).toBe("unknown-contract");
    expect(await codeOf(client.send([claim, transfer(1)]))).toBe("claim-invalid");
    expect(await codeOf(client.send([seat, seat]))).toBe("seat-taken");
    // Only a seat that sleeps can be presented.
    expect(await codeOf(client.query("estimate", { calls: [{ operation: "seat.present", arguments: {} }] }))).toBe("unknown-seat");
  });
});

describe("things", () => {
  it("registers a device, opens a stream, appends packs, and reads them back", async () => {
    const device = await identifierOf({ operation: "device.register", arguments: { description: THING, leaseMs: 60_000 } });
    // It is there from the first moment, and for as long as was said.
    expect(await client.query("device", { device })).toMatchObject({ status: "active", leaseMs: 60_000 });
    await client.send([{ operation: "device.update", arguments: { device, description: THING, leaseMs: 90_000 } }]);
    expect(await client.query("device", { device })).toMatchObject({ status: "active", leaseMs: 90_000 });
    const stream = await identifierOf({ operation: "stream.open", arguments: { device, name: "porch" } });
    const status = { device, status: "active", leaseMs: 60_000 } as const;
    const heard: Value[] = [];
    client.subscribe("reading", (update) => heard.push(...update.readings.map(({ value }) => value)));
    await client.send([{ operation: "device.setStatus", arguments: status }]);
    for (const [sequence, v] of [10, 20, 30].entries()) {
      await client.send([{ operation: "stream.append", arguments: { stream, sequence, pack: [{ n: "level", u: "%", v }] } }]);
    }
    expect(await client.query("device", { device })).toMatchObject({
      owner: world.account,
      status: "active",
      description: THING,
      leaseMs: 60_000,
      streams: [stream],
      values: { level: { value: 30, unit: "%" } },
    });
    expect(await client.query("stream", { stream })).toMatchObject({ device, name: "porch", status: "open", packs: 3, readings: 3 });
    const all = await client.query("readings", { stream });
    expect(all.map(({ value, sequence, final }) => [value, sequence, final])).toEqual([
      [10, 0, true],
      [20, 1, true],
      [30, 2, true],
    ]);
    expect((await client.query("readings", { stream, after: 0, limit: 1 })).map(({ value }) => value)).toEqual([20]);
    expect((await client.query("readings", { stream, limit: 1 })).map(({ value }) => value)).toEqual([30]);
    expect(heard).toEqual([10, 20, 30]);
    // Two packs in one transaction are each read once.
    const append = (sequence: number, v: number) =>
      ({ operation: "stream.append", arguments: { stream, sequence, pack: [{ n: "level", u: "%", v }] } }) as const;
    await client.send([append(3, 40), append(4, 50)]);
    expect((await client.query("readings", { stream })).map(({ value }) => value)).toEqual([10, 20, 30, 40, 50]);
    expect((await client.query("readings", { stream, after: 2 })).map(({ value }) => value)).toEqual([40, 50]);
    const owner = world.account;
    expect((await client.query("devices", { owner })).items.map((item) => item.device)).toEqual([device]);
    expect((await client.query("devices", { owner: OTHER })).items).toEqual([]);
    expect((await client.query("streams", { device })).items.map((item) => item.stream)).toEqual([stream]);
    expect((await client.query("account", { account: owner })).devices).toBe(1);
    expect(await client.query("search", { text: "porch" })).toMatchObject([
      { kind: "device", id: device, title: "Porch lamp" },
      { kind: "stream", id: stream, title: "porch" },
    ]);
    await client.send([{ operation: "device.retire", arguments: { device } }]);
    expect((await client.query("device", { device })).status).toBe("retired");
    expect((await client.query("devices", { owner, retired: true })).items.map((item) => item.device)).toEqual([device]);
    expect((await client.query("devices", { owner, retired: false, limit: 1 })).items).toEqual([]);
  });

  it("[M1b] writes records and finds them by what they are about", async () => {
    const about = "bothy://lamp";
    const written = { about, kind: "repair", digest: UNKNOWN, note: "new bulb" };
    const record = await identifierOf({ operation: "record.write", arguments: written });
    await client.send([{ operation: "record.write", arguments: { ...written, about: "else", digest: null } }]);
    expect((await client.query("records", { about })).items).toMatchObject([{ ...written, record, author: world.account }]);
    expect((await client.query("records")).items.map((item) => item.about)).toEqual(["else", about]);
  });
});

describe("contracts", () => {
  it("deploys, calls, views, lists its state and events, and tries out", async () => {
    const contract = await identifierOf({ operation: "contract.deploy", arguments: { source: COUNTER, arguments: null, endowment: 0 } });
    const call = { contract, method: "add", arguments: { by: 2 }, gasMax: 20_000_000, amount: 3 };
    const { results } = await client.send([{ operation: "contract.call", arguments: call }]);
    expect(results).toEqual([2]);
    expect(await client.query("view", { contract, method: "count", arguments: null })).toBe(2);
    expect(await codeOf(client.query("view", { contract, method: "add", arguments: { by: 1 } }))).toBe("not-a-view");
    expect((await client.query("contractState", { contract })).items).toEqual([{ key: "count", value: 2 }]);
    expect(await client.query("contract", { contract })).toMatchObject({
      name: "counter",
      owner: world.account,
      status: "active",
      balance: 3,
      calls: 1,
      source: COUNTER,
    });
    expect((await client.query("contracts", { owner: world.account })).items).toHaveLength(1);
    expect((await client.query("events", { source: contract, topic: "added" })).items).toMatchObject([
      { source: contract, data: { by: 2, count: 2 } },
    ]);
    expect((await client.query("events", { topic: "nobody-said-this" })).items).toEqual([]);
    expect((await client.query("transactions", { account: contract })).items.length).toBeGreaterThanOrEqual(1);
    const trial = await client.query("dryRun", { contract, method: "add", arguments: { by: 5 } });
    expect(trial).toMatchObject({
      ok: true,
      result: 7,
      events: [{ topic: "added", data: { by: 5, count: 7 } }],
      logs: ["adding"],
      changes: [{ key: "count", before: 2, after: 7 }],
    });
    expect(await client.query("view", { contract, method: "count", arguments: null })).toBe(2);
    const failing = { contract, method: "add", arguments: { by: 0 } };
    expect(await client.query("dryRun", failing)).toMatchObject({ ok: false, code: "contract-error" });
    const failingCall = { operation: "contract.call", arguments: { ...failing, gasMax: 20_000_000, amount: 0 } } as const;
    const { gasUsed } = await client.query("estimate", { calls: [{ operation: "contract.call", arguments: call }] });
    expect(gasUsed).toBeGreaterThan(0);
    expect(await codeOf(client.send([failingCall]))).toBe("contract-error");
  });

  it("[C7a][M4b] inspects and tries a source that is not deployed", async () => {
    expect(await client.query("inspect", { source: COUNTER })).toMatchObject({ name: "counter", description: "Counts" });
    const trial = await client.query("dryRun", { source: COUNTER, method: "add", arguments: { by: 1 } });
    expect(trial).toMatchObject({ ok: true, result: 1, changes: [{ key: "count", before: 0, after: 1 }] });
    expect(await codeOf(client.query("inspect", { source: "export const manifest = {" }))).not.toBe("accepted");
  });

  it("tries a call after others on one contract that is not deployed, and tells what the last one does", async () => {
    const deployed = { source: ESCROW, initArguments: null };
    expect(await client.query("dryRun", { ...deployed, method: "release" })).toMatchObject({ ok: false, code: "contract-error" });
    const terms = { seller: OTHER, amount: 7, refundAfterMs: 4_000_000_000_000 };
    const agree = { method: "agree", arguments: terms };
    // Without the price in it there is nothing to release.
    expect(await client.query("dryRun", { ...deployed, before: [agree], method: "release" })).toMatchObject({ ok: false });
    const paid = await client.query("dryRun", { ...deployed, before: [{ ...agree, amount: 7 }], method: "release" });
    expect(paid).toMatchObject({ ok: true, changes: [{ key: "status", before: "open", after: "released" }] });
    expect(paid.ok && paid.events.map(({ topic }) => topic)).toEqual(["transferred", "released"]);
    const many = Array.from({ length: 17 }, () => agree);
    expect(await codeOf(client.query("dryRun", { ...deployed, before: many, method: "release" }))).toBe("too-large");
  });
});

describe("whatever a port says", () => {
  const huge = "x".repeat(200_000);
  const call = (operation: string, arguments_: unknown) => ({ kind: "send", calls: [{ operation, arguments: arguments_ }], options: {} });

  it.each([
    ["unknown-request", { kind: "eval" }, { kind: "message", name: "eval" }],
    ["unknown-request", { kind: "query", name: "secrets", parameters: {} }, { kind: "query", name: "secrets" }],
    ["unknown-request", { kind: "command", name: "mint", parameters: {} }, { kind: "command", name: "mint" }],
    ["unknown-request", { kind: "subscribe", topic: "votes" }, { kind: "subscribe", name: "votes" }],
    ["unknown-operation", call("token.mint", { amount: 5 }), { operation: "token.mint", field: "calls.0.operation" }],
    [
      "too-large",
      call("record.write", { about: "x", kind: "note", digest: null, note: huge }),
      { field: "calls.0.arguments.note", bytesMax: 1024 },
    ],
    ["too-large", { kind: "query", name: "search", parameters: { text: huge } }, { field: "text", length: 200_000, lengthMax: 256 }],
    [
      "too-large",
      { kind: "send", calls: Array.from({ length: 100 }, () => transfer(1)), options: {} },
      { field: "calls", length: 100, lengthMax: 16 },
    ],
    [
      "too-large",
      { kind: "send", calls: Array.from({ length: 9 }, () => paidCall(1)), options: {} },
      { field: "calls", length: 18, lengthMax: 16 },
    ],
    ["schema-invalid", { kind: "query", name: "block", parameters: { height: "one" } }, { field: "height", expected: "number" }],
  ])("is refused by name: %s, %#", async (code, message, data) => {
    const port = world.rawPort();
    const answered = new Promise((resolve) => port.addEventListener("message", (event) => resolve(event.data), { once: true }));
    port.start();
    port.postMessage({ ...message, id: 5 });
    expect(await answered).toEqual({ kind: "refused", id: 5, code, data });
  });

  it("gets an answer or a refusal, and nobody falls over", async () => {
    const random = createRandom(7);
    const port = world.rawPort();
    const answers: { kind: string; code?: string }[] = [];
    port.addEventListener("message", (event) => answers.push(event.data as { kind: string }));
    port.start();
    const names = [...Object.keys(QUERY_SCHEMAS), "keys", "__proto__", ""];
    const values: unknown[] = [
      null,
      0,
      -1,
      1.5,
      NaN,
      "",
      "x",
      UNKNOWN,
      world.account,
      [],
      {},
      new Uint8Array(3),
      2 ** 60,
      { a: 1n },
      { limit: 0 },
    ];
    const pick = <Item>(items: readonly Item[]): Item => items[random.below(items.length)]!;
    const fields = [
      "id",
      "account",
      "height",
      "digest",
      "device",
      "stream",
      "contract",
      "limit",
      "after",
      "text",
      "kind",
      "source",
      "calls",
      "key",
    ];
    const count = 1000;
    for (let id = 0; id < count; id++) {
      const parameters = Object.fromEntries(Array.from({ length: random.below(4) }, () => [pick(fields), pick(values)]));
      const kinds = ["query", "query", "query", "send", "command", "subscribe", "unsubscribe", "eval"];
      const kind = pick(kinds);
      const whole = { kind, id, name: pick(names), parameters, calls: pick(values), options: {}, topic: pick(["block", "votes"]) };
      if (kind === "query") port.postMessage({ kind, id, name: whole.name, parameters });
      else port.postMessage(random.below(4) === 0 ? pick(values) : whole);
    }
    await expect.poll(() => answers.length, { timeout: 20_000 }).toBeGreaterThan(count * 0.9);
    expect(answers.filter(({ code }) => code === "internal")).toEqual([]);
    expect((await client.status()).fault).toBeNull();
  });

  it("is bounded in its rate and in what it may run", async () => {
    const greedy = world.connect();
    const trials = await Promise.all(Array.from({ length: 60 }, () => codeOf(greedy.query("inspect", { source: COUNTER }))));
    expect(trials).toContain("accepted");
    expect(trials).toContain("rate-limited");
    const subscriptions = Array.from({ length: 100 }, () => greedy.subscribe("block", () => undefined));
    expect(subscriptions).toHaveLength(100);
    expect(await codeOf(client.query("inspect", { source: COUNTER }))).toBe("accepted");
  });

  it("is answered while the peer is starting", async () => {
    const server = createSdkServer({
      view: () => null,
      input: () => undefined,
      loadMachine: () => new Promise(() => undefined),
      clock: createVirtualClock(),
      slot: 2,
      keysDurable: true,
      persistent: async () => false,
      room: () => null,
      settings: () => DEFAULT_SETTINGS,
      fault: () => ({ code: "storage-broken", data: {} }),
      joining: () => [{ step: "relay", state: "working" }],
      account: () => new Uint8Array(0),
      commands,
    });
    const channel = new MessageChannel();
    server.attach(channel.port2);
    const early = createClient(channel.port1);
    expect(await early.status()).toMatchObject({
      ready: false,
      slot: 2,
      keysDurable: true,
      fault: { code: "storage-broken" },
      joining: [{ step: "relay", state: "working" }],
    });
    expect(await codeOf(early.query("blocks"))).toBe("not-ready");
    expect(await codeOf(early.send([transfer(1)]))).toBe("not-ready");
    server.stop();
    channel.port1.close();
  });
});
