/** What a slot of a browser keeps, for tests that kill or refuse one of its writes: settings, seeds and ledgers, in memory or in IndexedDB. */
import type { Storage } from "../peer/ports.ts";
import { Refusal } from "../protocol/refusal.ts";
import { openIndexedDbSeeds } from "./keys/indexeddb-seeds.ts";
import { createKeys, type PeerKeys, type SeedStore } from "./keys/keys.ts";
import { createMemorySeeds } from "./keys/memory-seeds.ts";
import type { LedgerDatabases } from "./ledger-place.ts";
import { openSettings, type SettingsStore } from "./settings.ts";
import { deleteDexieStorage, openDexieStorage } from "./storage/dexie-storage.ts";
import { createMemoryDisk, createMemoryStorage, type MemoryDisk } from "./storage/memory-storage.ts";

/** How a process ends: whole; killed before a change of the disk, the first being 1; or with that one change refused. */
export type End = { readonly kind: "whole" } | { readonly kind: "killed" | "refused"; readonly at: number };

/** One process over the disk. */
export class Life {
  readonly #end: End;
  #changes = 0;
  #die: () => void = () => {};
  /** Resolves when it is killed. Nothing that it has under way is ever settled. */
  readonly killed = new Promise<void>((resolve) => (this.#die = resolve));
  isOver = false;

  constructor(end: End = { kind: "whole" }) {
    this.#end = end;
  }

  async change<Result>(work: () => Promise<Result>): Promise<Result> {
    this.#changes += 1;
    if (this.#end.kind !== "whole" && this.#changes === this.#end.at) {
      if (this.#end.kind === "refused") throw new Refusal("storage-full");
      this.isOver = true;
      this.#die();
    }
    return this.isOver ? new Promise<Result>(() => {}) : work();
  }
}

export interface SlotDisk {
  settings(): Promise<Storage>;
  seeds(): Promise<SeedStore>;
  readonly ledgers: LedgerDatabases;
  /** Numbers of the ledgers' databases that there are. */
  ledgerNumbers(): Promise<readonly number[]>;
}

export function createMemorySlot(): SlotDisk {
  const settings = createMemoryDisk();
  const seeds: SeedStore = { ...createMemorySeeds(), durable: true };
  const ledgers = new Map<number, MemoryDisk>();
  return {
    settings: async () => createMemoryStorage(settings),
    seeds: async () => seeds,
    ledgers: {
      open: async (_, number) => {
        const disk = ledgers.get(number) ?? createMemoryDisk();
        ledgers.set(number, disk);
        return createMemoryStorage(disk);
      },
      remove: async (_, number) => void ledgers.delete(number),
    },
    ledgerNumbers: async () => [...ledgers.keys()],
  };
}

/** Of one BoT only. */
export function createIndexedDbSlot(name: string): SlotDisk {
  return {
    settings: () => openDexieStorage(name),
    seeds: () => openIndexedDbSeeds(`${name}-keys`, crypto.subtle),
    ledgers: {
      open: (_, number) => openDexieStorage(`${name}-ledger-${number}`),
      remove: (_, number) => deleteDexieStorage(`${name}-ledger-${number}`),
    },
    ledgerNumbers: async () => {
      const names = (await indexedDB.databases()).map((database) => database.name ?? "");
      return names.filter((one) => one.startsWith(`${name}-ledger-`)).map((one) => Number(one.slice(name.length + 8)));
    },
  };
}

export interface OpenSlot {
  readonly keys: PeerKeys;
  readonly settings: SettingsStore;
  readonly ledgers: LedgerDatabases;
}

const mortal = (storage: Storage, life: Life): Storage =>
  Object.assign(Object.create(storage) as Storage, {
    write: (batch: Parameters<Storage["write"]>[0]) => life.change(() => storage.write(batch)),
  });

/** The slot as one process has it. */
export async function openSlot(disk: SlotDisk, life: Life): Promise<OpenSlot> {
  const [settings, seeds] = [await disk.settings(), await disk.seeds()];
  return {
    keys: await createKeys({
      ...seeds,
      put: (kind, name, seed) => life.change(() => seeds.put(kind, name, seed)),
      remove: (kind, name) => life.change(() => seeds.remove(kind, name)),
      clear: () => life.change(() => seeds.clear()),
    }),
    settings: await openSettings(mortal(settings, life)),
    ledgers: {
      open: async (chain, number) => mortal(await life.change(() => disk.ledgers.open(chain, number)), life),
      remove: (chain, number) => life.change(() => disk.ledgers.remove(chain, number)),
    },
  };
}
