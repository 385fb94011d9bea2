/**
 * A contract call with isolation, against `@ethereumjs/evm` on an equal contract: check the caller and its role, add to a balance, write
 * it, emit an event with a memo, return the balance. Both keep their state in memory; only the machines are compared.
 */
import { createEVM } from "@ethereumjs/evm";
import { SimpleStateManager } from "@ethereumjs/statemanager";
import { Account, createAddressFromString, hexToBytes as prefixedHexToBytes } from "@ethereumjs/util";
import { sha256 } from "@noble/hashes/sha2.js";
import { createContractMachine, warmUpContractMachine } from "../src/host/vm/contract-machine.ts";
import { loadMeteredWasmNode } from "../src/host/vm/load-wasm-node.ts";
import { assert } from "../src/kit/assert.ts";
import { bytesToHex, concatBytes, hexToBytes, utf8 } from "../src/kit/bytes.ts";
import type { Value } from "../src/protocol/codec.ts";
import type { ContractHost } from "../src/protocol/contract-machine.ts";
import type { BenchCase } from "./case.ts";
import { EVM_CREATION_CODE, EVM_CREDIT_SELECTOR } from "./contract-evm-code.ts";

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

function word(bytes: Uint8Array): Uint8Array {
  return concatBytes(new Uint8Array(32 - bytes.length), bytes);
}

async function prepareTheirs(): Promise<() => Promise<void>> {
  const stateManager = new SimpleStateManager();
  const evm = await createEVM({ stateManager });
  const caller = createAddressFromString(`0x${"11".repeat(20)}`);
  await stateManager.putAccount(caller, new Account(0n, 10n ** 20n));
  const created = await evm.runCall({ caller, gasLimit: 5_000_000n, data: prefixedHexToBytes(EVM_CREATION_CODE) });
  const to = created.createdAddress;
  assert(to, "the contract is deployed");
  const memo = utf8(MEMO);
  // The ABI's layout: address, amount, where the text begins, its length, its bytes padded to a word.
  const data = concatBytes(
    hexToBytes(EVM_CREDIT_SELECTOR)!,
    ...[caller.bytes, Uint8Array.of(5), Uint8Array.of(0x60), Uint8Array.of(memo.length)].map(word),
    memo,
    new Uint8Array(32 - memo.length),
  );
  let balance = 0;
  return async () => {
    const { execResult } = await evm.runCall({ caller, to, gasLimit: 5_000_000n, data });
    balance += 5;
    const returned = new DataView(execResult.returnValue.buffer, execResult.returnValue.byteOffset).getUint32(28);
    assert(!execResult.exceptionError && execResult.logs?.length === 1 && returned === balance, "the call succeeds");
  };
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

let prepared: Promise<readonly [ours: () => void, theirs: () => Promise<void>]> | undefined;

/** One after the other, so that a busy moment falls on both. */
async function run(): Promise<Record<string, number>> {
  if (prepared === undefined) {
    prepared = Promise.all([prepareOurs(), prepareTheirs()]);
    for (const call of await prepared) await rateOf(call);
  }
  const [ours, theirs] = await prepared;
  const a = await rateOf(ours);
  const b = await rateOf(theirs);
  return { ours: a, theirs: b, ratio: a / b };
}

export const contractCase: BenchCase = {
  name: "contract-call",
  what: "a contract call with isolation, against @ethereumjs/evm on an equal contract",
  runs: 5,
  figures: {
    ours: { unit: "calls/CPU-s" },
    theirs: { unit: "calls/CPU-s" },
    ratio: { unit: "times", goal: { atLeast: 8 } },
  },
  run,
};
