/**
 * The contract machine of a peer that may start without one: its binary is a third of all that a tab loads, and a ledger without
 * contracts does not need it. What would run a contract waits outside until the machine is there.
 */
import { assert } from "../kit/assert.ts";
import type { CallOutcome, ContractCall, ContractMachine } from "../protocol/contract-machine.ts";
import { bodiesOf } from "../consensus/records.ts";
import type { Transaction } from "../protocol/transaction.ts";
import type { RestoredLedger } from "./peer.ts";

export class LateMachine implements ContractMachine {
  #machine: ContractMachine | null;

  constructor(machine: ContractMachine | null) {
    this.#machine = machine;
  }

  get isReady(): boolean {
    return this.#machine !== null;
  }

  install(machine: ContractMachine): void {
    this.#machine = machine;
  }

  #ready(): ContractMachine {
    assert(this.#machine !== null, "no contract runs before the machine is there");
    return this.#machine;
  }

  inspect(source: string, gasMax: number): ReturnType<ContractMachine["inspect"]> {
    return this.#ready().inspect(source, gasMax);
  }

  call(call: ContractCall): CallOutcome {
    return this.#ready().call(call);
  }
}

/**
 * Whether what storage gave back may run a contract as soon as it is opened: candidates that were voted for, own transactions that
 * wait, and those of final blocks that a branch may replace. What the last are is not looked at: their bodies stay in storage until then.
 */
export function restoresContracts({ steps, records, pool }: Pick<RestoredLedger, "steps" | "records" | "pool">): boolean {
  if (pool.length > 0 || steps.some(({ stored }) => stored !== null && stored.transactions > 0)) return true;
  return bodiesOf(records).some((block) => usesContracts(block.transactions));
}

/** Whether executing these may run a contract. */
export function usesContracts(transactions: readonly Transaction[]): boolean {
  return transactions.some((transaction) => transaction.body.calls.some(([operation]) => operation.startsWith("contract.")));
}
