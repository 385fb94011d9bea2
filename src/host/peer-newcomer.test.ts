/** A newcomer that has the genesis alone knows no ledger, and must not say that it does. */
import { afterEach, beforeAll, expect, it } from "vitest";
import { createVirtualClock } from "../kit/clock.ts";
import { machineOf } from "../ledger/scenario.suite.ts";
import type { ContractMachine } from "../protocol/contract-machine.ts";
import { joiningOf } from "./joining.ts";
import { MemoryCluster, type ClusterPeer } from "./memory-cluster.ts";

const START_MS = 1_750_000_000_000;
const LONG_MS = 20_000;

let machine: ContractMachine;
let cluster: MemoryCluster;
beforeAll(() => {
  machine = machineOf({});
});
afterEach(() => cluster.closeAll());

it("a peer with the genesis alone waits for somebody who has the ledger; one with a seat or history is ready alone", async () => {
  const clock = createVirtualClock(START_MS);
  cluster = new MemoryCluster({ clock, machine, seed: 1 });
  const until = (what: string, condition: () => boolean): Promise<void> => cluster.runUntil(clock, condition, { what });
  const pass = (): Promise<void> => {
    const endMs = clock.nowMs() + LONG_MS;
    return until("time passes", () => clock.nowMs() >= endMs);
  };
  const ledgerOf = ({ peer }: ClusterPeer) =>
    joiningOf({ view: peer, keys: true, waitingCode: null, seatWanted: true }).find(({ step }) => step === "ledger");

  const founder = await cluster.open("founder");
  await until("the founder is ready", () => founder.peer.caughtUp);
  expect(founder.peer.final.height).toBe(0);
  cluster.close("founder");

  const newcomers = [await cluster.open("first", { seatWanted: false }), await cluster.open("second", { seatWanted: false })];
  await pass();
  for (const newcomer of newcomers) {
    expect(newcomer.peer.caughtUp).toBe(false);
    expect(ledgerOf(newcomer)).toEqual({ step: "ledger", state: "waiting", code: "no-members" });
  }

  const back = await cluster.open("founder");
  await until("all are ready", () => [back, ...newcomers].every(({ peer }) => peer.caughtUp));
  // Nothing has happened yet, and now they know it.
  expect(ledgerOf(newcomers[0]!)).toEqual({ step: "ledger", state: "done", done: 0 });
  const sent = back.send([["account.transfer", { to: cluster.accountOf("first"), amount: 1 }]]);
  await until("all hold the block", () => newcomers.every(({ peer }) => peer.final.height > 0));
  await sent;

  // What a snapshot has brought so far is told in bytes, however many of them were announced.
  const view = { final: newcomers[0]!.peer.final, halted: null, caughtUp: false, stranded: false, network: null };
  const reading = (bytes: number) =>
    joiningOf({ view: { ...view, joining: { bytes, total: 1000 } } as never, keys: true, waitingCode: null, seatWanted: false });
  expect(reading(250)).toContainEqual({ step: "ledger", state: "working", done: 250, total: 1000, unit: "bytes" });
  expect(reading(1200)).toContainEqual({ step: "ledger", state: "working", done: 1000, total: 1000, unit: "bytes" });

  cluster.closeAll();
  const alone = await cluster.open("first", { seatWanted: false });
  await until("who has history is ready alone", () => alone.peer.caughtUp);
});
