/** What a peer needs from outside. `host` has for each a real one, a memory one, and one suite that both pass. */
import type { RejectCode } from "../protocol/codes.ts";

/** Ordered tables of bytes. Keys of one table are all strings; order is by UTF-16 units, and keys are ASCII. */
export const STORAGE_TABLES = ["meta", "votes", "blocks", "states", "pool", "index"] as const;
export type StorageTable = (typeof STORAGE_TABLES)[number];

export interface StorageBatch {
  readonly puts: readonly (readonly [table: StorageTable, key: string, bytes: Uint8Array])[];
  readonly deletes: readonly (readonly [table: StorageTable, key: string])[];
  /** Whether the promise may resolve only once the data would survive a crash of the machine (IndexedDB durability "strict"). */
  readonly strict: boolean;
}

/** One database. Every write is one atomic transaction: after a crash all of a batch is there or nothing. Rejects with `Refusal` `storage-full`, `storage-broken` or `storage-closed`. Reads and writes see each other in the order of the calls. */
export interface Storage {
  read(table: StorageTable, key: string): Promise<Uint8Array | undefined>;
  /** Rows with `from <= key < to`, ascending (or descending from the end when `reverse`), at most `limit`. */
  range(
    table: StorageTable,
    options: { from: string; to: string; limit: number; reverse?: boolean },
  ): Promise<readonly (readonly [key: string, bytes: Uint8Array])[]>;
  /** Writes in the order of the calls. */
  write(batch: StorageBatch): Promise<void>;
  /** Bytes used and allowed, where the platform tells. */
  estimate(): Promise<{ readonly usedBytes: number; readonly quotaBytes: number } | undefined>;
  close(): void;
  /** Removes the database with all it holds. */
  destroy(): Promise<void>;
}

export type KeyKind = "account" | "voting";

/** Holds private keys and never gives one out; only the account's can be exported, encrypted, by the person's word. */
export interface Keys {
  /** Makes a key pair, durable before it resolves. Gives the 32-byte Ed25519 public key. */
  create(kind: KeyKind): Promise<Uint8Array>;
  list(kind: KeyKind): Promise<readonly Uint8Array[]>;
  /** Ed25519 (RFC 8032) over the bytes. Rejects with `Refusal` `key-missing`. */
  sign(publicKey: Uint8Array, bytes: Uint8Array): Promise<Uint8Array>;
  /** Removes a voting key for ever. */
  destroy(publicKey: Uint8Array): Promise<void>;
}

export interface SignatureCheck {
  readonly publicKey: Uint8Array;
  readonly signature: Uint8Array;
  readonly message: Uint8Array;
}

/** Checks signatures by the one rule of `protocol/signature`. */
export interface Signatures {
  verify(checks: readonly SignatureCheck[]): Promise<readonly boolean[]>;
}

export const GOSSIP_TOPICS = ["transactions", "consensus"] as const;
export type GossipTopic = (typeof GOSSIP_TOPICS)[number];
/** `admit` and `forward` are of BoTs that are not public: who may come in, and what is gossiped among members. */
export const STREAM_PROTOCOLS = ["hello", "sync", "fetch", "snapshot", "admit", "forward"] as const;
export type StreamProtocol = (typeof STREAM_PROTOCOLS)[number];

/** What a peer orders of the network. All are structured-cloneable; bytes are transferred. Nothing is answered: results come as events. */
export type NetworkCommand =
  /** In a `closed` BoT nothing is gossiped, and nobody is told who is there before it is admitted. */
  | { readonly kind: "join"; readonly chain: string; readonly closed: boolean }
  /** The peer may hear who else is there: in a closed BoT, where nobody else does. */
  | { readonly kind: "admit"; readonly peer: string }
  /** Ends the link, and leaves the peer alone for a while: it has done nothing wrong, but is nobody here. */
  | { readonly kind: "refuse"; readonly peer: string }
  | { readonly kind: "publish"; readonly topic: GossipTopic; readonly bytes: Uint8Array }
  /** One message to a linked peer, in order per peer and protocol; dropped silently if the link is gone. */
  | { readonly kind: "send"; readonly peer: string; readonly protocol: StreamProtocol; readonly bytes: Uint8Array }
  /** Lowers a peer's standing for an objective fault; enough of them cut the link and refuse it for a while. */
  | { readonly kind: "penalize"; readonly peer: string; readonly code: RejectCode }
  /** Whether what was heard under this number is passed on to other neighbours. Without a word within some seconds it is not. */
  | { readonly kind: "verdict"; readonly id: number; readonly accept: boolean }
  | { readonly kind: "setRelays"; readonly relays: readonly string[] };

export type NetworkEvent =
  /** `self`: this peer's own network identity, as the transport has shown it to the other side. */
  | { readonly kind: "linked"; readonly peer: string; readonly self: string; readonly direct: boolean }
  | { readonly kind: "unlinked"; readonly peer: string }
  /** `from` is the neighbour that forwarded it, not its author; `id` is named in the verdict. */
  | { readonly kind: "gossip"; readonly id: number; readonly topic: GossipTopic; readonly from: string; readonly bytes: Uint8Array }
  | { readonly kind: "message"; readonly from: string; readonly protocol: StreamProtocol; readonly bytes: Uint8Array }
  | { readonly kind: "network-status"; readonly status: NetworkStatus };

export interface NetworkStatus {
  readonly self: string;
  readonly relays: readonly { readonly address: string; readonly state: "linked" | "dialing" | "unreachable" }[];
  readonly links: readonly {
    readonly peer: string;
    readonly direct: boolean;
    readonly via: string | null;
    readonly roundTripMs: number | null;
    /** Peers that this neighbour says it is linked to. */
    readonly neighbours: readonly string[];
  }[];
  readonly known: number;
  /** Whether this page has made nearly all the direct connections that a browser allows in its life: only a reload gives it more. */
  readonly directSpent: boolean;
  readonly bytesIn: number;
  readonly bytesOut: number;
}
