/** Collects a step's effects, and remembers what to do when the outcome of one comes back as an input. */
import { BoundedMap } from "../kit/bounded-map.ts";
import { OBJECTIVE_FAULTS, type RejectCode } from "../protocol/codes.ts";
import type { Value } from "../protocol/codec.ts";
import { LIMITS } from "../protocol/limits.ts";
import { Refusal, type RefusalShape } from "../protocol/refusal.ts";
import type { EffectId, PeerEffect, PeerInput } from "./effects.ts";
import type { NetworkCommand, SignatureCheck, StorageBatch, StorageTable } from "./ports.ts";

type Rows = readonly (readonly [key: string, bytes: Uint8Array])[];
/** What was found; nothing where it could not be read, which `refusal` says. */
type Read = (rows: Rows, refusal: RefusalShape | null) => void;
type Continuation =
  | { readonly kind: "verified"; readonly then: (results: readonly boolean[]) => void }
  | { readonly kind: "signed"; readonly then: (signature: Uint8Array | null) => void }
  | { readonly kind: "stored"; readonly then: (refusal: RefusalShape | null) => void }
  | { readonly kind: "read"; readonly then: Read }
  | { readonly kind: "key-created"; readonly then: (publicKey: Uint8Array | null) => void }
  | { readonly kind: "claimed"; readonly then: (nonce: Uint8Array | null) => void };

/** A refusal in what this peer does by itself, after it has taken in what others said: it is wrong about itself and must not go on. */
export class OwnFault extends Error {
  override readonly name = "OwnFault";
  readonly refusal: Refusal;

  constructor(refusal: Refusal) {
    super(refusal.code, { cause: refusal });
    this.refusal = refusal;
  }
}

/** Told once whether a message is sound: gossip is passed on to others only then. */
export type Verdict = (accept: boolean) => void;

/** An input that brings back what became of an effect. */
type Outcome = Extract<PeerInput, { readonly id: EffectId }>;

export class Outbox {
  /** Whether the network may have a command. */
  readonly #mayPass: (command: NetworkCommand) => boolean;
  #effects: PeerEffect[] = [];
  #nextId: EffectId = 1;
  readonly #waiting = new Map<EffectId, Continuation>();
  readonly #noted = new BoundedMap<string, true>(LIMITS.notedRefusalsMax);

  constructor(mayPass: (command: NetworkCommand) => boolean = () => true) {
    this.#mayPass = mayPass;
  }

  /** Effects since the last call, in order. */
  drain(): readonly PeerEffect[] {
    const effects = this.#effects;
    this.#effects = [];
    return effects;
  }

  /** Number of outcomes that are still to come back. */
  get pending(): number {
    return this.#waiting.size;
  }

  emit(effect: PeerEffect): void {
    this.#effects.push(effect);
  }

  network(command: NetworkCommand): void {
    if (this.#mayPass(command)) this.emit({ kind: "network", command });
  }

  penalize(peer: string, code: RejectCode): void {
    this.network({ kind: "penalize", peer, code });
    this.noteRefusal(peer, code);
  }

  /** What a neighbour said was refused: for whoever reads the diagnostics, once for each neighbour and code. */
  noteRefusal(peer: string, code: RejectCode): void {
    const key = `${peer} ${code}`;
    if (this.#noted.has(key)) return;
    this.#noted.set(key, true);
    this.log("info", "refused", { peer, code });
  }

  /** The verdict on what was heard by gossip under this number. */
  verdictOn(id: number): Verdict {
    return (accept) => this.network({ kind: "verdict", id, accept });
  }

  log(level: "info" | "warning" | "error", message: string, data: Readonly<Record<string, Value>> = {}): void {
    this.emit({ kind: "log", level, message, data });
  }

  #expect(continuation: Continuation): EffectId {
    const id = this.#nextId++;
    this.#waiting.set(id, continuation);
    return id;
  }

  /** Checks signatures in what a neighbour said, and goes on with that; at once when there is nothing to check. */
  verify(from: string, checks: readonly SignatureCheck[], then: (allValid: boolean, results: readonly boolean[]) => void): void {
    if (checks.length === 0) return this.forNeighbour(from, () => then(true, []));
    const goOn = (results: readonly boolean[]): void => this.forNeighbour(from, () => then(results.every(Boolean), results));
    this.emit({ kind: "verify", id: this.#expect({ kind: "verified", then: goOn }), checks });
  }

  /** Works on what a neighbour said. What is refused there is the neighbour's fault or nobody's, but never a reason for this peer to halt. */
  forNeighbour(from: string, work: () => void): void {
    try {
      work();
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
      if (OBJECTIVE_FAULTS.has(error.code)) this.penalize(from, error.code);
      else this.noteRefusal(from, error.code);
    }
  }

  sign(publicKey: Uint8Array, bytes: Uint8Array, then: (signature: Uint8Array | null) => void): void {
    this.emit({ kind: "sign", id: this.#expect({ kind: "signed", then }), publicKey, bytes });
  }

  store(batch: StorageBatch, then: (refusal: RefusalShape | null) => void): void {
    this.emit({ kind: "store", id: this.#expect({ kind: "stored", then }), batch });
  }

  read(request: { table: StorageTable; from: string; to: string; limit: number; reverse?: boolean }, then: Read): void {
    this.emit({ kind: "read", id: this.#expect({ kind: "read", then }), ...request });
  }

  createVotingKey(then: (publicKey: Uint8Array | null) => void): void {
    this.emit({ kind: "create-voting-key", id: this.#expect({ kind: "key-created", then }) });
  }

  claim(request: { account: Uint8Array; reference: Uint8Array; bits: number }, then: (nonce: Uint8Array | null) => void): void {
    this.emit({ kind: "claim", id: this.#expect({ kind: "claimed", then }), ...request });
  }

  /** Takes an outcome; one that nobody waits for is ignored. Whether it was such an input. */
  settle(input: PeerInput): input is Outcome {
    if (!("id" in input)) return false;
    const continuation = this.#waiting.get(input.id);
    this.#waiting.delete(input.id);
    if (continuation?.kind !== input.kind) return true;
    switch (input.kind) {
      case "verified":
        (continuation as Extract<Continuation, { kind: "verified" }>).then(input.results);
        break;
      case "signed":
        (continuation as Extract<Continuation, { kind: "signed" }>).then(input.signature);
        break;
      case "stored":
        (continuation as Extract<Continuation, { kind: "stored" }>).then(input.refusal);
        break;
      case "read":
        (continuation as Extract<Continuation, { kind: "read" }>).then(input.rows, input.refusal);
        break;
      case "key-created":
        (continuation as Extract<Continuation, { kind: "key-created" }>).then(input.publicKey);
        break;
      case "claimed":
        (continuation as Extract<Continuation, { kind: "claimed" }>).then(input.nonce);
        break;
    }
    return true;
  }
}
