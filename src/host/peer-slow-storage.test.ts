/** A storage that is slower than the chain: a phone with a full disk, or one whose browser writes for others, too. */
import { expect, it } from "vitest";
import { createVirtualClock } from "../kit/clock.ts";
import { utf8 } from "../kit/bytes.ts";
import { machineOf } from "../ledger/scenario.suite.ts";
import type { StorageBatch } from "../peer/ports.ts";
import { LIMITS } from "../protocol/limits.ts";
import type { Call } from "../protocol/transaction.ts";
import { clustersOfTests } from "./clusters.suite.ts";
import { MemoryCluster } from "./memory-cluster.ts";
import { createMemoryStorage } from "./storage/memory-storage.ts";

const clusters = clustersOfTests();

const register = (name: string): Call => [
  "device.register",
  { description: utf8(JSON.stringify({ title: name, pad: "x".repeat(30_000) })), gateway: null, key: null, properties: [] },
];
const bytesOf = ({ puts }: StorageBatch): number => puts.reduce((sum, [table, , row]) => sum + (table === "meta" ? 0 : row.length), 0);

it("takes no more blocks than memory may hold for it, and catches up when it writes again", { timeout: 60_000 }, async () => {
  const clock = createVirtualClock(1_700_000_000_000);
  const held: { readonly batch: StorageBatch; readonly write: () => void }[] = [];
  let isStuck = false;
  const cluster = new MemoryCluster({
    clock,
    machine: machineOf({}),
    parameters: { grant: 1_000_000_000 },
    storageOf: (name, disk) => {
      const storage = createMemoryStorage(disk);
      const write = (batch: StorageBatch): Promise<void> => {
        if (name !== "b" || !isStuck) return storage.write(batch);
        return new Promise((resolve, reject) => held.push({ batch, write: () => void storage.write(batch).then(resolve, reject) }));
      };
      return { ...storage, write };
    },
  });
  clusters.push(cluster);
  const a = await cluster.open("a");
  const b = await cluster.open("b", { seatWanted: false });
  let ready = false;
  void a.send([["account.transfer", { to: new Uint8Array(32), amount: 1 }]]).then(() => (ready = true));
  await cluster.runUntil(clock, () => ready && b.peer.final.height === a.peer.final.height, { what: "both at one height" });

  isStuck = true;
  const before = b.peer.final.height;
  const heldBytes = (): number => held.reduce((sum, { batch }) => sum + bytesOf(batch), 0);
  for (let round = 0; a.peer.final.height - b.peer.final.height < 5; round++) {
    expect(round).toBeLessThan(100);
    let done = 0;
    for (let index = 0; index < 4; index++) {
      const calls = [0, 1, 2, 3].map((part) => register(`${round} ${index} ${part}`));
      void a.send(calls, 200).then(({ receipt }) => (done += receipt.refusal === null ? 1 : 0));
    }
    await cluster.runUntil(clock, () => done === 4, { what: "registered" });
  }
  expect(b.peer.final.height).toBeGreaterThan(before);
  expect(heldBytes()).toBeGreaterThan(LIMITS.writingBytesMax);
  // What it was taking in when it became too much is executed to its end.
  expect(heldBytes()).toBeLessThan(LIMITS.writingBytesMax + LIMITS.waitingBlocksBytesMax / 2);

  isStuck = false;
  for (const { write } of held.splice(0)) write();
  await cluster.runUntil(clock, () => b.peer.final.height === a.peer.final.height, { what: "b has caught up" });
  expect(b.peer.final.stateRoot).toEqual(a.peer.final.stateRoot);
  expect(b.halted).toEqual([]);
});
