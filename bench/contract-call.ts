/**
 * A contract call with isolation, against `@ethereumjs/evm` on an equal contract: check the caller and its role, add to a balance, write
 * it, emit an event with a memo, return the balance. Both keep their state in memory; only the machines are compared.
 */
import { createEVM } from "@ethereumjs/evm";
import { SimpleStateManager } from "@ethereumjs/statemanager";
import { Account, createAddressFromString } from "@ethereumjs/util";
import { sha256 } from "@noble/hashes/sha2.js";
import { keccak_256 } from "@noble/hashes/sha3.js";
import { createContractMachine, warmUpContractMachine } from "../src/host/vm/contract-machine.ts";
import { loadMeteredWasmNode } from "../src/host/vm/load-wasm-node.ts";
import { assert } from "../src/kit/assert.ts";
import { bytesToHex, concatBytes, hexToBytes, utf8 } from "../src/kit/bytes.ts";
import type { Value } from "../src/protocol/codec.ts";
import type { ContractHost } from "../src/protocol/contract-machine.ts";

export interface BenchResult {
  readonly case: string;
  readonly unit: string;
  readonly ours: number;
  readonly theirs: number;
  readonly ratio: number;
  readonly runs: number;
}

const SOURCE = `export const manifest = { name: "balance", methods: { credit: { input: { type: "object" } } } };
export function credit(ctx, { from, amount, memo }) {
  ctx.require(ctx.caller === from, "not-the-caller");
  ctx.require(ctx.state.get("role:" + from) === "writer", "not-a-writer");
  const balance = ctx.state.get("balance:" + from) + amount;
  ctx.state.set("balance:" + from, balance);
  ctx.emit("credited", { who: from, amount, memo });
  return balance;
}`;

const MEMO = "hello world";

/** Gives a function that makes one call. */
async function prepareOurs(): Promise<() => void> {
  const machine = await createContractMachine(await loadMeteredWasmNode());
  warmUpContractMachine(machine);
  const state = new Map<string, Value>([
    ["role:alice", "writer"],
    ["balance:alice", 0],
  ]);
  const unused = (): never => assert(false, "not asked for by this contract") as never;
  const host: ContractHost = {
    caller: "alice",
    self: "00".repeat(32),
    height: 1,
    timeMs: 1,
    seed: new Uint8Array(32),
    writable: true,
    stateGet: (key) => state.get(key),
    stateSet: (key, value) => void state.set(key, value),
    stateDelete: unused,
    stateList: unused,
    emit: () => undefined,
    transfer: unused,
    record: unused,
    device: unused,
    log: unused,
  };
  const call = {
    source: SOURCE,
    sourceDigest: bytesToHex(sha256(utf8(SOURCE))),
    method: "credit",
    arguments: { from: "alice", amount: 5, memo: MEMO },
    gasMax: 10_000_000,
    host,
  };
  return () => assert(machine.call(call).ok, "the call succeeds");
}

const FAIL = 0x80;

/** The same contract for the EVM, one step a line; a mapping's slot is keccak(key, index), as Solidity lays it out. */
const EVM_CODE = [
  "6000 35 60e0 1c 63d0c0ffee 14 15 6080 57", // the selector
  "6004 35 33 14 15 6080 57", // the caller is `from`
  "33 6000 52 6000 6020 52 6040 6000 20 54 15 6080 57", // role[caller] is set
  "6001 6020 52 6040 6000 20", // slot of balance[caller]
  "80 54 6024 35 01 80 91 55", // balance + amount, stored
  "6024 35 6000 52 6020 6044 6020 37", // amount and memo for the log
  "33 63c4ed17ed 6040 6000 a2", // Credited(caller)
  "6000 52 6020 6000 f3", // return the balance
]
  .join("")
  .replaceAll(" ", "")
  .padEnd(FAIL * 2, "00")
  .concat("5b60006000fd");

function word(bytes: Uint8Array): Uint8Array {
  return concatBytes(new Uint8Array(32 - bytes.length), bytes);
}

async function prepareTheirs(): Promise<() => Promise<void>> {
  const stateManager = new SimpleStateManager();
  const evm = await createEVM({ stateManager });
  const caller = createAddressFromString(`0x${"11".repeat(20)}`);
  const to = createAddressFromString(`0x${"22".repeat(20)}`);
  await stateManager.putAccount(caller, new Account(0n, 10n ** 20n));
  await stateManager.putAccount(to, new Account(1n, 0n));
  await stateManager.putCode(to, hexToBytes(EVM_CODE)!);
  const slot = (index: number): Uint8Array => keccak_256(concatBytes(word(caller.bytes), word(Uint8Array.of(index))));
  await stateManager.putStorage(to, slot(0), Uint8Array.of(1));
  await stateManager.putStorage(to, slot(1), Uint8Array.of(1));
  const memo = utf8(MEMO);
  const data = concatBytes(
    hexToBytes("d0c0ffee")!,
    word(caller.bytes),
    word(Uint8Array.of(5)),
    memo,
    new Uint8Array(32 - memo.length),
  );
  const once = async (): Promise<void> => {
    const result = await evm.runCall({ caller, to, gasLimit: 5_000_000n, data });
    assert(!result.execResult.exceptionError && result.execResult.logs?.length === 1, "the call succeeds");
  };
  await once();
  const balance = await stateManager.getStorage(to, slot(1));
  assert(balance[balance.length - 1] === 6, "the balance has grown");
  return once;
}

/** Calls a CPU-second: other programs on the machine move wall time by multiples. */
async function rateOf(call: () => void | Promise<void>): Promise<number> {
  const start = process.cpuUsage();
  const until = performance.now() + 700;
  let calls = 0;
  while (performance.now() < until) {
    for (let i = 0; i < 20; i++) await call();
    calls += 20;
  }
  const used = process.cpuUsage(start);
  return calls / ((used.user + used.system) / 1e6);
}

function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)]!;
}

/** Medians of alternating runs, so that a busy moment falls on both. */
export async function run(): Promise<BenchResult> {
  const runs = 7;
  const ours = await prepareOurs();
  const theirs = await prepareTheirs();
  await rateOf(ours);
  await rateOf(theirs);
  const rates = { ours: [] as number[], theirs: [] as number[], ratio: [] as number[] };
  for (let i = 0; i < runs; i++) {
    const a = await rateOf(ours);
    const b = await rateOf(theirs);
    rates.ours.push(a);
    rates.theirs.push(b);
    rates.ratio.push(a / b);
  }
  return {
    case: "contract-call",
    unit: "calls per CPU-second",
    ours: Math.round(median(rates.ours)),
    theirs: Math.round(median(rates.theirs)),
    ratio: Math.round(median(rates.ratio) * 10) / 10,
    runs,
  };
}
