/**
 * What anything may ask of a peer: operations to send, queries, topics to follow and commands for this peer alone.
 * Accounts are `did:key:…` texts (a contract's account is its 64 hexadecimal digits), digests lower-case hexadecimal texts, times
 * milliseconds since 1970, amounts integers in the token's smallest unit, bytes `Uint8Array`. All is structured-cloneable.
 * docs/sdk.md has the same as a table; a test compares the two.
 */
import type { RejectCode } from "../protocol/codes.ts";
import type { Value } from "../protocol/codec.ts";
import type { RefusalData } from "../protocol/refusal.ts";

export type { RejectCode } from "../protocol/codes.ts";
export type { Value, ValueMap } from "../protocol/codec.ts";
export type { RefusalData, RefusalShape } from "../protocol/refusal.ts";
export { REJECT_CODES, isRejectCode } from "../protocol/codes.ts";
export { Refusal } from "../protocol/refusal.ts";
export { LIMITS } from "../protocol/limits.ts";

/** 64 lower-case hexadecimal digits: a transaction, block, device, stream, contract or state root. */
export type DigestText = string;
/** `did:key:z6Mk…` of a person or peer, or the 64 hexadecimal digits of a contract. */
export type AccountText = string;

// ---------------------------------------------------------------- operations

export type DeviceStatus = "active" | "offline" | "maintenance" | "retired";

/** Arguments of every operation. Where the result is more than `null` it is in `OperationResults`. */
export interface Operations {
  "account.transfer": { readonly to: AccountText; readonly amount: number };
  /** A name for people, up to `LIMITS.nameBytesMax` bytes of UTF-8. */
  "account.setProfile": { readonly name: string };
  /** The peer finds the proof of work itself when `proof` is absent. */
  "token.claim": { readonly reference?: DigestText; readonly nonce?: Uint8Array };
  /** The peer makes a fresh voting key when `votingKey` is absent. */
  "seat.take": { readonly votingKey?: DigestText };
  "seat.leave": { readonly votingKey?: DigestText };
  "seat.present": { readonly votingKey?: DigestText };
  /** `description` is the JSON text of a W3C WoT Thing Description 1.1; `leaseMs` how long silence is still normal. */
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
  "device.register": DigestText;
  "stream.open": DigestText;
  "contract.deploy": DigestText;
  "contract.call": Value;
  "record.write": DigestText;
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

// ---------------------------------------------------------------- shapes

export type Strength = "full" | "recovered" | "provisional";

export type JoiningStep = "slot" | "keys" | "relay" | "peers" | "ledger" | "seat";
export interface JoiningProgress {
  readonly step: JoiningStep;
  readonly state: "waiting" | "working" | "done" | "failed" | "skipped";
  readonly done?: number;
  readonly total?: number;
  /** Why it failed or waits. */
  readonly code?: RejectCode;
}

export interface Status {
  readonly ready: boolean;
  /** libp2p peer id. */
  readonly peer: string;
  readonly account: AccountText;
  readonly chain: DigestText;
  /** Height of the highest block known, final or not. */
  readonly height: number;
  readonly final: {
    readonly height: number;
    readonly digest: DigestText;
    readonly stateRoot: DigestText;
    readonly timeMs: number;
  };
  readonly peers: readonly { readonly id: string; readonly direct: boolean }[];
  readonly seats: { readonly total: number; readonly mine: boolean };
  readonly strength: Strength;
  readonly name: string;
  /** Word for the token, and what is in this account, finalized. */
  readonly token: string;
  readonly balance: number;
  /** Which of this browser's peers this tab is, from 0. */
  readonly slot: number;
  readonly joining: readonly JoiningProgress[];
  /** Whether any relay is linked. */
  readonly relay: boolean;
  readonly pending: number;
  /** Seats that have to return before blocks can be final again; empty while all is well. */
  readonly waitingFor: readonly AccountText[];
  /** Median and 95th percentile of submit-to-final of this peer's own transactions, null before the first. */
  readonly finality: { readonly p50Ms: number | null; readonly p95Ms: number | null; readonly samples: number };
  /** Something is wrong with this peer itself: its database cannot be read, or is full. */
  readonly fault: { readonly code: RejectCode; readonly data: RefusalData } | null;
  /** The two sides of a BoT that has split, when the person must choose. */
  readonly split: { readonly mine: DigestText; readonly other: DigestText; readonly sinceHeight: number } | null;
}

export interface AccountInfo {
  readonly account: AccountText;
  readonly name: string | null;
  readonly balance: number;
  /** Bonded for a seat. */
  readonly bond: number;
  readonly claimed: boolean;
  readonly devices: number;
  readonly transactions: number;
  readonly seat: DigestText | null;
}

export interface CallInfo {
  readonly operation: string;
  readonly arguments: Value;
}

export interface EventInfo {
  readonly height: number;
  readonly timeMs: number;
  readonly transaction: DigestText | null;
  /** Where in its block it came, so that (height, index) orders all events. */
  readonly index: number;
  /** The module or the contract that said it. */
  readonly source: string;
  readonly topic: string;
  readonly data: Value;
}

export interface TransactionInfo {
  readonly id: DigestText;
  readonly sender: AccountText;
  readonly nonce: readonly [lane: number, number: number];
  readonly validUntilMs: number;
  readonly feeMax: number;
  /** Null until it is in a block. */
  readonly feePaid: number | null;
  readonly gasUsed: number | null;
  readonly calls: readonly CallInfo[];
  readonly state: "pending" | "in-block" | "final" | "refused";
  readonly block: { readonly height: number; readonly digest: DigestText; readonly timeMs: number; readonly index: number } | null;
  readonly results: readonly Value[] | null;
  readonly refusal: { readonly code: RejectCode; readonly data: RefusalData } | null;
  readonly events: readonly EventInfo[];
  readonly sizeBytes: number;
  /** When this peer saw each stop of the road; only for what it saw itself. */
  readonly road: Partial<Record<RoadStage, number>>;
}

export interface BlockSummary {
  readonly height: number;
  readonly digest: DigestText;
  readonly timeMs: number;
  readonly proposer: AccountText;
  readonly transactions: number;
  readonly sizeBytes: number;
  readonly final: boolean;
  /** "recovery" for the empty block that ends a standstill. */
  readonly kind: "ordinary" | "recovery" | "genesis";
}

export interface BlockInfo extends BlockSummary {
  readonly epoch: DigestText;
  readonly round: number;
  readonly parent: DigestText;
  readonly stateRoot: DigestText;
  readonly transactionsRoot: DigestText;
  readonly receiptsRoot: DigestText;
  readonly endsEpoch: boolean;
  /** The certificate that made it final, as this peer checked it; null while it has none. */
  readonly certificate: { readonly round: number; readonly signers: readonly AccountText[]; readonly quorum: number } | null;
  /** At most 100; the rest by `transactions`. */
  readonly transactionIds: readonly DigestText[];
}

export interface DeviceInfo {
  readonly device: DigestText;
  readonly owner: AccountText;
  readonly status: DeviceStatus;
  /** JSON text of the Thing Description. */
  readonly description: string;
  readonly digest: DigestText;
  readonly registeredMs: number;
  readonly lastSeenMs: number;
  readonly leaseMs: number;
  readonly streams: readonly DigestText[];
  /** Last plain value by property, from its streams. */
  readonly values: Readonly<Record<string, { readonly value: Value; readonly unit: string | null; readonly timeMs: number }>>;
}

export interface StreamInfo {
  readonly stream: DigestText;
  readonly device: DigestText;
  readonly owner: AccountText;
  readonly name: string;
  readonly status: "open" | "closed";
  readonly packs: number;
  readonly readings: number;
  readonly lastMs: number;
  readonly digest: DigestText;
  readonly values: DeviceInfo["values"];
}

export interface ReadingInfo {
  readonly property: string;
  readonly value: Value;
  readonly unit: string | null;
  readonly timeMs: number;
  readonly height: number;
  readonly sequence: number;
  readonly final: boolean;
}

export interface ContractMethodInfo {
  readonly name: string;
  readonly description: string;
  /** JSON Schema of the single argument, or null. */
  readonly input: Value;
  readonly view: boolean;
}

export interface ContractInfo {
  readonly contract: DigestText;
  readonly owner: AccountText;
  readonly name: string;
  readonly description: string;
  readonly methods: readonly ContractMethodInfo[];
  readonly status: "active" | "terminated";
  readonly balance: number;
  readonly deployedMs: number;
  readonly height: number;
  readonly source: string;
  readonly sourceDigest: DigestText;
  readonly calls: number;
}

export type RunResult =
  | {
      readonly ok: true;
      readonly result: Value;
      readonly gasUsed: number;
      readonly fee: number;
      readonly events: readonly { readonly topic: string; readonly data: Value }[];
      readonly logs: readonly string[];
      readonly changes: readonly { readonly key: string; readonly before: Value; readonly after: Value }[];
    }
  | { readonly ok: false; readonly code: RejectCode; readonly message: string; readonly gasUsed: number; readonly logs: readonly string[] };

export interface RecordInfo {
  readonly record: DigestText;
  readonly about: string;
  readonly kind: string;
  readonly digest: DigestText | null;
  readonly note: string;
  readonly author: AccountText;
  readonly height: number;
  readonly timeMs: number;
}

export interface SeatInfo {
  readonly votingKey: DigestText;
  readonly account: AccountText;
  readonly state: "active" | "queued" | "sleeping";
  readonly bond: number;
  readonly sinceHeight: number;
  readonly lastSeenMs: number;
  readonly mine: boolean;
}

export interface ConsensusInfo {
  readonly epoch: DigestText;
  readonly round: number;
  readonly leader: AccountText;
  readonly quorum: number;
  /** Whether work waits: while none does, peers rest. */
  readonly working: boolean;
  readonly votes: readonly {
    readonly votingKey: DigestText;
    readonly account: AccountText;
    readonly mine: boolean;
    readonly notarize: boolean;
    readonly skip: boolean;
    readonly finalize: boolean;
  }[];
  readonly tallies: { readonly notarize: number; readonly skip: number; readonly finalize: number };
  /** The last rounds, newest first. */
  readonly rounds: readonly {
    readonly round: number;
    readonly leader: AccountText;
    readonly outcome: "notarized" | "final" | "skipped" | "open";
    readonly height: number | null;
    readonly atMs: number;
  }[];
  /** Seats that recovery waits for, with the step reached (0 when no recovery is under way). */
  readonly recovery: { readonly step: number; readonly sinceMs: number; readonly missing: readonly AccountText[] } | null;
}

/** The links of this peer, as its network sees them. */
export interface NetworkInfo {
  readonly self: string;
  readonly relays: readonly { readonly address: string; readonly state: "linked" | "dialing" | "unreachable" }[];
  readonly links: readonly {
    readonly peer: string;
    readonly direct: boolean;
    readonly via: string | null;
    readonly roundTripMs: number | null;
    readonly neighbours: readonly string[];
  }[];
  readonly known: number;
  readonly bytesIn: number;
  readonly bytesOut: number;
}

export interface FinalitySample {
  readonly height: number;
  readonly atMs: number;
  /** From the block's header time to this peer holding its finality certificate. */
  readonly finalityMs: number;
  readonly transactions: number;
}

export const PROOF_KINDS = ["account", "device", "stream", "contract", "seat", "record"] as const;
export type ProofKind = (typeof PROOF_KINDS)[number];

/** A proof of inclusion or absence (`value` null) of one key under a finalized state root. */
export interface ProofInfo {
  readonly kind: ProofKind;
  readonly id: string;
  readonly key: Uint8Array;
  /** The codec's bytes of the entry, and what they say. */
  readonly bytes: Uint8Array | null;
  readonly value: Value;
  readonly proof: Uint8Array;
  readonly root: DigestText;
  readonly height: number;
  /** Whether this peer has checked the proof against the root anew, and that the root is one it holds as final. */
  readonly checked: boolean;
}

export type SearchHit =
  | { readonly kind: "block"; readonly id: string; readonly title: string; readonly note: string }
  | { readonly kind: "transaction"; readonly id: string; readonly title: string; readonly note: string }
  | { readonly kind: "account"; readonly id: string; readonly title: string; readonly note: string }
  | { readonly kind: "device"; readonly id: string; readonly title: string; readonly note: string }
  | { readonly kind: "stream"; readonly id: string; readonly title: string; readonly note: string }
  | { readonly kind: "contract"; readonly id: string; readonly title: string; readonly note: string };

export interface StorageInfo {
  readonly usedBytes: number;
  readonly quotaBytes: number;
  /** Whether the browser promised not to delete it by itself. */
  readonly persistent: boolean;
  readonly blocksKept: { readonly from: number; readonly to: number };
}

export interface Settings {
  /** Whether this peer claims, bonds and takes a seat by itself. */
  readonly seatWanted: boolean;
  readonly relays: readonly string[];
  /** STUN and TURN servers, as URLs. */
  readonly iceServers: readonly string[];
  /** What `window.bothy` of one tab may spend before it is refused with `limit-exceeded`; 0 forbids it. */
  readonly windowLimit: number;
  /** What this person calls accounts, devices and contracts; kept in this browser only. */
  readonly nicknames: Readonly<Record<string, string>>;
  /** When the account was last exported, so that the app can warn before a key is lost. */
  readonly exportedMs: number | null;
}

/** One page of a list; `next` is handed back as `after` or is null at the end. */
export interface Page<Item> {
  readonly items: readonly Item[];
  readonly next: string | null;
}

export interface PageRequest {
  readonly after?: string;
  /** At most 200, default 50. */
  readonly limit?: number;
}

// ---------------------------------------------------------------- queries

export interface Queries {
  status: { parameters: Record<never, never>; result: Status };
  account: { parameters: { readonly account: AccountText }; result: AccountInfo };
  accounts: { parameters: PageRequest; result: Page<AccountInfo> };
  transaction: { parameters: { readonly id: DigestText }; result: TransactionInfo };
  /** Newest first; of one account when it is named, else all. */
  transactions: { parameters: PageRequest & { readonly account?: AccountText }; result: Page<TransactionInfo> };
  /** This peer's own transactions that are not final yet. */
  pending: { parameters: Record<never, never>; result: readonly TransactionInfo[] };
  block: { parameters: { readonly height?: number; readonly digest?: DigestText }; result: BlockInfo };
  /** Downward from `from`, or from the highest known. */
  blocks: { parameters: { readonly from?: number; readonly limit?: number }; result: readonly BlockSummary[] };
  devices: { parameters: PageRequest & { readonly owner?: AccountText }; result: Page<DeviceInfo> };
  device: { parameters: { readonly device: DigestText }; result: DeviceInfo };
  streams: { parameters: PageRequest & { readonly device?: DigestText; readonly owner?: AccountText }; result: Page<StreamInfo> };
  stream: { parameters: { readonly stream: DigestText }; result: StreamInfo };
  /** Ascending in time; without `after` the newest `limit` (at most 5000, default 500). `after` is a sequence number. */
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
  /** Runs a call against the current state without sending it. With `source` the contract is deployed first, in memory only. */
  dryRun: {
    parameters: {
      readonly contract?: DigestText;
      readonly source?: string;
      readonly initArguments?: Value;
      /** Absent: only the deployment is tried. */
      readonly method?: string;
      readonly arguments?: Value;
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
  proof: { parameters: { readonly kind: ProofKind; readonly id: string }; result: ProofInfo };
  checkProof: {
    parameters: { readonly key: Uint8Array; readonly bytes: Uint8Array | null; readonly proof: Uint8Array; readonly root: DigestText };
    result: boolean;
  };
  search: { parameters: { readonly text: string }; result: readonly SearchHit[] };
  storage: { parameters: Record<never, never>; result: StorageInfo };
  settings: { parameters: Record<never, never>; result: Settings };
  /** The most a transaction of these calls would cost, and the gas measured by a dry run. */
  estimate: { parameters: { readonly calls: readonly OperationCall[] }; result: { readonly fee: number; readonly gasUsed: number } };
  parameters: {
    parameters: Record<never, never>;
    result: { readonly grant: number; readonly bond: number; readonly feePerKilobyte: number; readonly feePerMillionGas: number };
  };
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

// ---------------------------------------------------------------- commands

/** What only the app itself may order of its own peer; `window.bothy` has none of them. */
export interface Commands {
  setSettings: { parameters: Partial<Omit<Settings, "exportedMs">>; result: Settings };
  /** The account, settings and nicknames under a passphrase; never a voting key. */
  exportPeer: { parameters: { readonly passphrase: string; readonly ledger: boolean }; result: Uint8Array };
  /** Refused with `wrong-password` or `export-invalid`. The tab reloads afterwards. */
  importPeer: { parameters: { readonly bytes: Uint8Array; readonly passphrase: string }; result: null };
  /** The 24 words of the account's key (BIP-39). */
  identityWords: { parameters: Record<never, never>; result: readonly string[] };
  restoreWords: { parameters: { readonly words: readonly string[] }; result: null };
  /** Deletes this peer's database; with `keys` its keys too. The tab reloads afterwards. */
  reset: { parameters: { readonly keys: boolean }; result: null };
  /** Founds a BoT and makes this tab its first seat. */
  found: { parameters: { readonly name: string }; result: { readonly chain: DigestText } };
  /** Chooses a side of a split BoT. */
  chooseBranch: { parameters: { readonly head: DigestText }; result: null };
  /** Everything a maintainer needs and no key: status, versions, the last log lines. */
  diagnostics: { parameters: Record<never, never>; result: Value };
  /** Saves all and says goodbye to the voters, so that the tab may reload for an update. */
  prepareToLeave: { parameters: Record<never, never>; result: null };
}
export type CommandName = keyof Commands;
