/** The synchronous machine that runs contracts, as the ledger sees it. `contracts` gives the semantics, `host/vm` the WASM. CONTRACTS.md. */
import { AssertionError } from "../kit/assert.ts";
import type { RejectCode } from "./codes.ts";
import type { Value } from "./codec.ts";

/** The engine around the machine failed, so that nobody knows what the call gives: this peer must not vote on it (CONTRACTS, rules). */
export class HostFault extends AssertionError {}

/** What one running call may ask of the ledger. Every method may throw a `Refusal`, which the contract sees as an error it can catch. */
export interface ContractHost {
  /** `did:key:…` of the account or the 64 hexadecimal digits of the contract that calls. */
  readonly caller: string;
  /** This contract's identifier, 64 hexadecimal digits. */
  readonly self: string;
  readonly height: number;
  readonly timeMs: number;
  /** 32 bytes that differ for every call, known to whoever proposes the block: not a source of fair randomness. */
  readonly seed: Uint8Array;
  /** Whether state may be changed; false in views and in the test bench's dry runs of views. */
  readonly writable: boolean;
  stateGet(key: string): Value | undefined;
  stateSet(key: string, value: Value): void;
  stateDelete(key: string): void;
  /** Keys with this prefix in the order of their UTF-8 bytes, after `after`, at most `limit`. */
  stateList(prefix: string, after: string | undefined, limit: number): readonly (readonly [key: string, value: Value])[];
  emit(topic: string, data: Value): void;
  transfer(to: string, amount: number): void;
  record(about: string, data: Value): void;
  /** The registration and last plain readings of a device, or null. */
  device(id: string): Value;
  log(text: string): void;
}

export interface ContractCall {
  readonly source: string;
  /** SHA-256 of the source as hexadecimal text: names the cached image. */
  readonly sourceDigest: string;
  readonly method: string;
  readonly arguments: Value;
  readonly gasMax: number;
  readonly host: ContractHost;
}

export type CallOutcome =
  | { readonly ok: true; readonly result: Value; readonly gasUsed: number }
  | { readonly ok: false; readonly code: RejectCode; readonly message: string; readonly gasUsed: number };

export interface ContractMethod {
  readonly name: string;
  readonly description: string;
  /** JSON Schema of the single argument, as the manifest gives it, or null. */
  readonly input: Value;
  readonly view: boolean;
}

/** What a module's `manifest` export says, checked and bounded. */
export interface ContractManifest {
  readonly name: string;
  readonly description: string;
  readonly methods: readonly ContractMethod[];
}

export interface ContractMachine {
  /** Loads a module in isolation and reads its manifest. Deterministic; costs gas like a call. */
  inspect(
    source: string,
    gasMax: number,
  ):
    | { readonly manifest: ContractManifest; readonly gasUsed: number }
    | { readonly code: RejectCode; readonly message: string; readonly gasUsed: number };
  /** Runs one method to its end. Never throws, but for a `HostFault`, which stops the peer from voting. */
  call(call: ContractCall): CallOutcome;
}
