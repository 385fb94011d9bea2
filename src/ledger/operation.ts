/** The one shape of every module's operations, and what a call is given to work with. */
import type { ContractMachine } from "../protocol/contract-machine.ts";
import type { Value, ValueMap } from "../protocol/codec.ts";
import type { Genesis, Parameters } from "../protocol/genesis.ts";
import { digest, type AccountId, type Hash } from "../protocol/identifiers.ts";
import { encode } from "../protocol/codec.ts";
import type { Transaction } from "../protocol/transaction.ts";
import type { SignatureCheckInput } from "./signature-checks.ts";
import type { Overlay, StateView } from "./types.ts";

/** What a check may know: state, the block's place and time, and who asks. */
export interface CheckContext {
  readonly state: StateView;
  readonly chain: Hash;
  readonly genesis: Genesis;
  readonly parameters: Parameters;
  /** Of the block that is being made. */
  readonly height: number;
  readonly timeMs: number;
  readonly sender: AccountId;
  readonly senderKey: string;
  readonly transaction: Transaction;
  readonly callIndex: number;
}

/** What applying may do besides. */
export interface CallContext extends CheckContext {
  readonly state: Overlay;
  readonly machine: ContractMachine;
  readonly lastBlock: Hash;
  /** Seats whose end or standing changed in this block; they are settled after its transactions. */
  readonly block: BlockEffects;
  readonly emit: (name: string, data: ValueMap) => void;
  readonly useGas: (gas: number) => void;
}

/** What transactions leave for the end of the block. */
export interface BlockEffects {
  claims: number;
  /** Whether the current seats changed, which ends the epoch. */
  seatsChanged: boolean;
  /** Whether a parameter of consensus changed, which ends the epoch too: all of one goes by the same. */
  consensusChanged: boolean;
  issued: number;
  burnt: number;
}

export interface Operation<Arguments> {
  /** Whether it is free of the fee. Then a transaction of it alone must succeed, or no block may carry it. */
  readonly free?: true;
  /** Typed arguments. @throws {Refusal} `schema-invalid`. */
  read(value: Value): Arguments;
  /** Refuses what cannot succeed on this state. @throws {Refusal} */
  check(context: CheckContext, arguments_: Arguments): void;
  /** Changes state after `check` passed on it. Gives the call's result. @throws {Refusal} which undoes the whole transaction. */
  apply(context: CallContext, arguments_: Arguments): Value;
  /** The most gas that it may use. */
  gasMax?(arguments_: Arguments): number;
  /** Signatures besides those of the envelope. */
  signatureChecks?(arguments_: Arguments, transaction: Transaction): readonly SignatureCheckInput[];
}

/** Keeps an operation's arguments typed inside, and forgets their type outside. */
export function operation<Arguments>(definition: Operation<Arguments>): Operation<unknown> {
  return definition as Operation<unknown>;
}

/** Identifier of what a call makes: a device, stream, contract or record. */
export function createdId(context: CheckContext): Hash {
  return digest(encode([context.chain, context.transaction.id, context.callIndex]));
}
