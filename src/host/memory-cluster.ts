/** Peers in one process: real machines, real signatures, memory for storage and network. For tests and benchmarks. */
import { assert } from "../kit/assert.ts";
import type { Clock } from "../kit/clock.ts";
import type { CommittedBlock, RoadReport } from "../peer/effects.ts";
import { Peer } from "../peer/peer.ts";
import type { NetworkCommand, NetworkEvent, Storage } from "../peer/ports.ts";
import type { ContractMachine } from "../protocol/contract-machine.ts";
import { DEFAULT_PARAMETERS, encodeGenesis, chainOf, type Parameters } from "../protocol/genesis.ts";
import { asAccountId, asVotingKey } from "../protocol/identifiers.ts";
import type { RefusalShape } from "../protocol/refusal.ts";
import type { Call } from "../protocol/transaction.ts";
import { searchClaim } from "./claims.ts";
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
}

export interface ClusterPeer {
  readonly name: string;
  readonly peer: Peer;
  readonly runner: PeerRunner;
  readonly storage: Storage;
  readonly committed: CommittedBlock[];
  readonly halted: RefusalShape[];
  readonly logs: string[];
  /** Resolves when final; rejects with the refusal's code. */
  send(calls: readonly Call[], fee?: number): Promise<Extract<RoadReport, { stage: "final" }>>;
}

interface Member {
  readonly keys: PeerKeys;
  readonly account: Uint8Array;
  readonly disk: MemoryDisk;
}

/** Peers that hear each other at once and completely, unless a link is cut. */
export class MemoryCluster {
  readonly #options: ClusterOptions;
  readonly #members = new Map<string, Member>();
  readonly running = new Map<string, ClusterPeer>();
  readonly #cut = new Set<string>();
  #genesis: Uint8Array | null = null;
  #tickets = 0;

  constructor(options: ClusterOptions) {
    this.#options = options;
  }

  get genesis(): Uint8Array {
    assert(this.#genesis !== null, "the first peer founds");
    return this.#genesis;
  }

  async #member(name: string): Promise<Member> {
    const known = this.#members.get(name);
    if (known !== undefined) return known;
    const keys = await createKeys(createMemorySeeds());
    const member: Member = { keys, account: await keys.create("account"), disk: createMemoryDisk() };
    if (this.#genesis === null) {
      this.#genesis = encodeGenesis({
        version: 1,
        kind: "public",
        name: "Test",
        token: "coal",
        createdMs: this.#options.clock.nowMs() - 1,
        founder: asAccountId(member.account),
        foundingSeat: asVotingKey(await keys.create("voting")),
        parameters: { ...DEFAULT_PARAMETERS, claimBits: 0, ...this.#options.parameters },
        salt: new Uint8Array(16),
      });
    }
    this.#members.set(name, member);
    return member;
  }

  accountOf(name: string): Uint8Array {
    const member = this.#members.get(name);
    assert(member !== undefined, `${name} was opened before`);
    return member.account;
  }

  /** Opens a peer, or opens it again with the keys and the disk that it had. */
  async open(name: string, { seatWanted = true } = {}): Promise<ClusterPeer> {
    const { clock, machine } = this.#options;
    const member = await this.#member(name);
    const storage = createMemoryStorage(member.disk);
    const peer = new Peer({
      chain: chainOf(this.genesis),
      account: asAccountId(member.account),
      lane: 0,
      votingKeys: (await member.keys.list("voting")).map(asVotingKey),
      seatWanted,
      machine,
      ledger: await loadLedger(storage, this.genesis),
    });
    const roads = new Map<number, (report: RoadReport) => void>();
    const committed: CommittedBlock[] = [];
    const halted: RefusalShape[] = [];
    const logs: string[] = [];
    const runner = runPeer(peer, {
      clock,
      storage,
      keys: member.keys,
      signatures: createSignatures(),
      network: (command) => this.#carry(name, command),
      claim: ({ account, reference, bits }) => Promise.resolve(searchClaim({ account, reference, bits, start: new Uint8Array(16) })),
      onEffect: (effect) => {
        if (effect.kind === "road") roads.get(effect.ticket)?.(effect.report);
        else if (effect.kind === "committed") committed.push(...effect.blocks);
        else if (effect.kind === "halted") halted.push(effect.refusal);
        else logs.push(`${effect.level} ${effect.message} ${JSON.stringify(effect.data)}`);
      },
    });
    const send: ClusterPeer["send"] = (calls, fee = 10) =>
      new Promise((resolve, reject) => {
        const ticket = ++this.#tickets;
        roads.set(ticket, (report) => {
          if (report.stage === "final") resolve(report);
          else if (report.stage === "refused") reject(new Error(report.refusal.code));
        });
        runner.input({ kind: "submit", ticket, submission: { calls, fee, validForMs: 60_000 } });
      });
    const opened: ClusterPeer = { name, peer, runner, storage, committed, halted, logs, send };
    this.running.set(name, opened);
    for (const other of this.running.keys()) if (other !== name) this.#link(name, other);
    return opened;
  }

  #link(a: string, b: string): void {
    for (const [one, other] of [
      [a, b],
      [b, a],
    ] as const) {
      this.running.get(one)?.runner.input({ kind: "network", event: { kind: "linked", peer: other, direct: true } });
    }
  }

  /** Ends a peer without a word, as a tab that crashes does. */
  close(name: string): void {
    this.running.get(name)?.runner.stop();
    this.running.delete(name);
    for (const { runner } of this.running.values()) runner.input({ kind: "network", event: { kind: "unlinked", peer: name } });
  }

  /** Ends all peers. */
  closeAll(): void {
    for (const name of [...this.running.keys()]) this.close(name);
  }

  cut(a: string, b: string): void {
    this.#cut.add(`${a} ${b}`).add(`${b} ${a}`);
  }

  heal(): void {
    const links = [...this.#cut].map((link) => link.split(" ") as [string, string]);
    this.#cut.clear();
    for (const [a, b] of links) this.#link(a, b);
  }

  #carry(from: string, command: NetworkCommand): void {
    if (command.kind === "publish") {
      const { topic, bytes } = command;
      for (const to of this.running.keys()) if (to !== from) this.#deliver(from, to, { kind: "gossip", topic, from, bytes: bytes.slice() });
    } else if (command.kind === "send") {
      const { peer, protocol, bytes } = command;
      this.#deliver(from, peer, { kind: "message", from, protocol, bytes: bytes.slice() });
    }
  }

  #deliver(from: string, to: string, event: NetworkEvent): void {
    if (this.#cut.has(`${from} ${to}`)) return;
    this.#options.clock.setTimer(1, () => this.running.get(to)?.runner.input({ kind: "network", event }));
  }
}
