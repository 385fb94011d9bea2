/** Bytes of the messages between engines. A candidate travels without its transactions: their digests name them. PROTOCOL, "Wire". */
import { decodeBlock, decodeHeader, encodeBlock, type BlockHeader } from "../protocol/block.ts";
import { decode, encode, type Value } from "../protocol/codec.ts";
import { asHash, asVotingKey, digest, type Hash } from "../protocol/identifiers.ts";
import { LIMITS } from "../protocol/limits.ts";
import { Refusal, requireThat } from "../protocol/refusal.ts";
import { envelopeOf } from "../protocol/transaction.ts";
import { readBoolean, readBytes, readInteger, readList, readText } from "../protocol/schema.ts";
import {
  aliveToValue,
  certificateToValue,
  recoveryToValue,
  valueToAlive,
  valueToCertificate,
  valueToRecovery,
  valueToVote,
  voteToValue,
  type Absent,
  type Certificate,
  type RecoverySignature,
  type Vote,
} from "../protocol/vote.ts";
import type { CompleteRecovery, ConsensusMessage } from "./engine.ts";

/** A candidate as received: the bodies are found by their envelopes' digests. */
export interface WireCandidate {
  readonly kind: "candidate";
  readonly id: Hash;
  readonly headerBytes: Uint8Array;
  readonly header: BlockHeader;
  /** Digests of the transactions' envelopes, in order. */
  readonly envelopes: readonly Hash[];
  readonly vote: Vote;
  readonly certificates: readonly Certificate[];
}

export type WireMessage = Exclude<ConsensusMessage, { kind: "candidate" }> | WireCandidate;

const SIGNATURE_BYTES = 64;

function completeToValue(complete: CompleteRecovery): Value {
  return [recoveryToValue(complete.recovery), complete.signatures];
}

function valueToComplete(value: Value): CompleteRecovery {
  const pair = readList(value, "recovery", 2);
  const recovery = valueToRecovery(pair[0]);
  const signatures = readList(pair[1], "signatures", recovery.seats.length);
  return { recovery, signatures: signatures.map((item) => readBytes(item, "signature", SIGNATURE_BYTES, SIGNATURE_BYTES)) };
}

function messageToValue(message: ConsensusMessage): Value {
  switch (message.kind) {
    case "candidate": {
      const envelopes = message.block.transactions.map(envelopeOf);
      return [message.kind, message.block.headerBytes, envelopes, voteToValue(message.vote), message.certificates.map(certificateToValue)];
    }
    case "vote":
      return [message.kind, voteToValue(message.vote)];
    case "certificate":
      return [message.kind, certificateToValue(message.certificate)];
    case "alive":
      return [message.kind, aliveToValue(message.alive)];
    case "recover": {
      const { recovery, seat, signature } = message.recover;
      return [message.kind, recoveryToValue(recovery), seat, signature];
    }
    case "absent": {
      const { chain, epochId, round, seat, signature } = message.absent;
      return [message.kind, chain, epochId, round, seat, signature];
    }
    case "hello":
      return [message.kind, message.epochId, message.lastFinal, message.height, message.known];
    case "ask":
      return [message.kind, message.id];
    case "give":
      return [
        message.kind,
        message.blocks.map(encodeBlock),
        message.certificates.map(certificateToValue),
        message.recoveries.map(completeToValue),
        message.more,
      ];
  }
}

export function encodeConsensusMessage(message: ConsensusMessage): Uint8Array {
  return encode(messageToValue(message));
}

function readCertificates(value: Value | undefined): readonly Certificate[] {
  const list = readList(value, "certificates");
  requireThat(list.length <= LIMITS.certificatesMax, "too-large", { certificates: list.length });
  return list.map(valueToCertificate);
}

function readSigned(list: readonly Value[], at: number): Pick<RecoverySignature, "seat" | "signature"> {
  return { seat: asVotingKey(list[at]), signature: readBytes(list[at + 1], "signature", SIGNATURE_BYTES, SIGNATURE_BYTES) };
}

function readCandidate(list: readonly Value[]): WireCandidate {
  const headerBytes = readBytes(list[1], "header", LIMITS.messageBytesMax);
  const envelopes = readList(list[2], "envelopes");
  requireThat(envelopes.length <= LIMITS.blockTransactionsMax, "too-large", { envelopes: envelopes.length });
  return {
    kind: "candidate",
    id: digest(headerBytes),
    headerBytes,
    header: decodeHeader(headerBytes),
    envelopes: envelopes.map(asHash),
    vote: valueToVote(list[3]),
    certificates: readCertificates(list[4]),
  };
}

function readGive(list: readonly Value[]): WireMessage {
  const blocks = readList(list[1], "blocks");
  const recoveries = readList(list[3], "recoveries");
  requireThat(blocks.length <= LIMITS.giveBlocksMax && recoveries.length <= LIMITS.giveBlocksMax, "too-large", { blocks: blocks.length });
  return {
    kind: "give",
    blocks: blocks.map((item) => decodeBlock(readBytes(item, "block", LIMITS.messageBytesMax))),
    certificates: readCertificates(list[2]),
    recoveries: recoveries.map(valueToComplete),
    more: readBoolean(list[4], "more"),
  };
}

const LENGTHS: Readonly<Record<ConsensusMessage["kind"], number>> = {
  candidate: 5,
  vote: 2,
  certificate: 2,
  alive: 2,
  recover: 4,
  absent: 6,
  hello: 5,
  ask: 2,
  give: 5,
};

function isKind(text: string): text is ConsensusMessage["kind"] {
  return Object.hasOwn(LENGTHS, text);
}

/** @throws {Refusal} `too-large`, `encoding-invalid`, `schema-invalid`; signatures are not verified here. */
export function decodeConsensusMessage(bytes: Uint8Array): WireMessage {
  const list = readList(decode(bytes, LIMITS.messageBytesMax), "message");
  const kind = readText(list[0], "kind", 16);
  if (!isKind(kind)) throw new Refusal("schema-invalid", { field: "kind" });
  readList(list, "message", LENGTHS[kind]);
  switch (kind) {
    case "candidate":
      return readCandidate(list);
    case "vote":
      return { kind, vote: valueToVote(list[1]) };
    case "certificate":
      return { kind, certificate: valueToCertificate(list[1]) };
    case "alive":
      return { kind, alive: valueToAlive(list[1]) };
    case "recover":
      return { kind, recover: { recovery: valueToRecovery(list[1]), ...readSigned(list, 2) } };
    case "absent": {
      const absent: Absent = {
        chain: asHash(list[1]),
        epochId: asHash(list[2]),
        round: readInteger(list[3], "round"),
        ...readSigned(list, 4),
      };
      return { kind, absent };
    }
    case "hello": {
      const known = readList(list[4], "known");
      requireThat(known.length <= LIMITS.knownBlocksMax, "too-large", { known: known.length });
      const height = readInteger(list[3], "height");
      return { kind, epochId: asHash(list[1]), lastFinal: asHash(list[2]), height, known: known.map(asHash) };
    }
    case "ask":
      return { kind, id: asHash(list[1]) };
    case "give":
      return readGive(list);
  }
}
