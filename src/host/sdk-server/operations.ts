/** What a client wants done, as the calls that the ledger's modules read, with what it costs; and calls and results back again. */
import { equalBytes, utf8 } from "../../kit/bytes.ts";
import {
  buildBlockBody,
  feeOf,
  headOf,
  nextNonceOf,
  parametersOf,
  seatsOf,
  type LedgerDeps,
  type Receipt,
  type StateView,
} from "../../ledger/index.ts";
import { accountKey, readAccount } from "../../ledger/accounts.ts";
import { readTransaction } from "../../ledger/calls.ts";
import { activeContract } from "../../ledger/modules/contract.ts";
import { readDevice } from "../../ledger/modules/device.ts";
import { dryRun } from "../../ledger/contract-runs.ts";
import type { PeerView } from "../../peer/view.ts";
import { decode, encode, type Value, type ValueMap } from "../../protocol/codec.ts";
import type { ContractMachine } from "../../protocol/contract-machine.ts";
import { asVotingKey, toHex, type AccountId, type Hash, type VotingKey } from "../../protocol/identifiers.ts";
import { LIMITS } from "../../protocol/limits.ts";
import { Refusal, requireThat } from "../../protocol/refusal.ts";
import { TRANSACTION_VERSION, createTransaction, encodeTransactionBody, type Call, type Transaction } from "../../protocol/transaction.ts";
import { isValueMap } from "../../protocol/schema.ts";
import type { AccountText, CallInfo, OperationCall, Operations } from "../../sdk/api.ts";
import { toRightsArguments } from "./rights.ts";
import { isDid, textToAccount, textToDigest, valueToTexts } from "./texts.ts";

/** Finishes a call that needs work or a key of this peer: a claim's proof of work, a fresh voting key with its signature. */
export type CompleteCall = (call: OperationCall) => Promise<Call>;

type SeatCall = Extract<OperationCall, { operation: "seat.leave" | "seat.present" }>;

const utf8Decoder = new TextDecoder();

/** The seat that a call means: the one named, else the account's own. */
function namedSeat(view: PeerView, { operation, arguments: { votingKey } }: SeatCall): VotingKey {
  if (votingKey !== undefined) return asVotingKey(textToDigest(votingKey, "votingKey"));
  const { current, sleeping, waiting } = seatsOf(view.tentativeState);
  const among = operation === "seat.present" ? sleeping : [...current, ...waiting, ...sleeping];
  const own = among.find(({ account }) => equalBytes(account, view.account));
  if (own === undefined) throw new Refusal("unknown-seat");
  return own.votingKey;
}

/** What an operation needs besides its arguments. */
export interface CallDeps {
  readonly view: PeerView;
  readonly machine: ContractMachine;
  readonly completeCall: CompleteCall;
}

/** A client's calls as the ledger reads them; `resultAt` says where each one's result comes. */
export interface LedgerCalls {
  readonly calls: readonly Call[];
  readonly resultAt: readonly number[];
}

/**
 * Calls as the ledger reads them. One that gives a contract tokens funds it first; together they are atomic.
 * @throws {Refusal} `schema-invalid`, `too-large`, `unknown-seat`, `not-supported`, a contract's code, and whatever completing a claim or seat refuses with.
 */
export async function toLedgerCalls(given: readonly OperationCall[], deps: CallDeps): Promise<LedgerCalls> {
  requireCompletable(given);
  const calls: Call[] = [];
  const resultAt: number[] = [];
  for (const call of given) {
    if (call.operation === "contract.call" && call.arguments.amount > 0) {
      const { contract, amount } = call.arguments;
      calls.push(["contract.fund", { contract: textToDigest(contract, "contract"), amount }]);
    }
    resultAt.push(calls.length);
    calls.push(await toCall(call, deps));
  }
  requireThat(calls.length <= LIMITS.callsMax, "too-large", { field: "calls", length: calls.length, lengthMax: LIMITS.callsMax });
  return { calls, resultAt };
}

/** What no transaction can carry is not worked for. @throws {Refusal} `claim-invalid`, `seat-taken`. */
function requireCompletable(calls: readonly OperationCall[]): void {
  const isClaimed = calls.some(({ operation }) => operation === "token.claim");
  requireThat(!isClaimed || calls.length === 1, "claim-invalid", { reason: "not alone" });
  requireThat(calls.filter(({ operation }) => operation === "seat.take").length <= 1, "seat-taken", { reason: "account" });
}

async function toCall(call: OperationCall, { view, machine, completeCall }: CallDeps): Promise<Call> {
  switch (call.operation) {
    case "token.claim":
    case "seat.take":
      return completeCall(call);
    case "seat.leave":
    case "seat.present":
      return [call.operation, { votingKey: namedSeat(view, call) }];
    case "account.setProfile": {
      // A name says nothing about the key that others wrap data keys to.
      const { profile } = readAccount(view.tentativeState, accountKey(view.account));
      return [call.operation, { name: call.arguments.name, encryptionKey: profile?.encryptionKey ?? null }];
    }
    case "device.setStatus":
      return toStatusCall(call.arguments, view.tentativeState);
    case "account.transfer":
      return [call.operation, { ...call.arguments, to: payee(call.arguments.to, view.tentativeState) }];
    case "contract.deploy":
      return toDeployCall(call.arguments, view, machine);
    default:
      return [call.operation, toArguments(call)];
  }
}

/**
 * Whom a transfer pays. An account says by its key that it is one; 64 digits are as good as any others, and what is paid to a device, a stream or
 * a slip of the hand is lost.
 * @throws {Refusal} `schema-invalid`; `unknown-contract`, `contract-terminated` for digits that name no contract that can take it.
 */
function payee(to: AccountText, state: StateView): AccountId {
  const account = textToAccount(to);
  if (!isDid(to)) activeContract(state, account);
  return account;
}

/** Room above the gas that a deployment took when it was tried: its block may find another state. */
const GAS_MARGIN = 1_000_000;

/** @throws {Refusal} when the source cannot be loaded or its `init` fails: nobody should pay to learn that. */
function toDeployCall(
  { source, arguments: arguments_, endowment }: Operations["contract.deploy"],
  view: PeerView,
  machine: ContractMachine,
): Call {
  requireThat(endowment === 0, "not-supported", { field: "endowment", instead: "contract.fund" });
  const inspected = machine.inspect(source, LIMITS.contractLoadGasMax);
  if (!("manifest" in inspected)) throw new Refusal(inspected.code, { message: inspected.message });
  const trial = dryRun(view.tentativeState, machine, {
    program: { source, initArguments: arguments_, balance: 0 },
    calls: [],
    caller: view.account,
    gasMax: LIMITS.transactionGasMax - inspected.gasUsed,
  });
  if (trial.refusal !== null) throw new Refusal(trial.refusal.code, trial.refusal.data);
  const init = trial.runs[0]?.outcome;
  if (init?.ok === false) throw new Refusal(init.code, { message: init.message });
  const gasUsed = inspected.gasUsed + (init?.gasUsed ?? 0);
  return ["contract.deploy", { source, arguments: arguments_, gasMax: Math.min(LIMITS.transactionGasMax, gasUsed + GAS_MARGIN) }];
}

/** How long a device's status counts when nobody said: readings and reports come more often than that. */
const LEASE_MS = 600_000;

function toStatusCall({ device, status, leaseMs }: Operations["device.setStatus"], state: StateView): Call {
  const id = textToDigest(device, "device");
  if (status === "retired") return ["device.retire", { device: id }];
  const known = readDevice(state, id);
  const leaseBefore = known === undefined ? 0 : known.leaseUntilMs - known.seenMs;
  return ["device.setStatus", { device: id, status, leaseMs: leaseMs ?? (leaseBefore > 0 ? leaseBefore : LEASE_MS) }];
}

/** The names of a Thing Description's properties; a contract finds a device's readings by them. @throws {Refusal} `schema-invalid`. */
function propertiesOf(description: string): readonly string[] {
  try {
    const thing = JSON.parse(description) as { readonly properties?: unknown } | null;
    const properties = thing?.properties;
    return typeof properties === "object" && properties !== null ? Object.keys(properties) : [];
  } catch {
    throw new Refusal("schema-invalid", { field: "description", expected: "JSON" });
  }
}

type PlainCall = Exclude<
  OperationCall,
  { operation: "token.claim" | "account.transfer" | "account.setProfile" | "device.setStatus" | "contract.deploy" | `seat.${string}` }
>;

function toArguments(call: PlainCall): Value {
  switch (call.operation) {
    case "account.setPolicy":
    case "account.authorize":
    case "account.deauthorize":
    case "governance.propose":
    case "governance.vote":
    case "governance.execute":
      return toRightsArguments(call);
    case "device.register": {
      const { description, leaseMs } = call.arguments;
      return { description: utf8(description), gateway: null, key: null, properties: propertiesOf(description), leaseMs };
    }
    case "device.update": {
      const { device, description, leaseMs } = call.arguments;
      return { device: textToDigest(device, "device"), description: utf8(description), properties: propertiesOf(description), leaseMs };
    }
    case "device.retire":
    case "stream.open":
      return { ...call.arguments, device: textToDigest(call.arguments.device, "device") };
    case "stream.append": {
      const { stream, sequence, pack } = call.arguments;
      return { stream: textToDigest(stream, "stream"), sequence, pack: encode(pack) };
    }
    case "stream.close":
      return { ...call.arguments, stream: textToDigest(call.arguments.stream, "stream") };
    case "contract.call": {
      const { contract, method, arguments: arguments_, gasMax } = call.arguments;
      return { contract: textToDigest(contract, "contract"), method, arguments: arguments_, gasMax };
    }
    case "contract.fund":
    case "contract.terminate":
      return { ...call.arguments, contract: textToDigest(call.arguments.contract, "contract") };
    case "record.write": {
      const { digest } = call.arguments;
      return { ...call.arguments, digest: digest === null ? null : textToDigest(digest, "digest") };
    }
  }
}

/** A call as people read it. */
export function callToInfo(state: StateView, [operation, arguments_]: Call): CallInfo {
  return { operation, arguments: valueToTexts(state, isValueMap(arguments_) ? legible(arguments_) : arguments_) };
}

/** A description as its text and a pack as its records, where they are what they should be. */
function legible(arguments_: ValueMap): ValueMap {
  const { description, pack } = arguments_;
  try {
    if (description instanceof Uint8Array) return { ...arguments_, description: utf8Decoder.decode(description) };
    return pack instanceof Uint8Array ? { ...arguments_, pack: decode(pack) } : arguments_;
  } catch (error) {
    if (error instanceof Refusal) return arguments_;
    throw error;
  }
}

const GIVES_IDENTIFIER: ReadonlySet<string> = new Set([
  "device.register",
  "stream.open",
  "contract.deploy",
  "record.write",
  "governance.propose",
]);

/** What `send` promises for each call: the identifier of what was made, a method's result, else null. */
export function resultsToTexts(calls: readonly Call[], results: readonly Value[]): readonly Value[] {
  return results.map((result, index) => {
    const operation = calls[index]?.[0] ?? "";
    if (operation === "contract.call") return result;
    return GIVES_IDENTIFIER.has(operation) && result instanceof Uint8Array ? toHex(result) : null;
  });
}

// ---------------------------------------------------------------- drafts

const NO_SIGNATURE = new Uint8Array(64);
/** As many bytes as any number that a lane will reach in practice: a draft is never smaller than what is signed. */
const LARGE_NUMBER = 2 ** 32 - 1;

export interface DraftOptions {
  readonly fee?: number;
  readonly nonce?: readonly [lane: number, number: number];
  readonly validUntilMs: number;
}

/** An unsigned transaction of this peer's account, to measure and to try out. @throws {Refusal} `too-large`, `schema-invalid`. */
export function draftOf(view: PeerView, calls: readonly Call[], options: DraftOptions): Transaction {
  const bodyBytes = encodeTransactionBody({
    version: TRANSACTION_VERSION,
    chain: view.chain,
    sender: view.account,
    nonce: options.nonce ?? [LIMITS.lanesMax - 1, LARGE_NUMBER],
    validUntilMs: options.validUntilMs,
    fee: options.fee ?? LIMITS.amountMax,
    calls,
  });
  return createTransaction(bodyBytes, [[view.account, NO_SIGNATURE]]);
}

/** The most that a transaction of these calls can cost: its kilobytes, and the gas that its calls may use. */
export function feeMaxOf(view: PeerView, calls: readonly Call[], nowMs: number): number {
  const draft = draftOf(view, calls, { validUntilMs: nowMs + LIMITS.validityMsMax });
  const { free, gasMax } = readTransaction(draft);
  return free ? 0 : feeOf(draft, gasMax, parametersOf(view.state));
}

/** The last block of the state that a trial runs on. */
function lastBlockOf(view: PeerView): Hash {
  return view.tentativeBlocks.at(-1)?.id ?? view.final.id;
}

export interface Trial {
  readonly receipts: readonly Receipt[];
  readonly changes: ReturnType<ReturnType<typeof buildBlockBody>["overlay"]["changes"]>;
}

/**
 * Executes transactions on a state as the next block would, without a trace.
 * @throws {Refusal} the reason why no block would carry one of them.
 */
export function tryOut(view: PeerView, state: StateView, transactions: readonly Transaction[], deps: LedgerDeps, nowMs: number): Trial {
  const head = headOf(state);
  const lastBlock = lastBlockOf(view);
  const context = {
    height: head.height + 1,
    epochId: head.ended ? lastBlock : head.epochId,
    timeMs: Math.max(nowMs, head.timeMs + 1),
    proposer: asVotingKey(seatsOf(state).current[0]!.votingKey),
    lastBlock,
    participants: [],
    alives: [],
  };
  const body = buildBlockBody(state, context, transactions, deps);
  const refused = body.refused[0];
  if (refused !== undefined) throw new Refusal(refused[1].code, refused[1].data);
  requireThat(body.receipts.length === transactions.length, "block-full");
  return { receipts: body.receipts, changes: body.overlay.changes() };
}

/** The next free number of a lane of this peer's account, for trials. */
export function trialNonce(view: PeerView, state: StateView): readonly [lane: number, number: number] {
  return [0, nextNonceOf(state, view.account, 0)];
}
