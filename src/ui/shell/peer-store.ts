/** What the pages share of the peer: kept by subscriptions, read by selectors. */
import { createStore, type StoreApi } from "zustand/vanilla";
import type {
  ConsensusInfo,
  Estimate,
  FinalitySample,
  NetworkInfo,
  OperationCall,
  RefusalShape,
  RoadStage,
  SendOptions,
  SendResult,
  Settings,
  Status,
} from "../../sdk/api.ts";
import { Refusal } from "../../sdk/api.ts";
import type { Client } from "../../sdk/client.ts";

/** A transaction this tab sent, while its toast is shown. */
export interface Sending {
  readonly key: number;
  readonly title: string;
  readonly transaction: string | null;
  /** Stops of the road that are behind it. */
  readonly reached: number;
  readonly state: "under-way" | "final" | "refused";
  readonly error: RefusalShape | null;
}

export interface PeerState {
  readonly client: Client;
  readonly status: Status | null;
  readonly consensus: ConsensusInfo | null;
  readonly network: NetworkInfo | null;
  readonly settings: Settings | null;
  /** Names that accounts gave themselves. */
  readonly names: Readonly<Record<string, string>>;
  readonly finality: readonly FinalitySample[];
  /** Counts the changes of the ledger, at most one a second, so that lists know when to ask again. */
  readonly tick: number;
  /** Since when no peer and no relay is linked, or null. */
  readonly offlineSinceMs: number | null;
  readonly sendings: readonly Sending[];
  /** Signs and sends, showing the road; resolves when final. Without `feeMax` nobody has seen the cost yet. @throws {Refusal} */
  readonly send: (title: string, calls: readonly OperationCall[], options?: SendOptions) => Promise<SendResult>;
  readonly dismiss: (key: number) => void;
  readonly changeSettings: (change: Partial<Omit<Settings, "exportedMs">>) => Promise<void>;
  /** After a command that changes them by itself: saving the account notes when. */
  readonly readSettings: () => Promise<void>;
}
export type PeerStore = StoreApi<PeerState>;

const TICK_MS = 1000;
/** How long a toast stays after it is final (LOOK: "leaves 4 s after final"). */
const FINAL_TOAST_MS = 4000;
const STOPS: Record<RoadStage, number> = { signed: 1, shared: 2, "in-block": 3, final: 4 };

export function refusalOf(error: unknown): RefusalShape {
  return error instanceof Refusal ? { code: error.code, data: error.data } : { code: "internal", data: { message: String(error) } };
}

export function isOnline(status: Status): boolean {
  return status.peers.length > 0 || status.relay;
}

/** The fee, when the account has it and what the calls give. @throws {Refusal} `balance-too-low`, before anything is signed. */
function payable(estimate: Estimate): number {
  const refusal = shortfall(estimate);
  if (refusal !== null) throw new Refusal(refusal.code, refusal.data);
  return estimate.fee;
}

/** What is there and what is needed, when that is more. */
export function shortfall({ balance, fee, amount }: Pick<Estimate, "balance" | "fee" | "amount">): RefusalShape | null {
  return fee + amount > balance ? { code: "balance-too-low", data: { balance, amount: fee + amount } } : null;
}

/** Subscribes for as long as the tab lives. */
export function createPeerStore(client: Client): PeerStore {
  let lastKey = 0;
  const store = createStore<PeerState>((set, get) => {
    const change = (key: number, part: Partial<Sending>): void =>
      set({ sendings: get().sendings.map((sending) => (sending.key === key ? { ...sending, ...part } : sending)) });
    const dismiss = (key: number): void => set({ sendings: get().sendings.filter((sending) => sending.key !== key) });
    return {
      client,
      status: null,
      consensus: null,
      network: null,
      settings: null,
      names: {},
      finality: [],
      tick: 0,
      offlineSinceMs: null,
      sendings: [],
      dismiss,
      send: async (title, calls, options = {}) => {
        const key = ++lastKey;
        set({ sendings: [...get().sendings, { key, title, transaction: null, reached: 0, state: "under-way", error: null }] });
        try {
          const feeMax = options.feeMax ?? payable(await client.query("estimate", { calls }));
          const result = await client.send(calls, {
            ...options,
            feeMax,
            onProgress: ({ transaction, stage }) => {
              change(key, { transaction, reached: STOPS[stage] });
              // It waits now: lists show it, also where no block follows.
              if (stage === "shared") set(({ tick }) => ({ tick: tick + 1 }));
            },
          });
          change(key, { transaction: result.transaction, reached: 4, state: "final" });
          setTimeout(() => dismiss(key), FINAL_TOAST_MS);
          return result;
        } catch (error) {
          change(key, { state: "refused", error: refusalOf(error) });
          throw error;
        }
      },
      changeSettings: async (part) => set({ settings: await client.command("setSettings", part) }),
      readSettings: async () => set({ settings: await client.query("settings") }),
    };
  });
  follow(client, store);
  return store;
}

function follow(client: Client, store: PeerStore): void {
  let waiting = false;
  const refresh = async (): Promise<void> => {
    const [finality, named] = await Promise.all([client.query("finality"), client.query("names", { limit: 200 })]);
    const names = Object.fromEntries(named.items.map(({ account, name }) => [account, name]));
    const isSame = JSON.stringify(names) === JSON.stringify(store.getState().names);
    store.setState(({ tick }) => ({ finality, ...(isSame ? {} : { names }), tick: tick + 1 }));
  };
  /** Blocks come many a second; the lists follow once a second, and always after the last. */
  const soon = (): void => {
    if (waiting) return;
    waiting = true;
    setTimeout(() => {
      waiting = false;
      void refresh().catch(() => undefined);
    }, TICK_MS);
  };
  client.subscribe("status", (status) => {
    const before = store.getState();
    store.setState({ status, offlineSinceMs: isOnline(status) ? null : (before.offlineSinceMs ?? Date.now()) });
    // What could not be asked while the ledger was being fetched is asked once it is there.
    if (before.status?.ready !== status.ready) {
      soon();
      // Founding, before the first readiness, may have changed them.
      before.readSettings().catch(() => undefined);
    }
  });
  client.subscribe("consensus", (consensus) => store.setState({ consensus }));
  client.subscribe("network", (network) => store.setState({ network }));
  client.subscribe("block", soon);
  soon();
}
