/** What must be verified in a consensus message before an engine may see it. Quorums are checked here, signatures by the caller. */
import { equalBytes } from "../kit/bytes.ts";
import type { BlockHeader } from "../protocol/block.ts";
import { digest, type Hash, type VotingKey } from "../protocol/identifiers.ts";
import { requireThat } from "../protocol/refusal.ts";
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
import type { CompleteRecovery } from "./engine.ts";
import type { WireMessage } from "./wire.ts";

export interface SignatureToCheck {
  readonly publicKey: Uint8Array;
  readonly signature: Uint8Array;
  readonly message: Uint8Array;
}

export type SeatsOf = (epochId: Hash) => readonly VotingKey[] | undefined;

/** The message belongs to an epoch whose seats are not known yet: it can be judged later. */
export class UnknownEpoch extends Error {
  override readonly name = "UnknownEpoch";
}

function seatsFor(epochId: Hash, known: Known): readonly VotingKey[] {
  const seats = known.seatsOf(epochId);
  if (seats === undefined) throw new UnknownEpoch();
  return seats;
}

/** What is known of a BoT where its messages are checked. */
interface Known {
  readonly chain: Hash;
  readonly seatsOf: SeatsOf;
}

/** One statement of another chain among those of this one would spoil whatever is made of them. @throws {Refusal} `wrong-chain` */
function requireChain(stated: Hash, { chain }: Known): void {
  requireThat(equalBytes(stated, chain), "wrong-chain");
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
  requireChain(alive.chain, known);
  const own = { publicKey: alive.seat, signature: alive.signature, message: aliveBytes(alive) };
  return alive.highest === null ? [own] : [own, ...certificateChecks(alive.highest, known)];
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
 * @throws {Refusal} `wrong-chain` where anything stated is of another; `certificate-invalid`. @throws {UnknownEpoch} when the seats of an epoch that
 * something is stated of are not known.
 */
export function messageChecks(message: WireMessage, chain: Hash, seatsOf: SeatsOf): readonly SignatureToCheck[] {
  const known: Known = { chain, seatsOf };
  switch (message.kind) {
    case "candidate":
      return [
        voteCheck(message.vote, known),
        ...headerChecks(message.header, known),
        ...message.certificates.flatMap((certificate) => certificateChecks(certificate, known)),
      ];
    case "vote": {
      const check = voteCheck(message.vote, known);
      seatsFor(message.vote.epochId, known);
      return [check];
    }
    case "certificate":
      return certificateChecks(message.certificate, known);
    case "alive": {
      const checks = aliveChecks(message.alive, known);
      seatsFor(message.alive.epochId, known);
      return checks;
    }
    case "recover": {
      const { recovery, seat, signature } = message.recover;
      requireChain(recovery.chain, known);
      seatsFor(recovery.epochId, known);
      return [{ publicKey: seat, signature, message: recoverBytes(recoveryDigest(recovery)) }];
    }
    case "absent": {
      const { absent } = message;
      requireChain(absent.chain, known);
      seatsFor(absent.epochId, known);
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
