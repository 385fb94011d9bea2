/** What goes into a peer and what comes out. All effects are performed by `host`; whatever they bring back comes in as an input. */
import type { LedgerEvent, Receipt } from "../ledger/index.ts";
import type { Block } from "../protocol/block.ts";
import type { Value } from "../protocol/codec.ts";
import type { ContractMachine } from "../protocol/contract-machine.ts";
import type { Hash, VotingKey } from "../protocol/identifiers.ts";
import type { RefusalShape } from "../protocol/refusal.ts";
import type { Call, Transaction } from "../protocol/transaction.ts";
import type { NetworkCommand, NetworkEvent, SignatureCheck, StorageBatch, StorageTable } from "./ports.ts";

/** Which blocks a peer keeps, beside those that it needs itself: the newest, at most so many, and about so many bytes of them. Null is without a bound. */
export interface BlockWindow {
  readonly blocks: number | null;
  readonly bytes: number | null;
}

/** Names an effect whose outcome comes back as an input. */
export type EffectId = number;

/** Names a submission of this peer's person or dApp, so that its road can be reported. */
export type Ticket = number;

export interface Submission {
  readonly calls: readonly Call[];
  /** The most to pay. */
  readonly fee: number;
  /** How long it may wait to be in a block, at most `LIMITS.validityMsMax`. */
  readonly validForMs: number;
}

export type PeerInput =
  /** At a steady pace, `TICK_MS` of the engine or less. */
  | { readonly kind: "tick" }
  | { readonly kind: "network"; readonly event: NetworkEvent }
  | { readonly kind: "verified"; readonly id: EffectId; readonly results: readonly boolean[] }
  | { readonly kind: "signed"; readonly id: EffectId; readonly signature: Uint8Array | null }
  | { readonly kind: "stored"; readonly id: EffectId; readonly refusal: RefusalShape | null }
  | {
      readonly kind: "read";
      readonly id: EffectId;
      readonly rows: readonly (readonly [key: string, bytes: Uint8Array])[];
      readonly refusal: RefusalShape | null;
    }
  | { readonly kind: "key-created"; readonly id: EffectId; readonly publicKey: Uint8Array | null }
  | { readonly kind: "claimed"; readonly id: EffectId; readonly nonce: Uint8Array | null }
  | { readonly kind: "submit"; readonly ticket: Ticket; readonly submission: Submission }
  /** The contract machine is loaded. */
  | { readonly kind: "machine"; readonly machine: ContractMachine }
  /** A voting key made outside, with which this peer's person takes a seat. */
  | { readonly kind: "adopt-voting-key"; readonly publicKey: VotingKey }
  | { readonly kind: "set-seat-wanted"; readonly wanted: boolean }
  /** Which old blocks are to be kept. */
  | { readonly kind: "set-window"; readonly window: BlockWindow }
  /** The tab is about to close or reload: it says so to the others, and takes no further part. */
  | { readonly kind: "closing" };

/** How far a submission has come. It ends with `final` or `refused`. */
export type RoadReport =
  | { readonly stage: "signed" | "shared" | "in-block"; readonly transaction: Transaction; readonly height: number | null }
  | { readonly stage: "final"; readonly transaction: Transaction; readonly height: number; readonly receipt: Receipt }
  | { readonly stage: "refused"; readonly transaction: Transaction | null; readonly refusal: RefusalShape };

/** A block that became final, for those who show or index it. `block` is null for a recovery. */
export interface CommittedBlock {
  readonly id: Hash;
  readonly height: number;
  readonly timeMs: number;
  readonly block: Block | null;
  readonly receipts: readonly Receipt[];
  /** Of the block itself, beside those of its receipts. */
  readonly events: readonly LedgerEvent[];
}

export type PeerEffect =
  | { readonly kind: "network"; readonly command: NetworkCommand }
  | { readonly kind: "verify"; readonly id: EffectId; readonly checks: readonly SignatureCheck[] }
  | { readonly kind: "sign"; readonly id: EffectId; readonly publicKey: Uint8Array; readonly bytes: Uint8Array }
  | { readonly kind: "store"; readonly id: EffectId; readonly batch: StorageBatch }
  | {
      readonly kind: "read";
      readonly id: EffectId;
      readonly table: StorageTable;
      readonly from: string;
      readonly to: string;
      readonly limit: number;
      /** From the end. */
      readonly reverse?: boolean;
    }
  /** A block runs a contract: load the machine, and give it as an input. */
  | { readonly kind: "need-machine" }
  | { readonly kind: "create-voting-key"; readonly id: EffectId }
  | { readonly kind: "destroy-voting-key"; readonly publicKey: Uint8Array }
  | { readonly kind: "claim"; readonly id: EffectId; readonly account: Uint8Array; readonly reference: Uint8Array; readonly bits: number }
  | { readonly kind: "road"; readonly ticket: Ticket; readonly report: RoadReport }
  /** Final and written. `undone` heights were left for a better branch just before. */
  | { readonly kind: "committed"; readonly blocks: readonly CommittedBlock[]; readonly undoneAbove: number | null }
  /** A proven ledger that begins far above has taken the place of the one in storage. This peer does nothing more; another is to be opened there. */
  | { readonly kind: "reopen"; readonly height: number }
  /** Old blocks were read and written, and for now no more are to come. */
  | { readonly kind: "history" }
  /** A host fault or a broken store: the peer votes no more, and the person is told. */
  | { readonly kind: "halted"; readonly refusal: RefusalShape }
  | {
      readonly kind: "log";
      readonly level: "info" | "warning" | "error";
      readonly message: string;
      readonly data: Readonly<Record<string, Value>>;
    };
