/** A node that is a whole peer: the very machine that runs in a tab, over a virtual disk, its effects performed on the virtual clock. */
import { decodeConsensusMessage, encodeConsensusMessage } from "../src/consensus/wire.ts";
import {
  copyBatch,
  copyMemoryDisk,
  applyBatch,
  createMemoryStorage,
  readDiskRange,
  type MemoryDisk,
} from "../src/host/storage/memory-storage.ts";
import { loadLedger } from "../src/host/load-ledger.ts";
import type { BlockInfo, ConsensusStatus } from "../src/consensus/engine.ts";
import { assert } from "../src/kit/assert.ts";
import { compareBytes } from "../src/kit/bytes.ts";
import type { Random } from "../src/kit/random.ts";
import { accountKey, readAccount } from "../src/ledger/accounts.ts";
import { heldSupply, nextNonceOf, receiptsRootOf, supplyOf } from "../src/ledger/index.ts";
import type { CommittedBlock, PeerEffect, PeerInput } from "../src/peer/effects.ts";
import { Peer } from "../src/peer/peer.ts";
import type { GossipTopic, NetworkCommand, StorageBatch, StreamProtocol } from "../src/peer/ports.ts";
import { decodeBlockRow } from "../src/peer/rows.ts";
import { createBlock, transactionsRootOf, type BlockHeader } from "../src/protocol/block.ts";
import { encode, type Value } from "../src/protocol/codec.ts";
import { chainOf, DEFAULT_PARAMETERS, encodeGenesis, ROLES, type Member, type Parameters } from "../src/protocol/genesis.ts";
import { asAccountId, asVotingKey, digest, toHex, type HashHex, type VotingKey } from "../src/protocol/identifiers.ts";
import { LIMITS } from "../src/protocol/limits.ts";
import { statementBytes, valueToVote, type Certificate, type Statement } from "../src/protocol/vote.ts";
import type { FinalReport, NodeFactory, NodeInput, NodeOutput, SaidMessage, SimNode } from "./node.ts";
import { PeerDisk } from "./peer-disk.ts";
import type { SimKeys } from "./sim-keys.ts";

/** A moment of 2027, since the peer counts from 1970 and the simulator from 0. */
const START_MS = 1_800_000_000_000;
const SIGNATURES_MS_MAX = 4;
const READ_MS = 1;
const REFUSED_MS = 10_000;
const CLAIM_MS = 50;
const PAYMENT_FEE = 10;
const CERTIFIED_MAX = 50;
/** The supply is counted at every so many heights: it takes a look at each account. */
const SUPPLY_EVERY = 8;

type PeerPayload =
  | { readonly kind: "gossip"; readonly topic: GossipTopic; readonly bytes: Uint8Array }
  | { readonly kind: "message"; readonly protocol: StreamProtocol; readonly bytes: Uint8Array };

/** The number that a payment's transaction has. */
interface Payment {
  readonly account: Uint8Array;
  readonly nonce: readonly [lane: number, number: number];
  readonly id: HashHex;
}

interface PeerNodeOptions {
  readonly id: string;
  readonly peer: Peer;
  readonly disk: PeerDisk;
  readonly keys: SimKeys;
  readonly random: Random;
  readonly payments: Map<number, Payment>;
  readonly createVotingKey: () => VotingKey;
}

/** An account of its own for each payment: what it holds says whether, and how often, the payment was made. */
function accountOfMark(mark: number): Uint8Array {
  return digest(encode(["payment", mark]));
}

class PeerNode implements SimNode {
  readonly #o: PeerNodeOptions;
  readonly #peer: Peer;
  /** What the living tab sees: the disk and every write since. */
  readonly #view: MemoryDisk;
  readonly #infos = new Map<HashHex, BlockInfo>();
  readonly #unsent = new Map<number, HashHex>();
  readonly #paidTwice = new Set<number>();
  #certificates: Certificate[] = [];
  #out: NodeOutput[] = [];
  #reported = "";
  #heard = 0;
  #saidHalted = false;
  /** A write was refused: that it says so, and halts, is as it should be. */
  #isDiskFull = false;

  constructor(options: PeerNodeOptions) {
    this.#o = options;
    this.#peer = options.peer;
    this.#view = copyMemoryDisk(options.disk.durable);
    this.#reported = toHex(this.#peer.final.id);
  }

  // ------------------------------------------------------------ what the simulator sees

  status(): ConsensusStatus {
    return this.#peer.consensus;
  }

  /** Also where the number went to another transaction of its sender, whose tab crashed before the payment was on its disk. */
  hasFinal(mark: number): boolean {
    const { state } = this.#peer;
    const { balance } = readAccount(state, accountKey(accountOfMark(mark)));
    if (balance > 1) this.#paidTwice.add(mark);
    if (balance > 0) return true;
    const payment = this.#o.payments.get(mark);
    if (payment === undefined) return false;
    const [lane, number] = payment.nonce;
    return nextNonceOf(state, asAccountId(payment.account), lane) > number;
  }

  stateRootAt(): HashHex {
    return toHex(this.#peer.final.stateRoot);
  }

  finalHeight(): number {
    return this.#peer.final.height;
  }

  // ------------------------------------------------------------ inputs

  step(nowMs: number, input: NodeInput): readonly NodeOutput[] {
    this.#out = [];
    const atMs = START_MS + nowMs;
    for (const effect of this.#peer.step(atMs, this.#inputOf(input))) this.#perform(effect);
    this.#noteSent();
    this.#report();
    if (this.#peer.wakeAtMs !== Infinity) this.#out.push({ kind: "wake", atMs: this.#peer.wakeAtMs - START_MS });
    return this.#out;
  }

  #inputOf(input: NodeInput): PeerInput {
    switch (input.kind) {
      case "tick":
      case "closing":
        return input;
      case "linked":
        return { kind: "network", event: { kind: "linked", peer: input.peer, self: this.#o.id, direct: true } };
      case "unlinked":
        return { kind: "network", event: { kind: "unlinked", peer: input.peer } };
      case "message": {
        const payload = input.payload as PeerPayload;
        const { from } = input;
        const bytes = payload.bytes.slice();
        if (payload.kind === "gossip")
          return { kind: "network", event: { kind: "gossip", id: this.#heard++, topic: payload.topic, from, bytes } };
        return { kind: "network", event: { kind: "message", protocol: payload.protocol, from, bytes } };
      }
      case "stored":
        this.#isDiskFull ||= input.isRefused;
        return { kind: "stored", id: input.id, refusal: input.isRefused ? { code: "storage-full", data: {} } : null };
      case "own":
        return input.payload as PeerInput;
      case "pay": {
        const to = accountOfMark(input.mark);
        const submission = {
          calls: [["account.transfer", { to, amount: 1 }]] as const,
          fee: PAYMENT_FEE,
          validForMs: LIMITS.validityMsMax,
        };
        return { kind: "submit", ticket: input.mark, submission };
      }
    }
  }

  // ------------------------------------------------------------ effects

  #perform(effect: PeerEffect): void {
    const { keys, random } = this.#o;
    switch (effect.kind) {
      case "network":
        return this.#command(effect.command);
      case "verify":
        return this.#later(random.below(SIGNATURES_MS_MAX), {
          kind: "verified",
          id: effect.id,
          results: effect.checks.map((check) => keys.verify(check)),
        });
      case "sign": {
        const signature = keys.sign(effect.publicKey, effect.bytes);
        return this.#later(random.below(SIGNATURES_MS_MAX), { kind: "signed", id: effect.id, signature });
      }
      case "store":
        return this.#store(effect.id, copyBatch(effect.batch));
      case "read":
        return this.#later(READ_MS, { kind: "read", id: effect.id, rows: readDiskRange(this.#view, effect.table, effect), refusal: null });
      case "create-voting-key":
        return this.#later(READ_MS, { kind: "key-created", id: effect.id, publicKey: this.#o.createVotingKey() });
      case "destroy-voting-key":
        this.#o.disk.votingKeys = this.#o.disk.votingKeys.filter((key) => toHex(key) !== toHex(effect.publicKey));
        return;
      case "claim":
        return this.#later(CLAIM_MS, { kind: "claimed", id: effect.id, nonce: new Uint8Array(16) });
      case "road":
        return this.#onRoad(effect.ticket, effect.report);
      case "committed":
        for (const block of effect.blocks) this.#noteAccused(block);
        return;
      case "history":
        return;
      case "reopen":
        return void this.#out.push({ kind: "reopen" });
      case "halted":
        if (this.#isDiskFull) return void this.#out.push({ kind: "halted", code: effect.refusal.code });
        return this.#fault(`halted: ${effect.refusal.code} ${JSON.stringify(effect.refusal.data)}`);
      case "log":
        if (this.#isDiskFull) return;
        if (effect.level === "error") this.#fault(`${effect.message}: ${Object.values(effect.data).map(String).join()}`);
        return;
      case "need-machine":
        return this.#fault("asks for the contract machine");
    }
  }

  #later(afterMs: number, payload: PeerInput): void {
    this.#out.push({ kind: "own", afterMs, payload });
  }

  #fault(sentence: string): void {
    if (this.#saidHalted) return;
    this.#saidHalted = true;
    this.#out.push({ kind: "fault", sentence });
  }

  #command(command: NetworkCommand): void {
    if (command.kind === "publish") this.#send("*", { kind: "gossip", topic: command.topic, bytes: command.bytes });
    else if (command.kind === "send") this.#send(command.peer, { kind: "message", protocol: command.protocol, bytes: command.bytes });
    else if (command.kind === "refuse") this.#refuse(command.peer);
    else if (command.kind === "penalize") this.#out.push({ kind: "blamed", peer: command.peer, code: command.code });
  }

  /** The link ends, and is made again after a while. */
  #refuse(peer: string): void {
    this.#later(0, { kind: "network", event: { kind: "unlinked", peer } });
    this.#later(REFUSED_MS, { kind: "network", event: { kind: "linked", peer, self: this.#o.id, direct: true } });
  }

  #send(to: string, payload: PeerPayload): void {
    this.#out.push({ kind: "send", to, payload });
  }

  #store(id: number, batch: StorageBatch): void {
    applyBatch(this.#view, batch);
    for (const [table, , bytes] of batch.puts) {
      if (table !== "blocks") continue;
      const { info, certificates } = decodeBlockRow(bytes);
      this.#infos.set(toHex(info.id), info);
      this.#certificates.push(...certificates);
    }
    this.#out.push({ kind: "store", id, apply: () => this.#o.disk.commit(batch) });
  }

  #onRoad(mark: number, report: Extract<PeerEffect, { kind: "road" }>["report"]): void {
    if (report.stage === "signed") {
      const { transaction } = report;
      const id = toHex(transaction.id);
      this.#unsent.set(mark, id);
      this.#o.payments.set(mark, { account: transaction.body.sender, nonce: transaction.body.nonce, id });
    } else if (report.stage === "refused") {
      this.#unsent.delete(mark);
      this.#out.push({ kind: "refused", mark });
    } else if (report.stage === "final" && report.receipt.refusal !== null)
      this.#fault(`payment ${mark} failed: ${report.receipt.refusal.code}`);
  }

  #noteSent(): void {
    for (const [mark, id] of this.#unsent) {
      if (!this.#o.disk.durable.pool.rows.has(id) && !this.hasFinal(mark)) continue;
      this.#unsent.delete(mark);
      this.#out.push({ kind: "sent", mark });
    }
  }

  #noteAccused({ block, receipts }: CommittedBlock): void {
    for (const [index, transaction] of (block?.transactions ?? []).entries()) {
      const [operation, argument] = transaction.body.calls[0]!;
      if (operation !== "seat.evidence" || receipts[index]?.refusal !== null) continue;
      const { first } = argument as { readonly first: Value };
      this.#out.push({ kind: "accused", seat: toHex(valueToVote(first).seat) });
    }
  }

  // ------------------------------------------------------------ for the checkers

  #report(): void {
    const { id, height, stateRoot } = this.#peer.final;
    const head = toHex(id);
    if (head === this.#reported) return;
    this.#reported = head;
    if (height % SUPPLY_EVERY === 0) this.#checkSupply();
    for (const mark of this.#paidTwice) this.#fault(`payment ${mark} was made twice`);
    const { epochId, strength } = this.status();
    const final: FinalReport = { epoch: toHex(epochId), head, height, certified: this.#certified(), stateRoot: toHex(stateRoot), strength };
    this.#out.push({ kind: "final", final });
  }

  #checkSupply(): void {
    const { issued, burnt } = supplyOf(this.#peer.state);
    const held = heldSupply(this.#peer.state);
    if (held !== issued - burnt) this.#fault(`supply is not conserved: ${held} of ${issued} - ${burnt}`);
  }

  /** Blocks below the certificates that were written, each within its epoch. */
  #certified(): FinalReport["certified"] {
    const certified: { epoch: HashHex; height: number; id: HashHex }[] = [];
    for (const { epochId, candidate } of this.#certificates) {
      const epoch = toHex(epochId);
      let at = candidate === null ? undefined : this.#infos.get(toHex(candidate));
      while (at !== undefined && toHex(at.id) !== epoch && certified.length < CERTIFIED_MAX) {
        if (toHex(at.heightedId) === toHex(at.id)) certified.push({ epoch, height: at.height, id: toHex(at.id) });
        at = at.parent === null ? undefined : this.#infos.get(toHex(at.parent));
      }
    }
    this.#certificates = [];
    return certified;
  }
}

/** Snapshots of some twenty blocks each, so that whoever was away for a while comes back by one. */
const SNAPSHOT_PACE = { costMin: 20 * 5000, behindMin: 20 };

interface PeerNodesOptions {
  readonly ids: readonly string[];
  readonly random: Random;
  readonly recoveryMs: number;
  readonly heartbeatMs: number;
  readonly keys: SimKeys;
  /** Whether a crash is the machine's, so that relaxed writes are lost, too. */
  readonly diesWithMachine: boolean;
  /** Whether it is the first one's private BoT, with all others as members: each link begins with a knock, and nothing is gossiped. */
  readonly closed: boolean;
}

/** Peers of one run. The first founds; everybody takes a seat by itself. */
export class PeerNodes implements NodeFactory {
  readonly ids: readonly string[];
  readonly #o: PeerNodesOptions;
  readonly #disks = new Map<string, PeerDisk>();
  readonly #owners = new Map<HashHex, string>();
  readonly #payments = new Map<number, Payment>();
  readonly #headers = new Map<HashHex, BlockHeader>();
  readonly #genesis: Uint8Array;
  #wiped = 0;

  constructor(options: PeerNodesOptions) {
    this.ids = options.ids;
    this.#o = options;
    const founder = this.#diskOf(options.ids[0]!);
    const parameters: Parameters = {
      ...DEFAULT_PARAMETERS,
      grant: 1_000_000,
      claimBits: 0,
      heartbeatMs: options.heartbeatMs,
      recoveryMs: options.recoveryMs,
    };
    const owner = asAccountId(founder.account);
    const common = {
      version: 1,
      name: "Simulated",
      token: "coal",
      createdMs: START_MS - 1,
      founder: owner,
      foundingSeat: this.#createVotingKey(options.ids[0]!),
      parameters,
      salt: new Uint8Array(16),
    };
    const members = (): readonly Member[] =>
      options.ids
        .slice(1)
        .map((id) => asAccountId(this.#diskOf(id).account))
        .sort(compareBytes)
        .map((account) => [account, ROLES]);
    this.#genesis = encodeGenesis(
      options.closed ? { ...common, kind: "private", owner, members: members() } : { ...common, kind: "public" },
    );
  }

  #diskOf(id: string): PeerDisk {
    let disk = this.#disks.get(id);
    if (disk === undefined) {
      disk = new PeerDisk(this.#o.keys.create(`account ${id} ${this.#wiped}`), this.#o.diesWithMachine);
      this.#disks.set(id, disk);
    }
    return disk;
  }

  #createVotingKey(id: string): VotingKey {
    const disk = this.#diskOf(id);
    const key = asVotingKey(this.#o.keys.create(`voting ${id} ${this.#wiped} ${disk.keysMade++}`));
    disk.votingKeys = [...disk.votingKeys, key];
    this.#owners.set(toHex(key), id);
    return key;
  }

  async open(id: string): Promise<SimNode> {
    const disk = this.#diskOf(id);
    const peer = new Peer({
      chain: chainOf(this.#genesis),
      account: asAccountId(disk.account),
      lane: 0,
      votingKeys: disk.votingKeys,
      seatWanted: true,
      machine: null,
      snapshotPace: SNAPSHOT_PACE,
      ledger: await loadLedger(createMemoryStorage(disk.durable), this.#genesis),
    });
    const { keys, random } = this.#o;
    return new PeerNode({ id, peer, disk, keys, random, payments: this.#payments, createVotingKey: () => this.#createVotingKey(id) });
  }

  crashed(id: string): void {
    this.#diskOf(id).crash(this.#o.random);
  }

  wipe(id: string): void {
    this.#disks.delete(id);
    this.#wiped++;
  }

  ownerOf(seat: HashHex): string | undefined {
    return this.#owners.get(seat);
  }

  inspect(payload: unknown): SaidMessage | null {
    const typed = payload as PeerPayload;
    if (typed.kind !== "gossip" || typed.topic !== "consensus") return null;
    const message = decodeConsensusMessage(typed.bytes);
    if (message.kind === "candidate") this.#headers.set(toHex(message.id), message.header);
    return message;
  }

  /** An empty candidate on the same parent, which is as valid as the other. */
  rivalOf(payload: unknown): PeerPayload {
    const message = this.inspect(payload);
    assert(message?.kind === "candidate" && "header" in message, "a rival is made of a candidate");
    const { header, vote, certificates } = message;
    const parent = this.#headers.get(toHex(header.parent));
    const emptied: BlockHeader = {
      ...header,
      height: null,
      timeMs: header.timeMs + 1,
      transactionsRoot: transactionsRootOf([]),
      receiptsRoot: receiptsRootOf([]),
      stateRoot: (parent ?? header).stateRoot,
      seatsDigest: (parent ?? header).seatsDigest,
      lastRecovery: (parent ?? header).lastRecovery,
      endsEpoch: false,
      alives: [],
    };
    const block = createBlock(emptied, []);
    const { seat, signature: _, ...statement } = { ...vote, candidate: block.id };
    const signed = { ...statement, seat, signature: this.#o.keys.sign(seat, statementBytes(statement)) };
    return { kind: "gossip", topic: "consensus", bytes: encodeConsensusMessage({ kind: "candidate", block, vote: signed, certificates }) };
  }

  voteOf(statement: Statement, seat: VotingKey): PeerPayload {
    const signature = this.#o.keys.sign(seat, statementBytes(statement));
    return { kind: "gossip", topic: "consensus", bytes: encodeConsensusMessage({ kind: "vote", vote: { ...statement, seat, signature } }) };
  }
}
