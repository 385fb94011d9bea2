/** Runs a peer: gives it inputs one after another, performs its effects through the ports, and brings their outcomes back. */
import type { Clock } from "../kit/clock.ts";
import type { PeerEffect, PeerInput } from "../peer/effects.ts";
import type { Peer } from "../peer/peer.ts";
import type { Keys, NetworkCommand, Signatures, Storage } from "../peer/ports.ts";
import type { ContractMachine } from "../protocol/contract-machine.ts";
import { shapeOf } from "../protocol/refusal.ts";

/** Steady ticks: a small part of the shortest timeout. */
const TICK_MS = 50;

export type ReportedEffect = Extract<PeerEffect, { kind: "road" | "committed" | "reopen" | "history" | "halted" | "log" }>;

export interface PeerRunnerDeps {
  readonly clock: Clock;
  readonly storage: Storage;
  readonly keys: Keys;
  readonly signatures: Signatures;
  readonly network: (command: NetworkCommand) => void;
  /** Finds a proof of work; null if it was given up. */
  readonly claim: (request: { account: Uint8Array; reference: Uint8Array; bits: number }) => Promise<Uint8Array | null>;
  readonly loadMachine: () => Promise<ContractMachine>;
  /** What only somebody else can make use of. */
  readonly onEffect: (effect: ReportedEffect) => void;
}

export interface PeerRunner {
  input(input: PeerInput): void;
  /** Resolves when every write and signature under way has ended. */
  settled(): Promise<void>;
  stop(): void;
}

export function runPeer(peer: Peer, deps: PeerRunnerDeps): PeerRunner {
  const runner = new Runner(peer, deps);
  runner.input({ kind: "tick" });
  return runner;
}

class Runner implements PeerRunner {
  readonly #peer: Peer;
  readonly #deps: PeerRunnerDeps;
  readonly #inputs: PeerInput[] = [];
  readonly #underWay = new Set<Promise<void>>();
  #running = false;
  #stopped = false;
  #machineNeeded = false;
  #cancelTimer = (): void => {};
  #timerAtMs = Infinity;
  #nextTickMs = 0;

  constructor(peer: Peer, deps: PeerRunnerDeps) {
    this.#peer = peer;
    this.#deps = deps;
  }

  /** One after another, also where performing an effect brings about an input at once. */
  input(input: PeerInput): void {
    this.#inputs.push(input);
    if (this.#running) return;
    this.#running = true;
    try {
      for (let next = this.#inputs.shift(); next !== undefined && !this.#stopped; next = this.#inputs.shift()) {
        const { clock } = this.#deps;
        for (const effect of this.#peer.step(clock.nowMs(), next, clock.wallMs())) this.#perform(effect);
      }
    } finally {
      this.#running = false;
    }
    this.#schedule();
  }

  async settled(): Promise<void> {
    while (this.#underWay.size > 0) await Promise.all(this.#underWay);
  }

  stop(): void {
    this.#stopped = true;
    this.#cancelTimer();
  }

  #follow<Outcome>(work: Promise<Outcome>, toInput: (outcome: Outcome | null, error: unknown) => PeerInput): void {
    const done: Promise<void> = work.then(
      (outcome) => this.input(toInput(outcome, null)),
      (error: unknown) => this.input(toInput(null, error)),
    );
    this.#underWay.add(done);
    void done.finally(() => this.#underWay.delete(done));
  }

  #needMachine(): void {
    if (this.#machineNeeded) return;
    this.#machineNeeded = true;
    void this.#deps.loadMachine().then(
      (machine) => this.input({ kind: "machine", machine }),
      // Without it no contract can be judged; the next block that runs one asks again.
      () => (this.#machineNeeded = false),
    );
  }

  #perform(effect: PeerEffect): void {
    const { network, signatures, keys, storage, claim, onEffect } = this.#deps;
    switch (effect.kind) {
      case "network":
        return network(effect.command);
      case "verify":
        return this.#follow(signatures.verify(effect.checks), (results) => ({
          kind: "verified",
          id: effect.id,
          results: results ?? effect.checks.map(() => false),
        }));
      case "sign":
        return this.#follow(keys.sign(effect.publicKey, effect.bytes), (signature) => ({ kind: "signed", id: effect.id, signature }));
      case "store":
        return this.#follow(storage.write(effect.batch), (_, error) => ({
          kind: "stored",
          id: effect.id,
          refusal: error === null ? null : shapeOf(error),
        }));
      case "read":
        return this.#follow(storage.range(effect.table, effect), (rows, error) => ({
          kind: "read",
          id: effect.id,
          rows: rows ?? [],
          refusal: rows === null ? shapeOf(error) : null,
        }));
      case "need-machine":
        return this.#needMachine();
      case "create-voting-key":
        return this.#follow(keys.create("voting"), (publicKey) => ({ kind: "key-created", id: effect.id, publicKey }));
      case "destroy-voting-key":
        void keys.destroy(effect.publicKey).catch((error: unknown) => {
          onEffect({ kind: "log", level: "warning", message: "voting key not destroyed", data: { code: shapeOf(error).code } });
        });
        return;
      case "claim":
        return this.#follow(claim(effect), (nonce) => ({ kind: "claimed", id: effect.id, nonce }));
      case "road":
      case "committed":
      case "reopen":
      case "history":
      case "halted":
      case "log":
        return onEffect(effect);
    }
  }

  /** Steady ticks keep their pace however many inputs come between, and an earlier one comes where the peer asks for it. */
  #schedule(): void {
    const atMs = Math.min(this.#nextTickMs, this.#peer.wakeAtMs);
    if (this.#stopped || atMs === this.#timerAtMs) return;
    this.#cancelTimer();
    this.#timerAtMs = atMs;
    this.#cancelTimer = this.#deps.clock.setTimer(Math.max(0, atMs - this.#deps.clock.nowMs()), () => {
      this.#timerAtMs = Infinity;
      this.#nextTickMs = this.#deps.clock.nowMs() + TICK_MS;
      this.input({ kind: "tick" });
    });
  }
}
