/** What must be verified in a consensus message before an engine may see it. Quorums are checked here, signatures by the caller. */
import { equalBytes } from "../kit/bytes.ts";
import type { BlockHeader } from "../protocol/block.ts";
import { digest, type Hash, type VotingKey } from "../protocol/identifiers.ts";
import { requireThat } from "../protocol/refusal.ts";
import { includesSeat } from "../protocol/seats.ts";
import {
  absentBytes,
  aliveBytes,
  quorumOf,
  recoverBytes,
  recoveryBytes,
  statementBytes,
  type Alive,
  type Certificate,
  type Recovery,
  type Vote,
} from "../protocol/vote.ts";
import type { CompleteRecovery, Engine } from "./engine.ts";
import type { WireCandidate, WireMessage } from "./wire.ts";

export interface SignatureToCheck {
  readonly publicKey: Uint8Array;
  readonly signature: Uint8Array;
  readonly message: Uint8Array;
}

/** Whose word counts in an epoch. */
export type Members = Pick<Engine, "seatsOf" | "sleepersOf">;

/** The message belongs to an epoch whose seats are not known yet: it can be judged later. */
export class UnknownEpoch extends Error {
  override readonly name = "UnknownEpoch";
  readonly epochId: Hash;

  constructor(epochId: Hash) {
    super();
    this.epochId = epochId;
  }
}

function seatsFor(epochId: Hash, known: Known): readonly VotingKey[] {
  const seats = known.members.seatsOf(epochId);
  if (seats === undefined) throw new UnknownEpoch(epochId);
  return seats;
}

/** What is known of a BoT where its messages are checked. */
interface Known {
  readonly chain: Hash;
  readonly members: Members;
}

/** One statement of another chain among those of this one would spoil whatever is made of them. @throws {Refusal} `wrong-chain` */
function requireChain(stated: Hash, { chain }: Known): void {
  requireThat(equalBytes(stated, chain), "wrong-chain");
}

/**
 * A statement that only seats make. An epoch's name is the digest of what decides its seats, so that all who know it know the same ones: nobody honest
 * says this for a key that is none, or passes it on.
 */
function requireSeat(seat: VotingKey, epochId: Hash, known: Known): void {
  requireThat(includesSeat(seatsFor(epochId, known), seat), "vote-invalid", { reason: "no seat" });
}

/** The same where those who sleep are heard, too. They may leave in the middle of an epoch, so two honest peers may differ: it costs nobody anything. */
function requireSeatOrSleeper(seat: VotingKey, epochId: Hash, known: Known): void {
  const isMember = includesSeat(seatsFor(epochId, known), seat) || includesSeat(known.members.sleepersOf(epochId), seat);
  requireThat(isMember, "unknown-seat");
}

/** A candidate comes with its proposer's own vote for it, which authenticates it: else anybody could have its transactions fetched. */
function requireOwnVote({ id, header, vote }: WireCandidate): void {
  const isOwn =
    vote.candidate !== null &&
    vote.kind === "notarize" &&
    vote.round === header.round &&
    equalBytes(vote.candidate, id) &&
    equalBytes(vote.seat, header.proposer) &&
    equalBytes(vote.epochId, header.epochId);
  requireThat(isOwn, "vote-invalid", { reason: "not the proposer's for this candidate" });
}

function voteCheck(vote: Vote, known: Known): SignatureToCheck {
  requireChain(vote.chain, known);
  return { publicKey: vote.seat, signature: vote.signature, message: statementBytes(vote) };
}

/** @throws {Refusal} `wrong-chain`; `certificate-invalid` without a quorum of the epoch's seats. @throws {UnknownEpoch} */
function certificateChecks(certificate: Certificate, known: Known): readonly SignatureToCheck[] {
  requireChain(certificate.chain, known);
  const seats = seatsFor(certificate.epochId, known);
  requireThat(certificate.signers.length >= quorumOf(seats.length), "certificate-invalid", { signers: certificate.signers.length });
  const message = statementBytes(certificate);
  return certificate.signers.map((signer, index) => {
    const publicKey = seats[signer];
    requireThat(publicKey !== undefined, "certificate-invalid", { signer });
    return { publicKey, signature: certificate.signatures[index]!, message };
  });
}

function aliveChecks(alive: Alive, known: Known): readonly SignatureToCheck[] {
  const { highest } = alive;
  requireChain(alive.chain, known);
  const own = { publicKey: alive.seat, signature: alive.signature, message: aliveBytes(alive) };
  if (highest === null) return [own];
  // It says how far its signer has seen this epoch: which of its blocks a recovery starts from hangs on it.
  const isOfEpoch = highest.kind !== "skip" && equalBytes(highest.epochId, alive.epochId);
  requireThat(isOfEpoch, "vote-invalid", { reason: "a promise upon no block of its epoch" });
  return [own, ...certificateChecks(highest, known)];
}

/** Of what a header carries: an ancestor's certificate, late votes, promises. */
function headerChecks(header: BlockHeader, known: Known): readonly SignatureToCheck[] {
  requireChain(header.chain, known);
  return [
    ...(header.certificate === null ? [] : certificateChecks(header.certificate, known)),
    ...header.lateVotes.map((vote) => voteCheck(vote, known)),
    ...header.alives.flatMap((alive) => aliveChecks(alive, known)),
  ];
}

export function recoveryDigest(recovery: Recovery): Hash {
  return digest(recoveryBytes(recovery));
}

function completeChecks({ recovery, signatures }: CompleteRecovery, known: Known): readonly SignatureToCheck[] {
  requireChain(recovery.chain, known);
  const message = recoverBytes(recoveryDigest(recovery));
  return recovery.seats.map((publicKey, index) => ({ publicKey, signature: signatures[index]!, message }));
}

/**
 * @throws {Refusal} `wrong-chain` where anything stated is of another; `certificate-invalid`; `vote-invalid` for what nobody honest says, `unknown-seat`
 * for a promise or recovery of a key that is neither seat nor asleep. @throws {UnknownEpoch} when the seats of an epoch that something is stated of are
 * not known.
 */
export function messageChecks(message: WireMessage, chain: Hash, members: Members): readonly SignatureToCheck[] {
  const known: Known = { chain, members };
  switch (message.kind) {
    case "candidate": {
      const check = voteCheck(message.vote, known);
      requireOwnVote(message);
      requireSeat(message.vote.seat, message.vote.epochId, known);
      return [
        check,
        ...headerChecks(message.header, known),
        ...message.certificates.flatMap((certificate) => certificateChecks(certificate, known)),
      ];
    }
    case "vote": {
      const check = voteCheck(message.vote, known);
      requireSeat(message.vote.seat, message.vote.epochId, known);
      return [check];
    }
    case "certificate":
      return certificateChecks(message.certificate, known);
    case "alive": {
      const checks = aliveChecks(message.alive, known);
      requireSeatOrSleeper(message.alive.seat, message.alive.epochId, known);
      return checks;
    }
    case "recover": {
      const { recovery, seat, signature } = message.recover;
      requireChain(recovery.chain, known);
      requireThat(includesSeat(recovery.seats, seat), "vote-invalid", { reason: "not named by the recovery" });
      if (recovery.sleepers) requireSeatOrSleeper(seat, recovery.epochId, known);
      else requireSeat(seat, recovery.epochId, known);
      return [{ publicKey: seat, signature, message: recoverBytes(recoveryDigest(recovery)) }];
    }
    case "absent": {
      const { absent } = message;
      requireChain(absent.chain, known);
      requireSeat(absent.seat, absent.epochId, known);
      return [{ publicKey: absent.seat, signature: absent.signature, message: absentBytes(absent) }];
    }
    case "give":
      return [
        ...message.blocks.flatMap((block) => headerChecks(block.header, known)),
        ...message.certificates.flatMap((certificate) => certificateChecks(certificate, known)),
        ...message.recoveries.flatMap((complete) => completeChecks(complete, known)),
      ];
    case "hello":
    case "ask":
      return [];
  }
}

/**
 * Whether an answer is one that peers also gossip: recoveries that are complete, of seats or sleepers of an epoch that is known here. All else of this
 * kind was asked for, and is for whom asked.
 */
export function isGossiped(give: Extract<WireMessage, { kind: "give" }>, members: Members): boolean {
  const isOfMembers = ({ recovery }: CompleteRecovery): boolean => {
    const named = recovery.sleepers ? members.sleepersOf(recovery.epochId) : (members.seatsOf(recovery.epochId) ?? []);
    return recovery.seats.every((seat) => includesSeat(named, seat));
  };
  return give.blocks.length === 0 && give.certificates.length === 0 && give.recoveries.every(isOfMembers);
}
