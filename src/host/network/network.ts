/**
 * The network of a tab, on the window, where WebRTC is: performs the commands of the peer worker and tells it what happens. It decides nothing about the
 * chain; it finds neighbours, keeps links to them alive, and carries bytes.
 */
import type { PrivateKey } from "@libp2p/interface";
import type { NetworkCommand, NetworkEvent } from "../../peer/ports.ts";
import { startTabNetwork, type TabNetwork } from "./tab-network.ts";

export interface NetworkOptions {
  /** A 32-byte Ed25519 seed, or libp2p's form of a private key. */
  readonly identity: Uint8Array | PrivateKey;
  /** Multiaddrs of relays, with their peer identifiers. */
  readonly relays: readonly string[];
  readonly iceServers: RTCIceServer[];
}

export interface Network {
  command(command: NetworkCommand): void;
  stop(): Promise<void>;
}

/** Starts at once; commands given before the node is up are carried out in order when it is. */
export function createNetwork(options: NetworkOptions, emit: (event: NetworkEvent) => void): Network {
  let running: TabNetwork | undefined;
  let stopping: Promise<void> | undefined;
  const started = startTabNetwork(options, emit).then((network) => (running = network));
  // A page that goes gets no further turn of the event loop: links end in this very call, so that the others notice at once and not by a timeout.
  const onPageHide = (): void => {
    running?.leave();
    void stop();
  };
  globalThis.addEventListener("pagehide", onPageHide);
  function stop(): Promise<void> {
    globalThis.removeEventListener("pagehide", onPageHide);
    stopping ??= started.then((network) => network.stop());
    return stopping;
  }
  return {
    command: (command) => void started.then((network) => (stopping === undefined ? network.command(command) : undefined)),
    stop,
  };
}
