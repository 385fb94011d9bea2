/** Statements of consensus: votes, certificates, the promise `alive` and signatures of a recovery. PROTOCOL, "Engine 1". */
import { encode, type Value } from "./codec.ts";
import { asHash, asVotingKey, digest, type Hash, type VotingKey } from "./identifiers.ts";
import { LIMITS } from "./limits.ts";
import { requireThat } from "./refusal.ts";
import { readBytes, readInteger, readList, readOneOf } from "./schema.ts";

export const VOTE_KINDS = ["notarize", "skip", "finalize"] as const;
export type VoteKind = (typeof VOTE_KINDS)[number];

/** What a vote says. `candidate` is null exactly for `skip`. */
export interface Statement {
  readonly chain: Hash;
  readonly epochId: Hash;
  readonly round: number;
  readonly kind: VoteKind;
  readonly candidate: Hash | null;
}

export interface Vote extends Statement {
  readonly seat: VotingKey;
  readonly signature: Uint8Array;
}

/** Signatures of at least a quorum of the epoch's seats under one statement; `signers` are indices into the epoch's sorted seats, ascending. */
export interface Certificate extends Statement {
  readonly signers: readonly number[];
  readonly signatures: readonly Uint8Array[];
}

/** n − f where f is the largest number below n/3: two quorums meet in an honest seat (Simplex, Chan and Pass 2023, section 2). */
export function quorumOf(seats: number): number {
  return Math.floor((2 * seats) / 3) + 1;
}

/** The bytes a vote signs. */
export function statementBytes(statement: Statement): Uint8Array {
  return encode(["bothy/vote/1", statement.chain, statement.epochId, statement.round, statement.kind, statement.candidate]);
}

/** The promise to cast no further vote in the epoch; signed with the voting key. */
export interface Alive {
  readonly chain: Hash;
  readonly epochId: Hash;
  readonly lastFinal: Hash;
  /** The highest notarization known, or null when none is above the last final block. */
  readonly highest: Certificate | null;
  readonly seat: VotingKey;
  readonly signature: Uint8Array;
}

/** The certificate is not signed over: it proves itself, and only its round and candidate are promised. */
export function aliveBytes(alive: Omit<Alive, "signature" | "seat">): Uint8Array {
  const highest = alive.highest === null ? null : [alive.highest.round, alive.highest.candidate];
  return encode(["bothy/alive/1", alive.chain, alive.epochId, alive.lastFinal, highest]);
}

/** What a recovery is fully determined by: which seats go on, from which block. */
export interface Recovery {
  readonly chain: Hash;
  readonly epochId: Hash;
  readonly base: Hash;
  /** Sorted bytewise, no seat twice. */
  readonly seats: readonly VotingKey[];
  /** Whether these are sleeping seats that go on without any current one. */
  readonly sleepers: boolean;
}

export function recoveryBytes(recovery: Recovery): Uint8Array {
  return encode(["bothy/recovery/1", recovery.chain, recovery.epochId, recovery.base, recovery.seats, recovery.sleepers]);
}

/** The digest that names a recovery, and is its block's id and the next epoch's. */
export function recoveryBlockId(recovery: Recovery): Hash {
  return digest(recoveryBytes(recovery));
}

/** The bytes that every seat named by a recovery signs, with the recovery's digest. */
export function recoverBytes(recoveryDigest: Hash): Uint8Array {
  return encode(["bothy/recover/1", recoveryDigest]);
}

/** A hint that a seat closes or reloads: its turns are not waited for until it is heard again. It changes nothing else. */
export interface Absent {
  readonly chain: Hash;
  readonly epochId: Hash;
  readonly round: number;
  readonly seat: VotingKey;
  readonly signature: Uint8Array;
}

export function absentBytes(absent: Omit<Absent, "seat" | "signature">): Uint8Array {
  return encode(["bothy/absent/1", absent.chain, absent.epochId, absent.round]);
}

export interface RecoverySignature {
  readonly recovery: Recovery;
  readonly seat: VotingKey;
  readonly signature: Uint8Array;
}

const SIGNATURE_BYTES = 64;

export function voteToValue(vote: Vote): Value {
  return [vote.chain, vote.epochId, vote.round, vote.kind, vote.candidate, vote.seat, vote.signature];
}

function readStatement(list: readonly Value[]): Statement {
  const kind = readOneOf(list[3], "kind", VOTE_KINDS);
  requireThat((list[4] === null) === (kind === "skip"), "schema-invalid", { field: "candidate" });
  return {
    chain: asHash(list[0]),
    epochId: asHash(list[1]),
    round: readInteger(list[2], "round", 1),
    kind,
    candidate: list[4] === null ? null : asHash(list[4]),
  };
}

/** @throws {Refusal} `schema-invalid`. */
export function valueToVote(value: Value | undefined): Vote {
  const list = readList(value, "vote", 7);
  return {
    ...readStatement(list),
    seat: asVotingKey(list[5]),
    signature: readBytes(list[6], "signature", SIGNATURE_BYTES, SIGNATURE_BYTES),
  };
}

export function certificateToValue(certificate: Certificate): Value {
  return [
    certificate.chain,
    certificate.epochId,
    certificate.round,
    certificate.kind,
    certificate.candidate,
    certificate.signers,
    certificate.signatures,
  ];
}

/** @throws {Refusal} `schema-invalid`; whether the signatures hold is checked against the epoch's seats elsewhere. */
export function valueToCertificate(value: Value | undefined): Certificate {
  const list = readList(value, "certificate", 7);
  const signers = readList(list[5], "signers").map((signer) => readInteger(signer, "signer", 0, LIMITS.seatsMax - 1));
  const signatures = readList(list[6], "signatures", signers.length).map((item) =>
    readBytes(item, "signature", SIGNATURE_BYTES, SIGNATURE_BYTES),
  );
  for (let i = 1; i < signers.length; i++)
    requireThat(signers[i]! > signers[i - 1]!, "schema-invalid", { field: "signers", expected: "ascending" });
  return { ...readStatement(list), signers, signatures };
}

export function aliveToValue(alive: Alive): Value {
  return [
    alive.chain,
    alive.epochId,
    alive.lastFinal,
    alive.highest === null ? null : certificateToValue(alive.highest),
    alive.seat,
    alive.signature,
  ];
}

/** @throws {Refusal} `schema-invalid`. */
export function valueToAlive(value: Value | undefined): Alive {
  const list = readList(value, "alive", 6);
  return {
    chain: asHash(list[0]),
    epochId: asHash(list[1]),
    lastFinal: asHash(list[2]),
    highest: list[3] === null ? null : valueToCertificate(list[3]),
    seat: asVotingKey(list[4]),
    signature: readBytes(list[5], "signature", SIGNATURE_BYTES, SIGNATURE_BYTES),
  };
}

export function recoveryToValue(recovery: Recovery): Value {
  return [recovery.chain, recovery.epochId, recovery.base, recovery.seats, recovery.sleepers];
}

/** @throws {Refusal} `schema-invalid`. */
export function valueToRecovery(value: Value | undefined): Recovery {
  const list = readList(value, "recovery", 5);
  const seats = readList(list[3], "seats").map(asVotingKey);
  requireThat(seats.length >= 1 && seats.length <= LIMITS.seatsMax && typeof list[4] === "boolean", "schema-invalid", {
    field: "recovery",
  });
  return { chain: asHash(list[0]), epochId: asHash(list[1]), base: asHash(list[2]), seats, sleepers: list[4] };
}
