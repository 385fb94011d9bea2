/** Two halves that go on apart and meet again, and a ledger so large that it is kept as a snapshot. */
import { describe, expect, it } from "vitest";
import { equalBytes, utf8 } from "../kit/bytes.ts";
import { createVirtualClock, type VirtualClock } from "../kit/clock.ts";
import { accountOf } from "../ledger/index.ts";
import { machineOf } from "../ledger/scenario.suite.ts";
import type { Storage, StorageBatch } from "../peer/ports.ts";
import { META, decodeSnapshots, heightOfKey, snapshotKey } from "../peer/rows.ts";
import { encodeConsensusMessage } from "../consensus/wire.ts";
import { asHash, toHex } from "../protocol/identifiers.ts";
import { LIMITS } from "../protocol/limits.ts";
import { Refusal } from "../protocol/refusal.ts";
import { decodeTransaction, type Call } from "../protocol/transaction.ts";
import { decodeTransactionBatch } from "../protocol/wire.ts";
import { loadLedger } from "./load-ledger.ts";
import { clustersOfTests } from "./clusters.suite.ts";
import { MemoryCluster, type ClusterOptions, type ClusterPeer } from "./memory-cluster.ts";
import { copyMemoryDisk, createMemoryStorage, type MemoryDisk } from "./storage/memory-storage.ts";

const START_MS = 1_750_000_000_000;

const clusters = clustersOfTests();

function createCluster(options: Omit<ClusterOptions, "clock" | "machine">): { clock: VirtualClock; cluster: MemoryCluster } {
  const clock = createVirtualClock(START_MS);
  const cluster = new MemoryCluster({ clock, machine: machineOf({}), ...options });
  clusters.push(cluster);
  return { clock, cluster };
}

/** Of a transaction, where it is to expire. */
const VALID_MS = 20_000;

const rootsOf = (peers: readonly ClusterPeer[]): Set<string> => new Set(peers.map(({ peer }) => toHex(peer.final.stateRoot)));
const recipient = (side: number, count: number): Uint8Array => new Uint8Array(32).fill(side).fill(count, 16);

describe("a BoT that was cut in two", () => {
  it.each([1, 2, 3])(
    "seed %i: both halves go on, one history is left, nobody's transfer is lost, and a restart keeps it",
    async (seed) => {
      const { clock, cluster } = createCluster({ seed, parameters: { recoveryMs: 1000, grant: 10_000 } });
      const peers: ClusterPeer[] = [];
      for (const name of ["a", "b", "c", "d"]) peers.push(await cluster.open(name));
      await cluster.runUntil(clock, () => peers.every(({ peer }) => peer.seatWork === "seated"), { what: "all seated" });
      const sides = [peers.slice(0, 2), peers.slice(2)] as const;
      for (const one of sides[0]) for (const other of sides[1]) cluster.cut(one.name, other.name);

      const sent: { to: Uint8Array; final: boolean; refused: string | null }[] = [];
      const transfer = (side: 0 | 1, count: number): void => {
        const entry = { to: recipient(side + 1, count), final: false, refused: null as string | null };
        sent.push(entry);
        sides[side][count % 2]!.send([["account.transfer", { to: entry.to, amount: 1 }]]).then(
          () => (entry.final = true),
          (error: unknown) => (entry.refused = (error as Error).message),
        );
      };
      for (let count = 0; count < 6; count++) {
        transfer(0, count);
        transfer(1, count);
      }
      await cluster.runUntil(clock, () => sent.every(({ final }) => final), { what: "both halves make transfers final" });
      expect(rootsOf(peers).size).toBe(2);
      const strengths = peers.map(({ peer }) => peer.consensus.strength);
      expect(strengths).not.toContain("full");

      cluster.heal();
      await cluster.runUntil(clock, () => rootsOf(peers).size === 1 && peers.every(({ peer }) => peer.waiting === 0 && peer.caughtUp), {
        what: "one history",
        withinMs: 120_000,
      });
      expect(peers.flatMap(({ halted }) => halted)).toEqual([]);
      expect(peers.flatMap(({ penalties }) => penalties)).toEqual([]);
      const left = sides.filter((side) => side.every(({ undoneAbove }) => undoneAbove.length > 0));
      expect(left).toHaveLength(1);
      // Final again on the branch that won, or reported: never gone without a word.
      const { state } = peers[0]!.peer;
      const kept = sent.filter(({ refused }) => refused === null);
      expect(kept.map(({ to }) => accountOf(state, to).balance)).toEqual(kept.map(() => 1));

      await cluster.settled();
      const root = [...rootsOf(peers)][0];
      cluster.closeAll();
      const again: ClusterPeer[] = [];
      for (const { name } of peers) again.push(await cluster.open(name));
      expect([...rootsOf(again)]).toEqual([root]);
      let isFinal = false;
      void again[0]!.send([["account.transfer", { to: recipient(9, 9), amount: 1 }]]).then(() => (isFinal = true));
      await cluster.runUntil(clock, () => isFinal && rootsOf(again).size === 1, { what: "it goes on" });
      expect(again.flatMap(({ halted }) => halted)).toEqual([]);
    },
    120_000,
  );
});

describe("a branch that was left after its own transactions had expired", () => {
  it("has left no gap behind: what its peer sends next is final at once", async () => {
    const { clock, cluster } = createCluster({ seed: 2, parameters: { recoveryMs: 1000, grant: 10_000 } });
    const peers: ClusterPeer[] = [];
    for (const name of ["a", "b", "c"]) peers.push(await cluster.open(name));
    await cluster.runUntil(clock, () => peers.every(({ peer }) => peer.seatWork === "seated"), { what: "all seated" });
    const [alone, ...others] = peers as [ClusterPeer, ClusterPeer, ClusterPeer];
    const send = async (from: ClusterPeer, side: number, withinMs: number): Promise<void> => {
      let isFinal = false;
      void from.send([["account.transfer", { to: recipient(side, 0), amount: 1 }]], 10, VALID_MS).then(() => (isFinal = true));
      await cluster.runUntil(clock, () => isFinal, { what: `final of side ${side}`, withinMs });
    };
    for (const { name } of others) cluster.cut("a", name);
    for (let count = 0; count < 3; count++) await send(alone, 1, 60_000);
    await send(others[0]!, 2, 60_000);
    const expiredMs = clock.nowMs() + 2 * VALID_MS;
    await cluster.runUntil(clock, () => clock.nowMs() >= expiredMs, {
      what: "what the one alone sent has expired",
      withinMs: 3 * VALID_MS,
    });
    await send(others[0]!, 2, 60_000);
    cluster.heal();
    await cluster.runUntil(clock, () => alone.undoneAbove.length > 0 && rootsOf(peers).size === 1, {
      what: "one history",
      withinMs: 120_000,
    });
    expect(accountOf(alone.peer.state, recipient(1, 0)).balance).toBe(0);
    await send(alone, 3, VALID_MS / 2);
  }, 60_000);
});

describe("a switch of branches", () => {
  /** Two tabs apart, each of which made transfers of its own final, then heal. `writes`: copies of each disk after every write from then on. */
  async function rejoin(options: Pick<ClusterOptions, "storageOf">, writes: Map<string, MemoryDisk[]>) {
    const { clock, cluster } = createCluster({
      seed: 11,
      parameters: { recoveryMs: 1000, grant: 10_000 },
      storageOf: (name, disk) => {
        const storage = options.storageOf?.(name, disk) ?? createMemoryStorage(disk);
        const write = (batch: StorageBatch): Promise<void> => {
          const written = storage.write(batch);
          writes.get(name)?.push(copyMemoryDisk(disk));
          return written;
        };
        return { ...storage, write };
      },
    });
    const sides = [await cluster.open("a"), await cluster.open("b")] as const;
    await cluster.runUntil(clock, () => sides.every(({ peer }) => peer.seatWork === "seated"), { what: "two seats" });
    cluster.cut("a", "b");
    for (const [index, side] of sides.entries()) {
      for (let count = 0; count < 3; count++) {
        let isFinal = false;
        void side.send([["account.transfer", { to: recipient(index + 1, count), amount: 1 }]]).then(() => (isFinal = true));
        await cluster.runUntil(clock, () => isFinal, { what: "each makes transfers final alone" });
      }
    }
    await cluster.settled();
    for (const { name } of sides) writes.set(name, []);
    cluster.heal();
    return { clock, cluster, sides };
  }

  it("loses nothing by a crash after any of its writes: what it undid is final, or waits in storage", async () => {
    const writes = new Map<string, MemoryDisk[]>();
    const { clock, cluster, sides } = await rejoin({}, writes);
    await cluster.runUntil(clock, () => rootsOf(sides).size === 1 && sides.every(({ peer }) => peer.waiting === 0), {
      what: "one history",
      withinMs: 120_000,
    });
    await cluster.settled();
    const loser = sides.find(({ undoneAbove }) => undoneAbove.length > 0)!;
    const side = loser.name === "a" ? 1 : 2;
    const sent = [0, 1, 2].map((count) => recipient(side, count));
    let undone = 0;
    for (const disk of writes.get(loser.name)!) {
      const { state, pool } = await loadLedger(createMemoryStorage(disk), cluster.genesis);
      const waiting = pool.flatMap(([, bytes]) => decodeTransactionBatch(bytes).map((envelope) => decodeTransaction(envelope).body.calls));
      for (const to of sent) {
        const isFinal = accountOf(state, to).balance === 1;
        const waits = waiting.some((calls) =>
          calls.some(([name, call]) => name === "account.transfer" && equalBytes((call as { to: Uint8Array }).to, to)),
        );
        if (!isFinal) undone += 1;
        expect(isFinal || waits).toBe(true);
      }
    }
    // Else nothing was undone at any of these moments, and this showed nothing.
    expect(undone).toBeGreaterThan(0);
    expect(sent.map((to) => accountOf(loser.peer.state, to).balance)).toEqual([1, 1, 1]);
  }, 60_000);

  it("halts a peer that cannot read what it would undo, and leaves its disk on the branch it was on", async () => {
    const writes = new Map<string, MemoryDisk[]>();
    const storageOf = (_: string, disk: MemoryDisk): Storage => {
      const storage = createMemoryStorage(disk);
      const range: typeof storage.range = (table, wanted) =>
        table === "blocks" && writes.size > 0 ? Promise.reject(new Refusal("storage-broken")) : storage.range(table, wanted);
      return { ...storage, range };
    };
    const { clock, cluster, sides } = await rejoin({ storageOf }, writes);
    await cluster.runUntil(clock, () => sides.some(({ halted }) => halted.length > 0), { what: "one halts", withinMs: 120_000 });
    const loser = sides.find(({ halted }) => halted.length > 0)!;
    expect(loser.halted.map(({ code }) => code)).toEqual(["storage-broken"]);
    const { state } = await loadLedger(createMemoryStorage(cluster.diskOf(loser.name)), cluster.genesis);
    const side = loser.name === "a" ? 1 : 2;
    expect([0, 1, 2].map((count) => accountOf(state, recipient(side, count)).balance)).toEqual([1, 1, 1]);
  }, 60_000);
});

describe("tabs that vanish one after the other", () => {
  const T = 4000;
  /** PROTOCOL, "Recovery": over half of the seats after T, over a third after 2T. */
  it.each([
    { seats: 4, gone: 2, afterMs: 2 * T, strength: "provisional" },
    { seats: 5, gone: 2, afterMs: T, strength: "recovered" },
  ])("$gone of $seats: all that are left are named by one recovery soon after $afterMs ms, and it is $strength", async (expected) => {
    const { clock, cluster } = createCluster({ seed: 7, parameters: { recoveryMs: T } });
    const peers: ClusterPeer[] = [];
    for (const name of ["a", "b", "c", "d", "e"].slice(0, expected.seats)) peers.push(await cluster.open(name));
    await cluster.runUntil(clock, () => peers.every(({ peer }) => peer.seatWork === "seated"), { what: "all seated" });
    const send = async (what: string): Promise<number> => {
      const sentMs = clock.nowMs();
      let isFinal = false;
      void peers[0]!.send([["account.transfer", { to: recipient(1, 1), amount: 1 }]]).then(() => (isFinal = true));
      await cluster.runUntil(clock, () => isFinal, { what });
      return clock.nowMs() - sentMs;
    };
    for (let count = 0; count < expected.gone; count++) {
      cluster.close(peers.pop()!.name);
      if (count + 1 < expected.gone) await send("a quorum goes on");
    }
    const tookMs = await send("recovered");
    expect(tookMs).toBeGreaterThan(expected.afterMs);
    expect(tookMs).toBeLessThan(expected.afterMs + T);
    for (const { peer } of peers) {
      expect(peer.consensus.seats).toHaveLength(peers.length);
      expect(peer.consensus.strength).toBe(expected.strength);
    }
    const recoveries = peers.map(({ committed }) => committed.filter(({ block }) => block === null));
    expect(recoveries.map((list) => list.length)).toEqual(peers.map(() => 1));
  });
});

const description = (name: string): Uint8Array => utf8(JSON.stringify({ title: name, pad: "x".repeat(30_000) }));
const register = (name: string): Call => ["device.register", { description: description(name), gateway: null, key: null, properties: [] }];

/** Four large devices at once, until the peer has written a snapshot, and three times at least. */
async function fill(from: ClusterPeer, cluster: MemoryCluster, clock: VirtualClock, prefix: string): Promise<void> {
  for (let count = 0; !cluster.diskOf(from.name).meta.rows.has(META.snapshots) || count < 3; count++) {
    expect(count).toBeLessThan(100);
    let isDone = false;
    const calls = Array.from({ length: 4 }, (_, index) => register(`${prefix} ${count} ${index}`));
    void from.send(calls, 200).then(({ receipt }) => (isDone = receipt.refusal === null));
    await cluster.runUntil(clock, () => isDone, { what: "registered" });
  }
}

describe("a large ledger", () => {
  it("opens after every write of a switch that leaves the branch of its snapshot", async () => {
    const left = new Map<string, MemoryDisk[]>([
      ["a", []],
      ["b", []],
    ]);
    let isSwitching = false;
    const { clock, cluster } = createCluster({
      seed: 5,
      parameters: { recoveryMs: 1000, grant: 1_000_000 },
      storageOf: (name, disk) => {
        const storage = createMemoryStorage(disk);
        const write = (batch: StorageBatch): Promise<void> => {
          const written = storage.write(batch);
          if (isSwitching) left.get(name)!.push(copyMemoryDisk(disk));
          return written;
        };
        return { ...storage, write };
      },
    });
    const sides = [await cluster.open("a"), await cluster.open("b")];
    await cluster.runUntil(clock, () => sides.every(({ peer }) => peer.seatWork === "seated"), { what: "two seats" });
    cluster.cut("a", "b");
    for (const side of sides) await fill(side, cluster, clock, side.name);
    await cluster.settled();
    isSwitching = true;
    cluster.heal();
    await cluster.runUntil(clock, () => rootsOf(sides).size === 1, { what: "one history", withinMs: 120_000 });
    await cluster.settled();
    const loser = sides.find(({ undoneAbove }) => undoneAbove.length > 0)!;
    const writes = left.get(loser.name)!;
    expect(writes.length).toBeGreaterThan(1);
    const heights: number[] = [];
    for (const disk of writes) heights.push((await loadLedger(createMemoryStorage(disk), cluster.genesis)).steps.at(-1)!.info.height);
    expect(heights.at(-1)).toBe(loser.peer.final.height);
    const snapshots = decodeSnapshots(writes.at(-1)!.meta.rows.get(META.snapshots)!);
    const chunks = [...writes.at(-1)!.meta.rows.keys()].filter((key) => key.startsWith("snapshot/"));
    const named = snapshots.flatMap(({ height, chunks: count }) => Array.from({ length: count }, (_, chunk) => snapshotKey(height, chunk)));
    expect(chunks.sort()).toEqual(named.sort());
  }, 120_000);

  it("is read by a part and not by the whole for whoever asks, and no faster than a peer could take it", async () => {
    let readBytes = 0;
    const { clock, cluster } = createCluster({
      seed: 5,
      parameters: { grant: 1_000_000 },
      storageOf: (_, disk) => {
        const storage = createMemoryStorage(disk);
        const range: typeof storage.range = async (table, options) => {
          const rows = await storage.range(table, options);
          if (table === "blocks") for (const [, bytes] of rows) readBytes += bytes.length;
          return rows;
        };
        return { ...storage, range };
      },
    });
    const target = await cluster.open("a");
    await cluster.runUntil(clock, () => target.peer.seatWork === "seated", { what: "seated" });
    await fill(target, cluster, clock, "a");
    const nothing = asHash(new Uint8Array(32));
    const hello = encodeConsensusMessage({ kind: "hello", epochId: nothing, lastFinal: nothing, height: 0, known: [] });
    readBytes = 0;
    const startMs = clock.nowMs();
    await cluster.runUntil(
      clock,
      () => {
        const bytes = hello.slice();
        target.runner.input({ kind: "network", event: { kind: "message", from: "stranger", protocol: "hello", bytes } });
        return clock.nowMs() - startMs >= 1000;
      },
      { what: "a second of greetings" },
    );
    expect(readBytes).toBeGreaterThan(LIMITS.giveBytesMax);
    expect(readBytes).toBeLessThan(1.5 * LIMITS.serveBytesPerSecondMax);
  }, 120_000);

  it("[C5a] is kept as a snapshot, with the changes since and no older ones, and opens the same", async () => {
    const { clock, cluster } = createCluster({ seed: 5, parameters: { grant: 1_000_000 } });
    const first = await cluster.open("a");
    const states = (): number[] => [...cluster.diskOf("a").states.rows.keys()].map(heightOfKey).sort((x, y) => x - y);
    let peer = first;
    for (let round = 0; round < 2; round++) {
      await fill(peer, cluster, clock, `round ${round}`);
      await cluster.settled();
      const { height } = decodeSnapshots(cluster.diskOf("a").meta.rows.get(META.snapshots)!)[0]!;
      expect(states().filter((at) => at < height)).toEqual([]);
      const root = toHex(peer.peer.final.stateRoot);
      cluster.close("a");
      peer = await cluster.open("a");
      expect(toHex(peer.peer.final.stateRoot)).toBe(root);
      expect(peer.halted).toEqual([]);
    }
  }, 120_000);
});
