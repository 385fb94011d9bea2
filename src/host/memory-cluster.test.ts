import { beforeAll, describe, expect, it, vi } from "vitest";
import type { ContractMachine } from "../protocol/contract-machine.ts";
import { bytesToHex } from "../kit/bytes.ts";
import { createSystemClock } from "./clock/clock.ts";
import { clustersOfTests } from "./clusters.suite.ts";
import { MemoryCluster, type ClusterPeer } from "./memory-cluster.ts";
import { createContractMachine } from "./vm/contract-machine.ts";
import { loadMeteredWasmNode } from "./vm/load-wasm-node.ts";

let machine: ContractMachine;
beforeAll(async () => {
  machine = await createContractMachine(await loadMeteredWasmNode());
});

const clusters = clustersOfTests();

function createCluster(): MemoryCluster {
  const cluster = new MemoryCluster({ clock: createSystemClock(), machine });
  clusters.push(cluster);
  return cluster;
}

async function until(condition: () => boolean): Promise<void> {
  await vi.waitUntil(condition, { timeout: 20_000, interval: 10 });
}

const rootOf = (peer: ClusterPeer): string => bytesToHex(peer.peer.final.stateRoot);

describe("peers of one process", () => {
  it("[C6b] one tab alone, with one seat, makes a transfer final and keeps it over a reload", async () => {
    const cluster = createCluster();
    const first = await cluster.open("a");
    const to = new Uint8Array(32).fill(7);
    const report = await first.send([["account.transfer", { to, amount: 5 }]]);
    expect(report.receipt.refusal).toBeNull();
    await until(() => first.committed.length > 0);
    const root = rootOf(first);
    cluster.close("a");
    const again = await cluster.open("a");
    expect(again.peer.final.height).toBe(report.height);
    expect(rootOf(again)).toBe(root);
    expect(again.halted).toEqual([]);
  });

  it("[C6b] a peer that shuts down tells the others, who go on without waiting for it, and starts again with its ledger and its seat", async () => {
    const cluster = createCluster();
    const peers = [await cluster.open("a")];
    for (const name of ["b", "c", "d"]) peers.push(await cluster.open(name));
    await until(() => peers.every(({ peer }) => peer.seatWork === "seated" && peer.consensus.seats.length === 4));
    const [a, b, c, d] = peers as [ClusterPeer, ClusterPeer, ClusterPeer, ClusterPeer];
    const seats = (await b.keys.list("voting")).map(bytesToHex);
    const isAbsent = ({ peer }: ClusterPeer): boolean => peer.consensus.absent.some((seat) => seats.includes(bytesToHex(seat)));
    expect([a, c, d].map(isAbsent)).toEqual([false, false, false]);
    b.runner.input({ kind: "closing" });
    await b.runner.settled();
    await until(() => [a, c, d].every(isAbsent));
    const left = b.peer.final.height;
    cluster.close("b");
    const report = await a.send([["account.transfer", { to: cluster.accountOf("a"), amount: 1 }]]);
    expect(report.height).toBeGreaterThan(left);
    const again = await cluster.open("b");
    expect(again.peer.final.height).toBeGreaterThanOrEqual(left);
    await until(() => again.peer.seatWork === "seated" && [a, c, d, again].every((one) => rootOf(one) === rootOf(a)));
    expect((await again.keys.list("voting")).map(bytesToHex)).toEqual(seats);
    await again.send([["account.transfer", { to: cluster.accountOf("a"), amount: 1 }]]);
    await until(() => ![a, c, d].some(isAbsent));
  });

  it("four peers take seats by themselves and reach the same height and state root", async () => {
    const cluster = createCluster();
    const peers = [await cluster.open("a")];
    for (const name of ["b", "c", "d"]) peers.push(await cluster.open(name));
    await until(() => peers.every(({ peer }) => peer.seatWork === "seated"));
    const reports = await Promise.all(peers.map((peer) => peer.send([["account.transfer", { to: cluster.accountOf("a"), amount: 1 }]])));
    expect(reports.every((report) => report.receipt.refusal === null)).toBe(true);
    await until(() => new Set(peers.map(rootOf)).size === 1);
    expect(peers.flatMap((peer) => peer.halted)).toEqual([]);
    expect(peers[0]!.peer.consensus.seats).toHaveLength(4);
  });
});
