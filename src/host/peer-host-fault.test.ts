import { expect, it } from "vitest";
import { createVirtualClock } from "../kit/clock.ts";
import { machineOf } from "../ledger/scenario.suite.ts";
import { HostFault } from "../protocol/contract-machine.ts";
import { MemoryCluster } from "./memory-cluster.ts";

it("a peer whose machine fails in a block halts as host-fault, votes no more, and what it was asked never becomes final", async () => {
  const clock = createVirtualClock(1_700_000_000_000);
  const machine = machineOf({
    broken: {
      go() {
        throw new HostFault("the engine's own stack ended");
      },
    },
  });
  const cluster = new MemoryCluster({ clock, machine, seed: 5 });
  try {
    const peer = await cluster.open("a");
    const gasMax = 1_000_000;
    let contract: unknown;
    void peer
      .send([["contract.deploy", { source: "broken", arguments: null, gasMax }]], 100)
      .then(({ receipt }) => (contract = receipt.results[0]));
    await cluster.runUntil(clock, () => contract !== undefined, { what: "deployed" });
    const { height } = peer.peer.final;
    let isFinal = false;
    void peer
      .send([["contract.call", { contract: contract as Uint8Array, method: "go", arguments: null, gasMax }]], 100)
      .then(() => (isFinal = true));
    await cluster.runUntil(clock, () => peer.halted.length > 0, { what: "halted" });
    expect(peer.halted.map(({ code }) => code)).toEqual(["host-fault"]);
    expect(peer.peer.halted?.code).toBe("host-fault");
    expect([isFinal, peer.peer.final.height]).toEqual([false, height]);
  } finally {
    cluster.closeAll();
  }
});
