/**
 * Who hears and is heard in a BoT that is not public. Each link begins shut: nothing passes but knocks and passes. To who has shown an account of no member this
 * peer says only what asks, for a while: an account that came in while this peer was away is a member whom it does not know yet, and it may be the only one
 * there to tell. What others gossip goes over direct streams, from member to member. In a public BoT all doors are open. PROTOCOL, "Wire"; spec/admission.md.
 */
import { decodeConsensusMessage } from "../consensus/wire.ts";
import { BoundedMap } from "../kit/bounded-map.ts";
import { concatBytes, equalBytes } from "../kit/bytes.ts";
import { genesisOf, rolesOf, type StateView } from "../ledger/index.ts";
import { authorityOf } from "../ledger/policies.ts";
import { decodeAdmission, encodeAdmission, isRightProof, knockProof, passBytes, type AdmissionMessage } from "../protocol/admission.ts";
import { encodeGenesis } from "../protocol/genesis.ts";
import { digest, toHex, type AccountId, type Hash, type HashHex } from "../protocol/identifiers.ts";
import { requireThat } from "../protocol/refusal.ts";
import { decodeFetch } from "../protocol/wire.ts";
import type { Outbox } from "./outbox.ts";
import {
  GOSSIP_TOPICS,
  type GossipTopic,
  type NetworkCommand,
  type NetworkEvent,
  type NetworkStatus,
  type StreamProtocol,
} from "./ports.ts";
import { decodeSnapshotMessage, type SnapshotMessage } from "./snapshot-wire.ts";

export interface DoorOptions {
  readonly chain: Hash;
  readonly account: AccountId;
  readonly outbox: Outbox;
  /** The finalized state: it says who is a member. */
  readonly state: () => StateView;
  readonly caughtUp: () => boolean;
  /** Both sides have shown their accounts, so that each hears what the other says from now on. */
  readonly onOpened: (peer: string) => void;
  /** A name that stands for no peer, such as a file that is read; it needs no pass. */
  readonly openTo: string | null;
}

interface Caller {
  /** This peer's own network identity. */
  readonly self: string;
  readonly sinceMs: number;
  knockedMs: number;
  /** Shown, and so it is heard. */
  account: AccountId | null;
  /** Whether it has said that it hears this peer. */
  hears: boolean;
  passedMs: number;
  isMember: boolean;
}

interface Held {
  readonly from: string;
  readonly bytes: Uint8Array;
}

type Linked = Extract<NetworkEvent, { kind: "linked" }>;
type Send = Extract<NetworkCommand, { kind: "send" }>;
type Gossiped = Extract<NetworkEvent, { kind: "gossip" }>;

/** How long a link may stay without a pass. */
const PASS_MS = 10_000;
/** A knock, or what answers it, may have been lost with a connection. */
const KNOCK_AGAIN_MS = 3_000;
/** How long somebody whose account this peer does not know may bring it up to date. */
const UNKNOWN_MS = 3_000;
/** A refusal says so much about now. */
const REFUSED_MS = 30_000;
/** Forwarded messages that are remembered: a minute of votes of all seats. */
const SEEN_MAX = 8_192;
const HELD_MAX = 1_024;
/** The same in bytes: what waits for its epoch or for signatures is passed on late, or not by this peer. */
const HELD_BYTES_MAX = 8 * 1024 * 1024;
/** Topic, and how often these bytes were said before: what is said again must not be taken for what was seen. */
const PREFIX_BYTES = 2;
/** One in so many copies goes also to whom another should have told: it may keep it back. */
const SPARE_COPIES = 8;

const SNAPSHOT_ASKS: ReadonlySet<SnapshotMessage["kind"]> = new Set(["blocks", "epochs", "skip", "chunk", "history"]);

/** Whether it gives away no more than what this peer wants to know. */
function isAsk(protocol: StreamProtocol, bytes: Uint8Array): boolean {
  if (protocol === "hello") return true;
  if (protocol === "sync") return decodeConsensusMessage(bytes).kind === "ask";
  if (protocol === "fetch") return decodeFetch(bytes).kind === "wanted";
  return protocol === "snapshot" && SNAPSHOT_ASKS.has(decodeSnapshotMessage(bytes).kind);
}

export class Door {
  readonly #o: DoorOptions;
  /** Null where all doors are open. */
  readonly #genesis: Uint8Array | null;
  readonly #callers = new Map<string, Caller>();
  readonly #seen = new BoundedMap<HashHex, true>(SEEN_MAX);
  readonly #said = new BoundedMap<HashHex, number>(SEEN_MAX);
  /** What was forwarded to this peer and is not judged yet. */
  readonly #held = new BoundedMap<number, Held>(HELD_MAX, { max: HELD_BYTES_MAX, of: ({ bytes }) => bytes.length });
  #nextId = 1;
  #nowMs = 0;
  #refusedMs = -Infinity;
  #isServed = false;
  #neighboursOf: ReadonlyMap<string, readonly string[]> = new Map();

  constructor(options: DoorOptions) {
    this.#o = options;
    const genesis = genesisOf(options.state());
    this.#genesis = genesis.kind === "public" ? null : encodeGenesis(genesis);
  }

  get isClosed(): boolean {
    return this.#genesis !== null;
  }

  /** Whether this peer is kept out: it heard so of late, or its account has no role in its own ledger and nobody has told it more. */
  get isShut(): boolean {
    if (this.#genesis === null) return false;
    if (this.#nowMs - this.#refusedMs < REFUSED_MS) return true;
    return !this.#isServed && rolesOf(this.#o.state(), this.#o.account).length === 0;
  }

  // ------------------------------------------------------------ links

  /** Whether the link is open at once; otherwise it is knocked. */
  onLinked({ peer, self }: Linked, nowMs: number): boolean {
    this.#nowMs = nowMs;
    if (this.#genesis === null || peer === this.#o.openTo) return true;
    const known = this.#callers.get(peer);
    const caller = known ?? { self, sinceMs: nowMs, knockedMs: nowMs, account: null, hears: false, passedMs: 0, isMember: false };
    this.#callers.set(peer, caller);
    // Also on a new connection: the other side may be another one now, or may have lost what was said on the one before.
    caller.hears = false;
    this.#knock(peer, caller);
    return false;
  }

  #knock(peer: string, caller: Caller): void {
    caller.knockedMs = this.#nowMs;
    this.#say(peer, { kind: "knock", proof: knockProof(this.#genesis!, caller.self, peer) });
  }

  onUnlinked(peer: string): void {
    this.#callers.delete(peer);
  }

  /** Whether what this peer says is taken in. */
  hears(peer: string): boolean {
    return this.#genesis === null || peer === this.#o.openTo || (this.#callers.get(peer)?.account ?? null) !== null;
  }

  /** More than a greeting came from a neighbour: this peer is let in. */
  onServed(): void {
    this.#isServed = true;
    this.#refusedMs = -Infinity;
  }

  #tells(peer: string): boolean {
    return this.#genesis === null || peer === this.#o.openTo || this.#callers.get(peer)?.isMember === true;
  }

  /** @throws {Refusal} what `decodeAdmission` refuses, `not-authorized`. */
  onAdmission(from: string, bytes: Uint8Array, nowMs: number): void {
    this.#nowMs = nowMs;
    const caller = this.#callers.get(from);
    if (caller === undefined || this.#genesis === null) return;
    const message = decodeAdmission(bytes);
    if (message.kind === "refused") return this.#onRefused(caller);
    if (message.kind === "open") return this.#onOpen(from, caller);
    if (!isRightProof(message.proof, knockProof(this.#genesis, from, caller.self))) return this.#end(from);
    if (message.kind === "knock") this.#answer(from, caller);
    else this.#readPass(from, caller, message);
  }

  /** Whoever is no member here cannot say who is: else a stranger could stop this peer with a word. */
  #onRefused({ isMember }: Caller): void {
    if (!isMember) return;
    this.#refusedMs = this.#nowMs;
    this.#isServed = false;
  }

  #onOpen(from: string, caller: Caller): void {
    // Also again: the other side may have begun anew, and not know what this one said before.
    caller.hears = true;
    if (caller.account !== null) this.#o.onOpened(from);
  }

  /** Whoever knocks has not heard that it is heard. */
  #answer(to: string, caller: Caller): void {
    this.#showPass(to, caller);
    if (caller.account !== null) this.#say(to, { kind: "open" });
  }

  #showPass(to: string, { self }: Caller): void {
    const { outbox, account, chain } = this.#o;
    const genesis = this.#genesis!;
    outbox.sign(account, passBytes(chain, self), (signature) => {
      if (signature === null) return outbox.log("error", "account key missing");
      this.#say(to, { kind: "pass", proof: knockProof(genesis, self, to), account, signature });
    });
  }

  #readPass(from: string, caller: Caller, { account, signature }: Extract<AdmissionMessage, { kind: "pass" }>): void {
    // What it said of itself before, this very peer has shown already.
    if (caller.account !== null && equalBytes(caller.account, account)) return this.#say(from, { kind: "open" });
    const message = passBytes(this.#o.chain, from);
    this.#o.outbox.verify(from, [{ publicKey: account, signature, message }], (isValid) => {
      requireThat(isValid, "signature-invalid");
      // The link may have ended meanwhile, or shown another account before.
      if (this.#callers.get(from) !== caller || caller.account !== null) return;
      caller.account = account;
      caller.passedMs = this.#nowMs;
      this.#look(from, caller);
      this.#say(from, { kind: "open" });
      if (caller.hears) this.#o.onOpened(from);
    });
  }

  /** Those who have shown nothing in time, and those who are no members, go. */
  tick(nowMs: number): void {
    this.#nowMs = nowMs;
    for (const [peer, caller] of this.#callers) {
      if (caller.account === null && nowMs - caller.sinceMs > PASS_MS) {
        this.#end(peer);
        continue;
      }
      if ((caller.account === null || !caller.hears) && nowMs - caller.knockedMs >= KNOCK_AGAIN_MS) this.#knock(peer, caller);
      if (caller.account === null) continue;
      this.#look(peer, caller);
      if (!caller.isMember && nowMs - caller.passedMs >= UNKNOWN_MS && this.#o.caughtUp()) this.#refuse(peer);
    }
  }

  #look(peer: string, caller: Caller): void {
    const state = this.#o.state();
    const account = caller.account!;
    const { policy } = authorityOf(state, account);
    // Its own key alone signed the pass.
    const isOwnKey = policy === null || policy.keys.some((key) => equalBytes(key, account));
    const isMember = isOwnKey && rolesOf(state, account).length > 0;
    if (isMember && !caller.isMember) this.#o.outbox.emit({ kind: "network", command: { kind: "admit", peer } });
    caller.isMember = isMember;
  }

  /** It is told why: its account has no role. */
  #refuse(peer: string): void {
    this.#say(peer, { kind: "refused" });
    this.#end(peer);
  }

  #end(peer: string): void {
    this.#o.outbox.emit({ kind: "network", command: { kind: "refuse", peer } });
    this.#o.outbox.noteRefusal(peer, "not-authorized");
    this.#callers.delete(peer);
  }

  #say(peer: string, message: AdmissionMessage): void {
    this.#o.outbox.emit({ kind: "network", command: { kind: "send", peer, protocol: "admit", bytes: encodeAdmission(message) } });
  }

  // ------------------------------------------------------------ what passes

  /** Whether the network may have a command as it is; what is to be gossiped goes to each member instead. */
  mayPass(command: NetworkCommand): boolean {
    if (this.#genesis === null) return true;
    switch (command.kind) {
      case "send":
        return this.#tells(command.peer) || (this.hears(command.peer) && isAsk(command.protocol, command.bytes));
      case "publish":
        this.#publish(command.topic, command.bytes);
        return false;
      case "verdict":
        this.#judge(command.id, command.accept);
        return false;
      default:
        return true;
    }
  }

  #publish(topic: GossipTopic, bytes: Uint8Array): void {
    const key = toHex(digest(bytes));
    const count = this.#said.get(key) ?? 0;
    this.#said.set(key, (count + 1) % 256);
    const message = concatBytes(Uint8Array.of(GOSSIP_TOPICS.indexOf(topic), count), bytes);
    this.#seen.set(toHex(digest(message)), true);
    this.#forward(null, message);
  }

  /** What a neighbour forwarded, if it is new and this BoT is one that forwards. @throws {Refusal} `encoding-invalid`. */
  heard(from: string, bytes: Uint8Array): Gossiped | null {
    if (this.#genesis === null) return null;
    const topic = GOSSIP_TOPICS[bytes[0] ?? GOSSIP_TOPICS.length];
    requireThat(topic !== undefined && bytes.length > PREFIX_BYTES, "encoding-invalid");
    const key = toHex(digest(bytes));
    if (this.#seen.has(key)) return null;
    this.#seen.set(key, true);
    const id = this.#nextId++;
    this.#held.set(id, { from, bytes });
    return { kind: "gossip", id, topic, from, bytes: bytes.subarray(PREFIX_BYTES) };
  }

  #judge(id: number, accept: boolean): void {
    const held = this.#held.get(id);
    this.#held.delete(id);
    if (held !== undefined && accept) this.#forward(held.from, held.bytes);
  }

  #forward(from: string | null, bytes: Uint8Array): void {
    // In a room where all are linked to all, each message would go over every link twice (ADR 35).
    const told = from === null ? [] : (this.#neighboursOf.get(from) ?? []);
    const spare = digest(bytes)[0]!;
    let index = 0;
    for (const [peer, { isMember }] of this.#callers) {
      index++;
      if (!isMember || peer === from) continue;
      if (told.includes(peer) && (spare + index) % SPARE_COPIES !== 0) continue;
      const command: Send = { kind: "send", peer, protocol: "forward", bytes };
      this.#o.outbox.emit({ kind: "network", command });
    }
  }

  onStatus({ links }: NetworkStatus): void {
    if (this.#genesis !== null) this.#neighboursOf = new Map(links.map(({ peer, neighbours }) => [peer, neighbours]));
  }
}
