/**
 * A ledger out of a file, believed no further than a stranger: a peer of its own, without keys and without links, is given the blocks as a neighbour
 * would give them to a newcomer, and checks every certificate and transaction from genesis on. What it has written then is this ledger, with what
 * consensus must know of its epochs and without a word of the votes of whoever wrote the file.
 */
import { equalBytes } from "../kit/bytes.ts";
import { createVirtualClock } from "../kit/clock.ts";
import { encodeConsensusMessage } from "../consensus/wire.ts";
import { parametersOf } from "../ledger/index.ts";
import { AnswerPart, giveOf, upToProof } from "../peer/answers.ts";
import { usesContracts } from "../peer/late-machine.ts";
import { Peer } from "../peer/peer.ts";
import type { Keys, Signatures, Storage } from "../peer/ports.ts";
import type { BlockRow } from "../peer/rows.ts";
import type { ContractMachine } from "../protocol/contract-machine.ts";
import { chainOf, decodeGenesis } from "../protocol/genesis.ts";
import type { Hash } from "../protocol/identifiers.ts";
import { Refusal } from "../protocol/refusal.ts";
import { loadLedger } from "./load-ledger.ts";
import { runPeer, type PeerRunner } from "./peer-runner.ts";

export interface ReplayDeps {
  readonly signatures: Signatures;
  readonly loadMachine: () => Promise<ContractMachine>;
  readonly nowMs: number;
  /** Resolves once all else that waits for this thread has had its turn: it is the one that votes. */
  readonly pause: () => Promise<void>;
}

/** The name of the neighbour that the file is. */
const FILE = "file";
/** A part is worked on in one go, and between two others have their turn. */
const PART_ROWS = 16;
const STEP_MS = 1000;
/** In units of the BoT's recovery time. PROTOCOL, "Recovery": one by few is followed only after one's own clock has passed four. */
const PATIENCE = 6;

const NO_KEYS: Keys = {
  create: () => Promise.reject(new Refusal("key-missing")),
  list: () => Promise.resolve([]),
  sign: () => Promise.reject(new Refusal("key-missing")),
  destroy: () => Promise.reject(new Refusal("key-missing")),
};

/**
 * Plays the blocks, rows of the table `blocks` from the first on, into an empty storage.
 * @throws {Refusal} `export-invalid` unless every block is proven final; whatever `loadMachine` is refused with.
 */
export async function replayLedger(blocks: readonly Uint8Array[], genesis: Uint8Array, storage: Storage, deps: ReplayDeps): Promise<void> {
  const replay = new Replay(await openPeer(genesis, storage), storage, deps);
  try {
    for (let at = 0; at < blocks.length;) {
      const rows = nextRows(blocks, at);
      at += rows.length;
      await replay.give(rows, at < blocks.length);
    }
    if (!replay.isFinal) throw new Refusal("export-invalid", { reason: "no proof" });
  } finally {
    replay.stop();
  }
}

async function openPeer(genesis: Uint8Array, storage: Storage): Promise<Peer> {
  return new Peer({
    chain: chainOf(genesis),
    account: decodeGenesis(genesis).founder,
    lane: 0,
    votingKeys: [],
    seatWanted: false,
    machine: null,
    ledger: await loadLedger(storage, genesis),
    openTo: FILE,
  });
}

/** @throws {Refusal} `export-invalid` when a row is none. */
function nextRows(blocks: readonly Uint8Array[], from: number): readonly BlockRow[] {
  const part = new AnswerPart(PART_ROWS);
  try {
    for (let at = from; at < blocks.length && part.take(blocks[at]!);) at++;
  } catch {
    throw new Refusal("export-invalid", { reason: "row" });
  }
  return upToProof(part.rows);
}

class Replay {
  readonly #peer: Peer;
  readonly #runner: PeerRunner;
  readonly #deps: ReplayDeps;
  /** A wait that the protocol asks for takes no time here. */
  readonly #clock;
  #machine: ContractMachine | null = null;
  #expected: Hash;
  #fault: Refusal | null = null;

  constructor(peer: Peer, storage: Storage, deps: ReplayDeps) {
    this.#peer = peer;
    this.#deps = deps;
    this.#clock = createVirtualClock(deps.nowMs);
    this.#expected = peer.final.id;
    this.#runner = runPeer(peer, {
      clock: this.#clock,
      storage,
      keys: NO_KEYS,
      signatures: deps.signatures,
      network: (command) => {
        if (command.kind === "penalize") this.#fault = new Refusal("export-invalid", { reason: command.code });
      },
      claim: () => Promise.resolve(null),
      loadMachine: deps.loadMachine,
      onEffect: (effect) => {
        if (effect.kind === "halted") this.#fault = new Refusal("export-invalid", { reason: effect.refusal.code });
      },
    });
    this.#runner.input({ kind: "network", event: { kind: "linked", peer: FILE, self: "", direct: true } });
  }

  get isFinal(): boolean {
    return equalBytes(this.#peer.final.id, this.#expected);
  }

  stop(): void {
    this.#runner.stop();
  }

  /** Resolves when all that these rows prove is final and written. @throws {Refusal} */
  async give(rows: readonly BlockRow[], more: boolean): Promise<void> {
    const give = giveOf(rows, more);
    await this.#loadMachineFor(rows);
    const bytes = encodeConsensusMessage(give);
    this.#runner.input({ kind: "network", event: { kind: "message", from: FILE, protocol: "sync", bytes } });
    this.#expected = rows.findLast(({ info }) => equalBytes(info.id, info.heightedId))?.info.id ?? this.#expected;
    await this.#settled();
    if (give.certificates.length === 0 && give.recoveries.length === 0) return;
    const endMs = this.#clock.nowMs() + PATIENCE * parametersOf(this.#peer.state).recoveryMs;
    while (!this.isFinal) {
      if (this.#clock.nowMs() >= endMs) throw new Refusal("export-invalid", { reason: "not final" });
      this.#clock.advance(STEP_MS);
      await this.#settled();
    }
  }

  async #settled(): Promise<void> {
    await this.#runner.settled();
    await this.#deps.pause();
    if (this.#fault !== null) throw this.#fault;
  }

  async #loadMachineFor(rows: readonly BlockRow[]): Promise<void> {
    if (this.#machine !== null || !rows.some(({ block }) => block !== null && usesContracts(block.transactions))) return;
    this.#machine = await this.#deps.loadMachine();
    this.#runner.input({ kind: "machine", machine: this.#machine });
  }
}
