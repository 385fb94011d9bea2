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

function seatsFor(epochId: Hash, seatsOf: SeatsOf): readonly VotingKey[] {
  const seats = seatsOf(epochId);
  if (seats === undefined) throw new UnknownEpoch();
  return seats;
}

function voteCheck(vote: Vote): SignatureToCheck {
  return { publicKey: vote.seat, signature: vote.signature, message: statementBytes(vote) };
}

/** @throws {Refusal} `certificate-invalid` without a quorum of the epoch's seats. @throws {UnknownEpoch} */
function certificateChecks(certificate: Certificate, seatsOf: SeatsOf): readonly SignatureToCheck[] {
  const seats = seatsFor(certificate.epochId, seatsOf);
  requireThat(certificate.signers.length >= quorumOf(seats.length), "certificate-invalid", { signers: certificate.signers.length });
  const message = statementBytes(certificate);
  return certificate.signers.map((signer, index) => {
    const publicKey = seats[signer];
    requireThat(publicKey !== undefined, "certificate-invalid", { signer });
    return { publicKey, signature: certificate.signatures[index]!, message };
  });
}

function aliveChecks(alive: Alive, seatsOf: SeatsOf): readonly SignatureToCheck[] {
  const own = { publicKey: alive.seat, signature: alive.signature, message: aliveBytes(alive) };
  return alive.highest === null ? [own] : [own, ...certificateChecks(alive.highest, seatsOf)];
}

/** Of what a header carries: an ancestor's certificate, late votes, promises. */
function headerChecks(header: BlockHeader, seatsOf: SeatsOf): readonly SignatureToCheck[] {
  return [
    ...(header.certificate === null ? [] : certificateChecks(header.certificate, seatsOf)),
    ...header.lateVotes.map(voteCheck),
    ...header.alives.flatMap((alive) => aliveChecks(alive, seatsOf)),
  ];
}

export function recoveryDigest(recovery: Recovery): Hash {
  return digest(recoveryBytes(recovery));
}

function completeChecks({ recovery, signatures }: CompleteRecovery): readonly SignatureToCheck[] {
  const message = recoverBytes(recoveryDigest(recovery));
  return recovery.seats.map((publicKey, index) => ({ publicKey, signature: signatures[index]!, message }));
}

/** What a message's own statement belongs to; null where it makes none. */
function chainOfMessage(message: WireMessage): Hash | null {
  switch (message.kind) {
    case "candidate":
    case "vote":
      return message.vote.chain;
    case "certificate":
      return message.certificate.chain;
    case "alive":
      return message.alive.chain;
    case "recover":
      return message.recover.recovery.chain;
    case "absent":
      return message.absent.chain;
    case "hello":
    case "ask":
    case "give":
      return null;
  }
}

/**
 * @throws {Refusal} `wrong-chain`: one vote of another chain among those of this one would spoil the certificate that is made of them;
 * `certificate-invalid`. @throws {UnknownEpoch} when the seats of a certificate's epoch are not known.
 */
export function messageChecks(message: WireMessage, chain: Hash, seatsOf: SeatsOf): readonly SignatureToCheck[] {
  const stated = chainOfMessage(message);
  requireThat(stated === null || equalBytes(stated, chain), "wrong-chain");
  switch (message.kind) {
    case "candidate":
      return [
        voteCheck(message.vote),
        ...headerChecks(message.header, seatsOf),
        ...message.certificates.flatMap((certificate) => certificateChecks(certificate, seatsOf)),
      ];
    case "vote":
      seatsFor(message.vote.epochId, seatsOf);
      return [voteCheck(message.vote)];
    case "certificate":
      return certificateChecks(message.certificate, seatsOf);
    case "alive":
      seatsFor(message.alive.epochId, seatsOf);
      return aliveChecks(message.alive, seatsOf);
    case "recover": {
      const { recovery, seat, signature } = message.recover;
      seatsFor(recovery.epochId, seatsOf);
      return [{ publicKey: seat, signature, message: recoverBytes(recoveryDigest(recovery)) }];
    }
    case "absent":
      seatsFor(message.absent.epochId, seatsOf);
      return [{ publicKey: message.absent.seat, signature: message.absent.signature, message: absentBytes(message.absent) }];
    case "give":
      return [
        ...message.blocks.flatMap((block) => headerChecks(block.header, seatsOf)),
        ...message.certificates.flatMap((certificate) => certificateChecks(certificate, seatsOf)),
        ...message.recoveries.flatMap(completeChecks),
      ];
    case "hello":
    case "ask":
      return [];
  }
}
