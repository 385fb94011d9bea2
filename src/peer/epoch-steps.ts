/**
 * How a newcomer comes to believe the seats of a late epoch without the blocks between: from an epoch that it believes, step by step (PROTOCOL, "Joining and
 * following"). Steps over many epochs at once are the skipping verification of a light client (Braithwaite and others, "A Tendermint Light Client", 2020,
 * section 3): more than a third of the believed seats have signed in the later epoch, so one of them is honest and stands on the same branch.
 */
import { messageChecks, type SignatureToCheck } from "../consensus/signature-checks.ts";
import type { CompleteRecovery } from "../consensus/engine.ts";
import type { EpochRecord } from "../consensus/records.ts";
import { completeRecoveryToValue, valueToCompleteRecovery } from "../consensus/records.ts";
import { compareBytes, equalBytes } from "../kit/bytes.ts";
import { SEATS_KEY, seatKeysOf, verifyProof } from "../ledger/index.ts";
import { decodeHeader, type BlockHeader } from "../protocol/block.ts";
import { decode, encode, type Value } from "../protocol/codec.ts";
import { asVotingKey, digest, type Hash, type VotingKey } from "../protocol/identifiers.ts";
import { LIMITS } from "../protocol/limits.ts";
import { Refusal, requireThat } from "../protocol/refusal.ts";
import { includesSeat, seatsAfterRecovery, type SeatLists } from "../protocol/seats.ts";
import { readBytes, readList, readOneOf } from "../protocol/schema.ts";
import { certificateToValue, recoveryBlockId, valueToCertificate, type Certificate } from "../protocol/vote.ts";

/** An epoch whose seats are believed. */
export interface TrustedEpoch {
  readonly id: Hash;
  readonly seats: readonly VotingKey[];
  /** Those asleep when it began; null where that was not shown. */
  readonly sleeping: readonly VotingKey[] | null;
  /** Height of the block or recovery that began it. */
  readonly height: number;
  readonly lastRecovery: Hash | null;
  readonly begunBy: EpochRecord["begunBy"];
}

/** A block's header and, up to the one that a finality certificate of its epoch names, those of the blocks above it. */
export interface FinalityProof {
  readonly headers: readonly Uint8Array[];
  readonly certificate: Certificate;
}

export type EpochStep =
  /** Its last block is final: the next epoch has the seats that this block leaves. */
  | { readonly kind: "closed"; readonly proof: FinalityProof; readonly seats: readonly VotingKey[] }
  /** A later epoch, the block that began it, and what its seats made final in it. */
  | { readonly kind: "skipped"; readonly header: Uint8Array; readonly seats: readonly VotingKey[]; readonly certificate: Certificate }
  /** It was recovered. The base's header and its seats with their proof; null where the base is genesis or itself a recovery, whose seats are known. */
  | { readonly kind: "recovered"; readonly complete: CompleteRecovery; readonly base: RecoveryBase | null };

export interface RecoveryBase {
  readonly header: Uint8Array;
  /** Bytes of the state's entry `seats` at the base, and the proof that they are under its state root. */
  readonly seats: Uint8Array;
  readonly proof: Uint8Array;
}

/** What is believed once the signatures are found right. */
export interface Checked<Believed> {
  readonly believed: Believed;
  readonly checks: readonly SignatureToCheck[];
}

export interface ProvenBlock {
  readonly id: Hash;
  readonly header: BlockHeader;
}

function unproven(reason: string): Refusal {
  return new Refusal("epoch-unproven", { reason });
}

function certificateChecks(certificate: Certificate, epoch: Pick<TrustedEpoch, "id" | "seats">, chain: Hash): readonly SignatureToCheck[] {
  const members = { seatsOf: () => epoch.seats, sleepersOf: () => [] };
  if (!equalBytes(certificate.epochId, epoch.id) || certificate.kind !== "finalize") throw unproven("certificate of another epoch");
  return messageChecks({ kind: "certificate", certificate }, chain, members);
}

/**
 * That a block is final in this epoch.
 * @throws {Refusal} `epoch-unproven`, `certificate-invalid`, `wrong-chain`, or as `decodeHeader`.
 */
export function checkFinality({ headers, certificate }: FinalityProof, epoch: TrustedEpoch, chain: Hash): Checked<ProvenBlock> {
  let above: Hash | null = null;
  let proven: ProvenBlock | null = null;
  for (const bytes of headers) {
    const header = decodeHeader(bytes);
    if (!equalBytes(header.epochId, epoch.id)) throw unproven("header of another epoch");
    if (above !== null && !equalBytes(header.parent, above)) throw unproven("headers do not follow each other");
    above = digest(bytes);
    proven ??= { id: above, header };
  }
  if (above === null || proven === null || proven.header.height === null) throw unproven("no block");
  if (certificate.candidate === null || !equalBytes(certificate.candidate, above)) throw unproven("certificate of another block");
  return { believed: proven, checks: certificateChecks(certificate, epoch, chain) };
}

/** The epoch that a block begins, of which this list is said to be the seats. */
function begunBy({ id, header }: ProvenBlock, seats: readonly VotingKey[]): TrustedEpoch {
  if (!header.endsEpoch || header.height === null) throw unproven("the block ends no epoch");
  if (seats.length === 0 || !equalBytes(digest(encode([...seats])), header.seatsDigest)) throw unproven("seats");
  return { id, seats, sleeping: null, height: header.height, lastRecovery: header.lastRecovery, begunBy: null };
}

function sameHash(a: Hash | null, b: Hash | null): boolean {
  return a === null || b === null ? a === b : equalBytes(a, b);
}

function skip(step: Extract<EpochStep, { kind: "skipped" }>, from: TrustedEpoch, chain: Hash): Checked<TrustedEpoch> {
  const header = decodeHeader(step.header);
  const to = begunBy({ id: digest(step.header), header }, step.seats);
  // Beyond a recovery whoever was left behind may go on by itself: such a step is taken alone.
  if (!sameHash(header.lastRecovery, from.lastRecovery)) throw unproven("a recovery lies between");
  if (to.height <= from.height) throw unproven("not later");
  const checks = certificateChecks(step.certificate, to, chain);
  const known = step.certificate.signers.filter((signer) => includesSeat(from.seats, to.seats[signer]!));
  if (3 * known.length <= from.seats.length) throw unproven("too few believed seats have signed");
  return { believed: to, checks };
}

/** Seats and sleepers at a recovery's base, and its height. */
function baseOf(step: Extract<EpochStep, { kind: "recovered" }>, from: TrustedEpoch): SeatLists & { readonly height: number } {
  const { recovery } = step.complete;
  if (step.base === null) {
    if (!equalBytes(recovery.base, from.id) || from.sleeping === null) throw unproven("no base");
    return { seats: from.seats, sleeping: from.sleeping, height: from.height };
  }
  const header = decodeHeader(step.base.header);
  const id = digest(step.base.header);
  if (!equalBytes(id, recovery.base) || header.height === null) throw unproven("another base");
  if (!equalBytes(id, from.id) && !equalBytes(header.epochId, from.id)) throw unproven("base of another epoch");
  if (!verifyProof(header.stateRoot, SEATS_KEY, step.base.seats, step.base.proof)) throw unproven("seats of the base");
  return { ...seatKeysOf(decode(step.base.seats, LIMITS.transactionBytesMax)), height: header.height };
}

function recovered(step: Extract<EpochStep, { kind: "recovered" }>, from: TrustedEpoch, chain: Hash): Checked<TrustedEpoch> {
  const { recovery } = step.complete;
  if (!equalBytes(recovery.epochId, from.id)) throw unproven("recovery of another epoch");
  const base = baseOf(step, from);
  const allowed = recovery.sleepers ? base.sleeping : from.seats;
  const isSorted = recovery.seats.every((seat, index) => index === 0 || compareBytes(recovery.seats[index - 1]!, seat) < 0);
  if (!isSorted || !recovery.seats.every((seat) => includesSeat(allowed, seat))) throw new Refusal("recovery-invalid", { reason: "seats" });
  const lists = seatsAfterRecovery(base, recovery, from.seats);
  const id = recoveryBlockId(recovery);
  return {
    believed: {
      id,
      ...lists,
      height: base.height + 1,
      lastRecovery: id,
      begunBy: { recovery, seatsBefore: from.seats.length },
    },
    checks: messageChecks({ kind: "give", blocks: [], certificates: [], recoveries: [step.complete], more: false }, chain, {
      seatsOf: () => from.seats,
      sleepersOf: () => base.sleeping,
    }),
  };
}

/**
 * The epoch that a step leads to.
 * @throws {Refusal} `epoch-unproven`, `recovery-invalid`, `certificate-invalid`, `wrong-chain`, or as `decodeHeader`.
 */
export function checkStep(step: EpochStep, from: TrustedEpoch, chain: Hash): Checked<TrustedEpoch> {
  switch (step.kind) {
    case "closed": {
      const { believed, checks } = checkFinality(step.proof, from, chain);
      return { believed: begunBy(believed, step.seats), checks };
    }
    case "skipped":
      return skip(step, from, chain);
    case "recovered":
      return recovered(step, from, chain);
  }
}

// ------------------------------------------------------------ bytes

const STEP_KINDS = ["closed", "skipped", "recovered"] as const;

export function proofToValue({ headers, certificate }: FinalityProof): Value {
  return [headers, certificateToValue(certificate)];
}

/** @throws {Refusal} `schema-invalid`, `too-large`. */
export function valueToProof(value: Value | undefined): FinalityProof {
  const list = readList(value, "proof", 2);
  const headers = readList(list[0], "headers");
  requireThat(headers.length <= LIMITS.proofHeadersMax, "too-large", { headers: headers.length });
  return { headers: headers.map(readHeader), certificate: valueToCertificate(list[1]) };
}

function readHeader(value: Value | undefined): Uint8Array {
  return readBytes(value, "header", LIMITS.messageBytesMax, 1);
}

function readSeats(value: Value | undefined): readonly VotingKey[] {
  const list = readList(value, "seats");
  requireThat(list.length <= LIMITS.seatsMax, "too-large", { seats: list.length });
  return list.map(asVotingKey);
}

export function stepToValue(step: EpochStep): Value {
  switch (step.kind) {
    case "closed":
      return [step.kind, proofToValue(step.proof), step.seats];
    case "skipped":
      return [step.kind, step.header, step.seats, certificateToValue(step.certificate)];
    case "recovered": {
      const base = step.base === null ? null : [step.base.header, step.base.seats, step.base.proof];
      return [step.kind, completeRecoveryToValue(step.complete), base];
    }
  }
}

/** @throws {Refusal} `schema-invalid`, `too-large`. */
export function valueToStep(value: Value | undefined): EpochStep {
  const list = readList(value, "step");
  const kind = readOneOf(list[0], "kind", STEP_KINDS);
  readList(list, kind, kind === "skipped" ? 4 : 3);
  switch (kind) {
    case "closed":
      return { kind, proof: valueToProof(list[1]), seats: readSeats(list[2]) };
    case "skipped":
      return { kind, header: readHeader(list[1]), seats: readSeats(list[2]), certificate: valueToCertificate(list[3]) };
    case "recovered": {
      const complete = valueToCompleteRecovery(list[1]);
      if (list[2] === null) return { kind, complete, base: null };
      const base = readList(list[2], "base", 3);
      return {
        kind,
        complete,
        base: {
          header: readHeader(base[0]),
          seats: readBytes(base[1], "seats", LIMITS.transactionBytesMax),
          proof: readBytes(base[2], "proof", LIMITS.transactionBytesMax),
        },
      };
    }
  }
}
