import { describe, expect, it } from "vitest";
import { digest, type Hash, type VotingKey } from "../protocol/identifiers.ts";
import { Refusal } from "../protocol/refusal.ts";
import type { Certificate, Recovery } from "../protocol/vote.ts";
import {
  decodeBranch,
  decodeCertificate,
  decodeEpoch,
  decodeOwnAlive,
  decodeOwnRecoveries,
  decodeOwnVotes,
  encodeBranch,
  encodeCertificate,
  encodeEpoch,
  encodeOwnAlive,
  encodeOwnRecoveries,
  encodeOwnVotes,
  recordKeys,
} from "./records.ts";

const hash = (byte: number): Hash => digest(Uint8Array.of(byte));
const seat = (byte: number): VotingKey => new Uint8Array(32).fill(byte) as VotingKey;
const certificate: Certificate = {
  chain: hash(1),
  epochId: hash(2),
  round: 7,
  kind: "notarize",
  candidate: hash(3),
  signers: [0, 2],
  signatures: [new Uint8Array(64).fill(1), new Uint8Array(64).fill(2)],
};
const recovery: Recovery = { chain: hash(1), epochId: hash(2), base: hash(3), seats: [seat(1), seat(2)], sleepers: false };

describe("durable rows of consensus", () => {
  it("come back as they were written", () => {
    const own = { epochId: hash(2), round: 7, seat: seat(1), notarize: hash(3), skip: true, finalize: null };
    expect(decodeOwnVotes(encodeOwnVotes(own))).toEqual(own);
    expect(decodeCertificate(encodeCertificate(certificate))).toEqual(certificate);
    for (const highest of [null, certificate]) {
      const alive = { seat: seat(1), alive: { chain: hash(1), epochId: hash(2), lastFinal: hash(4), highest } };
      expect(decodeOwnAlive(encodeOwnAlive(alive))).toEqual(alive);
    }
    const recoveries = { epochId: hash(2), seat: seat(1), recoveries: [recovery] };
    expect(decodeOwnRecoveries(encodeOwnRecoveries(recoveries))).toEqual(recoveries);
    for (const begunBy of [null, { recovery, seatsBefore: 4 }]) {
      const epoch = { id: hash(5), seats: [seat(1), seat(2)], begunBy, adoptedMs: 12, final: begunBy === null ? null : certificate };
      expect(decodeEpoch(encodeEpoch(epoch))).toEqual(epoch);
    }
    expect(decodeBranch(encodeBranch([hash(1), hash(2)]))).toEqual([hash(1), hash(2)]);
  });

  it("are refused when they are cut short", () => {
    const bytes = encodeOwnVotes({ epochId: hash(2), round: 7, seat: seat(1), notarize: null, skip: false, finalize: null });
    expect(() => decodeOwnVotes(bytes.subarray(0, bytes.length - 1))).toThrow(Refusal);
    expect(() => decodeBranch(bytes)).toThrow(Refusal);
  });

  it("of rounds are ordered by number", () => {
    const epoch = Buffer.from(hash(2)).toString("hex") as Parameters<typeof recordKeys.notarized>[0];
    const keys = [2, 10, 100_000].map((round) => recordKeys.notarized(epoch, round));
    expect([...keys].sort()).toEqual(keys);
  });
});
