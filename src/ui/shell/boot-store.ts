/** How far this tab has come in starting its peer. The first paint does not wait for it; whoever starts the workers sets it. */
import { createStore, type StoreApi } from "zustand/vanilla";
import type { RefusalShape } from "../../sdk/api.ts";
import type { Client } from "../../sdk/client.ts";

export interface BootState {
  readonly phase: "starting" | "ready" | "failed";
  /** Which of this browser's peers this tab is, from 0; null until it is claimed. */
  readonly slot: number | null;
  /** There as soon as the peer's worker answers, long before it is ready. */
  readonly client: Client | null;
  readonly error: RefusalShape | null;
}
export type BootStore = StoreApi<BootState>;

export function createBootStore(): BootStore {
  return createStore<BootState>(() => ({ phase: "starting", slot: null, client: null, error: null }));
}
