/** A transaction's calls with their arguments read, once for all who ask: mempool, checks of signatures, builder, execution. */
import type { Parameters } from "../protocol/genesis.ts";
import { LIMITS } from "../protocol/limits.ts";
import { requireThat } from "../protocol/refusal.ts";
import type { Transaction } from "../protocol/transaction.ts";
import { accountKey } from "./accounts.ts";
import { operations } from "./modules/index.ts";
import type { Operation } from "./operation.ts";
import type { SignatureCheckInput } from "./signature-checks.ts";

export interface ReadCall {
  readonly operation: Operation<unknown>;
  readonly arguments: unknown;
}

export interface ReadTransaction {
  readonly calls: readonly ReadCall[];
  readonly senderKey: string;
  readonly free: boolean;
  /** The most gas its calls may use. */
  readonly gasMax: number;
}

const known = new WeakMap<Transaction, ReadTransaction>();

/** @throws {Refusal} `unknown-operation`, `schema-invalid`, `limit-exceeded`. */
export function readTransaction(transaction: Transaction): ReadTransaction {
  let read = known.get(transaction);
  if (read === undefined) known.set(transaction, (read = readCalls(transaction)));
  return read;
}

function readCalls(transaction: Transaction): ReadTransaction {
  const calls = transaction.body.calls.map(([name, value]): ReadCall => {
    requireThat(Object.hasOwn(operations, name), "unknown-operation", { operation: name });
    const operation = operations[name]!;
    return { operation, arguments: operation.read(value) };
  });
  let gasMax = 0;
  for (const call of calls) gasMax += call.operation.gasMax?.(call.arguments) ?? 0;
  requireThat(gasMax <= LIMITS.transactionGasMax, "limit-exceeded", { gas: gasMax, gasMax: LIMITS.transactionGasMax });
  return { calls, senderKey: accountKey(transaction.body.sender), free: calls.every(({ operation }) => operation.free === true), gasMax };
}

/** Whether nobody pays for it: a claim, which shows work instead. @throws {Refusal} as `readTransaction`. */
export function isFree(transaction: Transaction): boolean {
  return readTransaction(transaction).free;
}

const KILOBYTE = 1024;
const MILLION_GAS = 1_000_000;

/** What a transaction pays, by started kilobytes and started millions of gas. */
export function feeOf(transaction: Transaction, gas: number, parameters: Parameters): number {
  const kilobytes = Math.ceil(transaction.bytes.length / KILOBYTE);
  return kilobytes * parameters.feePerKilobyte + Math.ceil(gas / MILLION_GAS) * parameters.feePerMillionGas;
}

/**
 * Every signature that must hold for a transaction to be valid: of its envelope, and those that its calls carry (the voting key of
 * a seat that is taken, both votes of an evidence).
 * @throws {Refusal} `unknown-operation`, `schema-invalid`.
 */
export function signatureChecksOf(transaction: Transaction): readonly SignatureCheckInput[] {
  const checks: SignatureCheckInput[] = transaction.signatures.map(([publicKey, signature]) => ({
    publicKey,
    signature,
    message: transaction.bodyBytes,
  }));
  for (const call of readTransaction(transaction).calls)
    checks.push(...(call.operation.signatureChecks?.(call.arguments, transaction) ?? []));
  return checks;
}
