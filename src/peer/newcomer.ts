/**
 * A peer that is far behind reads a late state instead of all blocks (PROTOCOL, "Joining and following"): neighbours offer snapshots; the road to the block of
 * one of them is proven; its chunks come from all who have it; then that ledger takes the place of the one that is here.
 */
import { BoundedMap } from "../kit/bounded-map.ts";
import { equalBytes } from "../kit/bytes.ts";
import { encode } from "../protocol/codec.ts";
import { digest, toHex, type Hash, type HashHex } from "../protocol/identifiers.ts";
import { LIMITS } from "../protocol/limits.ts";
import { Refusal } from "../protocol/refusal.ts";
import { rowsOfLedger } from "./adopted-ledger.ts";
import { ChunkReader } from "./chunk-reader.ts";
import { EpochRoad, isBetterRoad, isOnRoad, type RoadAnswer, type RoadStart } from "./epoch-road.ts";
import { proofToValue } from "./epoch-steps.ts";
import type { Outbox } from "./outbox.ts";
import type { StorageBatch } from "./ports.ts";
import type { HistoryRow } from "./rows.ts";
import { encodeSnapshotMessage, type OfferedSnapshot, type SnapshotMessage } from "./snapshot-wire.ts";

/** Other neighbours' offers come at about the same time as the first. */
const GATHER_MS = 300;
/** An answer on the road is small; whoever is silent for so long is asked no more. */
const PATIENCE_MS = 5_000;
/** Branches that are looked at beside the one of the highest offer, so that a liar's does not win by coming alone. */
const RIVALS_MAX = 3;
const REST_MS = 10_000;

export interface NewcomerOptions {
  readonly chain: Hash;
  readonly outbox: Outbox;
  readonly genesis: () => Uint8Array;
  readonly start: () => RoadStart;
  readonly wallMs: () => number;
  /** Blocks that are here already. */
  readonly kept: () => { readonly before: HistoryRow["before"]; readonly blocksBytes: number };
  /** Blocks are to be asked for after all, from these neighbours. */
  readonly onGivenUp: (peers: readonly string[]) => void;
  readonly onLedger: (ledger: { readonly height: number; readonly rows: StorageBatch["puts"] }) => void;
}

interface Offer extends OfferedSnapshot {
  readonly key: HashHex;
  readonly id: Hash;
  /** Who made it, with this very proof: one that does not hold is the fault of all of them. */
  readonly peers: Set<string>;
}

type Phase =
  | { readonly kind: "idle" }
  | { readonly kind: "gathering"; readonly untilMs: number }
  | { readonly kind: "road"; readonly road: EpochRoad; readonly offer: Offer; askedMs: number; peer: string; isBusy: boolean }
  | { readonly kind: "chunks"; readonly road: EpochRoad; readonly offer: Offer; readonly reader: ChunkReader }
  | { readonly kind: "done" };

export class Newcomer {
  readonly #options: NewcomerOptions;
  /** By the digest of their proof. */
  readonly #offers = new Map<HashHex, Offer>();
  /** Offers whose road was walked, or did not hold. */
  readonly #left = new BoundedMap<HashHex, true>(LIMITS.leftOffersMax);
  #best: { readonly road: EpochRoad; readonly offer: Offer } | null = null;
  #rivals = 0;
  /** Neighbours that have offered something since it began. */
  readonly #offering = new Set<string>();
  /** Offers that come so soon after others that did not hold are not looked at: they cost this peer more than whoever makes them. */
  #restUntilMs = 0;
  #phase: Phase = { kind: "idle" };
  #nowMs = 0;

  constructor(options: NewcomerOptions) {
    this.#options = options;
  }

  /** Bytes of the state that are here, of how many. */
  get progress(): { readonly bytes: number; readonly total: number } | null {
    return this.#phase.kind === "chunks" ? { bytes: this.#phase.reader.bytes, total: this.#phase.offer.bytes } : null;
  }

  onMessage(from: string, message: SnapshotMessage, nowMs: number): void {
    this.#nowMs = nowMs;
    switch (message.kind) {
      case "offer":
        return this.#onOffer(from, message.snapshots);
      case "steps":
      case "skipped":
        return this.#onAnswer(from, message);
      case "part":
        return this.#onPart(from, message);
      default:
        return;
    }
  }

  #forgetOffersOf(peer: string): void {
    for (const [key, offer] of this.#offers) if (offer.peers.delete(peer) && offer.peers.size === 0) this.#offers.delete(key);
  }

  onUnlinked(peer: string): void {
    this.#forgetOffersOf(peer);
    this.#offering.delete(peer);
    const phase = this.#phase;
    if (phase.kind === "chunks") phase.reader.dropSource(peer);
    else if (phase.kind === "road" && phase.peer === peer) this.#askAnother(phase);
  }

  tick(nowMs: number): void {
    this.#nowMs = nowMs;
    const phase = this.#phase;
    if (phase.kind === "gathering" && nowMs >= phase.untilMs) this.#choose();
    else if (phase.kind === "road" && !phase.isBusy && nowMs - phase.askedMs > PATIENCE_MS) this.#askAnother(phase);
    else if (phase.kind === "chunks") this.#read(phase);
  }

  // ------------------------------------------------------------ offers

  #onOffer(from: string, snapshots: readonly OfferedSnapshot[]): void {
    if (this.#phase.kind === "done" || this.#nowMs < this.#restUntilMs) return;
    // Its last word counts, so that the offers are no more than neighbours may make.
    this.#forgetOffersOf(from);
    this.#offering.add(from);
    for (const snapshot of snapshots) {
      const header = snapshot.proof.headers[0];
      if (header === undefined) throw new Refusal("epoch-unproven", { reason: "no block" });
      const id = digest(header);
      const key = toHex(digest(encode(proofToValue(snapshot.proof))));
      const known = this.#offers.get(key);
      if (known === undefined) this.#offers.set(key, { ...snapshot, key, id, peers: new Set([from]) });
      else known.peers.add(from);
      if (this.#phase.kind === "chunks" && equalBytes(this.#phase.offer.id, id)) this.#phase.reader.addSource(from);
    }
    if (this.#phase.kind === "idle") this.#phase = { kind: "gathering", untilMs: this.#nowMs + GATHER_MS };
  }

  /** The highest block that was not looked at yet, and then those that stand on other branches; in the end the best. */
  #choose(): void {
    const best = this.#best;
    const roads = [...this.#offers.values()]
      .filter(({ key, peers }) => peers.size > 0 && !this.#left.has(key))
      .flatMap((offer) => {
        const road = this.#roadTo(offer);
        return road === null ? [] : [{ road, offer }];
      })
      .sort((a, b) => b.road.height - a.road.height);
    const next = best === null ? roads[0] : roads.find(({ road }) => !isOnRoad(best.road, this.#options.start(), road.target.lastRecovery));
    if (next !== undefined && (best === null || this.#rivals < RIVALS_MAX)) {
      if (best !== null) this.#rivals++;
      return this.#walk(next.road, next.offer);
    }
    if (best === null) return this.#giveUp();
    this.#phase = { kind: "chunks", ...best, reader: new ChunkReader(best.road.target.stateRoot, best.offer.chunks) };
    for (const { id, peers } of this.#offers.values()) {
      if (equalBytes(id, best.offer.id)) for (const peer of peers) this.#phase.reader.addSource(peer);
    }
    this.#read(this.#phase);
  }

  #roadTo({ proof, key }: Offer): EpochRoad | null {
    try {
      const road = new EpochRoad(this.#options.chain, this.#options.start(), proof);
      if (road.height > this.#options.start().finalHeight) return road;
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
    }
    this.#left.set(key, true);
    return null;
  }

  // ------------------------------------------------------------ the road

  #walk(road: EpochRoad, offer: Offer): void {
    const [peer] = offer.peers;
    if (peer === undefined) return this.#leave(offer);
    this.#phase = { kind: "road", road, offer, peer, askedMs: this.#nowMs, isBusy: false };
    this.#step(this.#phase);
  }

  #step(phase: Extract<Phase, { kind: "road" }>): void {
    const question = phase.road.question();
    if (question !== null) {
      phase.askedMs = this.#nowMs;
      return this.#send(phase.peer, question);
    }
    this.#verify(
      phase,
      () => phase.road.finalityChecks(),
      () => {
        this.#left.set(phase.offer.key, true);
        if (this.#best === null || isBetterRoad(phase.road, this.#best.road)) this.#best = { road: phase.road, offer: phase.offer };
        this.#choose();
      },
    );
  }

  #onAnswer(from: string, answer: RoadAnswer): void {
    const phase = this.#phase;
    if (phase.kind !== "road" || phase.peer !== from || phase.isBusy) return;
    const question = phase.road.question();
    const isAnswer =
      question?.kind === "skip"
        ? answer.kind === "skipped" && answer.height === question.height
        : answer.kind === "steps" && question !== null && equalBytes(answer.after, question.after);
    if (!isAnswer) return;
    let isStep = false;
    this.#verify(
      phase,
      () => {
        const checks = phase.road.take(answer);
        isStep = checks.length > 0;
        return checks;
      },
      () => {
        if (isStep) phase.road.accept();
        this.#step(phase);
      },
    );
  }

  /** Goes on if what a neighbour gave holds and its signatures are right; else with another. */
  #verify(phase: Extract<Phase, { kind: "road" }>, work: () => Parameters<Outbox["verify"]>[1], then: () => void): void {
    const { outbox } = this.#options;
    const { peer } = phase;
    let checks;
    try {
      checks = work();
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
      // A tick may have led here: what a neighbour gave is its fault alone.
      outbox.forNeighbour(peer, () => {
        throw error;
      });
      return this.#askAnother(phase);
    }
    phase.isBusy = true;
    outbox.verify(peer, checks, (allValid) => {
      phase.isBusy = false;
      if (this.#phase !== phase || phase.peer !== peer) return;
      if (allValid) return then();
      outbox.penalize(peer, "signature-invalid");
      this.#askAnother(phase);
    });
  }

  /** What one neighbour could not show, another that offers the same may. */
  #askAnother(phase: Extract<Phase, { kind: "road" }>): void {
    phase.offer.peers.delete(phase.peer);
    const [peer] = phase.offer.peers;
    if (peer === undefined) return this.#leave(phase.offer);
    phase.peer = peer;
    phase.isBusy = false;
    this.#step(phase);
  }

  #leave(offer: Offer): void {
    this.#left.set(offer.key, true);
    this.#choose();
  }

  // ------------------------------------------------------------ chunks

  #onPart(from: string, part: Extract<SnapshotMessage, { kind: "part" }>): void {
    const phase = this.#phase;
    if (phase.kind !== "chunks" || part.height !== phase.road.height) return;
    try {
      phase.reader.onPart(from, part.chunk, part.bytes);
    } finally {
      this.#read(phase);
    }
  }

  #read(phase: Extract<Phase, { kind: "chunks" }>): void {
    const { road, offer, reader } = phase;
    for (const { peer, chunk } of reader.questions(this.#nowMs)) this.#send(peer, { kind: "chunk", height: road.height, chunk });
    if (reader.isWhole) return this.#finish(phase);
    if (!reader.isLost) return;
    this.#offers.delete(offer.key);
    this.#best = null;
    this.#choose();
  }

  #finish({ road, offer, reader }: Extract<Phase, { kind: "chunks" }>): void {
    const { genesis, wallMs, kept, onLedger, outbox } = this.#options;
    // What became final here in the meantime would be lost for nothing.
    if (road.height <= this.#options.start().finalHeight) return this.#giveUp();
    this.#phase = { kind: "done" };
    const rows = rowsOfLedger({
      genesis: genesis(),
      road,
      proof: offer.proof,
      reader,
      nowMs: this.#nowMs,
      wallMs: wallMs(),
      ...kept(),
    });
    outbox.log("info", "joined by a snapshot", { height: road.height, chunks: reader.chunks.length, steps: road.path.length });
    onLedger({ height: road.height, rows });
  }

  /** Nobody has shown what it offered: blocks are asked for, from those who did. */
  #giveUp(): void {
    this.#phase = { kind: "idle" };
    this.#restUntilMs = this.#nowMs + REST_MS;
    this.#best = null;
    this.#rivals = 0;
    this.#offers.clear();
    const peers = [...this.#offering];
    this.#offering.clear();
    this.#options.outbox.log("warning", "no snapshot holds", { peers: peers.length });
    for (const peer of peers) this.#send(peer, { kind: "blocks" });
    this.#options.onGivenUp(peers);
  }

  #send(peer: string, message: SnapshotMessage): void {
    this.#options.outbox.network({ kind: "send", peer, protocol: "snapshot", bytes: encodeSnapshotMessage(message) });
  }
}
