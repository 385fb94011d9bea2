/**
 * Seeds in a database of their own, each encrypted under an AES-GCM key that the platform keeps and does not give out. This keeps them out of
 * copied profiles and plain dumps; code that runs on this origin can still use them, so nothing foreign ever runs there.
 */
import Dexie from "dexie";
import { utf8 } from "../../kit/bytes.ts";
import { Refusal } from "../../protocol/refusal.ts";
import { storageRefusal } from "../storage/dexie-storage.ts";
import { createKeys, type PeerKeys, type SeedKind, type SeedStore } from "./keys.ts";
import { createMemorySeeds } from "./memory-seeds.ts";

interface SealedSeed {
  readonly kind: SeedKind;
  readonly name: string;
  readonly order: number;
  readonly iv: Uint8Array<ArrayBuffer>;
  readonly sealed: Uint8Array<ArrayBuffer>;
}

const WRAPPING = "wrapping";
const IV_BYTES = 12;

async function loadWrappingKey(database: Dexie, subtle: SubtleCrypto): Promise<CryptoKey> {
  const made = await subtle.generateKey({ name: "AES-GCM", length: 256 }, false, ["encrypt", "decrypt"]);
  // Two tabs could open a new database at once: the transaction lets one key win.
  return database.transaction("rw", database.table("wrapping"), async () => {
    const kept: CryptoKey | undefined = await database.table("wrapping").get(WRAPPING);
    if (kept) return kept;
    await database.table("wrapping").put(made, WRAPPING);
    return made;
  });
}

/** What the seal is bound to: a seed moved to another name or kind does not open. */
function place(kind: SeedKind, name: string): Uint8Array<ArrayBuffer> {
  return utf8(`${kind}/${name}`) as Uint8Array<ArrayBuffer>;
}

/** Opens the seeds of this name. @throws {Refusal} as `openDexieStorage`; a seed that does not open is `storage-broken`. */
export async function openIndexedDbSeeds(databaseName: string, subtle: SubtleCrypto): Promise<SeedStore> {
  const database = new Dexie(databaseName, { autoOpen: false, chromeTransactionDurability: "strict" });
  database.version(1).stores({ wrapping: "", seeds: "" });
  const guarded = async <Result>(work: () => PromiseLike<Result>): Promise<Result> => {
    try {
      return await work();
    } catch (error) {
      throw storageRefusal(error);
    }
  };
  const wrapping = await guarded(async () => {
    await database.open();
    return loadWrappingKey(database, subtle);
  });
  const seeds = database.table<SealedSeed, string>("seeds");
  const open = async ({ kind, name, iv, sealed }: SealedSeed): Promise<Uint8Array> => {
    try {
      return new Uint8Array(await subtle.decrypt({ name: "AES-GCM", iv, additionalData: place(kind, name) }, wrapping, sealed));
    } catch {
      throw new Refusal("storage-broken", { table: "seeds", key: `${kind}/${name}` });
    }
  };
  return {
    durable: true,
    put: (kind, name, seed) =>
      guarded(async () => {
        const iv = crypto.getRandomValues(new Uint8Array(IV_BYTES));
        const algorithm = { name: "AES-GCM", iv, additionalData: place(kind, name) };
        const sealed = new Uint8Array(await subtle.encrypt(algorithm, wrapping, seed as Uint8Array<ArrayBuffer>));
        await database.transaction("rw", seeds, async () => {
          const last = (await seeds.toArray()).reduce((highest, row) => Math.max(highest, row.order), 0);
          await seeds.put({ kind, name, order: last + 1, iv, sealed }, `${kind}/${name}`);
        });
      }),
    get: (kind, name) =>
      guarded(async () => {
        const row = await seeds.get(`${kind}/${name}`);
        return row && open(row);
      }),
    names: (kind) =>
      guarded(async () => {
        const rows = (await seeds.toArray()).filter((row) => row.kind === kind);
        return rows.sort((a, b) => a.order - b.order).map(({ name }) => name);
      }),
    remove: (kind, name) => guarded(() => seeds.delete(`${kind}/${name}`)),
    close: () => database.close(),
    clear: () => guarded(() => database.delete()),
  };
}

/** The keys kept under this name in this browser; in memory only, and `durable` false, where there is no `crypto.subtle`. */
export async function openKeys(databaseName: string): Promise<PeerKeys> {
  const subtle = globalThis.crypto?.subtle as SubtleCrypto | undefined;
  return createKeys(subtle ? await openIndexedDbSeeds(databaseName, subtle) : createMemorySeeds());
}
