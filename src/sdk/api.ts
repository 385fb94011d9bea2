/**
 * What anything may ask of a peer: operations to send, queries, topics to follow and commands for this peer alone.
 * Accounts are `did:key:…` texts (a contract's account is its 64 hexadecimal digits), digests lower-case hexadecimal texts, times
 * milliseconds since 1970, amounts integers in the token's smallest unit, bytes `Uint8Array`. All is structured-cloneable.
 * docs/sdk.md has the same as a table; a test compares the two.
 */
import type { Value } from "../protocol/codec.ts";

import type { GovernanceInfo } from "./governance.ts";
import type {
  AccountInfo,
  BlockInfo,
  BotInfo,
  BotKind,
  BlockSummary,
  ConsensusInfo,
  ContractInfo,
  ContractMethodInfo,
  DeviceInfo,
  Estimate,
  EventInfo,
  FinalitySample,
  IncidentInfo,
  LedgerFileInfo,
  NameInfo,
  NetworkInfo,
  Page,
  PageRequest,
  PeerFileInfo,
  ProofInfo,
  ProofKind,
  ReadingInfo,
  RecordInfo,
  RunResult,
  SearchHit,
  SeatInfo,
  Settings,
  Status,
  StorageInfo,
  StreamInfo,
  TransactionInfo,
  TrialCall,
} from "./shapes.ts";

export type * from "./governance.ts";
export type * from "./shapes.ts";
export { INCIDENT_KINDS, PROOF_KINDS } from "./shapes.ts";
export type { RejectCode } from "../protocol/codes.ts";
export type { Value, ValueMap } from "../protocol/codec.ts";
export type { RefusalData, RefusalShape } from "../protocol/refusal.ts";
export { REJECT_CODES, isRejectCode } from "../protocol/codes.ts";
export { Refusal } from "../protocol/refusal.ts";
export { PARAMETER_BOUNDS, TOKEN_PARAMETERS } from "../protocol/genesis.ts";
export { LIMITS } from "../protocol/limits.ts";

/** 64 lower-case hexadecimal digits: a transaction, block, device, stream, contract or state root. */
export type DigestText = string;
/** `did:key:z6Mk…` of a person or peer, or the 64 hexadecimal digits of a contract. */
export type AccountText = string;

// ---------------------------------------------------------------- operations

export type DeviceStatus = "active" | "offline" | "maintenance" | "retired";

/** So many of the keys must sign: `threshold`, or what `operations` says for an operation. */
export interface SigningPolicy {
  readonly keys: readonly AccountText[];
  readonly threshold: number;
  readonly operations: Readonly<Record<string, number>>;
}

export type Role = "deploy" | "read" | "transact" | "vote";

/** `roles` of a membership: those of who comes in, null for who goes. Parameters are those of the genesis, by name. */
export type ProposedChange =
  | { readonly kind: "membership"; readonly account: AccountText; readonly roles: readonly Role[] | null }
  | { readonly kind: "roles"; readonly account: AccountText; readonly roles: readonly Role[] }
  | { readonly kind: "parameters"; readonly parameters: Readonly<Record<string, number>> };

/** Arguments of every operation. Where the result is more than `null` it is in `OperationResults`. */
export interface Operations {
  "account.transfer": { readonly to: AccountText; readonly amount: number };
  /** A name for people, up to `LIMITS.nameBytesMax` bytes of UTF-8. */
  "account.setProfile": { readonly name: string };
  /** From now on the account needs signatures by this policy; null gives it back to its own key. Whoever sets one shows that it can be met. */
  "account.setPolicy": { readonly policy: SigningPolicy | null };
  /** Lets a key act alone for the operations in `scope`, until block time `untilMs`. */
  "account.authorize": { readonly key: AccountText; readonly scope: readonly string[]; readonly untilMs: number | null };
  "account.deauthorize": { readonly key: AccountText };
  /** Opens a proposal with the proposer's own vote for it. Where that is enough, it is made at once. `untilMs`: block time, a month ahead at most. */
  "governance.propose": { readonly change: ProposedChange; readonly note: string; readonly untilMs: number };
  /** One vote an account; a later one takes the place of the earlier. */
  "governance.vote": { readonly proposal: DigestText; readonly approve: boolean };
  "governance.execute": { readonly proposal: DigestText };
  /** The peer finds the proof of work itself when `nonce` is absent. */
  "token.claim": Readonly<Record<string, never>>;
  /** The peer makes a fresh voting key when `votingKey` is absent. */
  "seat.take": Readonly<Record<string, never>>;
  "seat.leave": { readonly votingKey?: DigestText };
  "seat.present": { readonly votingKey?: DigestText };
  /**
   * `description` is the JSON text of a W3C WoT Thing Description 1.1; `leaseMs` how long silence is still normal, one day at most: so long
   * the device is `active` from its registration on, and after an update from when it was last heard.
   */
  "device.register": { readonly description: string; readonly leaseMs: number };
  "device.update": { readonly device: DigestText; readonly description: string; readonly leaseMs: number };
  /** The status counts for `leaseMs`, then the device is taken for offline; the lease it has is kept when absent. */
  "device.setStatus": { readonly device: DigestText; readonly status: DeviceStatus; readonly leaseMs?: number };
  "device.retire": { readonly device: DigestText };
  /** A plain stream of one device; `name` says what it measures. */
  "stream.open": { readonly device: DigestText; readonly name: string };
  /** `pack` is a SenML pack (RFC 8428) in the codec's data model; `sequence` counts the stream's packs from 0. */
  "stream.append": { readonly stream: DigestText; readonly sequence: number; readonly pack: readonly Value[] };
  "stream.close": { readonly stream: DigestText };
  "contract.deploy": { readonly source: string; readonly arguments: Value; readonly endowment: number };
  "contract.call": {
    readonly contract: DigestText;
    readonly method: string;
    readonly arguments: Value;
    readonly gasMax: number;
    readonly amount: number;
  };
  "contract.fund": { readonly contract: DigestText; readonly amount: number };
  "contract.terminate": { readonly contract: DigestText };
  /** A note about anything that has a text identifier; `digest` binds a document kept elsewhere. */
  "record.write": { readonly about: string; readonly kind: string; readonly digest: DigestText | null; readonly note: string };
}
export type OperationName = keyof Operations;

/** What `send` gives back per call once final; operations not named here give `null`. */
export interface OperationResults {
  "token.claim": number;
  "device.register": DigestText;
  "stream.open": DigestText;
  "contract.deploy": DigestText;
  "contract.call": Value;
  "contract.terminate": number;
  "record.write": DigestText;
  "governance.propose": DigestText;
}

/** One call of a transaction; the calls of one transaction are atomic together. */
export type OperationCall = {
  readonly [Name in OperationName]: { readonly operation: Name; readonly arguments: Operations[Name] };
}[OperationName];

export interface SendOptions {
  /** The most to pay; what the peer estimates when absent. */
  readonly feeMax?: number;
  /** How long it may wait to be included; at most an hour. Default 10 minutes. */
  readonly validForMs?: number;
}

export interface SendResult {
  readonly transaction: DigestText;
  readonly height: number;
  /** One value per call, in order. */
  readonly results: readonly Value[];
}

/** The road of a transaction, in this order; `refused` ends it anywhere before `final`. */
export type RoadStage = "signed" | "shared" | "in-block" | "final";
export interface RoadProgress {
  readonly transaction: DigestText;
  readonly stage: RoadStage;
  readonly atMs: number;
  readonly height: number | null;
}

// ---------------------------------------------------------------- queries

/** The most readings of one answer: about a megabyte. */
export const READINGS_MAX = 5000;

export interface Queries {
  status: { parameters: Record<never, never>; result: Status };
  account: { parameters: { readonly account: AccountText }; result: AccountInfo };
  accounts: { parameters: PageRequest; result: Page<AccountInfo> };
  names: { parameters: PageRequest; result: Page<NameInfo> };
  transaction: { parameters: { readonly id: DigestText }; result: TransactionInfo };
  /** Newest first; of one account when it is named, else all. Of this peer's own account those that wait for a block come before them. */
  transactions: { parameters: PageRequest & { readonly account?: AccountText }; result: Page<TransactionInfo> };
  /** This peer's own transactions that are not final yet. */
  pending: { parameters: Record<never, never>; result: readonly TransactionInfo[] };
  block: { parameters: { readonly height?: number; readonly digest?: DigestText }; result: BlockInfo };
  /** Downward from `from`, or from the highest known. */
  blocks: { parameters: { readonly from?: number; readonly limit?: number }; result: readonly BlockSummary[] };
  devices: { parameters: PageRequest & { readonly owner?: AccountText; readonly retired?: boolean }; result: Page<DeviceInfo> };
  device: { parameters: { readonly device: DigestText }; result: DeviceInfo };
  streams: { parameters: PageRequest & { readonly device?: DigestText; readonly owner?: AccountText }; result: Page<StreamInfo> };
  stream: { parameters: { readonly stream: DigestText }; result: StreamInfo };
  /**
   * Ascending in time; without `after` the newest `limit` (at most 5000, default 500). `after` is the sequence number of a pack, −1 for all from
   * the first. The last pack of a full answer may be cut short.
   */
  readings: {
    parameters: { readonly stream: DigestText; readonly after?: number; readonly limit?: number };
    result: readonly ReadingInfo[];
  };
  contracts: { parameters: PageRequest & { readonly owner?: AccountText }; result: Page<ContractInfo> };
  contract: { parameters: { readonly contract: DigestText }; result: ContractInfo };
  contractState: {
    parameters: PageRequest & { readonly contract: DigestText; readonly prefix?: string };
    result: Page<{ readonly key: string; readonly value: Value }>;
  };
  /** Runs a view against the finalized state, free and locally. */
  view: { parameters: { readonly contract: DigestText; readonly method: string; readonly arguments: Value }; result: Value };
  /**
   * Runs a call against the current state without sending it. With `source` the contract is deployed first, in memory only; the calls of
   * `before` are made first, and what is told is of the last one.
   */
  dryRun: {
    parameters: {
      readonly contract?: DigestText;
      readonly source?: string;
      readonly initArguments?: Value;
      readonly before?: readonly TrialCall[];
      /** Absent: only the deployment is tried. */
      readonly method?: string;
      readonly arguments?: Value;
      /** Sent with the call; without a method, given to the contract as it is deployed. */
      readonly amount?: number;
    };
    result: RunResult;
  };
  /** What a source says of itself, or why it cannot be loaded. */
  inspect: {
    parameters: { readonly source: string };
    result: {
      readonly name: string;
      readonly description: string;
      readonly methods: readonly ContractMethodInfo[];
      readonly gasUsed: number;
    };
  };
  /** Newest first. */
  events: { parameters: PageRequest & { readonly source?: string; readonly topic?: string }; result: Page<EventInfo> };
  records: { parameters: PageRequest & { readonly about?: string }; result: Page<RecordInfo> };
  seats: { parameters: Record<never, never>; result: readonly SeatInfo[] };
  consensus: { parameters: Record<never, never>; result: ConsensusInfo };
  network: { parameters: Record<never, never>; result: NetworkInfo };
  /** The last finalized blocks this peer saw itself, oldest first, at most 240. */
  finality: { parameters: Record<never, never>; result: readonly FinalitySample[] };
  /** What went wrong around this peer, newest first, at most 200; kept over reloads. */
  incidents: { parameters: Record<never, never>; result: readonly IncidentInfo[] };
  proof: { parameters: { readonly kind: ProofKind; readonly id: string }; result: ProofInfo };
  checkProof: {
    parameters: { readonly key: Uint8Array; readonly bytes: Uint8Array | null; readonly proof: Uint8Array; readonly root: DigestText };
    result: boolean;
  };
  search: { parameters: { readonly text: string }; result: readonly SearchHit[] };
  storage: { parameters: Record<never, never>; result: StorageInfo };
  settings: { parameters: Record<never, never>; result: Settings };
  estimate: { parameters: { readonly calls: readonly OperationCall[] }; result: Estimate };
  parameters: {
    parameters: Record<never, never>;
    result: { readonly grant: number; readonly bond: number; readonly feePerKilobyte: number; readonly feePerMillionGas: number };
  };
  /** Who decides in this BoT, by which rules, and what is proposed. */
  governance: { parameters: Record<never, never>; result: GovernanceInfo };
}
export type QueryName = keyof Queries;

// ---------------------------------------------------------------- topics

/** What a subscription brings, newest state on subscribing for status, consensus and network. */
export interface Topics {
  status: Status;
  block: BlockSummary;
  /** Every change of a transaction this peer sent; others when they became final, some left out under load. */
  transaction: TransactionInfo;
  event: EventInfo;
  consensus: ConsensusInfo;
  network: NetworkInfo;
  reading: { readonly stream: DigestText; readonly device: DigestText; readonly readings: readonly ReadingInfo[] };
}
export type TopicName = keyof Topics;

export const TOPICS: readonly TopicName[] = ["status", "block", "transaction", "event", "consensus", "network", "reading"];

export function isTopic(text: unknown): text is TopicName {
  return TOPICS.some((topic) => topic === text);
}

// ---------------------------------------------------------------- commands

/** What only the app itself may order of its own peer; `window.bothy` has none of them. */
export interface Commands {
  setSettings: { parameters: Partial<Omit<Settings, "exportedMs">>; result: Settings };
  /** The account, settings and nicknames under a passphrase; never a voting key. */
  exportPeer: { parameters: { readonly passphrase: string; readonly ledger: boolean }; result: Uint8Array };
  /** What a file of `exportPeer` would bring; changes nothing. Refused with `export-invalid`. */
  inspectPeer: { parameters: { readonly bytes: Uint8Array }; result: PeerFileInfo };
  /**
   * Takes the account and settings of such a file, and its ledger if it has one: that takes the place of the ledger kept here, and the
   * voting keys go with the record of their votes. Every block is checked from genesis on first. Refused with `wrong-password`, `export-invalid` or
   * `storage-full`, it has changed nothing, and the peer goes on. The tab reloads afterwards.
   */
  importPeer: { parameters: { readonly bytes: Uint8Array; readonly passphrase: string }; result: null };
  /** The final blocks with all that proves them, as a CAR file (spec/car.md) that other tools read, too. Holds no key. */
  exportLedger: { parameters: Record<never, never>; result: Uint8Array };
  /** What such a file says of itself; changes nothing. Refused with `export-invalid`, also for a block that is missing or changed. */
  inspectLedger: { parameters: { readonly bytes: Uint8Array }; result: LedgerFileInfo };
  /**
   * Takes the ledger of such a file in the place of the one kept here, as `importPeer` does and refused like it; `wrong-chain` for that of another BoT.
   * The tab reloads afterwards.
   */
  importLedger: { parameters: { readonly bytes: Uint8Array }; result: null };
  /** The 24 words of the account's key (BIP-39). */
  identityWords: { parameters: Record<never, never>; result: readonly string[] };
  /** The person has written them down: from now on the account counts as saved. */
  keepWords: { parameters: Record<never, never>; result: null };
  restoreWords: { parameters: { readonly words: readonly string[] }; result: null };
  /** Deletes this peer's database; with `keys` its keys too. The tab reloads afterwards. */
  reset: { parameters: { readonly keys: boolean }; result: null };
  /** The one that the relay names, which is opened where none is chosen, and those founded or joined from here. */
  listBots: { parameters: Record<never, never>; result: readonly BotInfo[] };
  /**
   * Founds a BoT that no relay names: others come by an invite alone. `tokens` is asked for in a private one. Refused with `not-supported` where keys end
   * with the tab. It is opened from now on; the tab reloads afterwards, as for the two below.
   */
  foundBot: { parameters: { readonly name: string; readonly kind: BotKind; readonly tokens: boolean }; result: null };
  /** What an invite is for; changes nothing. Refused with `invite-invalid`. */
  inspectInvite: { parameters: { readonly invite: string }; result: BotInfo & { readonly height: number } };
  /** Opens the BoT of an invite from now on. */
  joinBot: { parameters: { readonly invite: string }; result: null };
  /** Opens a BoT of the list from now on; null for the relay's. */
  openBot: { parameters: { readonly chain: DigestText | null }; result: null };
  /** Removes one of the list that is not open, with its ledger here and its voting keys. */
  forgetBot: { parameters: { readonly chain: DigestText }; result: null };
  /** For the BoT that is open, with its last final block; null where the page's address is invite enough. */
  makeInvite: { parameters: Record<never, never>; result: { readonly invite: string | null } };
  /** Founds a BoT and makes this tab its first seat. */
  found: { parameters: { readonly name: string }; result: { readonly chain: DigestText } };
  /** Everything a maintainer needs and no key: status, versions, the last log lines. */
  diagnostics: { parameters: Record<never, never>; result: Value };
  /** Saves all and says goodbye to the voters, so that the tab may reload for an update. */
  prepareToLeave: { parameters: Record<never, never>; result: null };
}
export type CommandName = keyof Commands;
