/** A ledger to test with: accounts by number, blocks one after the other, and a machine whose programs are written in the test. */
import { compareBytes, isWellFormed } from "../kit/bytes.ts";
import { encode, type Value } from "../protocol/codec.ts";
import type { ContractHost, ContractMachine } from "../protocol/contract-machine.ts";
import {
  DEFAULT_PARAMETERS,
  encodeGenesis,
  type ConsortiumGenesis,
  type Genesis,
  type Member,
  type Parameters as ChainParameters,
  type PrivateGenesis,
  type PublicGenesis,
  type Role,
} from "../protocol/genesis.ts";
import { digest, type AccountId, type Hash, type VotingKey } from "../protocol/identifiers.ts";
import { Refusal } from "../protocol/refusal.ts";
import { createTransaction, encodeTransactionBody, type Call, type Transaction } from "../protocol/transaction.ts";
import type { BlockContext, BlockOutcome, LedgerState, StateView } from "./index.ts";
import { accountOf, applyBlock, buildBlockBody, chainOfState, createLedgerState, headOf, nextNonceOf, seatsOf } from "./index.ts";
import { accountKey, addToSupply, readAccount, writeAccount } from "./accounts.ts";
import { createOverlay } from "./state.ts";

export const START_MS = 1_000_000;

export const account = (number: number): AccountId => digest(encode(["account", number])) as Uint8Array as AccountId;
export const votingKey = (number: number): VotingKey => digest(encode(["seat", number])) as Uint8Array as VotingKey;
/** Signatures are verified outside of the ledger. */
export const SIGNATURE = new Uint8Array(64);

export type Program = Readonly<Record<string, (host: ContractHost, input: Value) => Value>>;

/** Runs programs by their name in place of a source. Each call costs 1000 gas; views begin with `view`. */
export function machineOf(programs: Readonly<Record<string, Program>>): ContractMachine {
  const GAS = 1000;
  return {
    inspect(source) {
      const program = programs[source];
      if (program === undefined || !isWellFormed(source)) return { code: "manifest-invalid", message: "no such program", gasUsed: GAS };
      const methods = Object.keys(program).map((name) => ({ name, description: "", input: null, view: name.startsWith("view") }));
      return { manifest: { name: source, description: "", methods }, gasUsed: GAS };
    },
    call({ source, method, arguments: input, host, gasMax }) {
      if (gasMax < GAS) return { ok: false, code: "out-of-gas", message: "", gasUsed: gasMax };
      const run = programs[source]?.[method];
      if (run === undefined) return { ok: false, code: "method-unknown", message: method, gasUsed: GAS };
      try {
        return { ok: true, result: run(host, input), gasUsed: GAS };
      } catch (error) {
        if (!(error instanceof Refusal)) throw error;
        return { ok: false, code: "contract-error", message: error.code, gasUsed: GAS };
      }
    },
  };
}

export interface ScenarioOptions {
  readonly parameters?: Partial<ChainParameters>;
  readonly programs?: Readonly<Record<string, Program>>;
  /** What the genesis of another kind says besides; a public one otherwise. Account 0 founds. */
  readonly kind?: KindFields<ConsortiumGenesis> | KindFields<PrivateGenesis>;
}

type KindFields<Kind extends Genesis> = Omit<Kind, keyof PublicGenesis> & Pick<Kind, "kind" | "token">;

export const NO_TOKENS = { grant: 0, bond: 0, feePerKilobyte: 0, feePerMillionGas: 0 } as const;

/** Members by number, as a genesis has them. */
export function membersOfNumbers(roles: Readonly<Record<number, readonly Role[]>>): readonly Member[] {
  return Object.entries(roles)
    .map(([number, given]): Member => [account(Number(number)), given])
    .sort(([a], [b]) => compareBytes(a, b));
}

export class Scenario {
  readonly state: LedgerState;
  readonly chain: Hash;
  readonly deps: { readonly machine: ContractMachine };
  lastBlock: Hash;
  timeMs = START_MS;
  readonly outcomes: BlockOutcome[] = [];
  #salt = 0;

  constructor(options: ScenarioOptions = {}) {
    const genesis = encodeGenesis({
      version: 1,
      ...(options.kind ?? { kind: "public", token: "coal" }),
      name: "scenario",
      createdMs: START_MS,
      founder: account(0),
      foundingSeat: votingKey(0),
      parameters: { ...DEFAULT_PARAMETERS, claimBits: 0, ...options.parameters },
      salt: new Uint8Array(16),
    });
    this.state = createLedgerState(genesis);
    this.chain = chainOfState(this.state);
    this.lastBlock = this.chain;
    this.deps = { machine: machineOf(options.programs ?? {}) };
  }

  /** Gives accounts tokens from nowhere, counted as issued. */
  fund(numbers: readonly number[], amount: number): this {
    const overlay = createOverlay(this.state);
    for (const number of numbers) {
      const key = accountKey(account(number));
      const before = readAccount(overlay, key);
      writeAccount(overlay, key, { ...before, balance: before.balance + amount, claimed: true });
    }
    addToSupply(overlay, { issued: numbers.length * amount, burnt: 0 });
    this.state.finalize(overlay);
    return this;
  }

  transaction(
    sender: number,
    calls: readonly Call[],
    options: {
      readonly lane?: number;
      readonly number?: number;
      readonly fee?: number;
      readonly validForMs?: number;
      readonly state?: StateView;
      /** In place of the sender's number. */
      readonly from?: AccountId;
      /** Keys that sign in place of the sender's own. */
      readonly signers?: readonly Uint8Array[];
    } = {},
  ): Transaction {
    const lane = options.lane ?? 0;
    const from = options.from ?? account(sender);
    const body = encodeTransactionBody({
      version: 1,
      chain: this.chain,
      sender: from,
      nonce: [lane, options.number ?? nextNonceOf(options.state ?? this.state, from, lane)],
      validUntilMs: this.timeMs + (options.validForMs ?? 600_000),
      fee: options.fee ?? 10,
      calls,
    });
    return createTransaction(
      body,
      (options.signers ?? [from]).map((key) => [key, SIGNATURE]),
    );
  }

  transfer(from: number, to: number, amount: number, options: TransactionOptions = {}): Transaction {
    return this.transaction(from, [["account.transfer", { to: account(to), amount }]], options);
  }

  context(options: Partial<BlockContext> = {}): BlockContext {
    const head = headOf(this.state);
    return {
      height: head.height + 1,
      epochId: head.ended ? this.lastBlock : head.epochId,
      timeMs: this.timeMs + 1,
      proposer: votingKey(0),
      lastBlock: this.lastBlock,
      participants: seatsOf(this.state).current.map((seat) => seat.votingKey),
      alives: [],
      ...options,
    };
  }

  /** Applies a block and makes it final. */
  block(transactions: readonly Transaction[], options: Partial<BlockContext> & { readonly afterMs?: number } = {}): BlockOutcome {
    const { afterMs = 1000, ...context } = options;
    const made = this.context({ timeMs: this.timeMs + afterMs, ...context });
    const outcome = applyBlock(this.state, made, transactions, this.deps);
    this.#accept(made, outcome);
    return outcome;
  }

  /** Builds a block from candidates and makes it final. */
  build(candidates: readonly Transaction[], options: { readonly afterMs?: number } = {}) {
    const made = this.context({ timeMs: this.timeMs + (options.afterMs ?? 1000) });
    const body = buildBlockBody(this.state, made, candidates, this.deps);
    this.#accept(made, body);
    return body;
  }

  #accept(context: BlockContext, outcome: BlockOutcome): void {
    this.state.finalize(outcome.overlay);
    this.timeMs = context.timeMs;
    if (context.height !== null) this.lastBlock = digest(encode(["block", this.#salt++, context.height]));
    this.outcomes.push(outcome);
  }

  balance(number: number): number {
    return accountOf(this.state, account(number)).balance;
  }
}

type TransactionOptions = NonNullable<Parameters<Scenario["transaction"]>[2]>;
