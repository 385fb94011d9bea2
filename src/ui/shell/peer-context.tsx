import { createContext, useCallback, useContext, useEffect, useRef, useState, type ReactNode } from "react";
import { useStore } from "zustand";
import type { Queries, QueryName, RefusalShape } from "../../sdk/api.ts";
import type { Client, ParametersOf } from "../../sdk/client.ts";
import type { Platform } from "./platform.ts";
import { refusalOf, type PeerState, type PeerStore } from "./peer-store.ts";

const PeerContext = createContext<PeerStore | null>(null);
const PlatformContext = createContext<Platform | null>(null);

export function PeerProvider({ store, platform, children }: { store: PeerStore; platform: Platform; children: ReactNode }) {
  return (
    <PlatformContext value={platform}>
      <PeerContext value={store}>{children}</PeerContext>
    </PlatformContext>
  );
}

function present<Thing>(thing: Thing | null): Thing {
  if (thing === null) throw new Error("used outside of its provider");
  return thing;
}

export const usePlatform = (): Platform => present(useContext(PlatformContext));
export function usePeer<Part>(select: (state: PeerState) => Part): Part {
  return useStore(present(useContext(PeerContext)), select);
}
export const useClient = (): Client => usePeer((state) => state.client);

/** What a person calls somebody: the nickname given here, else the name that the account gave itself. */
export function useNameOf(): (id: string) => string | undefined {
  const nicknames = usePeer((state) => state.settings?.nicknames);
  const names = usePeer((state) => state.names);
  return useCallback((id) => nicknames?.[id] ?? names[id], [nicknames, names]);
}

export type Answer<Value> =
  | { readonly state: "loading"; readonly value: null; readonly error: null }
  | { readonly state: "ready"; readonly value: Value; readonly error: null }
  /** `value` is what was known before. */
  | { readonly state: "broken"; readonly value: Value | null; readonly error: RefusalShape };

/**
 * Asks the peer, and again whenever the ledger has changed (or never, for what does not change). What was known stays shown meanwhile.
 * `parameters` null: not yet.
 */
export function useAsk<Name extends QueryName>(
  name: Name,
  parameters: Queries[Name]["parameters"] | null,
  follow: "ledger" | "once" = "ledger",
): Answer<Queries[Name]["result"]> {
  type Result = Queries[Name]["result"];
  const client = useClient();
  const tick = usePeer((state) => (follow === "ledger" ? state.tick : 0));
  const key = JSON.stringify([name, parameters]);
  const [held, setHeld] = useState<{ key: string; answer: Answer<Result> }>();
  const asked = useRef(parameters);
  useEffect(() => {
    asked.current = parameters;
  });
  useEffect(() => {
    const wanted = asked.current;
    if (wanted === null) return undefined;
    let current = true;
    client.query(name, ...([wanted] as unknown as ParametersOf<Queries[Name]>)).then(
      (value) => current && setHeld({ key, answer: { state: "ready", value, error: null } }),
      (error: unknown) =>
        current &&
        setHeld((before) => ({
          key,
          answer: { state: "broken", value: before?.key === key ? before.answer.value : null, error: refusalOf(error) },
        })),
    );
    return () => {
      current = false;
    };
  }, [client, name, key, tick]);
  return held?.key === key ? held.answer : { state: "loading", value: null, error: null };
}

/** Who is told of each clock's ticks, by its pace. All that shows an age changes with one tick, and the page is drawn once for it. */
const clocks = new Map<number, Set<(nowMs: number) => void>>();

function onTick(everyMs: number, listener: (nowMs: number) => void): () => void {
  const known = clocks.get(everyMs);
  const listeners = known ?? new Set();
  listeners.add(listener);
  if (known === undefined) {
    clocks.set(everyMs, listeners);
    const timer = setInterval(() => {
      const nowMs = Date.now();
      for (const tell of listeners) tell(nowMs);
      if (listeners.size > 0) return;
      clearInterval(timer);
      clocks.delete(everyMs);
    }, everyMs);
  }
  return () => void listeners.delete(listener);
}

/** The clock, for ages. */
export function useNow(everyMs = 1000): number {
  const [now, setNow] = useState(() => Date.now());
  useEffect(() => onTick(everyMs, setNow), [everyMs]);
  return now;
}
