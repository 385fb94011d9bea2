/** Running contracts outside of blocks: views for everybody, and a test bench that changes nothing. */
import { utf8 } from "../kit/bytes.ts";
import type { Value } from "../protocol/codec.ts";
import type { CallOutcome, ContractMachine, ContractManifest } from "../protocol/contract-machine.ts";
import { accountToDid, asHash, digest, toHex, type Hash } from "../protocol/identifiers.ts";
import { LIMITS } from "../protocol/limits.ts";
import { Refusal, requireThat, type RefusalShape } from "../protocol/refusal.ts";
import { accountKey, credit } from "./accounts.ts";
import { CONTRACT_STATE_PREFIX, createContractHost } from "./contract-host.ts";
import { INIT_METHOD, isView, readContract, sourceOf } from "./modules/contract.ts";
import { headOf } from "./seats.ts";
import { createOverlay } from "./state.ts";
import type { LedgerEvent, Overlay, StateView } from "./types.ts";

export interface ContractRun {
  readonly outcome: CallOutcome;
  readonly events: readonly LedgerEvent[];
  readonly logs: readonly string[];
  /** The contract's own state afterwards, by its keys, bounded; for a test bench to show. */
  readonly state: readonly (readonly [key: string, value: Value])[];
}

interface Program {
  readonly id: Hash;
  readonly source: string;
}

interface Invocation {
  readonly method: string;
  readonly arguments: Value;
  readonly caller: Uint8Array;
  readonly gasMax: number;
  readonly writable: boolean;
}

/** Logs of one run that are kept. */
const LOGS_MAX = 200;

function runOnce(state: Overlay, machine: ContractMachine, { id, source }: Program, invocation: Invocation): ContractRun {
  const { height, timeMs, epochId } = headOf(state);
  const events: LedgerEvent[] = [];
  const logs: string[] = [];
  const mark = state.mark();
  const outcome = machine.call({
    source,
    sourceDigest: toHex(digest(utf8(source))),
    method: invocation.method,
    arguments: invocation.arguments,
    gasMax: invocation.gasMax,
    host: createContractHost({
      state,
      contract: id,
      caller: accountToDid(invocation.caller),
      height: height + 1,
      timeMs: timeMs + 1,
      seed: epochId,
      writable: invocation.writable,
      emit: (name, data) => void events.push({ name, data }),
      log: (text) => void (logs.length < LOGS_MAX && logs.push(text)),
    }),
  });
  if (!outcome.ok) state.rollback(mark);
  const prefix = `${CONTRACT_STATE_PREFIX}${toHex(id)}/`;
  const rows = state.list(prefix, undefined, LIMITS.contractListMax);
  return { outcome, events: outcome.ok ? events : [], logs, state: rows.map(([key, value]) => [key.slice(prefix.length), value] as const) };
}

export interface ViewRequest {
  readonly contract: Hash;
  readonly method: string;
  readonly arguments: Value;
  readonly caller: Uint8Array;
}

/** A method that the manifest calls a view, for free and on this peer alone. A terminated contract can still be read. @throws {Refusal} `unknown-contract`, `not-a-view`. */
export function runView(state: StateView, machine: ContractMachine, request: ViewRequest): ContractRun {
  const contract = readContract(state, request.contract);
  requireThat(contract !== undefined, "unknown-contract");
  requireThat(isView(contract.manifest, request.method), "not-a-view", { method: request.method });
  const program = { id: request.contract, source: sourceOf(state, request.contract)! };
  return runOnce(createOverlay(state), machine, program, { ...request, gasMax: LIMITS.transactionGasMax, writable: false });
}

export interface TrialCall {
  readonly method: string;
  readonly arguments: Value;
  /** What is sent with it. The caller is not asked whether it has that: it is another question whether somebody can pay. */
  readonly amount?: number;
}

export interface DryRunRequest {
  /** A contract on the ledger, or a source that is not deployed, which gets `init` with `initArguments` first. */
  readonly program: { readonly contract: Hash } | { readonly source: string; readonly initArguments: Value; readonly balance: number };
  /** Called one after the other on the same throwaway state; the first refusal does not stop the rest. */
  readonly calls: readonly TrialCall[];
  readonly caller: Uint8Array;
  readonly gasMax: number;
}

export interface DryRun {
  readonly manifest: ContractManifest | null;
  readonly refusal: RefusalShape | null;
  /** Of `init`, where there is one, then of each call. */
  readonly runs: readonly (ContractRun & { readonly method: string })[];
}

/** What calls would do, without a trace: for a test bench. */
export function dryRun(state: StateView, machine: ContractMachine, request: DryRunRequest): DryRun {
  const overlay = createOverlay(state);
  try {
    const prepared = "contract" in request.program ? deployed(overlay, request.program.contract) : undeployed(overlay, machine, request);
    const { program, manifest } = prepared;
    const perform = ({ method, arguments: arguments_, amount = 0 }: TrialCall, writable: boolean): ContractRun & { method: string } => {
      const mark = overlay.mark();
      if (amount > 0) credit(overlay, accountKey(program.id), amount);
      const { caller, gasMax } = request;
      const run = runOnce(overlay, machine, program, { method, arguments: arguments_, caller, gasMax, writable });
      // What was sent with a call that fails comes back.
      if (!run.outcome.ok) overlay.rollback(mark);
      return { method, ...run };
    };
    const runs: (ContractRun & { method: string })[] = [];
    if ("source" in request.program) {
      const init = perform({ method: INIT_METHOD, arguments: request.program.initArguments }, true);
      if (init.outcome.ok || init.outcome.code !== "method-unknown") runs.push(init);
    }
    for (const call of request.calls) runs.push(perform(call, !isView(manifest, call.method)));
    return { manifest, refusal: null, runs };
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    return { manifest: null, refusal: { code: error.code, data: error.data }, runs: [] };
  }
}

function deployed(state: StateView, id: Hash): { program: Program; manifest: ContractManifest } {
  const contract = readContract(state, id);
  requireThat(contract !== undefined, "unknown-contract");
  return { program: { id, source: sourceOf(state, id)! }, manifest: contract.manifest };
}

function undeployed(state: Overlay, machine: ContractMachine, request: DryRunRequest): { program: Program; manifest: ContractManifest } {
  const { source, balance } = request.program as Extract<DryRunRequest["program"], { source: string }>;
  const inspected = machine.inspect(source, request.gasMax);
  if (!("manifest" in inspected)) throw new Refusal(inspected.code, { message: inspected.message });
  const id = asHash(digest(utf8(source)));
  credit(state, accountKey(id), balance);
  return { program: { id, source }, manifest: inspected.manifest };
}
