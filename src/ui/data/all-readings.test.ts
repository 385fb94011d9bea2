import { describe, expect, it } from "vitest";
import { READINGS_MAX, type ReadingInfo } from "../../sdk/api.ts";
import type { Client } from "../../sdk/client.ts";
import { reachBack, readAllReadings } from "./all-readings.ts";

const STREAM = "ab".repeat(32);

const packOf = (sequence: number, size: number): readonly ReadingInfo[] =>
  Array.from({ length: size }, (_, index) => ({
    property: "temperature",
    value: index,
    unit: "Cel",
    timeMs: 1000 * sequence + index,
    height: sequence,
    sequence,
    final: true,
  }));

interface Asked {
  readonly after?: number;
  readonly limit?: number;
}

/** A peer's `readings`: those above `after`, cut at `limit`, even within a pack. */
function peerWith(packs: readonly (readonly ReadingInfo[])[], asked: Asked[] = []): Pick<Client, "query"> {
  const query = async (_: string, parameters: Asked): Promise<readonly ReadingInfo[]> => {
    asked.push(parameters);
    const { after, limit } = parameters;
    return packs
      .flat()
      .filter(({ sequence }) => sequence > after!)
      .slice(0, limit);
  };
  return { query: query as Client["query"] };
}

describe("all readings of a stream", () => {
  it("are read from the first to the last, in order and once, also where a page ends within a pack", async () => {
    const packs = Array.from({ length: 130 }, (_, sequence) => packOf(sequence, 1 + ((sequence * 37) % 256)));
    const asked: Asked[] = [];
    const heard: number[] = [];
    const all = await readAllReadings(peerWith(packs, asked), { stream: STREAM, packs: packs.length }, (count) => heard.push(count));
    expect(all.length).toBeGreaterThan(3 * READINGS_MAX);
    expect(all).toEqual(packs.flat());
    expect(asked[0]).toEqual({ stream: STREAM, after: -1, limit: READINGS_MAX });
    expect(heard.length).toBe(asked.length);
    expect(heard.at(-1)).toBe(all.length);
  });

  it("are each there once when a page repeats packs, lacks one in between, or is short though there are more", async () => {
    const packs = Array.from({ length: 6 }, (_, sequence) => packOf(sequence, 2));
    const pages = [[0, 1, 0, 1, 5], [2], [3, 4, 3, 4, 5]].map((page) => page.flatMap((sequence) => packs[sequence]!));
    const client = { query: (async () => pages.shift()!) as unknown as Client["query"] };
    expect(await readAllReadings(client, { stream: STREAM, packs: 5 })).toEqual(packs.flat());
    expect(pages).toEqual([]);
  });

  it("are known to be shown when the newest reach back to the first or behind the span", () => {
    const long = Array.from({ length: 20 }, (_, sequence) => packOf(sequence, 256)).flat();
    const cut = long.slice(-READINGS_MAX);
    expect(reachBack(packOf(0, 3), 0)).toBe(true);
    expect(reachBack(packOf(1, 3), 1000)).toBe(false);
    expect(reachBack(packOf(1, 3), 1001)).toBe(true);
    expect(reachBack(cut, Number.NEGATIVE_INFINITY)).toBe(false);
    // Its first pack is cut short.
    expect(cut[0]!.sequence).toBe(0);
    expect(reachBack([], 0)).toBe(false);
  });

  it("are none of a stream without a reading", async () => {
    expect(await readAllReadings(peerWith([]), { stream: STREAM, packs: 0 })).toEqual([]);
  });

  it("are refused when the peer cannot give what the ledger counts, instead of a file that lacks some", async () => {
    const packs = [packOf(0, 3), packOf(1, 3), packOf(3, 3)];
    await expect(readAllReadings(peerWith(packs), { stream: STREAM, packs: 4 })).rejects.toMatchObject({
      code: "not-ready",
      data: { packs: 2, of: 4 },
    });
  });
});
