/** Runs a peer: gives it inputs one after another, performs its effects through the ports, and brings their outcomes back. */
import type { Clock } from "../kit/clock.ts";
import type { PeerEffect, PeerInput } from "../peer/effects.ts";
import type { Peer } from "../peer/peer.ts";
import type { Keys, NetworkCommand, Signatures, Storage } from "../peer/ports.ts";
import type { ContractMachine } from "../protocol/contract-machine.ts";
import { Refusal, type RefusalShape } from "../protocol/refusal.ts";

/** Steady ticks: a small part of the shortest timeout. */
const TICK_MS = 50;

export type ReportedEffect = Extract<PeerEffect, { kind: "road" | "committed" | "halted" | "log" }>;

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

function shapeOf(error: unknown): RefusalShape {
  if (error instanceof Refusal) return { code: error.code, data: error.data };
  return { code: "internal", data: { message: error instanceof Error ? error.message : String(error) } };
}

export function runPeer(peer: Peer, deps: PeerRunnerDeps): PeerRunner {
  let stopped = false;
  let cancelTimer = (): void => {};
  let timerAtMs = Infinity;
  let nextTickMs = 0;
  const underWay = new Set<Promise<void>>();

  const input = (next: PeerInput): void => {
    if (stopped) return;
    for (const effect of peer.step(deps.clock.nowMs(), next)) perform(effect);
    schedule();
  };

  const follow = <Outcome>(work: Promise<Outcome>, toInput: (outcome: Outcome | null, error: unknown) => PeerInput): void => {
    const done: Promise<void> = work.then(
      (outcome) => input(toInput(outcome, null)),
      (error: unknown) => input(toInput(null, error)),
    );
    underWay.add(done);
    void done.finally(() => underWay.delete(done));
  };

  let machineNeeded = false;
  const needMachine = (): void => {
    if (machineNeeded) return;
    machineNeeded = true;
    void deps.loadMachine().then(
      (machine) => input({ kind: "machine", machine }),
      // Without it no contract can be judged; the next block that runs one asks again.
      () => (machineNeeded = false),
    );
  };

  function perform(effect: PeerEffect): void {
    switch (effect.kind) {
      case "network":
        return deps.network(effect.command);
      case "verify":
        return follow(deps.signatures.verify(effect.checks), (results) => ({
          kind: "verified",
          id: effect.id,
          results: results ?? effect.checks.map(() => false),
        }));
      case "sign":
        return follow(deps.keys.sign(effect.publicKey, effect.bytes), (signature) => ({ kind: "signed", id: effect.id, signature }));
      case "store":
        return follow(deps.storage.write(effect.batch), (_, error) => ({
          kind: "stored",
          id: effect.id,
          refusal: error === null ? null : shapeOf(error),
        }));
      case "read":
        return follow(deps.storage.range(effect.table, effect), (rows) => ({ kind: "read", id: effect.id, rows: rows ?? [] }));
      case "need-machine":
        return needMachine();
      case "create-voting-key":
        return follow(deps.keys.create("voting"), (publicKey) => ({ kind: "key-created", id: effect.id, publicKey }));
      case "destroy-voting-key":
        void deps.keys.destroy(effect.publicKey).catch((error: unknown) => {
          deps.onEffect({ kind: "log", level: "warning", message: "voting key not destroyed", data: { code: shapeOf(error).code } });
        });
        return;
      case "claim":
        return follow(deps.claim(effect), (nonce) => ({ kind: "claimed", id: effect.id, nonce }));
      case "road":
      case "committed":
      case "halted":
      case "log":
        return deps.onEffect(effect);
    }
  }

  /** Steady ticks keep their pace however many inputs come between, and an earlier one comes where the peer asks for it. */
  function schedule(): void {
    const atMs = Math.min(nextTickMs, peer.wakeAtMs);
    if (stopped || atMs === timerAtMs) return;
    cancelTimer();
    timerAtMs = atMs;
    cancelTimer = deps.clock.setTimer(Math.max(0, atMs - deps.clock.nowMs()), () => {
      timerAtMs = Infinity;
      nextTickMs = deps.clock.nowMs() + TICK_MS;
      input({ kind: "tick" });
    });
  }

  input({ kind: "tick" });
  return {
    input,
    settled: async () => {
      while (underWay.size > 0) await Promise.all(underWay);
    },
    stop: () => {
      stopped = true;
      cancelTimer();
    },
  };
}
