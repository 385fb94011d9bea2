import { beforeAll, describe, expect, it } from "vitest";
import { ATTACKS, runAttack } from "../../contracts/attack.suite.ts";
import { GAS as RATES } from "../../contracts/gas.ts";
import { GUEST_NAMES } from "../../contracts/guest-names.ts";
import { MemoryHost } from "../../contracts/memory-host.ts";
import { AssertionError } from "../../kit/assert.ts";
import type { Value } from "../../protocol/codec.ts";
import { HostFault, type CallOutcome, type ContractMachine } from "../../protocol/contract-machine.ts";
import { LIMITS } from "../../protocol/limits.ts";
import { createContractMachine, warmUpContractMachine } from "./contract-machine.ts";
import { buildMeteredWasm, loadMeteredWasmNode } from "./load-wasm-node.ts";

let machine: ContractMachine;
beforeAll(async () => {
  machine = await createContractMachine(await loadMeteredWasmNode());
});

const GAS = 20_000_000;

function contract(body: string, more = ""): string {
  return `export const manifest = { name: "test", methods: { go: {} }${more} };\nexport function go(ctx, arg) { ${body} }`;
}

function call(source: string, options: { host?: MemoryHost; method?: string; argument?: Value; gasMax?: number } = {}): CallOutcome {
  return machine.call({
    source,
    sourceDigest: source,
    method: options.method ?? "go",
    arguments: options.argument ?? null,
    gasMax: options.gasMax ?? GAS,
    host: options.host ?? new MemoryHost(),
  });
}

describe("the binary", () => {
  it("is what the metering pass makes of the installed QuickJS, to the bit", async () => {
    const built = await buildMeteredWasm();
    expect(built).toEqual(await loadMeteredWasmNode());
  });

  it("is refused if one bit differs", async () => {
    const bytes = (await loadMeteredWasmNode()).slice();
    bytes[bytes.length - 1]! ^= 1;
    await expect(createContractMachine(bytes)).rejects.toThrow(AssertionError);
  });

  it("knows its built-in property names by the numbers of our list", () => {
    const names = GUEST_NAMES.filter((name) => name !== "__proto__");
    const object = `return Object.fromEntries(arg.map((name) => [name, 1]))`;
    const outcome = call(contract(object), { argument: names, gasMax: 200_000_000 });
    expect(outcome.ok && Object.keys(outcome.result as object).toSorted()).toEqual(names.toSorted());
  });
});

describe("what a contract keeps", () => {
  it("costs by the byte, once to carry it out and once to keep it; to read it costs what it takes to carry it in", () => {
    const size = "x".repeat(1000);
    const gasOf = (body: string, argument: string): number => {
      const host = new MemoryHost();
      host.state.set("held", argument);
      const outcome = call(contract(body), { argument: argument.length, host });
      expect(outcome.ok).toBe(true);
      return outcome.gasUsed;
    };
    const more = (body: string): number => gasOf(body, size + "x".repeat(100)) - gasOf(body, size);
    // The interpreter's own steps differ by a few between one text and another.
    const close = 0.98;
    const idle = more(`const text = "x".repeat(arg); return 0`);
    expect(more(`const text = "x".repeat(arg); ctx.state.set("k", text); return 0`) - idle).toBeGreaterThanOrEqual(
      close * 100 * (RATES.stateByte + RATES.crossedByte),
    );
    expect(more(`ctx.state.get("held"); return 0`)).toBeGreaterThanOrEqual(close * 100 * RATES.crossedByte);
    expect(more(`ctx.state.list(""); return 0`)).toBeGreaterThanOrEqual(close * 100 * RATES.crossedByte);
  });
});

describe("[R6] attacks", () => {
  it.each(ATTACKS)("$name", (attack) => {
    const row = runAttack(machine, attack);
    expect({ name: row.name, ends: row.ends }).toEqual({ name: attack.name, ends: attack.ends });
  });
});

describe("isolation", () => {
  const counter = contract("globalThis.n = (globalThis.n ?? 0) + 1; Array.prototype.n = arg; return globalThis.n");
  const disturbances = [
    contract("for (;;);"),
    contract("const a = []; for (let i = 0; i < 100; i++) a.push(new Uint8Array(1e5).fill(i)); return a.length"),
    contract("return JSON.parse('['.repeat(1e4) + ']'.repeat(1e4))"),
    contract("function f() { f() } f()"),
    contract("throw new Error('x')"),
  ];

  it("[R6] gives one result and one gas in 200 repeats, whatever ran between", () => {
    const seen = new Set<string>();
    for (let i = 0; i < 200; i++) {
      if (i % 4 === 0) call(disturbances[(i / 4) % disturbances.length]!, { gasMax: 60_000_000 });
      const outcome = call(counter);
      seen.add(JSON.stringify(outcome));
    }
    expect([...seen]).toHaveLength(1);
    expect([...seen][0]).toMatch(/"result":1,"gasUsed":\d+/);
  });

  it("costs the same from a new machine and from one whose image was dropped", async () => {
    const first = call(counter);
    for (let i = 0; i < 70; i++) call(contract(`return ${i}`));
    expect(call(counter)).toEqual(first);
    const other = await createContractMachine(await loadMeteredWasmNode());
    warmUpContractMachine(other);
    const outcome = other.call({ source: counter, sourceDigest: "x", method: "go", arguments: null, gasMax: GAS, host: new MemoryHost() });
    expect(outcome).toEqual(first);
  });
});

describe("gas", () => {
  it("[R6] ends a call exactly where it runs out: one unit less is too little", () => {
    const source = contract("ctx.state.set('k', arg); return arg.map((x) => x * 2)");
    const enough = call(source, { argument: [1, 2, 3] });
    expect(enough.ok).toBe(true);
    expect(call(source, { argument: [1, 2, 3], gasMax: enough.gasUsed })).toEqual(enough);
    expect(call(source, { argument: [1, 2, 3], gasMax: enough.gasUsed - 1 })).toEqual({
      ok: false,
      code: "out-of-gas",
      message: "",
      gasUsed: enough.gasUsed - 1,
    });
  });

  it("runs out alike while loading, cached or not", () => {
    const source = contract("return 1 /* loads alike */");
    const before = call(source, { gasMax: 200_000 });
    expect(before).toMatchObject({ ok: false, code: "out-of-gas", gasUsed: 200_000 });
    expect(call(source).ok).toBe(true);
    expect(call(source, { gasMax: 200_000 })).toEqual(before);
  });

  it("is taken before the host acts", () => {
    const host = new MemoryHost();
    const outcome = call(contract("for (let i = 0; ; i++) ctx.state.set('k' + i, i)"), { host, gasMax: 5_000_000 });
    expect(outcome).toMatchObject({ ok: false, code: "out-of-gas" });
    expect(host.state.size).toBeLessThan(5_000_000 / 130_000);
  });
});

describe("modules", () => {
  it.each([
    ["throws", "throw new Error('at load'); export const manifest = {}", "contract-error", "Error: at load"],
    ["imports", "import x from 'y'; export const manifest = {}", "contract-error", ""],
    ["waits for ever", "await new Promise(() => {}); export const manifest = {}", "contract-error", "a promise that nothing settles"],
    ["is no JavaScript", "export const", "contract-error", "SyntaxError"],
    ["has no manifest", "export function go() {}", "manifest-invalid", ""],
    ["loops", "for (;;); export const manifest = {}", "out-of-gas", ""],
  ])("refuses one that %s", (_name, source, code, message) => {
    const outcome = machine.inspect(source, GAS);
    expect(outcome).toMatchObject({ code, message: expect.stringContaining(message) as string });
  });

  it.each([
    ["a method that is not exported", "{ name: 'a', methods: { nope: {} } }"],
    ["init as a method", "{ name: 'a', methods: { init: {} } }"],
    ["a view that is no method", "{ name: 'a', methods: { go: {} }, views: ['x'] }"],
    ["no name", "{ methods: { go: {} } }"],
    ["a name too long", "{ name: 'a'.repeat(65), methods: { go: {} } }"],
    ["an input that is no schema", "{ name: 'a', methods: { go: { input: 1 } } }"],
    ["an unknown key of a method", "{ name: 'a', methods: { go: { gas: 1 } } }"],
    ["a function in it", "{ name: 'a', methods: { go() {} } }"],
    ["a promise for it", "Promise.resolve({})"],
  ])("refuses a manifest with %s", (_name, manifest) => {
    const outcome = machine.inspect(`export const manifest = ${manifest}; export function go() {} export function init() {}`, GAS);
    expect(outcome).toMatchObject({ code: expect.stringMatching(/^(manifest-invalid|contract-error)$/) as string });
  });

  it("reads names, descriptions, schemas and views", () => {
    const manifest = `{ name: "a", description: "b", methods: { go: { description: "c", input: { type: "object" } } }, views: ["go"] }`;
    expect(machine.inspect(`export const manifest = ${manifest}; export const go = () => 1`, GAS)).toMatchObject({
      manifest: { name: "a", description: "b", methods: [{ name: "go", description: "c", input: { type: "object" }, view: true }] },
    });
  });

  it("does not load for more gas than the limit of loading", () => {
    expect(machine.inspect("for (;;); export const manifest = {}", Number.MAX_SAFE_INTEGER)).toMatchObject({
      code: "out-of-gas",
      gasUsed: LIMITS.contractLoadGasMax,
    });
  });
});

describe("calls", () => {
  it("run init once asked, and nothing where there is none", () => {
    const host = new MemoryHost();
    const source = `${contract("return 1")}\nexport function init(ctx, arg) { ctx.state.set("owner", ctx.caller); }`;
    expect(call(source, { host, method: "init" })).toMatchObject({ ok: true, result: null });
    expect(host.state.get("owner")).toBe(host.caller);
    expect(call(contract("return 1"), { method: "init" })).toMatchObject({ ok: true, result: null });
  });

  it("refuse a method that the manifest does not name", () => {
    const source = `${contract("return 1")}\nexport function hidden() {}`;
    expect(call(source, { method: "hidden" })).toMatchObject({ ok: false, code: "method-unknown" });
    expect(call(source, { method: "manifest" })).toMatchObject({ ok: false, code: "method-unknown" });
  });

  it("await what settles by itself, and refuse a promise that does not", () => {
    const settling = contract("return (async () => { await null; return [await 1, await ctx.state.get('x') ?? 2]; })()");
    expect(call(settling)).toMatchObject({ ok: true, result: [1, 2] });
    expect(call(contract("return new Promise(() => {})"))).toMatchObject({ ok: false, code: "contract-error" });
    expect(call(contract("return Promise.reject(new Error('no'))"))).toMatchObject({ ok: false, message: "Error: no" });
  });

  it("give the author's code as the message of a failed require", () => {
    expect(call(contract("ctx.require(arg === 1, 'not-one')"))).toMatchObject({ ok: false, code: "contract-error", message: "not-one" });
  });

  it("let a contract catch what the ledger refuses", () => {
    const source = contract("try { ctx.transfer('bob', 5) } catch (error) { return [error.code, error.name] }");
    expect(call(source)).toMatchObject({ ok: true, result: ["balance-too-low", "ContractError"] });
    expect(call(contract("ctx.transfer('bob', 5)"))).toMatchObject({ ok: false, code: "contract-error", message: "balance-too-low" });
  });

  it("change nothing in a view", () => {
    const host = new MemoryHost();
    host.writable = false;
    for (const act of ["state.set('k', 1)", "state.delete('k')", "emit('t')", "transfer('bob', 1)", "record('a')"]) {
      expect(call(contract(`ctx.${act}`), { host })).toMatchObject({ ok: false, code: "contract-error", message: "not-a-view" });
    }
    expect(call(contract("return ctx.state.get('k') === undefined"), { host })).toMatchObject({ ok: true, result: true });
  });

  it("turn a fault of the host into a host fault, never into a result", () => {
    const host = new MemoryHost();
    host.device = () => {
      throw new RangeError("Maximum call stack size exceeded");
    };
    const caught = contract("try { ctx.device('d') } catch { return 'caught' }");
    expect(() => call(caught, { host })).toThrow(HostFault);
    expect(call(contract("return 1"))).toMatchObject({ ok: true, result: 1 });
  });
});
