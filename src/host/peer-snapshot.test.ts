/** A newcomer reads a late state instead of all blocks, and believes nothing on the way. */
import { afterEach, describe, expect, it } from "vitest";
import { createVirtualClock, type VirtualClock } from "../kit/clock.ts";
import { equalBytes } from "../kit/bytes.ts";
import { machineOf } from "../ledger/scenario.suite.ts";
import { decodeBlockRow, decodeSnapshots, encodeBlockRow, heightOfKey, META } from "../peer/rows.ts";
import type { FinalityProof } from "../peer/epoch-steps.ts";
import { decodeSnapshotMessage, encodeSnapshotMessage, type SnapshotMessage } from "../peer/snapshot-wire.ts";
import { chainOf } from "../protocol/genesis.ts";
import { digest, toHex } from "../protocol/identifiers.ts";
import { LIMITS } from "../protocol/limits.ts";
import type { Certificate } from "../protocol/vote.ts";
import { loadLedger } from "./load-ledger.ts";
import { MemoryCluster, type ClusterOptions, type ClusterPeer } from "./memory-cluster.ts";
import { openLedger, readLedgerRows } from "./peer-export.ts";
import { createSignatures } from "./signatures/signatures.ts";
import { createMemoryStorage } from "./storage/memory-storage.ts";

const START_MS = 1_750_000_000_000;

let cluster: MemoryCluster;
let clock: VirtualClock;
afterEach(() => cluster.closeAll());

function createCluster(options: Partial<ClusterOptions> = {}): void {
  clock = createVirtualClock(START_MS);
  cluster = new MemoryCluster({ clock, machine: machineOf({}), seed: 7, parameters: { grant: 1_000_000, recoveryMs: 1000 }, ...options });
}

const until = (what: string, condition: () => boolean, withinMs = 60_000): Promise<void> =>
  cluster.runUntil(clock, condition, { what, withinMs });

function pass(ms: number): Promise<void> {
  const endMs = clock.nowMs() + ms;
  return until("time passes", () => clock.nowMs() >= endMs);
}

/** Payments one after the other, each in a block of its own. */
async function pay(from: ClusterPeer, blocks: number): Promise<void> {
  for (let index = 0; index < blocks; index++) {
    const height = from.peer.final.height;
    void from.send([["account.transfer", { to: cluster.accountOf(from.name), amount: 1 }]]);
    await until("a block", () => from.peer.final.height > height);
  }
}

async function seated(name: string): Promise<ClusterPeer> {
  const peer = await cluster.open(name);
  await until(`${name} is seated`, () => peer.peer.seatWork === "seated");
  return peer;
}

/** What two peers keep of their blocks: bytes that neither has from itself but in another order are left out. */
function blocksOf(name: string): ReadonlyMap<string, string> {
  const rows = new Map<string, string>();
  const stored = cluster.diskOf(name).blocks.rows;
  for (const key of [...stored.keys()].sort()) {
    const bytes = stored.get(key)!;
    const { info, block, recovery, receipts } = decodeBlockRow(bytes);
    rows.set(key, [toHex(info.id), block?.transactions.length, recovery?.signatures.length, toHex(digest(receipts))].join(" "));
  }
  return rows;
}

async function joined(name: string, like: ClusterPeer): Promise<ClusterPeer> {
  const newcomer = await cluster.open(name, { seatWanted: false });
  await until("it is ready", () => newcomer.peer.caughtUp && equalBytes(newcomer.peer.final.id, like.peer.final.id));
  return newcomer;
}

describe("a newcomer", () => {
  it("reads the newest snapshot of its neighbours, and stands where they stand", async () => {
    createCluster();
    const a = await seated("a");
    const b = await seated("b");
    await pay(a, 400);
    const [newest] = decodeSnapshots(cluster.diskOf("a").meta.rows.get(META.snapshots)!);
    expect(newest!.height).toBeGreaterThan(128);
    const newcomer = await cluster.open("c");
    await until("it is ready", () => newcomer.peer.caughtUp && equalBytes(newcomer.peer.final.id, a.peer.final.id));
    // Until the old blocks are here there is no whole ledger to be saved.
    await expect(readLedgerRows(newcomer.storage, chainOf(cluster.genesis))).rejects.toMatchObject({ code: "history-incomplete" });
    expect(newcomer.reopened).toEqual([newest!.height]);
    expect(newcomer.committed[0]!.height).toBe(newest!.height + 1);
    expect(toHex(newcomer.peer.final.stateRoot)).toBe(toHex(b.peer.final.stateRoot));
    expect(newcomer.peer.joined).toMatchObject({ height: newest!.height, weakest: "full" });
    await until("it takes a seat and votes", () => newcomer.peer.seatWork === "seated");
    // Old blocks come behind, and are what everybody has.
    await until("all blocks are there", () => newcomer.peer.historyFloor === 0);
    await cluster.settled();
    expect(blocksOf("c")).toEqual(blocksOf("a"));
    expect([...newcomer.halted, ...newcomer.penalties]).toEqual([]);
    // So that another, who insists on blocks from genesis on, has them from it alone.
    for (const name of ["a", "b"]) cluster.close(name);
    const rows = (await readLedgerRows(newcomer.storage, chainOf(cluster.genesis))).map(([, , bytes]) => bytes);
    const deps = {
      signatures: createSignatures(),
      loadMachine: () => Promise.resolve(machineOf({})),
      nowMs: clock.nowMs(),
      pause: async () => {},
    };
    const disk = await openLedger(rows, cluster.genesis, deps);
    const replayed = await loadLedger(createMemoryStorage(disk), cluster.genesis);
    expect(toHex(replayed.state.root())).toBe(toHex(newcomer.peer.final.stateRoot));
  }, 120_000);

  it("is given a snapshot in turn by one who came by a snapshot, whoever made it is gone", async () => {
    createCluster();
    const a = await seated("a");
    await pay(a, 300);
    const second = await joined("b", a);
    cluster.cut("a", "c");
    const third = await joined("c", second);
    expect(third.reopened).toEqual(second.reopened);
    expect(toHex(third.peer.final.stateRoot)).toBe(toHex(a.peer.final.stateRoot));
    await until("the oldest blocks have come by two hands", () => third.peer.historyFloor === 0);
    await cluster.settled();
    expect(blocksOf("c")).toEqual(blocksOf("a"));
  }, 120_000);

  it("comes back from a long sleep by the same road, keeps its seat's record and its own blocks", async () => {
    createCluster({ parameters: { grant: 1_000_000, recoveryMs: 1000, heartbeatMs: 5000 } });
    const a = await seated("a");
    const b = await seated("b");
    await pay(a, 20);
    cluster.close("b");
    // One seat of two is left: it goes on by a recovery, and what it makes final is believed as that.
    await pay(a, 400);
    const held = b.peer.final.height;
    const back = await cluster.open("b");
    await until("it is back", () => back.peer.caughtUp && equalBytes(back.peer.final.id, a.peer.final.id));
    expect(back.reopened).toHaveLength(1);
    expect(back.peer.joined).toMatchObject({ weakest: "provisional" });
    expect(back.peer.historyFloor).toBeGreaterThan(held);
    await until("the gap is closed", () => back.peer.historyFloor === 0);
    await cluster.settled();
    expect(blocksOf("b")).toEqual(blocksOf("a"));
    await until("it votes again", () => back.peer.seatWork === "seated");
    expect([...back.halted, ...back.penalties]).toEqual([]);
  }, 120_000);
});

describe("the road", () => {
  it("leads over a recovery by sleepers, whom the base's state names", async () => {
    createCluster();
    const a = await seated("a");
    await seated("b");
    cluster.close("b");
    await pay(a, 30);
    expect(a.peer.consensus.sleeping).toHaveLength(1);
    const b = await cluster.open("b", { seatWanted: false });
    await until("b has all", () => b.peer.caughtUp && equalBytes(b.peer.final.id, a.peer.final.id));
    cluster.close("a");
    await pay(b, 300);
    const newcomer = await joined("c", b);
    expect(newcomer.reopened).toHaveLength(1);
    expect(newcomer.peer.joined).toMatchObject({ weakest: "provisional" });
    expect(toHex(newcomer.peer.consensus.epochId)).toBe(toHex(b.peer.consensus.epochId));
    await until("all blocks are there", () => newcomer.peer.historyFloor === 0);
    await cluster.settled();
    expect(blocksOf("c")).toEqual(blocksOf("b"));
    expect([...newcomer.halted, ...newcomer.penalties]).toEqual([]);
  }, 120_000);

  it("has few steps where many epochs have passed, as long as enough of the believed seats are among those who sign", async () => {
    const asked: string[] = [];
    createCluster({
      onCommand: (from, command) => {
        if (from === "late" && command.kind === "send" && command.protocol === "snapshot")
          asked.push(decodeSnapshotMessage(command.bytes).kind);
      },
    });
    const a = await seated("a");
    // Each comes and takes a seat, which begins an epoch.
    for (const name of ["b", "c", "d", "e", "f"]) await seated(name);
    await pay(a, 300);
    const late = await joined("late", a);
    expect(late.reopened).toHaveLength(1);
    const steps = asked.filter((kind) => kind === "skip" || kind === "epochs").length;
    expect(steps).toBeGreaterThan(0);
    expect(steps).toBeLessThan(6);
  }, 120_000);

  it("is not taken over a recovery of one seat by those who are awake: they wait, as they do block by block", async () => {
    createCluster({ parameters: { grant: 1_000_000, recoveryMs: 1000, heartbeatMs: 3_600_000 } });
    const seats = [await seated("a"), await seated("b"), await seated("c"), await seated("d")];
    const [a, b, c, d] = seats as [ClusterPeer, ClusterPeer, ClusterPeer, ClusterPeer];
    for (const name of ["a", "b", "c"]) cluster.cut(name, "d");
    // The three rest; the fourth makes a branch of its own, from what is final with them, too.
    const before = a.peer.final;
    await pay(d, 300);
    expect(a.peer.final).toEqual(before);
    cluster.mend("d");
    await pass(5000);
    for (const peer of [a, b, c]) expect(peer.reopened).toEqual([]);
    await pay(a, 1);
    await until("all stand with the three", () => seats.every(({ peer }) => equalBytes(peer.final.id, a.peer.final.id)), 120_000);
    expect(a.undoneAbove).toEqual([]);
  }, 120_000);

  it("along the branch that certificates made final beats one that a few went on with by themselves, however far that came", async () => {
    createCluster();
    const seats = [await seated("a"), await seated("b"), await seated("c"), await seated("d")];
    const [a, , , d] = seats as [ClusterPeer, ClusterPeer, ClusterPeer, ClusterPeer];
    for (const name of ["a", "b", "c"]) cluster.cut(name, "d");
    // Three of four make blocks; the fourth, alone, recovers and comes further than they do.
    await pay(a, 300);
    await pay(d, 400);
    expect(d.peer.final.height).toBeGreaterThan(a.peer.final.height);
    cluster.cut("d", "late");
    for (const name of ["b", "c"]) cluster.cut(name, "late");
    cluster.cut("a", "late");
    const late = await cluster.open("late", { seatWanted: false });
    // It meets both at the same moment.
    cluster.mend("late");
    await until("it stands with the three", () => late.peer.caughtUp && equalBytes(late.peer.final.id, a.peer.final.id), 120_000);
    expect(late.reopened).toHaveLength(1);
    expect(late.peer.joined).toMatchObject({ weakest: "full" });
  }, 120_000);
});

describe("a peer that keeps the newest blocks alone", () => {
  const heightsOf = (name: string): readonly number[] => [...cluster.diskOf(name).blocks.rows.keys()].map(heightOfKey);

  it("[D1] lets the others go, opens again, and still shows newcomers the way and the state", async () => {
    createCluster();
    const a = await seated("a");
    await seated("b");
    cluster.close("b");
    await pay(a, 30);
    // Until then the branch of the one who is gone may still be better, and what leads there is needed.
    const endMs = clock.nowMs() + LIMITS.undoMsMax;
    await cluster.runUntil(clock, () => clock.nowMs() >= endMs, { what: "an hour", withinMs: Infinity, stepMs: 2000 });
    for (const name of ["c", "d"]) await seated(name);
    await pay(a, 450);
    const full = blocksOf("a");
    a.runner.input({ kind: "set-window", window: { blocks: 100, bytes: null } });
    const [, older] = decodeSnapshots(cluster.diskOf("a").meta.rows.get(META.snapshots)!);
    await until("they are gone", () => a.peer.historyFloor === older!.height - 1);
    await cluster.settled();
    expect(Math.min(...heightsOf("a"))).toBe(older!.height);
    expect([...blocksOf("a")]).toEqual([...full].filter(([key]) => heightOfKey(key) >= older!.height));
    for (const name of ["a", "c", "d"]) cluster.close(name);
    const again = await cluster.open("a");
    await until("it is open again", () => again.peer.final.height === a.peer.final.height);
    again.runner.input({ kind: "set-window", window: { blocks: 100, bytes: null } });
    // Alone with one who has the newest blocks only, over epochs whose blocks are gone: one was begun by a recovery.
    const newcomer = await joined("late", again);
    expect(newcomer.reopened).toHaveLength(1);
    expect(newcomer.peer.joined).toMatchObject({ weakest: "provisional" });
    // But for the lowest, whose height the one below would tell.
    await until("it has what there is", () => newcomer.peer.historyFloor === older!.height);
    expect([...newcomer.halted, ...newcomer.penalties, ...again.halted]).toEqual([]);
    // Who wants all again has it from those who kept it.
    await cluster.open("c");
    again.runner.input({ kind: "set-window", window: { blocks: null, bytes: null } });
    await until("all is back", () => again.peer.historyFloor === 0, 120_000);
    await cluster.settled();
    expect([...blocksOf("a")].slice(0, full.size)).toEqual([...full]);
  }, 120_000);

  it("keeps about so many bytes of them, and asks for no old ones beyond that", async () => {
    createCluster();
    const a = await seated("a");
    await pay(a, 900);
    const bytes = (): number => [...cluster.diskOf("a").blocks.rows.values()].reduce((sum, row) => sum + row.length, 0);
    const room = bytes() / 2;
    a.runner.input({ kind: "set-window", window: { blocks: null, bytes: room } });
    await until("there is room", () => a.peer.historyFloor > 100);
    await pass(10_000);
    expect(bytes()).toBeLessThan(room);
    expect(bytes()).toBeGreaterThan(room / 2);
  }, 120_000);
});

/** What a neighbour that lies makes of its answers. */
type Twist = (message: SnapshotMessage) => SnapshotMessage | null;

function flip(bytes: Uint8Array, at: number): Uint8Array {
  const copy = bytes.slice();
  copy[at % copy.length]! ^= 1;
  return copy;
}

const flipped = (certificate: Certificate): Certificate => ({
  ...certificate,
  signatures: certificate.signatures.map((signature) => flip(signature, 5)),
});

describe("a neighbour that lies", () => {
  /** The liar answers twisted; the newcomer is linked to it, and later to an honest one. */
  async function lied(twist: Twist, { hasSeat = true } = {}): Promise<{ readonly newcomer: ClusterPeer; readonly honest: ClusterPeer }> {
    createCluster({
      twist: (from, command) => {
        if (from !== "liar" || command.kind !== "send" || command.protocol !== "snapshot") return command;
        const message = twist(decodeSnapshotMessage(command.bytes));
        return message === null ? null : { ...command, bytes: encodeSnapshotMessage(message) };
      },
    });
    const honest = await seated("honest");
    if (hasSeat) await seated("liar");
    else await cluster.open("liar", { seatWanted: false });
    await pay(honest, 300);
    cluster.cut("honest", "c");
    const newcomer = await cluster.open("c", { seatWanted: false });
    await pass(3000);
    return { newcomer, honest };
  }

  /** However it was lied to, it stands with the others once it meets one who is honest, and nothing wrong was taken in. */
  async function comesRight({ newcomer, honest }: { readonly newcomer: ClusterPeer; readonly honest: ClusterPeer }): Promise<void> {
    cluster.heal();
    await until("it stands with the honest", () => equalBytes(newcomer.peer.final.id, honest.peer.final.id), 120_000);
    expect(newcomer.halted).toEqual([]);
    expect(toHex(newcomer.peer.final.stateRoot)).toBe(toHex(honest.peer.final.stateRoot));
    expect(newcomer.penalties.filter(({ peer }) => peer !== "liar")).toEqual([]);
  }

  const parts: readonly (readonly [what: string, bytes: (bytes: Uint8Array) => Uint8Array | null])[] = [
    ["a chunk with one changed byte", (bytes) => flip(bytes, bytes.length >> 1)],
    ["a chunk that is cut off", (bytes) => bytes.slice(0, -9)],
    ["no chunk at all", () => null],
  ];
  it.each(parts)(
    "gives %s: the snapshot is left, and another's or blocks are taken",
    async (_, change) => {
      const run = await lied((message) =>
        message.kind === "part" && message.bytes !== null ? { ...message, bytes: change(message.bytes) } : message,
      );
      expect(run.newcomer.reopened).toEqual([]);
      await comesRight(run);
    },
    120_000,
  );

  const proofs: readonly (readonly [what: string, change: (proof: FinalityProof) => FinalityProof, blamed: readonly string[]])[] = [
    ["forged", ({ headers, certificate }) => ({ headers, certificate: flipped(certificate) }), ["signature-invalid"]],
    [
      "of too few seats",
      ({ headers, certificate }) => ({ headers, certificate: { ...certificate, signers: [], signatures: [] } }),
      ["certificate-invalid"],
    ],
    ["that only notarizes", ({ headers, certificate }) => ({ headers, certificate: { ...certificate, kind: "notarize" } }), []],
    ["of another block", ({ headers, certificate }) => ({ headers: [...headers, headers[0]!], certificate }), []],
    ["of no block", ({ certificate }) => ({ headers: [], certificate }), []],
  ];
  it.each(proofs)(
    "offers a block with a certificate %s: nothing of it is read, nobody halts, and the honest are not blamed",
    async (_, change, blamed) => {
      let chunks = 0;
      const run = await lied(
        (message) => {
          if (message.kind === "part") chunks++;
          if (message.kind !== "offer") return message;
          return { ...message, snapshots: message.snapshots.map((offer) => ({ ...offer, proof: change(offer.proof) })) };
        },
        { hasSeat: false },
      );
      expect(chunks).toBe(0);
      expect(run.newcomer.penalties.map(({ code }) => code)).toEqual(expect.arrayContaining([...blamed]));
      await comesRight(run);
    },
    120_000,
  );

  it("makes a false offer of a block that an honest one offers, too: the honest one's is read, from it alone", async () => {
    createCluster({
      twist: (from, command) => {
        if (from !== "liar" || command.kind !== "send" || command.protocol !== "snapshot") return command;
        const message = decodeSnapshotMessage(command.bytes);
        if (message.kind !== "offer") return command;
        const snapshots = message.snapshots.map(({ proof, ...offer }) => ({
          ...offer,
          proof: { ...proof, certificate: flipped(proof.certificate) },
        }));
        return { ...command, bytes: encodeSnapshotMessage({ ...message, snapshots }) };
      },
    });
    const liar = await seated("liar");
    const honest = await seated("honest");
    await pay(honest, 300);
    const newcomer = await joined("c", honest);
    expect(newcomer.reopened).toHaveLength(1);
    expect(newcomer.penalties.filter(({ peer }) => peer !== "liar")).toEqual([]);
    expect([...newcomer.halted, ...liar.halted]).toEqual([]);
  }, 120_000);

  it("shows epochs with forged certificates, or none: the road is not walked", async () => {
    const run = await lied((message) => {
      if (message.kind === "skipped" && message.step?.kind === "skipped")
        return { ...message, step: { ...message.step, certificate: flipped(message.step.certificate) } };
      return message.kind === "steps" ? { ...message, steps: [] } : message;
    });
    expect(run.newcomer.reopened).toEqual([]);
    await comesRight(run);
  }, 120_000);

  it("is silent after its offer: another is asked", async () => {
    const run = await lied((message) => (message.kind === "offer" ? message : null));
    expect(run.newcomer.reopened).toEqual([]);
    await comesRight(run);
  }, 120_000);

  it("gives old blocks with other receipts, or certificates: they are not written", async () => {
    const run = await lied((message) => {
      if (message.kind !== "rows") return message;
      const rows = message.rows.map((bytes, index) => {
        const row = decodeBlockRow(bytes);
        return encodeBlockRow(
          index % 2 === 0 ? { ...row, certificates: row.certificates.map(flipped) } : { ...row, receipts: flip(row.receipts, 1) },
        );
      });
      return { ...message, rows };
    });
    expect(run.newcomer.reopened).toHaveLength(1);
    expect(run.newcomer.peer.historyFloor).toBe(run.newcomer.reopened[0]);
    await comesRight(run);
    await until("all blocks are there", () => run.newcomer.peer.historyFloor === 0, 120_000);
    await cluster.settled();
    expect(blocksOf("c")).toEqual(blocksOf("honest"));
  }, 120_000);
});
