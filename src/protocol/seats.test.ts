import { describe, expect, it } from "vitest";
import { digest, type VotingKey } from "./identifiers.ts";
import { LIMITS } from "./limits.ts";
import { lapseSeats, seatsAfterRecovery } from "./seats.ts";
import type { Recovery } from "./vote.ts";

const seat = (number: number): VotingKey => new Uint8Array(32).fill(number) as VotingKey;
const seats = (from: number, count: number): VotingKey[] => Array.from({ length: count }, (_, index) => seat(from + index));
const id = digest(new Uint8Array(0));
const recovery = (named: readonly VotingKey[], sleepers: boolean): Recovery => ({
  chain: id,
  epochId: id,
  base: id,
  seats: named,
  sleepers,
});

describe("seats that lapse", () => {
  it("are gone while four remain, and asleep below that; the last one never lapses", () => {
    const lists = { seats: seats(1, 6), sleeping: [] };
    expect(lapseSeats(lists, seats(5, 2))).toEqual({ seats: seats(1, 4), sleeping: [] });
    expect(lapseSeats(lists, seats(2, 5))).toEqual({ seats: [seat(1)], sleeping: seats(4, 3) });
    expect(lapseSeats({ seats: [seat(1)], sleeping: [] }, [seat(1)])).toEqual({ seats: [seat(1)], sleeping: [] });
  });

  it("are at most sixteen that sleep: the longest asleep makes room", () => {
    const asleep = seats(100, LIMITS.sleepingSeatsMax);
    expect(LIMITS.sleepingSeatsMax).toBe(16);
    expect(lapseSeats({ seats: seats(1, 2), sleeping: asleep }, [seat(2)])).toEqual({
      seats: [seat(1)],
      sleeping: [...asleep.slice(1), seat(2)],
    });
  });
});

describe("seats after a recovery", () => {
  it("are those named, and whom the base admitted since; the others of its epoch lapse", () => {
    const lists = { seats: seats(1, 5), sleeping: [] };
    expect(seatsAfterRecovery(lists, recovery([seat(1)], false), seats(1, 4))).toEqual({
      seats: [seat(1), seat(5)],
      sleeping: seats(3, 2),
    });
  });

  it("are the sleepers who took over, and the current ones fall asleep behind those who slept on", () => {
    const asleep = seats(100, LIMITS.sleepingSeatsMax);
    const after = seatsAfterRecovery({ seats: seats(1, 2), sleeping: asleep }, recovery([asleep[3]!], true), seats(1, 2));
    expect(after.seats).toEqual([asleep[3]]);
    expect(after.sleeping).toEqual([...asleep.filter((_, index) => index !== 3).slice(1), ...seats(1, 2)]);
  });
});
