/** Answers that run something without a trace: estimates, views, the test bench, and what a source says of itself. */
import { createOverlay, feeOf, headOf, parametersOf } from "../../ledger/index.ts";
import { accountKey, credit, readAccount, settled, type Account } from "../../ledger/accounts.ts";
import { CONTRACT_STATE_PREFIX } from "../../ledger/contract-host.ts";
import { dryRun as runDry, runView, type ContractRun } from "../../ledger/contract-runs.ts";
import { encode, type Value } from "../../protocol/codec.ts";
import { HASH_BYTES } from "../../protocol/identifiers.ts";
import { SIGNATURE_BYTES } from "../../protocol/signature.ts";
import type { ContractManifest } from "../../protocol/contract-machine.ts";
import { LIMITS } from "../../protocol/limits.ts";
import { Refusal, requireThat, type RefusalShape } from "../../protocol/refusal.ts";
import type { Call } from "../../protocol/transaction.ts";
import { isValueMap } from "../../protocol/schema.ts";
import type { Queries, RunResult } from "../../sdk/api.ts";
import { sourceOf } from "../explorer/entries.ts";
import { draftOf, feeMaxOf, toLedgerCalls, trialNonce, tryOut, type CallDeps, type CompleteCall } from "./operations.ts";
import { textToDigest } from "./texts.ts";

export interface TrialDeps extends CallDeps {
  readonly nowMs: number;
}

/** What is tried before anybody pays for it: its gas shows only then, and a change that cannot be made need not be signed to be refused. */
const TRIED_OPERATIONS: ReadonlySet<string> = new Set([
  "contract.deploy",
  "contract.call",
  "governance.propose",
  "governance.vote",
  "governance.execute",
]);

/** What calls give away, and what the bond of a seat still lacks. */
function amountOf(calls: readonly Call[], { bond }: Account, bondNeeded: number): number {
  return calls.reduce((sum, [operation, arguments_]) => {
    if (operation === "seat.take") return sum + Math.max(0, bondNeeded - (bond?.amount ?? 0));
    const amount = isValueMap(arguments_) ? arguments_["amount"] : undefined;
    return sum + (typeof amount === "number" ? amount : 0);
  }, 0);
}

/** As long as the real one, since an estimate works for nothing and makes no key. */
const STAND_INS: Readonly<Record<string, Value>> = {
  "token.claim": { reference: new Uint8Array(HASH_BYTES), nonce: new Uint8Array(LIMITS.claimNonceBytesMax) },
  "seat.take": { votingKey: new Uint8Array(HASH_BYTES), proof: new Uint8Array(SIGNATURE_BYTES) },
};

const standIn: CompleteCall = async ({ operation }) => [operation, STAND_INS[operation]!];

/** @throws {Refusal} when a call cannot be made, or a contract or governance refuses it; `balance-too-low` when a contract cannot be given its amount. */
export async function estimate(
  deps: TrialDeps,
  { calls: given }: Queries["estimate"]["parameters"],
): Promise<Queries["estimate"]["result"]> {
  const { calls } = await toLedgerCalls(given, { ...deps, completeCall: standIn });
  const { account, tentativeState: state } = deps.view;
  const fee = feeMaxOf(deps.view, calls, deps.nowMs);
  const own = settled(readAccount(state, accountKey(account)), headOf(state).timeMs);
  const { balance } = own;
  const amount = amountOf(calls, own, parametersOf(state).bond);
  if (!calls.some(([operation]) => TRIED_OPERATIONS.has(operation))) return { fee, gasUsed: 0, amount, balance };
  requireThat(balance >= amount, "balance-too-low", { balance, amount: amount + fee });
  return { fee, gasUsed: gasOf(deps, calls, fee), amount, balance };
}

/** Gas of a trial on the current state. @throws {Refusal} as the transaction would. */
function gasOf({ view, machine, nowMs }: TrialDeps, calls: readonly Call[], fee: number): number {
  const state = createOverlay(view.tentativeState);
  // Whether the account can pay is another question.
  credit(state, accountKey(view.account), fee);
  const validUntilMs = nowMs + LIMITS.validityMsMax / 2;
  const tried = calls.filter(([operation]) => !(operation in STAND_INS));
  const draft = draftOf(view, tried, { fee, nonce: trialNonce(view, state), validUntilMs });
  const [receipt] = tryOut(view, state, [draft], { machine }, nowMs).receipts;
  if (receipt!.refusal !== null) throw new Refusal(receipt!.refusal.code, receipt!.refusal.data);
  return receipt!.gasUsed;
}

/** @throws {Refusal} `unknown-contract`, `not-a-view`, and what the contract ends with. */
export function view({ view: { state, account }, machine }: CallDeps, parameters: Queries["view"]["parameters"]): Value {
  const { method, arguments: arguments_ } = parameters;
  const contract = textToDigest(parameters.contract, "contract");
  const { outcome } = runView(state, machine, { contract, method, arguments: arguments_, caller: account });
  if (!outcome.ok) throw new Refusal(outcome.code, { message: outcome.message });
  return outcome.result;
}

/** @throws {Refusal} when the source cannot be loaded, with the machine's words. */
export function inspect(
  { machine }: Pick<CallDeps, "machine">,
  { source }: Queries["inspect"]["parameters"],
): Queries["inspect"]["result"] {
  const inspected = machine.inspect(source, LIMITS.contractLoadGasMax);
  if (!("manifest" in inspected)) throw new Refusal(inspected.code, { message: inspected.message, gasUsed: inspected.gasUsed });
  const { name, description, methods }: ContractManifest = inspected.manifest;
  return { name, description, methods, gasUsed: inspected.gasUsed };
}

// ---------------------------------------------------------------- the test bench

/** Stands for one that is deployed in memory only, where its length counts. */
const NO_CONTRACT = new Uint8Array(32);

type Rows = readonly (readonly [key: string, value: Value])[];

function changesBetween(before: Rows, after: Rows): Extract<RunResult, { ok: true }>["changes"] {
  const old = new Map(before);
  const now = new Map(after);
  return [...new Set([...old.keys(), ...now.keys()])]
    .map((key) => ({ key, before: old.get(key) ?? null, after: now.get(key) ?? null }))
    .filter((change) => !isEqual(change.before, change.after));
}

function isEqual(a: Value, b: Value): boolean {
  const [x, y] = [encode(a), encode(b)];
  return x.length === y.length && x.every((byte, index) => byte === y[index]);
}

function failed({ code, data }: RefusalShape, gasUsed = 0, logs: readonly string[] = []): RunResult {
  const { message } = data;
  return { ok: false, code, message: typeof message === "string" ? message : code, gasUsed, logs };
}

/** Runs a method of a contract, or of a source that is deployed in memory only, after other calls if some are to be made before it. */
export function dryRun({ view: peer, machine, nowMs }: TrialDeps, parameters: Queries["dryRun"]["parameters"]): RunResult {
  const { source, method, amount = 0, arguments: arguments_ = null, initArguments = null, before: earlier = [] } = parameters;
  const { account } = peer;
  const contract = parameters.contract === undefined ? undefined : textToDigest(parameters.contract, "contract");
  requireThat((contract === undefined) !== (source === undefined), "schema-invalid", { field: "contract", expected: "contract or source" });
  const state = createOverlay(peer.tentativeState);
  const endowment = method === undefined ? amount : 0;
  const trial = runDry(state, machine, {
    program: contract === undefined ? { source: source!, initArguments, balance: endowment } : { contract },
    calls: [...earlier, ...(method === undefined ? [] : [{ method, arguments: arguments_, amount }])],
    caller: account,
    gasMax: LIMITS.transactionGasMax,
  });
  if (trial.refusal !== null) return failed(trial.refusal);
  // What was said of earlier calls when they were tried is not said again.
  const told = earlier.length > 0 ? trial.runs.slice(-1) : trial.runs;
  const logs = told.flatMap((run) => run.logs);
  const gasUsed = told.reduce((sum, { outcome }) => sum + outcome.gasUsed, 0);
  const fault = trial.runs.find(({ outcome }) => !outcome.ok)?.outcome;
  if (fault?.ok === false) return failed({ code: fault.code, data: { message: fault.message } }, gasUsed, logs);
  const before = trial.runs.length > 1 ? trial.runs.at(-2)!.state : contract === undefined ? [] : rowsOf(state, parameters.contract!);
  return {
    ok: true,
    result: resultOf(trial.runs.at(-1), method),
    gasUsed,
    fee: feeOfTrial({ view: peer, nowMs }, parameters, gasUsed),
    events: told.flatMap((run) => run.events).map((event) => ({ topic: sourceOf(event).topic, data: sourceOf(event).data })),
    logs,
    changes: changesBetween(before, trial.runs.at(-1)?.state ?? before),
  };
}

function resultOf(last: ContractRun | undefined, method: string | undefined): Value {
  return method !== undefined && last?.outcome.ok === true ? last.outcome.result : null;
}

function rowsOf(state: Pick<CallDeps["view"]["state"], "list">, contract: string): Rows {
  const prefix = `${CONTRACT_STATE_PREFIX}${contract}/`;
  return state.list(prefix, undefined, LIMITS.contractListMax).map(([key, value]) => [key.slice(prefix.length), value] as const);
}

/** What the same would cost on the ledger. */
function feeOfTrial(
  { view: peer, nowMs }: Pick<TrialDeps, "view" | "nowMs">,
  parameters: Queries["dryRun"]["parameters"],
  gasUsed: number,
): number {
  const { source, contract, method = "", arguments: arguments_ = null, initArguments = null, before = [] } = parameters;
  const gasMax = LIMITS.transactionGasMax;
  const call: Call =
    source !== undefined && before.length === 0
      ? ["contract.deploy", { source, arguments: initArguments, gasMax }]
      : [
          "contract.call",
          { contract: contract === undefined ? NO_CONTRACT : textToDigest(contract, "contract"), method, arguments: arguments_, gasMax },
        ];
  return feeOf(draftOf(peer, [call], { validUntilMs: nowMs }), gasUsed, parametersOf(peer.state));
}
