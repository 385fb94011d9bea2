/** What consensus keeps over a crash: keys and bytes of the rows in the table of votes. PROTOCOL, "Votes are durable before they go out". */
import { decode, encode, type Value } from "../protocol/codec.ts";
import { decodeBlock, type Block } from "../protocol/block.ts";
import { asHash, asVotingKey, type Hash, type HashHex, type VotingKey } from "../protocol/identifiers.ts";
import { LIMITS } from "../protocol/limits.ts";
import { Refusal } from "../protocol/refusal.ts";
import { readBoolean, readBytes, readInteger, readList } from "../protocol/schema.ts";
import {
  certificateToValue,
  recoveryToValue,
  valueToCertificate,
  valueToRecovery,
  type Alive,
  type Certificate,
  type Recovery,
} from "../protocol/vote.ts";
import type { CompleteRecovery, DurableRecord } from "./engine.ts";

/** Rounds as keys that sort by number. */
function roundKey(round: number): string {
  return round.toString(16).padStart(12, "0");
}

const BODY = "body/";

export const recordKeys = {
  own: (epoch: HashHex, round: number, seat: HashHex) => `own/${epoch}/${roundKey(round)}/${seat}`,
  notarized: (epoch: HashHex, round: number) => `notarized/${epoch}/${roundKey(round)}`,
  body: (id: HashHex) => `${BODY}${id}`,
  alive: (epoch: HashHex, seat: HashHex) => `alive/${epoch}/${seat}`,
  recovers: (epoch: HashHex, seat: HashHex) => `recovers/${epoch}/${seat}`,
  voted: (epoch: HashHex, seat: HashHex) => `voted/${epoch}/${seat}`,
  recovery: (id: HashHex) => `recovery/${id}`,
  epoch: (epoch: HashHex) => `epoch/${epoch}`,
  branch: "branch",
} as const;

/** The candidates that this peer voted for and that were not final. @throws {Refusal} when one is not what was written. */
export function bodiesOf(records: readonly DurableRecord[]): readonly Block[] {
  return records.filter(([key]) => key.startsWith(BODY)).map(([, bytes]) => decodeBlock(bytes));
}

/** What this peer said for one seat in one round. */
export interface OwnVotes {
  readonly epochId: Hash;
  readonly round: number;
  readonly seat: VotingKey;
  notarize: Hash | null;
  skip: boolean;
  finalize: Hash | null;
}

export function encodeOwnVotes(own: OwnVotes): Uint8Array {
  return encode([own.epochId, own.round, own.seat, own.notarize, own.skip, own.finalize]);
}

export function decodeOwnVotes(bytes: Uint8Array): OwnVotes {
  const list = readList(decode(bytes), "own", 6);
  return {
    epochId: asHash(list[0]),
    round: readInteger(list[1], "round", 1),
    seat: asVotingKey(list[2]),
    notarize: list[3] === null ? null : asHash(list[3]),
    skip: readBoolean(list[4], "skip"),
    finalize: list[5] === null ? null : asHash(list[5]),
  };
}

export function encodeCertificate(certificate: Certificate): Uint8Array {
  return encode(certificateToValue(certificate));
}

export function decodeCertificate(bytes: Uint8Array): Certificate {
  return valueToCertificate(decode(bytes));
}

/** A promise as it stands, without its signature, which is made again when it is repeated. */
export interface OwnAlive {
  readonly seat: VotingKey;
  readonly alive: Omit<Alive, "seat" | "signature">;
}

export function encodeOwnAlive({ seat, alive }: OwnAlive): Uint8Array {
  return encode([seat, alive.chain, alive.epochId, alive.lastFinal, alive.highest === null ? null : certificateToValue(alive.highest)]);
}

export function decodeOwnAlive(bytes: Uint8Array): OwnAlive {
  const list = readList(decode(bytes), "alive", 5);
  const highest = list[4] === null ? null : valueToCertificate(list[4]);
  return {
    seat: asVotingKey(list[0]),
    alive: { chain: asHash(list[1]), epochId: asHash(list[2]), lastFinal: asHash(list[3]), highest },
  };
}

/** Recoveries of one epoch that a seat signed, in their order. */
export interface OwnRecoveries {
  readonly epochId: Hash;
  readonly seat: VotingKey;
  readonly recoveries: readonly Recovery[];
}

export function encodeOwnRecoveries(own: OwnRecoveries): Uint8Array {
  return encode([own.epochId, own.seat, own.recoveries.map(recoveryToValue)]);
}

export function decodeOwnRecoveries(bytes: Uint8Array): OwnRecoveries {
  const list = readList(decode(bytes), "recovers", 3);
  return { epochId: asHash(list[0]), seat: asVotingKey(list[1]), recoveries: readList(list[2], "recoveries").map(valueToRecovery) };
}

export function completeRecoveryToValue(complete: CompleteRecovery): Value {
  return [recoveryToValue(complete.recovery), complete.signatures];
}

/** @throws {Refusal} `schema-invalid`. */
export function valueToCompleteRecovery(value: Value | undefined): CompleteRecovery {
  const list = readList(value, "completeRecovery", 2);
  const recovery = valueToRecovery(list[0]);
  const signatures = readList(list[1], "signatures", recovery.seats.length).map((item) => readBytes(item, "signature", 64, 64));
  return { recovery, signatures };
}

/** An epoch of the branch, as far as it must be known again after a restart. */
export interface EpochRecord {
  readonly id: Hash;
  readonly seats: readonly VotingKey[];
  readonly begunBy: { readonly recovery: Recovery; readonly seatsBefore: number } | null;
  readonly adoptedMs: number;
  readonly final: Certificate | null;
}

export function encodeEpoch({ id, seats, begunBy, adoptedMs, final }: EpochRecord): Uint8Array {
  return encode([
    id,
    seats,
    begunBy === null ? null : [recoveryToValue(begunBy.recovery), begunBy.seatsBefore],
    adoptedMs,
    final === null ? null : certificateToValue(final),
  ]);
}

function readBegunBy(value: Value | undefined): EpochRecord["begunBy"] {
  if (value === null) return null;
  const list = readList(value, "begunBy", 2);
  return { recovery: valueToRecovery(list[0]), seatsBefore: readInteger(list[1], "seatsBefore", 1, LIMITS.seatsMax) };
}

export function decodeEpoch(bytes: Uint8Array): EpochRecord {
  const fields = readList(decode(bytes), "epoch", 5);
  return {
    id: asHash(fields[0]),
    seats: readList(fields[1], "seats").map(asVotingKey),
    begunBy: readBegunBy(fields[2]),
    adoptedMs: readInteger(fields[3], "adoptedMs"),
    final: fields[4] === null ? null : valueToCertificate(fields[4]),
  };
}

/** The ids of the branch's epochs, oldest first. */
export function encodeBranch(epochs: readonly Hash[]): Uint8Array {
  return encode([...epochs]);
}

export function decodeBranch(bytes: Uint8Array): readonly Hash[] {
  return readList(decode(bytes), "branch").map(asHash);
}

const READERS: Readonly<Record<string, (bytes: Uint8Array) => unknown>> = {
  own: decodeOwnVotes,
  notarized: decodeCertificate,
  body: decodeBlock,
  alive: decodeOwnAlive,
  recovers: decodeOwnRecoveries,
  voted: () => null,
  recovery: (bytes) => valueToCompleteRecovery(decode(bytes)),
  epoch: decodeEpoch,
  [recordKeys.branch]: decodeBranch,
};

/** @throws {Refusal} when a row of the table of votes is not what this peer wrote: it must not vote by half of its memory. */
export function checkRecord([key, bytes]: DurableRecord): void {
  const kind = key.split("/", 1)[0]!;
  if (!Object.hasOwn(READERS, kind)) throw new Refusal("schema-invalid", { field: kind });
  READERS[kind]!(bytes);
}
