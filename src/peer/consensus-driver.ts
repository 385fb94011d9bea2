/**
 * Joins the consensus engine to the rest of the peer: bytes to messages, signatures before trust, durable writes before votes go
 * out, final blocks to the ledger and to storage.
 */
import type { ConsensusEffect, ConsensusInput, ConsensusMessage, Engine, FinalizedEffect } from "../consensus/engine.ts";
import { isGossiped, messageChecks, recoveryDigest, UnknownEpoch, type SignatureToCheck } from "../consensus/signature-checks.ts";
import { decodeConsensusMessage, encodeConsensusMessage, type WireMessage } from "../consensus/wire.ts";
import { assert } from "../kit/assert.ts";
import { BoundedMap } from "../kit/bounded-map.ts";
import { equalBytes } from "../kit/bytes.ts";
import { rootOfEnvelopes, type Block, type BlockHeader } from "../protocol/block.ts";
import { digest, toHex, type Hash, type HashHex, type VotingKey } from "../protocol/identifiers.ts";
import { LIMITS } from "../protocol/limits.ts";
import { Refusal, requireThat } from "../protocol/refusal.ts";
import { heldBytesOf, type Transaction } from "../protocol/transaction.ts";
import { absentBytes, aliveBytes, recoverBytes, statementBytes, type Vote } from "../protocol/vote.ts";
import type { Bodies } from "./bodies.ts";
import type { ChainServer } from "./chain-server.ts";
import type { FinalBlocks } from "./final-blocks.ts";
import { usesContracts, type LateMachine } from "./late-machine.ts";
import { OwnFault, type Outbox, type Verdict } from "./outbox.ts";
import type { Transactions } from "./transactions.ts";

export interface ConsensusDriverOptions {
  readonly chain: Hash;
  readonly engine: Engine;
  readonly outbox: Outbox;
  readonly transactions: Transactions;
  readonly bodies: Bodies;
  readonly machine: LateMachine;
  readonly finalBlocks: FinalBlocks;
  readonly server: ChainServer;
  /** Of the peer's present step. */
  readonly wallMs: () => number;
  readonly anotherPeer: (than: string) => string | undefined;
  /** Whether this peer knows more of the ledger than its genesis. */
  readonly hasHistory: () => boolean;
  /** A peer spoke that knows more than the genesis. */
  readonly onMember: (peer: string) => void;
  /** A neighbour says up to which height it has final blocks. */
  readonly onHello: (from: string, height: number) => void;
  readonly onEvidence: (first: Vote, second: Vote) => void;
  readonly onHalt: (refusal: Refusal) => void;
}

type CastEffect = Extract<ConsensusEffect, { kind: "cast" }>;

interface Heard {
  readonly from: string;
  readonly bytes: Uint8Array;
  readonly verdict: Verdict;
}

export class ConsensusDriver {
  readonly #options: ConsensusDriverOptions;
  readonly #inputs: ConsensusInput[] = [];
  #running = false;
  /** A switch waits for what it undoes to be read; all else that the engine is told waits behind it. */
  #isSwitching = false;
  #nowMs = 0;
  /** By the digest of the bytes; whether their signatures were found right. */
  readonly #seen = new BoundedMap<HashHex, boolean>(LIMITS.seenMessagesMax);
  /** Signatures that were found right, by their bytes. */
  readonly #checked = new BoundedMap<string, SignatureToCheck>(LIMITS.checkedSignaturesMax);
  readonly #unjudged = new BoundedMap<HashHex, Heard>(LIMITS.unjudgedMessagesMax);
  readonly #withoutMachine: { readonly from: string; readonly message: ConsensusMessage }[] = [];
  #withoutMachineBytes = 0;
  /** Of answers whose transactions are being verified. */
  #judgedBytes = 0;
  /** Of what was put into `unjudged` since it was last emptied. */
  #unjudgedBytes = 0;
  #epochId: HashHex | null = null;
  #wakeAtMs = Infinity;

  constructor(options: ConsensusDriverOptions) {
    this.#options = options;
  }

  /** When a tick would be of use before the next steady one. */
  get wakeAtMs(): number {
    return this.#wakeAtMs;
  }

  /** One input after another: what an effect brings about waits until the engine has finished its step. */
  input(nowMs: number, input: ConsensusInput): void {
    this.#nowMs = nowMs;
    this.#inputs.push(input);
    this.#runInputs();
  }

  #runInputs(): void {
    if (this.#running) return;
    this.#alone(() => {
      while (!this.#isSwitching) {
        const next = this.#inputs.shift();
        if (next === undefined) break;
        if (next.kind === "tick") this.#wakeAtMs = Infinity;
        this.#perform(this.#options.engine.step(this.#nowMs, next, this.#options.wallMs()));
      }
    });
    this.#judgeHeld();
  }

  /** No input runs before this is done: its effects are performed in the order of the steps, so that no older record of a vote is written over a newer one. */
  #alone(work: () => void): void {
    const wasRunning = this.#running;
    this.#running = true;
    try {
      work();
    } catch (error) {
      // Whatever of a neighbour's message may be refused was refused before, or by the engine itself.
      throw error instanceof Refusal ? new OwnFault(error) : error;
    } finally {
      this.#running = wasRunning;
    }
  }

  #again(input: ConsensusInput): void {
    this.input(this.#nowMs, input);
  }

  // ------------------------------------------------------------ messages

  /**
   * Bytes of a neighbour, by gossip or on the stream. Whatever may cost a neighbour its standing is looked at before the verdict is true, so that
   * nobody is blamed for passing on what others accepted.
   */
  onBytes(from: string, bytes: Uint8Array, nowMs: number, verdict: Verdict = () => {}): void {
    this.#nowMs = nowMs;
    try {
      const message = decodeConsensusMessage(bytes);
      if (bringsBlocks(message) && this.#options.finalBlocks.writingBytes > LIMITS.writingBytesMax) return verdict(false);
      const key = toHex(digest(bytes));
      if (message.kind !== "hello" || message.known.length > 0) this.#options.onMember(from);
      // What asks or answers is new each time; statements and candidates are the same from whomever they come.
      const once = message.kind !== "hello" && message.kind !== "ask" && message.kind !== "give";
      const known = once ? this.#seen.get(key) : undefined;
      if (known !== undefined) {
        verdict(known);
        // A promise holds for as long as it is said again (PROTOCOL, "Recovery").
        if (known && isSaidAgain(message)) this.#again({ kind: "message", from, message });
        return;
      }
      if (once) this.#seen.set(key, false);
      this.#judge({ from, bytes, verdict }, key, message);
    } catch (error) {
      verdict(false);
      throw error;
    }
  }

  #judge(heard: Heard, key: HashHex, message: WireMessage): void {
    const { from, verdict } = heard;
    let checks;
    try {
      if (message.kind === "candidate")
        requireThat(equalBytes(rootOfEnvelopes(message.envelopes), message.header.transactionsRoot), "encoding-invalid");
      checks = messageChecks(message, this.#options.chain, this.#options.engine);
    } catch (error) {
      if (!(error instanceof UnknownEpoch)) throw error;
      this.#keepUnjudged(key, heard);
      this.#again({ kind: "unknown-epoch", from, epochId: error.epochId });
      return;
    }
    const fresh = checks.filter((check) => !this.#isChecked(check));
    this.#options.outbox.verify(from, fresh, (allValid) => {
      if (allValid) for (const check of fresh) this.#checked.set(toHex(check.signature), check);
      else {
        this.#seen.delete(key);
        this.#options.outbox.penalize(from, "signature-invalid");
        return verdict(false);
      }
      if (this.#seen.has(key)) this.#seen.set(key, true);
      this.#withBodies(from, key, message, verdict);
    });
  }

  /** A certificate is made of votes, and most of those were heard one by one before. */
  #isChecked({ publicKey, signature, message }: SignatureToCheck): boolean {
    const known = this.#checked.get(toHex(signature));
    return known !== undefined && equalBytes(known.publicKey, publicKey) && equalBytes(known.message, message);
  }

  /** All are dropped when they become too many: whoever is honest says them again, or is asked by `hello`. */
  #keepUnjudged(key: HashHex, heard: Heard): void {
    const isFull = this.#unjudged.size >= LIMITS.unjudgedMessagesMax;
    if (isFull || this.#unjudgedBytes + heard.bytes.length > LIMITS.unjudgedBytesMax) {
      for (const [dropped] of this.#unjudged.entries()) this.#seen.delete(dropped);
      this.#unjudged.clear();
      this.#unjudgedBytes = 0;
    }
    this.#unjudged.set(key, heard);
    this.#unjudgedBytes += heard.bytes.length;
  }

  /** An epoch began: what could not be judged before perhaps can be now. */
  #judgeHeld(): void {
    const epochId = toHex(this.#options.engine.epochId);
    if (epochId === this.#epochId) return;
    this.#epochId = epochId;
    const held = [...this.#unjudged.entries()];
    this.#unjudged.clear();
    this.#unjudgedBytes = 0;
    for (const [key, { from, bytes, verdict }] of held) {
      this.#seen.delete(key);
      this.#options.outbox.forNeighbour(from, () => this.onBytes(from, bytes, this.#nowMs, verdict));
    }
  }

  #withBodies(from: string, key: HashHex, message: WireMessage, verdict: Verdict): void {
    if (message.kind === "candidate") {
      verdict(true);
      const { id, envelopes, headerBytes, header, vote, certificates } = message;
      this.#options.bodies.resolve(from, {
        envelopes,
        then: (transactions) => {
          const block: Block = { id, headerBytes, header, transactions };
          this.#giveBlocks(from, transactions, { kind: "candidate", block, vote, certificates });
        },
        isAwaited: () => this.#isAwaited(header),
        // Its proposer repeats it while the round stands still.
        onDropped: () => void this.#seen.delete(key),
      });
    } else if (message.kind === "give") {
      const transactions = message.blocks.flatMap((block) => block.transactions);
      const sizeBytes = heldBytesOfAll(transactions);
      if (this.#judgedBytes > 0 && this.#judgedBytes + sizeBytes > LIMITS.judgedBytesMax) return verdict(false);
      this.#judgedBytes += sizeBytes;
      this.#options.transactions.verify(from, transactions, { keep: false }, (allValid) => {
        this.#judgedBytes -= sizeBytes;
        verdict(allValid && isGossiped(message, this.#options.engine));
        if (allValid) this.#giveBlocks(from, transactions, message);
        else this.#options.outbox.penalize(from, "signature-invalid");
      });
    } else {
      verdict(message.kind !== "ask");
      if (message.kind === "hello") this.#options.onHello(from, message.height);
      this.#again({ kind: "message", from, message });
    }
  }

  /** Whether it is the candidate that everybody votes on next: this round's, of whose turn it is. */
  #isAwaited({ epochId, round, proposer }: BlockHeader): boolean {
    const now = this.#options.engine.status();
    return round === now.round && equalBytes(epochId, now.epochId) && equalBytes(proposer, now.leader);
  }

  /** Blocks that run contracts wait for the machine; they are executed where consensus stands, and that cannot wait. */
  #giveBlocks(from: string, transactions: readonly Transaction[], message: ConsensusMessage): void {
    if (this.#options.machine.isReady || !usesContracts(transactions)) return this.#again({ kind: "message", from, message });
    const sizeBytes = heldBytesOfAll(transactions);
    if (this.#withoutMachine.length < LIMITS.unjudgedMessagesMax && this.#withoutMachineBytes + sizeBytes <= LIMITS.machineWaitBytesMax) {
      this.#withoutMachine.push({ from, message });
      this.#withoutMachineBytes += sizeBytes;
    }
    this.#options.outbox.emit({ kind: "need-machine" });
  }

  /** The contract machine is there: what waited for it is taken in. */
  onMachine(nowMs: number): void {
    this.#withoutMachineBytes = 0;
    for (const { from, message } of this.#withoutMachine.splice(0)) this.input(nowMs, { kind: "message", from, message });
  }

  // ------------------------------------------------------------ effects

  #perform(effects: readonly ConsensusEffect[]): void {
    for (const [index, effect] of effects.entries()) {
      switch (effect.kind) {
        case "persist":
          this.#persist(effect);
          break;
        case "cast":
          this.#cast(effect);
          break;
        case "broadcast":
          this.#noteOwnCandidate(effect.message);
          this.#options.outbox.network({ kind: "publish", topic: "consensus", bytes: this.#encode(effect.message) });
          break;
        case "send":
          this.#send(effect.peer, effect.message);
          break;
        case "ask":
          this.#ask(effect.peer, effect.id);
          break;
        case "serve-block":
          this.#options.server.serveBlock(effect.peer, effect.id, this.#nowMs, (message) => this.#send(effect.peer, message));
          break;
        case "serve-chain":
          this.#options.server.serveChain(effect.peer, effect.known, this.#nowMs, (message) => this.#send(effect.peer, message));
          break;
        case "finalized":
          this.#finalized(effect);
          break;
        case "switched":
          return this.#switch(effect, effects.slice(index + 1));
        case "dropped":
          this.#options.finalBlocks.drop(effect.blocks);
          break;
        case "evidence":
          this.#options.onEvidence(effect.first, effect.second);
          break;
        case "split":
          this.#options.finalBlocks.onSplit(effect.epochId, effect.recovery);
          break;
        case "wake":
          this.#wakeAtMs = Math.min(this.#wakeAtMs, effect.atMs);
          break;
      }
    }
  }

  #switch({ undone, common }: Extract<ConsensusEffect, { kind: "switched" }>, rest: readonly ConsensusEffect[]): void {
    this.#isSwitching = true;
    this.#options.finalBlocks.undo(undone, common, () => {
      this.#isSwitching = false;
      this.#alone(() => this.#perform(rest));
      this.#runInputs();
    });
  }

  #noteOwnCandidate(message: ConsensusMessage): void {
    if (message.kind !== "candidate") return;
    const { transactions } = this.#options;
    transactions.onInBlock(message.block.transactions, message.block.header.height ?? 0);
    // Its own transactions go before it, or everybody would have to ask for them.
    transactions.flush();
  }

  #send(peer: string, message: ConsensusMessage): void {
    const protocol = message.kind === "hello" ? "hello" : "sync";
    this.#options.outbox.network({ kind: "send", peer, protocol, bytes: this.#encode(message) });
  }

  /** Who has the genesis alone names no known blocks, so that another newcomer does not take it for a member. */
  #encode(message: ConsensusMessage): Uint8Array {
    const isNewcomer = message.kind === "hello" && !this.#options.hasHistory();
    return encodeConsensusMessage(isNewcomer ? { ...message, known: [] } : message);
  }

  #ask(peer: string | null, id: Hash): void {
    const to = peer ?? this.#options.anotherPeer("");
    if (to !== undefined) this.#send(to, { kind: "ask", id });
  }

  /** Votes are durable before they go out: `then` waits for the strict write, and never happens if it fails. */
  #persist({ puts, deletes, then }: Extract<ConsensusEffect, { kind: "persist" }>): void {
    const batch = {
      puts: puts.map(([key, bytes]) => ["votes", key, bytes] as const),
      deletes: deletes.map((key) => ["votes", key] as const),
      strict: true,
    };
    this.#options.outbox.store(batch, (refusal) => {
      if (refusal === null) this.#perform(then);
      else this.#options.onHalt(new Refusal(refusal.code, refusal.data));
    });
  }

  #finalized(effect: FinalizedEffect): void {
    this.#options.finalBlocks.finalize(effect);
    if (!effect.restored) this.#again({ kind: "transactions-changed" });
  }

  #cast({ seat, cast }: CastEffect): void {
    const bytes = castBytes(cast);
    this.#options.outbox.sign(seat, bytes, (signature) => {
      if (signature === null) {
        this.#options.outbox.log("error", "voting key missing", { seat });
        return;
      }
      this.#checked.set(toHex(signature), { publicKey: seat, signature, message: bytes });
      this.#again({ kind: "message", from: null, message: castMessage(seat, cast, signature) });
    });
  }
}

function heldBytesOfAll(transactions: readonly Transaction[]): number {
  return transactions.reduce((bytes, transaction) => bytes + heldBytesOf(transaction), 0);
}

/** What a peer whose storage is slower than the chain does not take until it has written more: it is asked for then, and given again. */
function bringsBlocks(message: WireMessage): boolean {
  return message.kind === "candidate" || message.kind === "give";
}

/** Statements whose time matters to an engine, and not only what they say. */
function isSaidAgain(message: WireMessage): message is Extract<WireMessage, { kind: "alive" | "recover" | "absent" }> {
  return message.kind === "alive" || message.kind === "recover" || message.kind === "absent";
}

function castBytes(cast: CastEffect["cast"]): Uint8Array {
  switch (cast.kind) {
    case "vote":
      return statementBytes(cast.statement);
    case "alive":
      return aliveBytes(cast.alive);
    case "recover":
      return recoverBytes(recoveryDigest(cast.recovery));
    case "absent":
      return absentBytes(cast.absent);
  }
}

function castMessage(seat: VotingKey, cast: CastEffect["cast"], signature: Uint8Array): ConsensusMessage {
  assert(signature.length === 64, "Ed25519 signatures have 64 bytes");
  switch (cast.kind) {
    case "vote":
      return { kind: "vote", vote: { ...cast.statement, seat, signature } };
    case "alive":
      return { kind: "alive", alive: { ...cast.alive, seat, signature } };
    case "recover":
      return { kind: "recover", recover: { recovery: cast.recovery, seat, signature } };
    case "absent":
      return { kind: "absent", absent: { ...cast.absent, seat, signature } };
  }
}
