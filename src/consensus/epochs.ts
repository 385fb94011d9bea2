/** An epoch: its seats, and what was said and proven in it. PROTOCOL, "Seats and epochs". */
import { assert } from "../kit/assert.ts";
import { BoundedMap } from "../kit/bounded-map.ts";
import { toHex, type Hash, type HashHex, type VotingKey } from "../protocol/identifiers.ts";
import { LIMITS } from "../protocol/limits.ts";
import { quorumOf, type Certificate, type Recovery, type Vote, type VoteKind } from "../protocol/vote.ts";
import type { CompleteRecovery, Strength } from "./engine.ts";

/** What is known of one round. */
export class Round {
  notarized: Certificate | null = null;
  skipped: Certificate | null = null;
  /** By kind and candidate, then by the seat's index. */
  readonly #votes = new Map<string, Map<number, Vote>>();
  /** All of one seat, for evidence and to bound them. */
  readonly bySeat = new Map<number, Vote[]>();

  votesFor(kind: VoteKind, candidate: HashHex | null): ReadonlyMap<number, Vote> | undefined {
    return this.#votes.get(`${kind}|${candidate ?? ""}`);
  }

  /** Gives the votes that now stand for the same, or undefined if it was there already. */
  add(vote: Vote, seat: number): ReadonlyMap<number, Vote> | undefined {
    const key = `${vote.kind}|${vote.candidate === null ? "" : toHex(vote.candidate)}`;
    let votes = this.#votes.get(key);
    if (votes === undefined) this.#votes.set(key, (votes = new Map()));
    if (votes.has(seat)) return undefined;
    votes.set(seat, vote);
    const said = this.bySeat.get(seat);
    if (said === undefined) this.bySeat.set(seat, [vote]);
    else said.push(vote);
    return votes;
  }
}

export class Epoch {
  readonly id: Hash;
  readonly key: HashHex;
  readonly seats: readonly VotingKey[];
  readonly quorum: number;
  /** Set if a recovery began it: that recovery, and the seats of the epoch it recovered. */
  readonly begunBy: { readonly recovery: Recovery; readonly seatsBefore: number } | null;
  /** When this peer took it into its branch, by its own clock. */
  adoptedMs = 0;
  /** The finality certificate of the highest round whose candidate this peer has executed. */
  final: Certificate | null = null;
  /** The highest `finalRound` ever: no vote is cast at or below it, since the records of what was said there are gone. */
  floor = 0;
  /** One of a higher round, whose candidate is still asked for. */
  wanted: Certificate | null = null;
  /** Complete recoveries of this epoch, by id. */
  readonly recoveries = new BoundedMap<HashHex, CompleteRecovery>(LIMITS.recoveriesMax);
  readonly #rounds = new Map<number, Round>();
  readonly #indexBySeat: ReadonlyMap<HashHex, number>;
  readonly #leaderOffset: number;

  constructor(id: Hash, seats: readonly VotingKey[], begunBy: Epoch["begunBy"]) {
    assert(seats.length > 0, "an epoch has a seat");
    this.id = id;
    this.key = toHex(id);
    this.seats = seats;
    this.quorum = quorumOf(seats.length);
    this.begunBy = begunBy;
    this.#indexBySeat = new Map(seats.map((seat, index) => [toHex(seat), index]));
    // The id is a digest already: its first four bytes are the H(epochId) of rule 3.
    this.#leaderOffset = new DataView(id.buffer, id.byteOffset, 4).getUint32(0);
  }

  /** How many seats may be missing from a quorum. */
  get faults(): number {
    return this.seats.length - this.quorum;
  }

  /** The round of the last final candidate known, 0 if there is none in this epoch. */
  get finalRound(): number {
    return this.final?.round ?? 0;
  }

  indexOf(seat: HashHex): number | undefined {
    return this.#indexBySeat.get(seat);
  }

  /** rule 3: whose turn a round is. */
  leaderOf(round: number): VotingKey {
    return this.seats[(this.#leaderOffset + round) % this.seats.length]!;
  }

  round(round: number): Round | undefined {
    return this.#rounds.get(round);
  }

  /** The round's entry, made if missing; undefined for one too far ahead or over, which nobody honest needs. */
  openRound(round: number): Round | undefined {
    const known = this.#rounds.get(round);
    if (known !== undefined) return known;
    if (round < this.finalRound || round > this.finalRound + LIMITS.roundsAheadMax) return undefined;
    const made = new Round();
    this.#rounds.set(round, made);
    return made;
  }

  /** rule 1: cleared by a notarize or skip certificate at it, or a finalize certificate at or above it. */
  isCleared(round: number): boolean {
    const known = this.#rounds.get(round);
    return round <= this.finalRound || (known !== undefined && (known.notarized !== null || known.skipped !== null));
  }

  /** Forgets rounds below the last final one. */
  forgetBelow(round: number): void {
    for (const known of this.#rounds.keys()) if (known < round) this.#rounds.delete(known);
  }

  /** Whether the certificate has enough signers, all of them seats. Its signatures were checked before. */
  accepts(certificate: Certificate): boolean {
    const { signers } = certificate;
    return signers.length >= this.quorum && signers.every((signer) => signer < this.seats.length);
  }

  /** What kind of link this epoch is in the chain of trust (PROTOCOL, strength). */
  get strength(): Strength {
    return this.begunBy === null ? "full" : strengthOf(this.begunBy.recovery, this.begunBy.seatsBefore);
  }
}

/** What kind of link a recovery of an epoch with so many seats is. */
export function strengthOf(recovery: Recovery, seatsBefore: number): Strength {
  const signers = recovery.sleepers ? 0 : recovery.seats.length;
  if (signers >= quorumOf(seatsBefore)) return "full";
  return 2 * signers > seatsBefore ? "recovered" : "provisional";
}

/** Blocks above a recovery by a third or fewer, or by sleepers, yield to a better branch at any time. */
export function alwaysYields(recovery: Recovery, seatsBefore: number): boolean {
  return recovery.sleepers || 3 * recovery.seats.length <= seatsBefore;
}
