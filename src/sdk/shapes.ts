/** What queries and topics give. The conventions are those of `api.ts`. */
import type { RejectCode } from "../protocol/codes.ts";
import type { Value } from "../protocol/codec.ts";
import type { RefusalData } from "../protocol/refusal.ts";
import type { AccountText, DeviceStatus, DigestText, RoadStage } from "./api.ts";

export type Strength = "full" | "recovered" | "provisional";

export type JoiningStep = "slot" | "keys" | "relay" | "peers" | "ledger" | "seat";
export interface JoiningProgress {
  readonly step: JoiningStep;
  readonly state: "waiting" | "working" | "done" | "failed" | "skipped";
  readonly done?: number;
  readonly total?: number;
  /** Of these numbers; without it they count what the step names, such as blocks. */
  readonly unit?: "bytes";
  /** Why it failed or waits. */
  readonly code?: RejectCode;
}

/** Addresses for others in the room, from a relay that makes its own certificate. */
export interface Room {
  readonly app: string;
  /** Page that says how to trust the certificate, which comes first. */
  readonly guide: string;
}

export interface Status {
  readonly ready: boolean;
  /** libp2p peer id. */
  readonly peer: string;
  readonly account: AccountText;
  /** Whether this peer's keys outlive the tab. False on an insecure origin: a reload ends the account, unless it was saved. */
  readonly keysDurable: boolean;
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
  readonly kind: BotKind;
  /** Word for the token, empty in a BoT without any, and what is in this account, finalized. */
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
  /** Null where the address of this page does for all. */
  readonly room: Room | null;
}

export type BotKind = "public" | "consortium" | "private";

/** A BoT that this browser knows. */
export interface BotInfo {
  readonly chain: DigestText;
  readonly name: string;
  readonly kind: BotKind;
  /** Whether the relay that served the app names it. */
  readonly home: boolean;
  /** Whether it is the one that is open. */
  readonly here: boolean;
}

/** What an account or contract calls itself. */
export interface NameInfo {
  readonly account: AccountText;
  readonly name: string;
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

/** A call that is only tried. */
export interface TrialCall {
  readonly method: string;
  readonly arguments: Value;
  /** Sent with it; whether the account has that is not asked. */
  readonly amount?: number;
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
  /** Seats that recovery waits for, with the step reached (0 when no recovery is under way, null where there never is one: a consortium waits). */
  readonly recovery: { readonly step: number | null; readonly sinceMs: number; readonly missing: readonly AccountText[] } | null;
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
  /** Whether this page has made nearly all the direct connections that a browser allows in its life: only a reload gives it more. */
  readonly directSpent: boolean;
  readonly bytesIn: number;
  readonly bytesOut: number;
}

export interface FinalitySample {
  readonly height: number;
  readonly atMs: number;
  /** From the block's header time to this peer holding its finality certificate. */
  readonly finalityMs: number;
  readonly transactions: number;
  /** Whose seat proposed it; null for a recovery, which nobody proposes. */
  readonly proposer: AccountText | null;
}

export const INCIDENT_KINDS = [
  "stalled",
  "behind",
  "split",
  "storage",
  "recovery",
  "reorganization",
  "equivocation",
  "clock",
  "halted",
] as const;
/**
 * What went wrong around this peer: nothing becomes final because seats are missing (`stalled`), this peer has fallen behind the others (`behind`), the BoT
 * has split (`split`), little room is left (`storage`), a recovery went on without some seats (`recovery`), final blocks were left for a better branch
 * (`reorganization`), a seat signed contradicting votes (`equivocation`), a block came from ahead of this machine's clock (`clock`), this peer halted (`halted`).
 */
export type IncidentKind = (typeof INCIDENT_KINDS)[number];

export interface IncidentInfo {
  readonly kind: IncidentKind;
  /** By this machine's clock. */
  readonly sinceMs: number;
  /** When it was seen last. */
  readonly untilMs: number;
  /** False while it goes on. */
  readonly isOver: boolean;
  /** The block that it is about, where there is one. */
  readonly height: number | null;
  /** Whose seats are missing, who is at fault; at most 8. */
  readonly who: readonly AccountText[];
  /** How far that block was ahead of this machine's clock. */
  readonly offMs: number | null;
  readonly code: RejectCode | null;
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
  /** Without a gap. */
  readonly blocksKept: { readonly from: number; readonly to: number };
  /** Where this ledger begins, if not with the genesis: a snapshot that other peers gave, and the weakest link in what proves it. */
  readonly joined: { readonly height: number; readonly weakest: Strength; readonly atMs: number } | null;
}

export interface Settings {
  /** Whether this peer claims, bonds and takes a seat by itself. Begins as false where keys are not durable, but for who founds. */
  readonly seatWanted: boolean;
  /** Multiaddrs, each with the relay's peer; used at once. */
  readonly relays: readonly string[];
  /** `stun:host:port`, or `turn:host:port?transport=udp name password`; used from the next start. */
  readonly iceServers: readonly string[];
  /** What `window.bothy` of one tab may spend before it is refused with `limit-exceeded`; 0 forbids it. */
  readonly windowLimit: number;
  /** How many of the newest blocks are kept, and about how many bytes of them; null for all. What a peer needs to vote and to show others the way stays. */
  readonly keepBlocks: number | null;
  readonly keepBytes: number | null;
  /** What this person calls accounts, devices and contracts; kept in this browser only. */
  readonly nicknames: Readonly<Record<string, string>>;
  /** When the account was last exported, or its words written down, so that the app can warn before a key is lost. */
  readonly exportedMs: number | null;
}

/** What an exported peer is, as far as it can be told without its passphrase. */
export interface PeerFileInfo {
  /** Of the BoT it was in. */
  readonly name: string;
  /** Whether this peer is in the same BoT. */
  readonly here: boolean;
  readonly ledger: boolean;
  /** Whether the tab opens that BoT from now on, and leaves the one that is open as it is. */
  readonly opens: boolean;
}

/** What a ledger in a file says of itself, before it is checked. */
export interface LedgerFileInfo {
  /** Of the BoT it is of. */
  readonly name: string;
  /** Whether this peer is in the same BoT. */
  readonly here: boolean;
  /** Of its last block. */
  readonly height: number;
}

/** What calls would take from the account, and whether it is there. */
export interface Estimate {
  /** The most that the transaction would cost. */
  readonly fee: number;
  /** Measured by a trial; 0 when no contract runs. */
  readonly gasUsed: number;
  /** What the calls give away, and what is missing for a bond. */
  readonly amount: number;
  /** What the account has, own transactions in notarized blocks counted. */
  readonly balance: number;
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
