/** What the window and its peer worker tell each other. libp2p needs the window, all else is in the worker. ARCHITECTURE, "Threads". */
import type { NetworkCommand, NetworkEvent } from "../peer/ports.ts";
import type { RefusalShape } from "../protocol/refusal.ts";

export type ToWorker =
  | {
      readonly kind: "start";
      readonly slot: number;
      /** Address of the app's folder, for what the relay serves. */
      readonly base: string;
      readonly version: string;
    }
  | { readonly kind: "network"; readonly event: NetworkEvent }
  /** A client of the sdk; its port is transferred. */
  | { readonly kind: "client"; readonly port: MessagePort }
  /** The page goes away: say goodbye to the voters. */
  | { readonly kind: "leaving" };

export type FromWorker =
  /** Start libp2p with this identity. */
  | {
      readonly kind: "start-network";
      readonly identity: Uint8Array;
      readonly relays: readonly string[];
      readonly iceServers: readonly string[];
    }
  | { readonly kind: "network"; readonly command: NetworkCommand }
  /** The peer runs, or could not be started. */
  | { readonly kind: "phase"; readonly phase: "ready" | "failed"; readonly error: RefusalShape | null };
