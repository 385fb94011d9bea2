import { beforeAll, describe, expect, it } from "vitest";
import { bytesToHex } from "../kit/bytes.ts";
import { createVirtualClock, type VirtualClock } from "../kit/clock.ts";
import type { ContractMachine } from "../protocol/contract-machine.ts";
import { accountOf } from "../ledger/index.ts";
import { restoresContracts } from "../peer/late-machine.ts";
import { Peer } from "../peer/peer.ts";
import type { StorageBatch } from "../peer/ports.ts";
import { asVotingKey } from "../protocol/identifiers.ts";
import { decodeTransaction, type Call } from "../protocol/transaction.ts";
import { decodeTransactionBatch } from "../protocol/wire.ts";
import { loadLedger } from "./load-ledger.ts";
import { clustersOfTests } from "./clusters.suite.ts";
import { MemoryCluster, type ClusterPeer } from "./memory-cluster.ts";
import { Witness } from "./witness.suite.ts";
import { copyMemoryDisk, createMemoryStorage, type MemoryDisk } from "./storage/memory-storage.ts";
import { createContractMachine } from "./vm/contract-machine.ts";
import { loadMeteredWasmNode } from "./vm/load-wasm-node.ts";

let machine: ContractMachine;
beforeAll(async () => {
  machine = await createContractMachine(await loadMeteredWasmNode());
});

const clusters = clustersOfTests();

const START_MS = 1_700_000_000_000;
const SOURCE = `export const manifest = { name: "count", methods: { add: {} }, views: [] };
export function add(ctx) { const next = (ctx.state.get("n") ?? 0) + 1; ctx.state.set("n", next); return next; }`;

function createCluster(options: Partial<ConstructorParameters<typeof MemoryCluster>[0]> = {}): {
  cluster: MemoryCluster;
  clock: VirtualClock;
} {
  const clock = createVirtualClock(START_MS);
  const cluster = new MemoryCluster({ clock, machine, seed: 11, parameters: { grant: 1_000_000 }, ...options });
  clusters.push(cluster);
  return { cluster, clock };
}

const rootOf = ({ peer }: ClusterPeer): string => bytesToHex(peer.final.stateRoot);
const agree = (peers: readonly ClusterPeer[]): boolean => new Set(peers.map((one) => `${one.peer.final.height} ${rootOf(one)}`)).size === 1;

/** Sends one after the other, each final before the next. */
async function sendMany(cluster: MemoryCluster, clock: VirtualClock, from: ClusterPeer, count: number): Promise<void> {
  for (let sent = 0; sent < count; sent++) {
    let final = false;
    void from.send([["account.transfer", { to: new Uint8Array(32).fill(sent), amount: 1 }]]).then(() => (final = true));
    await cluster.runUntil(clock, () => final, { what: "the transfer is final" });
  }
}

async function openTwoSeats(cluster: MemoryCluster, clock: VirtualClock): Promise<[ClusterPeer, ClusterPeer]> {
  const first = await cluster.open("a");
  const second = await cluster.open("b");
  await cluster.runUntil(clock, () => second.peer.seatWork === "seated", { what: "two seats" });
  return [first, second];
}

describe("a peer that was not there", () => {
  it("[C1b] joins a BoT with more blocks than anybody keeps at hand, and verifies each", async () => {
    const { cluster, clock } = createCluster();
    const [first, second] = await openTwoSeats(cluster, clock);
    await sendMany(cluster, clock, first, 200);
    const newcomer = await cluster.open("newcomer", { seatWanted: false });
    const targets: (number | null)[] = [];
    const hasCaughtUp = (): boolean => {
      targets.push(newcomer.peer.targetHeight);
      return agree([first, second, newcomer]);
    };
    await cluster.runUntil(clock, hasCaughtUp, { what: "the newcomer has caught up" });
    expect(targets).toContain(first.peer.final.height);
    expect(targets.at(-1)).toBeNull();
    expect(newcomer.peer.final.height).toBeGreaterThan(200);
    expect(newcomer.committed.filter(({ block }) => block !== null)).toHaveLength(newcomer.peer.final.height);
    expect(newcomer.penalties).toEqual([]);
    expect(newcomer.halted).toEqual([]);
  });

  it("is not ready before it has what its neighbours said they have, while blocks go on being made", async () => {
    const { cluster, clock } = createCluster();
    const [first] = await openTwoSeats(cluster, clock);
    await sendMany(cluster, clock, first, 270);
    let goesOn = true;
    const again = (): void => {
      void first.send([["account.transfer", { to: new Uint8Array(32), amount: 1 }]]).then(() => goesOn && again());
    };
    again();
    const newcomer = await cluster.open("newcomer", { seatWanted: false });
    const { height } = first.peer.final;
    await cluster.runUntil(clock, () => newcomer.peer.caughtUp, { what: "the newcomer is ready" });
    expect(newcomer.peer.final.height).toBeGreaterThanOrEqual(height);
    goesOn = false;
  });

  it("is ready when it has what its neighbours said they have, also where nothing moves", async () => {
    const { cluster, clock } = createCluster();
    const seated: ClusterPeer[] = [];
    // Each new seat begins an epoch: an answer ends with one, and does not know whether it was the last.
    for (const name of ["a", "b", "c"]) {
      seated.push(await cluster.open(name));
      await cluster.runUntil(clock, () => seated.at(-1)!.peer.seatWork === "seated", { what: `${name} has a seat` });
    }
    await cluster.runUntil(clock, () => agree(seated) && seated.every(({ peer }) => !peer.consensus.working), { what: "rest" });
    const newcomer = await cluster.open("newcomer", { seatWanted: false });
    const beganMs = clock.nowMs();
    await cluster.runUntil(clock, () => newcomer.peer.caughtUp, { what: "the newcomer is ready" });
    expect(agree([...seated, newcomer])).toBe(true);
    expect(clock.nowMs() - beganMs).toBeLessThan(1_000);
  });

  it("was deaf for ten minutes, catches up, and takes part again", async () => {
    const { cluster, clock } = createCluster();
    const peers: ClusterPeer[] = [];
    for (const name of ["a", "b", "c", "d"]) peers.push(await cluster.open(name));
    const [first, , , deaf] = peers as [ClusterPeer, ClusterPeer, ClusterPeer, ClusterPeer];
    await cluster.runUntil(clock, () => peers.every(({ peer }) => peer.seatWork === "seated"), { what: "four seats" });
    for (const name of ["a", "b", "c"]) cluster.cut("d", name);
    const untilMs = clock.nowMs() + 600_000;
    while (clock.nowMs() < untilMs) {
      await sendMany(cluster, clock, first, 1);
      for (let pause = 0; pause < 200; pause++) {
        clock.advance(100);
        await cluster.settled();
      }
    }
    expect(deaf.peer.final.height).toBeLessThan(first.peer.final.height);
    cluster.heal();
    await cluster.runUntil(clock, () => agree(peers), { what: "all agree", withinMs: 20_000 });
    await cluster.runUntil(clock, () => deaf.peer.seatWork === "seated", { what: "it has a seat again", withinMs: 120_000 });
    expect(peers.flatMap(({ halted }) => halted)).toEqual([]);
  });

  it.each(["in the middle of traffic", "at rest"])(
    "slept for ten minutes %s: it asks, catches up at once, and contradicts nothing",
    async (when) => {
      const witness = new Witness();
      const { cluster, clock } = createCluster({ onCommand: (from, command) => witness.hear(from, command) });
      const peers: ClusterPeer[] = [];
      for (const name of ["a", "b", "c", "d"]) peers.push(await cluster.open(name));
      const [first, , , sleeper] = peers as [ClusterPeer, ClusterPeer, ClusterPeer, ClusterPeer];
      await cluster.runUntil(clock, () => peers.every(({ peer }) => peer.seatWork === "seated"), { what: "four seats" });
      const votes = witness.votesOf("d");
      let fate: string | undefined;
      sleeper.send([["account.transfer", { to: new Uint8Array(32).fill(99), amount: 1 }]]).then(
        ({ stage }) => (fate = stage),
        (error: unknown) => (fate = (error as Error).message),
      );
      if (when === "at rest") {
        await cluster.runUntil(clock, () => fate !== undefined && !sleeper.peer.consensus.working, { what: "it rests" });
      } else await cluster.runUntil(clock, () => witness.votesOf("d") > votes, { what: "it votes" });
      cluster.fallAsleep("d");
      const asleep = { heightBefore: sleeper.peer.final.height, untilMs: clock.nowMs() + 600_000 };
      for (let turn = 0; clock.nowMs() < asleep.untilMs; turn++) {
        if (turn < 5) await sendMany(cluster, clock, first, 1);
        clock.advance(100);
        await cluster.settled();
      }
      // The others rest, so that nothing but its own question tells it what it missed.
      expect(fate).toBe(when === "at rest" ? "final" : undefined);
      cluster.awake("d");
      await cluster.runUntil(clock, () => agree(peers), { what: "all agree", withinMs: 500 });
      // By its own clock it expired while it slept; the block that holds it was final long before.
      expect(fate).toBe("final");
      expect(sleeper.peer.final.height).toBeGreaterThan(asleep.heightBefore + 5);
      await cluster.runUntil(clock, () => sleeper.peer.consensus.seat !== null, { what: "it has a seat again", withinMs: 120_000 });
      const said = witness.votesOf("d");
      await sendMany(cluster, clock, sleeper, 2);
      await cluster.runUntil(clock, () => agree(peers) && witness.votesOf("d") > said, { what: "it votes again" });
      expect(witness.faults).toEqual([]);
      expect(peers.flatMap(({ halted, undoneAbove }) => [...halted, ...undoneAbove])).toEqual([]);
    },
  );

  it("was cut off with a transfer that nobody else has: it waits past its validity, and is refused once it has caught up", async () => {
    const { cluster, clock } = createCluster();
    const peers: ClusterPeer[] = [];
    for (const name of ["a", "b", "c"]) peers.push(await cluster.open(name));
    await cluster.runUntil(clock, () => peers.every(({ peer }) => peer.seatWork === "seated"), { what: "three seats" });
    const alone = await cluster.open("alone", { seatWanted: false });
    await sendMany(cluster, clock, peers[0]!, 1);
    let isPaid = false;
    void peers[0]!.send([["account.transfer", { to: cluster.accountOf("alone"), amount: 100 }]]).then(() => (isPaid = true));
    await cluster.runUntil(clock, () => isPaid && agree([...peers, alone]), { what: "it has tokens" });
    for (const name of ["a", "b", "c"]) cluster.cut("alone", name);
    let fate: string | undefined;
    const transfer: Call = ["account.transfer", { to: new Uint8Array(32).fill(99), amount: 1 }];
    const send = (): void =>
      void alone.send([transfer]).then(
        ({ stage }) => (fate = stage),
        (error: unknown) => (fate = (error as Error).message),
      );
    send();
    const { heightBefore, untilMs } = { heightBefore: alone.peer.final.height, untilMs: clock.nowMs() + 300_000 };
    for (; clock.nowMs() < untilMs; await cluster.settled()) clock.advance(50);
    expect([fate, alone.peer.final.height, alone.peer.waiting]).toEqual([undefined, heightBefore, 0]);
    expect(alone.peer.ownPending).toHaveLength(1);
    cluster.heal();
    await cluster.runUntil(clock, () => fate !== undefined, { what: "its fate", withinMs: 5_000 });
    expect(fate).toBe("expired");
    fate = undefined;
    send();
    await cluster.runUntil(clock, () => fate !== undefined, { what: "sent again" });
    expect(fate).toBe("final");
    expect(accountOf(peers[0]!.peer.state, new Uint8Array(32).fill(99)).balance).toBe(1);
  });

  it("dies as it asks for a seat: it knows for what its key was made, and the seat votes", async () => {
    let asked = false;
    const { cluster, clock } = createCluster({
      onCommand: (name, command) => {
        if (name !== "c" || command.kind !== "publish" || command.topic !== "transactions") return;
        asked ||= decodeTransactionBatch(command.bytes).some((bytes) =>
          decodeTransaction(bytes).body.calls.some(([operation]) => operation === "seat.take"),
        );
      },
    });
    for (const name of ["a", "b"]) await cluster.open(name);
    await cluster.open("c");
    await cluster.runUntil(clock, () => asked, { what: "the take is published" });
    cluster.close("c");
    const again = await cluster.open("c");
    expect(again.peer.ownPending.flatMap(({ body }) => body.calls.map(([operation]) => operation))).toEqual(["seat.take"]);
    await cluster.runUntil(clock, () => again.peer.seatWork === "seated", { what: "it is seated" });
    expect(again.peer.consensus.seats).toHaveLength(3);
  });

  it("reloads while a contract is called, and goes on from its own store", async () => {
    const { cluster, clock } = createCluster();
    const [first, second] = await openTwoSeats(cluster, clock);
    let contract: unknown;
    void first.send([["contract.deploy", { source: SOURCE, arguments: null, gasMax: 100_000_000 }]], 1000).then(({ receipt }) => {
      expect(receipt.refusal).toBeNull();
      contract = receipt.results[0];
    });
    await cluster.runUntil(clock, () => contract !== undefined, { what: "the contract is deployed" });
    let results: unknown;
    void first
      .send([["contract.call", { contract: contract as Uint8Array, method: "add", arguments: null, gasMax: 100_000_000 }]], 1000)
      .then(({ receipt }) => (results = receipt.results));
    await cluster.runUntil(clock, () => results !== undefined && agree([first, second]), { what: "the call is final" });
    const before = rootOf(second);
    cluster.close("b");
    const again = await cluster.open("b");
    await cluster.runUntil(clock, () => agree([first, again]), { what: "both agree" });
    expect(results).toEqual([1]);
    expect(rootOf(again)).toBe(before);
    expect(again.halted).toEqual([]);
  });

  it("opens after every write on a contract's way, without the contract machine where it says that it can", async () => {
    const left: MemoryDisk[] = [];
    const { cluster, clock } = createCluster({
      storageOf: (name, disk) => {
        const storage = createMemoryStorage(disk);
        const write = (batch: StorageBatch): Promise<void> => {
          const written = storage.write(batch);
          if (name === "b") left.push(copyMemoryDisk(disk));
          return written;
        };
        return { ...storage, write };
      },
    });
    const peers: ClusterPeer[] = [];
    for (const name of ["a", "b", "c", "d"]) peers.push(await cluster.open(name));
    await cluster.runUntil(clock, () => peers.every(({ peer }) => peer.seatWork === "seated"), { what: "four seats" });
    // What it asked for its seat with is over, and has left the disk.
    const quietMs = clock.nowMs() + 2_000;
    await cluster.runUntil(clock, () => clock.nowMs() >= quietMs, { what: "rest" });
    let isDeployed = false;
    void peers[0]!.send([["contract.deploy", { source: SOURCE, arguments: null, gasMax: 100_000_000 }]], 1000).then(({ receipt }) => {
      isDeployed = receipt.refusal === null;
    });
    await cluster.runUntil(clock, () => isDeployed && agree(peers), { what: "the contract is deployed" });
    const [, member] = peers;
    const votingKeys = (await member!.keys.list("voting")).map(asVotingKey);
    const opened = { without: 0, onlyVoted: 0 };
    for (const disk of left) {
      const ledger = await loadLedger(createMemoryStorage(disk), cluster.genesis);
      const needsMachine = restoresContracts(ledger);
      if (!needsMachine) opened.without++;
      else if (!restoresContracts({ ...ledger, records: [] })) opened.onlyVoted++;
      const { chain, account } = member!.peer;
      const peer = new Peer({ chain, account, lane: 0, votingKeys, seatWanted: true, machine: needsMachine ? machine : null, ledger });
      peer.step(clock.nowMs() + 100, { kind: "tick" });
      expect(peer.halted).toBeNull();
    }
    expect(opened.without).toBeGreaterThan(0);
    expect(opened.onlyVoted).toBeGreaterThan(0);
  });
});
