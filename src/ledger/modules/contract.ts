/** `contract`: deployment, calls, funds and end of contracts. CONTRACTS. */
import { assert } from "../../kit/assert.ts";
import { bytesToHex, equalBytes, isWellFormed, utf8 } from "../../kit/bytes.ts";
import { encode, type Value, type ValueMap } from "../../protocol/codec.ts";
import type { CallOutcome, ContractManifest } from "../../protocol/contract-machine.ts";
import { accountToDid, asHash, digest, toHex, type AccountId, type Hash, type HashHex } from "../../protocol/identifiers.ts";
import { LIMITS } from "../../protocol/limits.ts";
import { Refusal, requireThat } from "../../protocol/refusal.ts";
import { readInteger, readMap, readText } from "../../protocol/schema.ts";
import { accountKey, readAccount } from "../accounts.ts";
import { createContractHost } from "../contract-host.ts";
import { createdId, operation, type CallContext, type CheckContext } from "../operation.ts";
import { mapAt } from "../state.ts";
import { readShortText } from "../texts.ts";
import type { StateView } from "../types.ts";
import { moveTokens } from "./account.ts";

export const CONTRACT_PREFIX = "contract/";
const SOURCE_PREFIX = "contract-source/";

export interface Contract {
  readonly owner: AccountId;
  readonly name: string;
  readonly status: "active" | "terminated";
  /** SHA-256 of the source's UTF-8 bytes; the source is an entry of its own. */
  readonly source: Hash;
  readonly manifest: ContractManifest;
  readonly height: number;
}

export function contractKey(contract: Uint8Array): string {
  return CONTRACT_PREFIX + bytesToHex(contract);
}

export function readContract(state: StateView, contract: Uint8Array): Contract | undefined {
  return mapAt(state, contractKey(contract)) as unknown as Contract | undefined;
}

function contractToValue(contract: Contract): ValueMap {
  return contract as unknown as ValueMap;
}

export function sourceOf(state: StateView, contract: Uint8Array): string | undefined {
  return state.get(SOURCE_PREFIX + bytesToHex(contract)) as string | undefined;
}

/** @throws {Refusal} `unknown-contract`, `contract-terminated`. */
export function activeContract(state: StateView, id: Uint8Array): Contract {
  const contract = readContract(state, id);
  requireThat(contract !== undefined, "unknown-contract");
  requireThat(contract.status === "active", "contract-terminated");
  return contract;
}

/** Whether the manifest lets a method change state. */
export function isView(manifest: ContractManifest, method: string): boolean {
  return manifest.methods.some(({ name, view }) => name === method && view);
}

/** Runs a method of a contract in this call's place. @throws {Refusal} with the outcome's code, which undoes the transaction. */
function run(
  context: CallContext,
  call: {
    readonly id: Hash;
    readonly source: string;
    readonly sourceDigest: HashHex;
    readonly method: string;
    readonly arguments: Value;
    readonly gasMax: number;
    readonly writable: boolean;
  },
): Extract<CallOutcome, { ok: true }> {
  const outcome = context.machine.call({
    source: call.source,
    sourceDigest: call.sourceDigest,
    method: call.method,
    arguments: call.arguments,
    gasMax: call.gasMax,
    host: createContractHost({
      state: context.state,
      contract: call.id,
      caller: accountToDid(context.sender),
      height: context.height,
      timeMs: context.timeMs,
      seed: digest(encode([context.lastBlock, context.transaction.id, context.callIndex])),
      writable: call.writable,
      emit: context.emit,
      log: () => undefined,
    }),
  });
  context.useGas(outcome.gasUsed);
  if (!outcome.ok) throw new Refusal(outcome.code, { message: outcome.message });
  return outcome;
}

interface Deploy {
  readonly source: string;
  readonly arguments: Value;
  readonly gasMax: number;
}

export const INIT_METHOD = "init";

const deploy = operation<Deploy>({
  read(value) {
    const map = readMap(value, "deploy", ["source", "arguments", "gasMax"]);
    const source = readText(map["source"], "source", LIMITS.contractSourceBytesMax, 1);
    requireThat(isWellFormed(source) && utf8(source).length <= LIMITS.contractSourceBytesMax, "too-large", {
      sourceBytesMax: LIMITS.contractSourceBytesMax,
    });
    return { source, arguments: map["arguments"]!, gasMax: readInteger(map["gasMax"], "gasMax", 1, LIMITS.transactionGasMax) };
  },
  gasMax: ({ gasMax }) => gasMax,
  check() {},
  apply(context, { source, arguments: arguments_, gasMax }) {
    const { state, sender, height, machine, emit } = context;
    const inspected = machine.inspect(source, gasMax);
    context.useGas(inspected.gasUsed);
    if (!("manifest" in inspected)) throw new Refusal(inspected.code, { message: inspected.message });
    const { manifest } = inspected;
    const id = createdId(context);
    const sourceDigest = digest(utf8(source));
    state.set(
      contractKey(id),
      contractToValue({ owner: sender, name: manifest.name, status: "active", source: sourceDigest, manifest, height }),
    );
    state.set(SOURCE_PREFIX + toHex(id), source);
    const gasLeft = gasMax - inspected.gasUsed;
    assert(gasLeft >= 0, "the machine stops at its gas");
    const deployed = state.mark();
    try {
      run(context, {
        id,
        source,
        sourceDigest: toHex(sourceDigest),
        method: INIT_METHOD,
        arguments: arguments_,
        gasMax: gasLeft,
        writable: true,
      });
    } catch (error) {
      // A contract need not have a constructor.
      if (!(error instanceof Refusal) || error.code !== "method-unknown") throw error;
      state.rollback(deployed);
    }
    emit("contract.deployed", { contract: id, owner: sender, name: manifest.name });
    return id;
  },
});

interface Invocation {
  readonly contract: Hash;
  readonly method: string;
  readonly arguments: Value;
  readonly gasMax: number;
}

const call = operation<Invocation>({
  read(value) {
    const map = readMap(value, "call", ["contract", "method", "arguments", "gasMax"]);
    return {
      contract: asHash(map["contract"]),
      method: readShortText(map["method"], "method", LIMITS.nameBytesMax, 1),
      arguments: map["arguments"]!,
      gasMax: readInteger(map["gasMax"], "gasMax", 1, LIMITS.transactionGasMax),
    };
  },
  gasMax: ({ gasMax }) => gasMax,
  check({ state }, { contract, method }) {
    activeContract(state, contract);
    // The constructor runs once, at deployment.
    requireThat(method !== INIT_METHOD, "method-unknown", { method });
  },
  apply(context, { contract: id, method, arguments: arguments_, gasMax }) {
    const contract = activeContract(context.state, id);
    const { result } = run(context, {
      id,
      source: sourceOf(context.state, id)!,
      sourceDigest: toHex(contract.source),
      method,
      arguments: arguments_,
      gasMax,
      writable: !isView(contract.manifest, method),
    });
    context.emit("contract.called", { contract: id, caller: context.sender, method });
    return result;
  },
});

const fund = operation<{ readonly contract: Hash; readonly amount: number }>({
  read(value) {
    const map = readMap(value, "fund", ["contract", "amount"]);
    return { contract: asHash(map["contract"]), amount: readInteger(map["amount"], "amount", 1) };
  },
  check({ state, senderKey }, { contract, amount }) {
    activeContract(state, contract);
    const { balance } = readAccount(state, senderKey);
    requireThat(balance >= amount, "balance-too-low", { balance, amount });
  },
  apply(context, { contract, amount }) {
    moveTokens(context, { from: context.sender, to: contract, amount });
    context.emit("contract.funded", { contract, from: context.sender, amount });
    return null;
  },
});

function ownContract({ state, sender }: CheckContext, id: Hash): Contract {
  const contract = activeContract(state, id);
  requireThat(equalBytes(contract.owner, sender), "not-owner");
  return contract;
}

const terminate = operation<{ readonly contract: Hash }>({
  read: (value) => ({ contract: asHash(readMap(value, "contract", ["contract"])["contract"]) }),
  check(context, { contract }) {
    ownContract(context, contract);
  },
  apply(context, { contract: id }) {
    const { state, emit } = context;
    const contract = ownContract(context, id);
    const { balance } = readAccount(state, accountKey(id));
    if (balance > 0) moveTokens(context, { from: id, to: contract.owner, amount: balance });
    state.set(contractKey(id), contractToValue({ ...contract, status: "terminated" }));
    emit("contract.terminated", { contract: id, returned: balance });
    return balance;
  },
});

export const contractOperations = {
  "contract.deploy": deploy,
  "contract.call": call,
  "contract.fund": fund,
  "contract.terminate": terminate,
};
