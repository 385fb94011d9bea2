/** The peer worker: ledger, consensus, contracts and storage of one tab, off the thread that paints. */
import wasmAddress from "virtual:metered-quickjs";
import { TabPeer } from "./host/tab-peer.ts";
import type { ToWorker } from "./host/tab-messages.ts";
import { createContractMachine } from "./host/vm/contract-machine.ts";

const scope = self as unknown as DedicatedWorkerGlobalScope;

async function loadContractMachine() {
  const response = await fetch(wasmAddress);
  return createContractMachine(new Uint8Array(await response.arrayBuffer()));
}

const peer = new TabPeer({
  createSignatureWorker: () => new Worker(new URL("./signature.worker.ts", import.meta.url), { type: "module" }),
  createClaimWorker: () => new Worker(new URL("./claim.worker.ts", import.meta.url), { type: "module" }),
  loadContractMachine,
  post: (message, transfer = []) => scope.postMessage(message, transfer),
});

scope.onmessage = (event: MessageEvent<ToWorker>) => peer.onMessage(event.data);
