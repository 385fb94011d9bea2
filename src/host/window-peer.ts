/** The window's side of a tab's peer: the slot, the worker, the network that only a window can have, and clients. */
import { createClient, type Client } from "../sdk/client.ts";
import type { RefusalShape } from "../protocol/refusal.ts";
import { Refusal } from "../protocol/refusal.ts";
import { readIceServer } from "./network/ice-server.ts";
import type { Network } from "./network/network.ts";
import { claimSlot } from "./slot.ts";
import type { FromWorker, ToWorker } from "./tab-messages.ts";

export interface WindowPeerOptions {
  readonly createWorker: () => Worker;
  /** libp2p comes after the first paint, with the worker. */
  readonly loadNetwork: () => Promise<typeof import("./network/network.ts")>;
  readonly base: string;
  readonly version: string;
  readonly onSlot: (slot: number) => void;
  readonly onClient: (client: Client) => void;
  readonly onPhase: (phase: "ready" | "failed", error: RefusalShape | null) => void;
}

export interface WindowPeer {
  /** Another client of the same peer. */
  connect(): Client;
}

/** @throws {Refusal} `limit-exceeded` when all slots of this browser are taken. */
export async function startWindowPeer(options: WindowPeerOptions): Promise<WindowPeer> {
  const worker = options.createWorker();
  const post = (message: ToWorker, transfer: Transferable[] = []): void => worker.postMessage(message, transfer);
  const connect = (): Client => {
    const { port1, port2 } = new MessageChannel();
    post({ kind: "client", port: port2 }, [port2]);
    return createClient(port1 as Parameters<typeof createClient>[0]);
  };
  const network = carryNetwork(options, post);
  worker.onmessage = (event: MessageEvent<FromWorker>) => {
    if (event.data.kind === "phase") options.onPhase(event.data.phase, event.data.error);
    else network(event.data);
  };
  worker.onerror = (event) => {
    event.preventDefault();
    options.onPhase("failed", { code: "internal", data: { reason: event.message } });
  };
  let slot;
  try {
    slot = await claimSlot();
  } catch (error) {
    worker.terminate();
    throw error instanceof Refusal ? error : new Refusal("internal", { reason: String(error) });
  }
  options.onSlot(slot.slot);
  post({ kind: "start", slot: slot.slot, base: options.base, version: options.version });
  options.onClient(connect());
  globalThis.addEventListener("pagehide", () => post({ kind: "leaving" }));
  return { connect };
}

type NetworkMessage = Exclude<FromWorker, { kind: "phase" }>;

/** Starts the network when the worker orders it; commands that come before it is loaded wait their turn. */
function carryNetwork(
  options: WindowPeerOptions,
  post: (message: ToWorker, transfer?: Transferable[]) => void,
): (message: NetworkMessage) => void {
  // While the worker opens keys and ledger, which takes as long.
  const loading = options.loadNetwork();
  loading.catch(() => undefined);
  let network: Promise<Network> | null = null;
  return (message) => {
    if (message.kind === "start-network") {
      const { identity, relays, iceServers } = message;
      network = loading.then(({ createNetwork }) =>
        createNetwork({ identity, relays, iceServers: iceServers.map(readIceServer) }, (event) => {
          // Bytes of others are views of larger buffers, which must not be given away.
          const own = "bytes" in event ? { ...event, bytes: event.bytes.slice() } : event;
          post({ kind: "network", event: own }, "bytes" in own ? [own.bytes.buffer] : []);
        }),
      );
      network.catch((error: unknown) => options.onPhase("failed", { code: "no-peers", data: { reason: String(error) } }));
    } else void network?.then((running) => running.command(message.command));
  };
}
