import type { NetworkEvent } from "../peer/ports.ts";

/** What a peer that is opened later must be told of the network. */
export class KnownLinks {
  readonly #linked = new Map<string, NetworkEvent>();
  #status: NetworkEvent | null = null;

  onEvent(event: NetworkEvent): void {
    if (event.kind === "linked") this.#linked.set(event.peer, event);
    else if (event.kind === "unlinked") this.#linked.delete(event.peer);
    else if (event.kind === "network-status") this.#status = event;
  }

  events(): readonly NetworkEvent[] {
    return [...this.#linked.values(), ...(this.#status === null ? [] : [this.#status])];
  }
}
