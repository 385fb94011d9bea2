/** The engine: what it answers, and which branch it chooses. */
import { describe, expect, it } from "vitest";
import type { CastStatement, ConsensusEffect, ConsensusMessage, DurableRecord } from "../src/consensus/engine.ts";
import { completeRecoveryToValue, recordKeys } from "../src/consensus/records.ts";
import { createBlock, heldBytesOfBlock, transactionsRootOf, type Block } from "../src/protocol/block.ts";
import { encode } from "../src/protocol/codec.ts";
import { asHash, digest, toHex, type Hash } from "../src/protocol/identifiers.ts";
import { LIMITS } from "../src/protocol/limits.ts";
import { Refusal } from "../src/protocol/refusal.ts";
import { includesSeat } from "../src/protocol/seats.ts";
import { recoveryBlockId } from "../src/protocol/vote.ts";
import { Bench } from "./bench.ts";
import { createModelTransaction } from "./model-ledger.ts";

describe("sync", () => {
  it("a peer that stands on the empty candidate which closed an epoch is given the next epoch", () => {
    const bench = new Bench();
    const { chain } = bench.world;
    const ending = bench.block(chain, chain, 1, ["seat.leave", bench.seatOf("d")]);
    const closing = bench.block(ending.id, chain, 2, null);
    bench.give(ending, closing);
    const next = bench.block(ending.id, ending.id, 1, ["account.transfer", 1]);
    bench.give(next);
    expect(bench.engine.status().finalHeight).toBe(2);
    expect(bench.answersTo([])).toEqual([toHex(ending.id), toHex(closing.id)]);
    expect(bench.answersTo([ending])).toEqual([toHex(next.id)]);
    expect(bench.answersTo([closing, ending])).toEqual([toHex(next.id)]);
  });
});

describe("fork choice", () => {
  it("a recovery by more current seats is followed, whichever came first", () => {
    for (const reversed of [false, true]) {
      const bench = new Bench();
      const { chain } = bench.world;
      const many = bench.recovery(chain, chain, ["a", "b", "c"]);
      const two = bench.recovery(chain, chain, ["c", "d"]);
      for (const complete of reversed ? [two, many] : [many, two]) bench.recovered(complete);
      expect(bench.follows(many)).toBe(true);
    }
  });

  it("among equals the lower digest is followed, whichever came first", () => {
    const followed = [false, true].map((reversed) => {
      const bench = new Bench();
      const { chain } = bench.world;
      const pair = [bench.recovery(chain, chain, ["a", "b"]), bench.recovery(chain, chain, ["c", "d"])];
      for (const complete of reversed ? pair.reverse() : pair) bench.recovered(complete);
      return toHex(bench.engine.epochId);
    });
    expect(followed[0]).toBe(followed[1]);
  });

  it("a branch is left with all of it that was final, also the empty candidate that closed an epoch on it", () => {
    const bench = new Bench();
    const { chain } = bench.world;
    const few = bench.recovery(chain, chain, ["c", "d"]);
    bench.recovered(few);
    const begun = recoveryBlockId(few.recovery);
    const ending = bench.block(begun, begun, 1, ["seat.leave", bench.seatOf("d")]);
    const closing = bench.block(ending.id, begun, 2, null);
    bench.give(ending, closing);
    const next = bench.block(ending.id, ending.id, 1, ["account.transfer", 1]);
    bench.give(next);
    expect(toHex(bench.engine.status().finalId)).toBe(toHex(next.id));
    const effects = bench.recovered(bench.recovery(chain, chain, ["a", "b", "c"]));
    const undone = effects.flatMap((effect) => (effect.kind === "switched" ? effect.undone.map(toHex) : []));
    expect(undone).toEqual([begun, ending.id, closing.id, next.id].map(toHex));
  });

  it("a certificate beats a recovery that does not extend what it made final", () => {
    const bench = new Bench();
    const { chain } = bench.world;
    const missed = bench.recovery(chain, chain, ["c", "d"]);
    bench.recovered(missed);
    expect(bench.follows(missed)).toBe(true);
    const block = bench.block(chain, chain, 1, ["account.transfer", 1]);
    const effects = bench.give(block);
    expect(bench.follows(missed)).toBe(false);
    expect(toHex(bench.engine.status().finalId)).toBe(toHex(block.id));
    expect(effects.filter((effect) => effect.kind === "switched")).toHaveLength(1);
  });

  it("a better recovery that begins deeper than this peer can go back is not followed, and the BoT is said to have split, once", () => {
    const bench = new Bench();
    const { chain } = bench.world;
    const two = bench.recovery(chain, chain, ["c", "d"]);
    bench.recovered(two);
    const many = bench.recovery(chain, chain, ["a", "b", "c"]);
    bench.chain.executeRecovery = () => {
      throw new Refusal("unknown-parent");
    };
    const splits = [bench.recovered(many), bench.recovered(bench.recovery(chain, chain, ["a"]))].map((effects) =>
      effects.flatMap((effect) => (effect.kind === "split" ? [toHex(effect.recovery)] : [])),
    );
    expect(splits).toEqual([[toHex(recoveryBlockId(many.recovery))], []]);
    expect(bench.follows(two)).toBe(true);
  });

  it("a recovery that extends what is final is followed", () => {
    const bench = new Bench();
    const { chain } = bench.world;
    const block = bench.block(chain, chain, 1, ["account.transfer", 1]);
    bench.give(block);
    const extending = bench.recovery(chain, block.id, ["c", "d"]);
    bench.recovered(extending);
    expect(bench.follows(extending)).toBe(true);
    expect(bench.engine.status()).toMatchObject({ finalHeight: 2, strength: "provisional" });
  });

  it("what a recovery has weakened is shown for an hour of this peer's own clock, and no longer", () => {
    const bench = new Bench();
    const { chain } = bench.world;
    const two = bench.recovery(chain, chain, ["c", "d"]);
    bench.recovered(two);
    const begun = recoveryBlockId(two.recovery);
    const ending = bench.block(begun, begun, 1, ["seat.leave", bench.seatOf("d")]);
    bench.give(ending);
    const strengthAt = (atMs: number): string => {
      bench.tick(atMs);
      return bench.engine.status().strength;
    };
    expect(toHex(bench.engine.epochId)).toBe(toHex(ending.id));
    expect(strengthAt(2000 + LIMITS.undoMsMax - 1)).toBe("provisional");
    expect(strengthAt(2000 + LIMITS.undoMsMax)).toBe("full");
  });

  it("a recovery that leaves a living quorum out waits for this peer's own clock", () => {
    const bench = new Bench();
    const { chain } = bench.world;
    const lone = bench.recovery(chain, chain, ["d"]);
    bench.recovered(lone);
    expect(bench.follows(lone)).toBe(false);
    for (let second = 1; second <= 45 && !bench.follows(lone); second++) bench.tick(2000 + second * 1000);
    expect(bench.follows(lone)).toBe(true);
  });

  it("seats that are not of the epoch, and a base that is not, make no recovery", () => {
    const bench = new Bench();
    const { chain } = bench.world;
    const strangers = bench.recovery(chain, chain, ["a", "b", "x"]);
    const unsorted = bench.recovery(chain, chain, ["b", "a", "c"]);
    for (const complete of [strangers, unsorted]) {
      bench.recovered(complete);
      expect(toHex(bench.engine.epochId)).toBe(toHex(chain));
    }
  });
});

describe("promises", () => {
  const T = 10_000;
  const kindsOf = (casts: readonly CastStatement[]): readonly string[] =>
    casts.map((cast) => (cast.kind === "vote" ? cast.statement.kind : cast.kind));

  /** The second epoch, of three seats, taken at 2000; `leader` has its first turn. */
  function begun() {
    const bench = new Bench();
    const ending = bench.block(bench.world.chain, bench.world.chain, 1, ["seat.leave", bench.seatOf("d")]);
    bench.give(ending);
    const leader = bench.leaderOf(ending.id, 1);
    const others = ["a", "b", "c"].filter((name) => toHex(bench.seatOf(name)) !== toHex(leader));
    return { bench, epochId: ending.id, beganMs: ending.header.timeMs, leader, others: [others[0]!, others[1]!] as const };
  }

  it("end an epoch no sooner than T after it began, by header times or a voter's own clock", () => {
    const cast = [T - 1, T].map((sinceMs) => {
      const { bench, epochId, beganMs, others } = begun();
      bench.engine.step(2000, { kind: "keys", keys: [bench.seatOf(others[0])] });
      const candidate = bench.carrying(epochId, beganMs + sinceMs, [bench.alive(others[1], epochId)]);
      const atOnce = bench.casts(bench.hear(candidate), 2000);
      bench.casts(bench.tick(9900), 9900);
      return [atOnce, bench.casts(bench.tick(10_000), 10_000)].map(kindsOf);
    });
    expect(cast).toEqual([
      [[], ["notarize"]],
      [["notarize"], []],
    ]);
  });

  it("are no work before that, and no leader carries them; afterwards the next block does", () => {
    const { bench, epochId, leader, others } = begun();
    bench.engine.step(2000, { kind: "keys", keys: [leader] });
    bench.hear({ kind: "alive", alive: bench.alive(others[0], epochId) });
    const carried: [atMs: number, alives: number][] = [];
    for (let atMs = 2100; atMs <= 2 * T && carried.length === 0; atMs += 100) {
      for (const cast of bench.casts(bench.tick(atMs), atMs)) {
        if (cast.kind !== "vote" || cast.statement.kind !== "notarize") continue;
        carried.push([atMs, bench.world.bodyOf(cast.statement.candidate!)!.header.alives.length]);
      }
      expect(bench.engine.status().working).toBe(carried.length > 0);
    }
    // The epoch began at 1001 by its header.
    expect(carried).toEqual([[11_100, 1]]);
  });

  it("do not hinder a payment before that", () => {
    const { bench, epochId, leader, others } = begun();
    bench.engine.step(2000, { kind: "keys", keys: [leader] });
    bench.hear({ kind: "alive", alive: bench.alive(others[0], epochId) });
    const [first] = bench.casts(bench.work(), 2000);
    expect(first?.kind === "vote" && bench.world.bodyOf(first.statement.candidate!)!.header).toMatchObject({ height: 2, alives: [] });
  });
});

describe("a lone recovery in a BoT at rest", () => {
  const T = 10_000;

  /** Seat `a` sees one of `d` alone, while all four promise; `signers` sign what it signs. Says what it follows at last, and when. */
  function seen(signers: readonly string[], promising: (atMs: number) => readonly string[]): { followed: readonly string[]; atMs: number } {
    const bench = new Bench();
    const { chain } = bench.world;
    bench.engine.step(2000, { kind: "keys", keys: [bench.seatOf("a")] });
    bench.recovered(bench.recovery(chain, chain, ["d"]));
    for (let atMs = 3000; atMs < 15 * T; atMs += 1000) {
      for (const name of promising(atMs)) bench.hear({ kind: "alive", alive: bench.alive(name, chain) }, atMs);
      for (const cast of bench.casts(bench.tick(atMs), atMs)) {
        if (cast.kind !== "recover") continue;
        for (const name of signers) {
          const seat = bench.seatOf(name);
          if (!includesSeat(cast.recovery.seats, seat)) continue;
          bench.hear({ kind: "recover", recover: { recovery: cast.recovery, seat, signature: new Uint8Array(64) } }, atMs);
        }
      }
      const { seats, epochId } = bench.engine.status();
      const names = seats.map((seat) => String.fromCharCode(seat[0]!));
      if (toHex(epochId) !== toHex(chain)) return { followed: names, atMs };
    }
    return { followed: [], atMs: 0 };
  }

  it("does not come before that of the others, who must first leave out its seat, which promised and does not sign", () => {
    expect(seen(["b", "c"], () => ["b", "c", "d"]).followed).toEqual(["a", "b", "c"]);
  });

  it("is followed where the others have promised and vanished", () => {
    const { followed, atMs } = seen([], (at) => (at < 2 * T ? ["b", "c"] : []));
    expect(followed).toHaveLength(1);
    expect(atMs).toBeLessThan(9 * T);
  });
});

describe("sleepers", () => {
  /** Three seats have recovered without the fourth, which sleeps; a payment waits. */
  function asleep(): { bench: Bench; epochId: Hash } {
    const bench = new Bench();
    const three = bench.recovery(bench.world.chain, bench.world.chain, ["a", "b", "c"]);
    bench.recovered(three);
    expect(bench.engine.status().sleeping).toEqual([bench.seatOf("d")]);
    bench.work();
    return { bench, epochId: recoveryBlockId(three.recovery) };
  }
  const signature = new Uint8Array(64);

  it("recover when current seats say nothing new, also while what one said is repeated", () => {
    const { bench, epochId } = asleep();
    const { chain } = bench.world;
    const seat = bench.seatOf("a");
    bench.engine.step(2000, { kind: "keys", keys: [bench.seatOf("d")] });
    const said: ConsensusMessage[] = [
      { kind: "alive", alive: { chain, epochId, lastFinal: epochId, highest: null, seat, signature } },
      { kind: "vote", vote: { chain, epochId, round: 1, kind: "skip", candidate: null, seat, signature } },
      { kind: "recover", recover: { recovery: bench.recovery(epochId, epochId, ["a", "b"]).recovery, seat, signature } },
    ];
    let promisedMs: number | null = null;
    for (let atMs = 3000; atMs < 120_000 && promisedMs === null; atMs += 1000) {
      for (const message of said) bench.hear(message, atMs);
      const effects = bench.tick(atMs).flatMap((effect) => (effect.kind === "persist" ? effect.then : [effect]));
      if (effects.some((effect) => effect.kind === "cast" && effect.cast.kind === "alive")) promisedMs = atMs;
    }
    // Five times T after the first time they were said.
    expect(promisedMs).toBe(53_000);
  });

  it("lead nobody off who hears a current seat, be it a seat or not", () => {
    const followed = [false, true].map((isHeard) => {
      const { bench, epochId } = asleep();
      const { chain } = bench.world;
      const vote = { chain, epochId, round: 1, kind: "skip", candidate: null, seat: bench.seatOf("a"), signature } as const;
      if (isHeard) bench.hear({ kind: "vote", vote });
      const lone = bench.recovery(epochId, epochId, ["d"], true);
      bench.recovered(lone);
      for (let atMs = 2000; atMs < 120_000; atMs += 1000) {
        if (bench.follows(lone)) return atMs;
        bench.tick(atMs);
      }
      return null;
    });
    expect(followed).toEqual([2000, 53_000]);
  });
});

describe("recoveries kept on disk", () => {
  /** The table of votes, as the writes leave it. */
  function write(rows: Map<string, Uint8Array>, effects: readonly ConsensusEffect[]): void {
    for (const effect of effects) {
      if (effect.kind !== "persist" && effect.kind !== "finalized") continue;
      for (const key of effect.deletes) rows.delete(key);
      for (const [key, bytes] of effect.puts) rows.set(key, bytes);
    }
  }
  const keysOf = (rows: ReadonlyMap<string, Uint8Array>): string[] => [...rows.keys()].filter((key) => key.startsWith("recovery/"));
  const base = (number: number): Hash => asHash(new Uint8Array(32).fill(number));

  it("are as many as are kept in memory: a stronger one takes the place of a weak one, also on disk", () => {
    const bench = new Bench();
    const { chain } = bench.world;
    const rows = new Map<string, Uint8Array>();
    for (let number = 0; number < LIMITS.recoveriesMax + 3; number++)
      write(rows, bench.recovered(bench.recovery(chain, base(number), ["a"])));
    expect(keysOf(rows)).toHaveLength(LIMITS.recoveriesMax);
    const strong = bench.recovery(chain, base(200), ["a", "b"]);
    write(rows, bench.recovered(strong));
    expect(keysOf(rows)).toHaveLength(LIMITS.recoveriesMax);
    expect(keysOf(rows)).toContain(`recovery/${toHex(recoveryBlockId(strong.recovery))}`);
  });

  it("are not pushed out by a seat that signs one after the other, while they wait for their last signature", () => {
    const bench = new Bench();
    const { chain } = bench.world;
    const sign = (name: string, at: Hash, names: readonly string[]): void => {
      const { recovery } = bench.recovery(chain, at, names);
      bench.hear({ kind: "recover", recover: { recovery, seat: bench.seatOf(name), signature: new Uint8Array(64) } });
    };
    const wanted = bench.recovery(chain, chain, ["a", "b", "c"]);
    for (const name of ["c", "a"]) sign(name, chain, ["a", "b", "c"]);
    // More than are kept of all seats together, the wanted one's late signer among the signers.
    for (let number = 0; number < 400; number++) sign("d", digest(Uint8Array.of(number % 256, number >> 8)), ["b", "d"]);
    expect(bench.follows(wanted)).toBe(false);
    sign("b", chain, ["a", "b", "c"]);
    expect(bench.follows(wanted)).toBe(true);
  });

  it("are let go at the start where they are too many, or of an epoch that was forgotten", () => {
    const { world } = new Bench();
    const records = Array.from({ length: LIMITS.recoveriesMax + 3 }, (_, number): DurableRecord => {
      const complete = new Bench().recovery(number === 0 ? base(99) : world.chain, base(number), number === 5 ? ["a", "b"] : ["a"]);
      return [recordKeys.recovery(toHex(recoveryBlockId(complete.recovery))), encode(completeRecoveryToValue(complete))];
    });
    const rows = new Map(records);
    write(rows, new Bench(records).atLoad);
    expect(keysOf(rows)).toHaveLength(LIMITS.recoveriesMax);
    expect(rows.has(records[0]![0])).toBe(false);
    expect(rows.has(records[5]![0])).toBe(true);
  });
});

describe("final bodies", () => {
  /** A line of final blocks with four payments of this size each, given by the part. */
  function line(bench: Bench, count: number, sizeBytes: number): { blocks: Block[]; records: DurableRecord[] } {
    const { chain } = bench.world;
    const records = new Map<string, Uint8Array>();
    const blocks: Block[] = [];
    for (let round = 1; round <= count; round++) {
      const { header } = bench.block(blocks.at(-1)?.id ?? chain, chain, round, ["account.transfer", 1]);
      const payments = Array.from({ length: 4 }, (_, index) =>
        createModelTransaction(chain, "account.transfer", new Uint8Array(sizeBytes), 4 * round + index),
      );
      const block = createBlock({ ...header, transactionsRoot: transactionsRootOf(payments) }, payments);
      bench.world.execute(block);
      blocks.push(block);
      if (round % 50 > 0 && round < count) continue;
      for (const effect of bench.give(...blocks.slice(-50))) {
        if (effect.kind === "finalized") for (const [key, bytes] of effect.puts) records.set(key, bytes);
      }
    }
    expect(bench.engine.status().finalHeight).toBe(count);
    return { blocks, records: [...records] };
  }

  it("at hand are bounded in bytes as well as in number, and the newest always is; storage answers for the others", () => {
    const bench = new Bench();
    const { blocks } = line(bench, 200, 100_000);
    const blockBytes = heldBytesOfBlock(blocks[0]!);
    expect(bench.engine.bodiesBytes).toBeLessThanOrEqual(LIMITS.recentBlocksBytesMax);
    expect(bench.engine.bodiesBytes).toBeGreaterThan(LIMITS.recentBlocksBytesMax - 2 * blockBytes);
    const ask = (block: Block) => bench.hear({ kind: "ask", id: block.id }).map(({ kind }) => kind);
    expect(ask(blocks.at(-1)!)).toContain("send");
    expect(ask(blocks[0]!)).toContain("serve-block");
  });

  it("of more blocks than may wait are not needed after a restart", () => {
    const before = new Bench();
    const { blocks, records } = line(before, LIMITS.waitingBlocksMax + 100, 10);
    const finals = blocks.map(({ id }) => before.world.state(id)!.info);
    const { engine, atLoad } = new Bench(records, finals);
    expect(engine.status().finalHeight).toBe(blocks.length);
    expect(engine.bodiesBytes).toBe(0);
    expect(atLoad.filter(({ kind }) => kind === "ask")).toEqual([]);
  });
});
