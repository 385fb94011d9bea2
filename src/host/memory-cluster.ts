/** Peers in one process: real machines, real signatures, memory for storage and network. For tests and benchmarks. */
import { assert } from "../kit/assert.ts";
import type { Clock, VirtualClock } from "../kit/clock.ts";
import { compareBytes } from "../kit/bytes.ts";
import { createRandom } from "../kit/random.ts";
import type { CommittedBlock, RoadReport } from "../peer/effects.ts";
import { Peer } from "../peer/peer.ts";
import type { Keys, NetworkCommand, NetworkEvent, Signatures, Storage } from "../peer/ports.ts";
import type { RejectCode } from "../protocol/codes.ts";
import type { ContractMachine } from "../protocol/contract-machine.ts";
import {
  DEFAULT_PARAMETERS,
  ROLES,
  encodeGenesis,
  chainOf,
  type Member as RoleHolder,
  type Parameters,
  type Role,
} from "../protocol/genesis.ts";
import { asAccountId, asVotingKey } from "../protocol/identifiers.ts";
import type { RefusalShape } from "../protocol/refusal.ts";
import type { Call } from "../protocol/transaction.ts";
import { searchClaim } from "./claims.ts";
import { createSystemClock } from "./clock/clock.ts";
import { createKeys, type PeerKeys } from "./keys/keys.ts";
import { createMemorySeeds } from "./keys/memory-seeds.ts";
import { loadLedger } from "./load-ledger.ts";
import { runPeer, type PeerRunner } from "./peer-runner.ts";
import { createSignatures } from "./signatures/signatures.ts";
import { createMemoryDisk, createMemoryStorage, type MemoryDisk } from "./storage/memory-storage.ts";

export interface ClusterOptions {
  readonly clock: Clock;
  readonly machine: ContractMachine;
  readonly parameters?: Partial<Parameters>;
  /** Who may do what besides the first peer, by name, in a BoT that is not public; the first founds, and is its owner or has all roles. */
  readonly closed?: { readonly kind: "consortium" | "private"; readonly members: Readonly<Record<string, readonly Role[]>> };
  /** Makes all keys from it, so that with a virtual clock a run can be repeated. */
  readonly seed?: number;
  /** A peer's storage over what it left on disk; memory without faults by default. */
  readonly storageOf?: (name: string, disk: MemoryDisk) => Storage;
  /** Sees what each peer orders of its network. */
  readonly onCommand?: (from: string, command: NetworkCommand) => void;
  /** What becomes of a peer's commands on the way, where it lies; nothing is carried for null. */
  readonly twist?: (from: string, command: NetworkCommand) => NetworkCommand | null;
}

export interface ClusterPeer {
  readonly name: string;
  readonly peer: Peer;
  readonly runner: PeerRunner;
  readonly storage: Storage;
  readonly keys: PeerKeys;
  readonly committed: CommittedBlock[];
  /** Heights above which blocks were undone for a better branch. */
  readonly undoneAbove: number[];
  readonly halted: RefusalShape[];
  readonly logs: string[];
  /** What it found fault with, in others. */
  readonly penalties: { readonly peer: string; readonly code: RejectCode }[];
  /** Heights at which a proven ledger took the place of its own. */
  readonly reopened: number[];
  /** Resolves when final; rejects with the refusal's code. */
  send(calls: readonly Call[], fee?: number, validForMs?: number): Promise<Extract<RoadReport, { stage: "final" }>>;
}

type Told = Pick<ClusterPeer, "committed" | "undoneAbove" | "halted" | "logs" | "penalties" | "reopened">;

interface Member {
  readonly keys: PeerKeys;
  readonly account: Uint8Array;
  readonly disk: MemoryDisk;
}

const NO_TOKENS = { grant: 0, bond: 0, feePerKilobyte: 0, feePerMillionGas: 0 };
/** A refused peer tries again after this. */
const REFUSED_MS = 10_000;

/** Of the virtual clock: about what a message takes in a room. */
const STEP_MS = 5;

const nextMacrotask = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

/** Peers that hear each other at once and completely, unless a link is cut. */
export class MemoryCluster {
  readonly #options: ClusterOptions;
  readonly #members = new Map<string, Member>();
  readonly running = new Map<string, ClusterPeer>();
  readonly #cut = new Set<string>();
  /** What was due while a tab slept, by its name. */
  readonly #asleep = new Map<string, (() => void)[]>();
  readonly #clockErrorsMs = new Map<string, number>();
  #genesis: Uint8Array | null = null;
  #tickets = 0;
  #gossips = 0;
  /** Signatures come back in the order in which they were asked for, one at a time: threads would make each run another. */
  #signing: Promise<void> = Promise.resolve();

  constructor(options: ClusterOptions) {
    this.#options = options;
  }

  get genesis(): Uint8Array {
    assert(this.#genesis !== null, "the first peer founds");
    return this.#genesis;
  }

  #inOrder<Outcome>(work: Promise<Outcome>): Promise<Outcome> {
    const turn = this.#signing.then(() => work);
    this.#signing = turn.then(nextMacrotask, nextMacrotask);
    return turn;
  }

  async #member(name: string): Promise<Member> {
    const known = this.#members.get(name);
    if (known !== undefined) return known;
    const { seed } = this.#options;
    const random = seed === undefined ? undefined : createRandom(seed * 1000 + this.#members.size);
    const keys = await createKeys(
      createMemorySeeds(),
      random === undefined ? undefined : () => Uint8Array.from({ length: 32 }, () => random.below(256)),
    );
    const member: Member = { keys, account: await keys.create("account"), disk: createMemoryDisk() };
    this.#members.set(name, member);
    if (this.#genesis === null) await this.#found(member);
    return member;
  }

  async #found({ account, keys }: Member): Promise<void> {
    const { closed, parameters, clock } = this.#options;
    const founder = asAccountId(account);
    const common = {
      version: 1,
      name: "Test",
      createdMs: clock.nowMs() - 1,
      founder,
      foundingSeat: asVotingKey(await keys.create("voting")),
      parameters: { ...DEFAULT_PARAMETERS, claimBits: 0, ...(closed === undefined ? {} : NO_TOKENS), ...parameters },
      salt: new Uint8Array(16),
    };
    if (closed === undefined) return void (this.#genesis = encodeGenesis({ ...common, kind: "public", token: "coal" }));
    // None of them founds once more.
    this.#genesis = new Uint8Array(0);
    const others: RoleHolder[] = [];
    for (const [name, roles] of Object.entries(closed.members)) others.push([asAccountId((await this.#member(name)).account), roles]);
    const members = (closed.kind === "private" ? others : [...others, [founder, ROLES] as const]).sort(([a], [b]) => compareBytes(a, b));
    this.#genesis = encodeGenesis(
      closed.kind === "private"
        ? { ...common, kind: closed.kind, token: null, owner: founder, members }
        : { ...common, kind: closed.kind, token: null, members },
    );
  }

  #memberOf(name: string): Member {
    const member = this.#members.get(name);
    assert(member !== undefined, `${name} was opened before`);
    return member;
  }

  accountOf(name: string): Uint8Array {
    return this.#memberOf(name).account;
  }

  /** What a peer has on disk: to be damaged, or compared. */
  diskOf(name: string): MemoryDisk {
    return this.#memberOf(name).disk;
  }

  #ports(name: string, { keys, disk }: Member): { storage: Storage; keys: Keys; signatures: Signatures } {
    const signatures = createSignatures();
    return {
      storage: this.#options.storageOf?.(name, disk) ?? createMemoryStorage(disk),
      keys: {
        create: (kind) => this.#inOrder(keys.create(kind)),
        list: (kind) => keys.list(kind),
        sign: (publicKey, bytes) => this.#inOrder(keys.sign(publicKey, bytes)),
        destroy: (publicKey) => this.#inOrder(keys.destroy(publicKey)),
      },
      signatures: { verify: (checks) => this.#inOrder(signatures.verify(checks)) },
    };
  }

  /** Opens a peer, or opens it again with the keys and the disk that it had. */
  async open(name: string, { seatWanted = true } = {}): Promise<ClusterPeer> {
    const { machine } = this.#options;
    const member = await this.#member(name);
    const ports = this.#ports(name, member);
    const { storage } = ports;
    const roads = new Map<number, (report: RoadReport) => void>();
    const told: Told = { committed: [], undoneAbove: [], halted: [], logs: [], penalties: [], reopened: [] };
    const start = async (): Promise<{ readonly peer: Peer; readonly runner: PeerRunner }> => {
      const peer = new Peer({
        chain: chainOf(this.genesis),
        account: asAccountId(member.account),
        lane: 0,
        votingKeys: (await member.keys.list("voting")).map(asVotingKey),
        seatWanted,
        machine,
        ledger: await loadLedger(storage, this.genesis),
      });
      const runner = runPeer(peer, {
        clock: this.#clockOf(name),
        ...ports,
        network: (command) => {
          this.#options.onCommand?.(name, command);
          if (command.kind === "penalize") told.penalties.push({ peer: command.peer, code: command.code });
          else this.#carry(name, command);
        },
        claim: ({ account, reference, bits }) => Promise.resolve(searchClaim({ account, reference, bits, start: new Uint8Array(16) })),
        loadMachine: () => Promise.resolve(machine),
        onEffect: (effect) => {
          if (effect.kind === "road") roads.get(effect.ticket)?.(effect.report);
          else if (effect.kind === "committed") {
            told.committed.push(...effect.blocks);
            if (effect.undoneAbove !== null) told.undoneAbove.push(effect.undoneAbove);
          } else if (effect.kind === "halted") told.halted.push(effect.refusal);
          else if (effect.kind === "reopen") {
            told.reopened.push(effect.height);
            void reopen();
          } else if (effect.kind === "log") told.logs.push(`${effect.level} ${effect.message} ${JSON.stringify(effect.data)}`);
        },
      });
      return { peer, runner };
    };
    let current = await start();
    const reopen = async (): Promise<void> => {
      current.runner.stop();
      current = await start();
      if (this.running.get(name) !== opened) return current.runner.stop();
      for (const other of this.running.keys()) if (other !== name && !this.#cut.has(`${name} ${other}`)) this.#tellLinked(name, other);
    };
    const send: ClusterPeer["send"] = (calls, fee = 10, validForMs = 60_000) =>
      new Promise((resolve, reject) => {
        const ticket = ++this.#tickets;
        roads.set(ticket, (report) => {
          if (report.stage === "final") resolve(report);
          else if (report.stage === "refused") reject(new Error(report.refusal.code));
        });
        current.runner.input({ kind: "submit", ticket, submission: { calls, fee, validForMs } });
      });
    const opened: ClusterPeer = {
      name,
      get peer() {
        return current.peer;
      },
      get runner() {
        return current.runner;
      },
      storage,
      keys: member.keys,
      ...told,
      send,
    };
    this.running.set(name, opened);
    for (const other of this.running.keys()) if (other !== name) this.#link(name, other);
    return opened;
  }

  #tellLinked(name: string, other: string): void {
    this.running.get(name)?.runner.input({ kind: "network", event: { kind: "linked", peer: other, self: name, direct: true } });
  }

  #link(a: string, b: string): void {
    if (this.#cut.has(`${a} ${b}`)) return;
    for (const [one, other] of [
      [a, b],
      [b, a],
    ] as const) {
      this.#tellLinked(one, other);
    }
  }

  /** Ends a peer without a word, as a tab that crashes does. */
  close(name: string): void {
    this.running.get(name)?.runner.stop();
    this.running.delete(name);
    for (const { runner } of this.running.values()) runner.input({ kind: "network", event: { kind: "unlinked", peer: name } });
  }

  /** Its timers stand still and it hears nothing, as a tab of a phone that sleeps; the others are not told. */
  fallAsleep(name: string): void {
    this.#asleep.set(name, []);
  }

  /** What was due is done now, late. */
  awake(name: string): void {
    const due = this.#asleep.get(name) ?? [];
    this.#asleep.delete(name);
    for (const callback of due) callback();
  }

  /** Sets a peer's clock, as its person may: from now on it is wrong by so much. */
  setClock(name: string, errorMs: number): void {
    this.#clockErrorsMs.set(name, errorMs);
  }

  #clockOf(name: string): Clock {
    const { clock } = this.#options;
    const steadyMs = (): number => clock.nowMs();
    return {
      ...createSystemClock({ wallMs: () => steadyMs() + (this.#clockErrorsMs.get(name) ?? 0), steadyMs }),
      setTimer: (delayMs, callback) => {
        let isCancelled = false;
        const call = (): void => {
          if (!isCancelled) callback();
        };
        const cancel = clock.setTimer(delayMs, () => {
          const due = this.#asleep.get(name);
          if (due === undefined) call();
          else due.push(call);
        });
        return () => {
          isCancelled = true;
          cancel();
        };
      },
    };
  }

  /** Ends all peers. */
  closeAll(): void {
    for (const name of [...this.running.keys()]) this.close(name);
  }

  cut(a: string, b: string): void {
    this.#cut.add(`${a} ${b}`).add(`${b} ${a}`);
  }

  /** Links one peer to all that it was cut from. */
  mend(name: string): void {
    for (const link of [...this.#cut]) {
      const [a, b] = link.split(" ") as [string, string];
      if (a !== name && b !== name) continue;
      this.#cut.delete(link);
      if (a === name) this.#link(a, b);
    }
  }

  heal(): void {
    const links = [...this.#cut].map((link) => link.split(" ") as [string, string]);
    this.#cut.clear();
    for (const [a, b] of links) this.#link(a, b);
  }

  /** Resolves when every signature and every write that needs no time has come back to the peers. */
  async settled(): Promise<void> {
    let signing: Promise<void>;
    do {
      signing = this.#signing;
      await signing;
      await nextMacrotask();
    } while (signing !== this.#signing);
  }

  /** Lets the virtual clock run until the condition holds. @throws when it does not within `withinMs` of that clock. */
  async runUntil(
    clock: VirtualClock,
    condition: () => boolean,
    {
      what,
      withinMs = 60_000,
      stepMs = STEP_MS,
    }: { what: string; withinMs?: number; /** Coarser where much time is to pass. */ stepMs?: number },
  ): Promise<void> {
    const endMs = clock.nowMs() + withinMs;
    for (await this.settled(); !condition(); await this.settled()) {
      if (clock.nowMs() >= endMs) throw new Error(`never: ${what}`);
      clock.advance(stepMs);
    }
  }

  #carry(from: string, said: NetworkCommand): void {
    const { twist } = this.#options;
    const command = twist === undefined ? said : twist(from, said);
    if (command === null) return;
    if (command.kind === "publish") {
      const { topic, bytes } = command;
      for (const to of this.running.keys())
        if (to !== from) this.#deliver(from, to, { kind: "gossip", id: ++this.#gossips, topic, from, bytes: bytes.slice() });
    } else if (command.kind === "send") {
      const { peer, protocol, bytes } = command;
      this.#deliver(from, peer, { kind: "message", from, protocol, bytes: bytes.slice() });
    } else if (command.kind === "refuse") this.#refuse(from, command.peer);
  }

  /** After what is under way; then it tries again. */
  #refuse(from: string, peer: string): void {
    const { clock } = this.#options;
    clock.setTimer(STEP_MS, () => {
      for (const [one, other] of [
        [from, peer],
        [peer, from],
      ] as const)
        this.running.get(one)?.runner.input({ kind: "network", event: { kind: "unlinked", peer: other } });
    });
    clock.setTimer(REFUSED_MS, () => {
      if (this.running.has(from) && this.running.has(peer)) this.#link(from, peer);
    });
  }

  #deliver(from: string, to: string, event: NetworkEvent): void {
    if (this.#cut.has(`${from} ${to}`)) return;
    this.#options.clock.setTimer(1, () => {
      if (!this.#asleep.has(to)) this.running.get(to)?.runner.input({ kind: "network", event });
    });
  }
}
