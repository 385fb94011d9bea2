/** The private keys of one peer: kept encrypted, used here, never given out but for the account's own backup. */
import { bytesToHex, equalBytes } from "../../kit/bytes.ts";
import type { KeyKind, Keys } from "../../peer/ports.ts";
import type { Hash } from "../../protocol/identifiers.ts";
import { Refusal } from "../../protocol/refusal.ts";
import { openAccount, sealAccount, seedToWords, wordsToSeed } from "./account-export.ts";
import { chooseSignerMaker, type Signer } from "./signer.ts";

export interface PeerKeys extends Keys {
  /**
   * The keys as the peer of one BoT has them: the accounts, and of the voting keys those made here and the one of the seat that its genesis names. One
   * browser may take part in several BoTs by turns, and each knows only of its own keys which of them it needs no more.
   */
  forChain(chain: Hash, foundingSeat: Uint8Array): Keys;
  /** Whether the keys are there after a reload. Not so without `crypto.subtle` (an insecure origin), which the person must be told. */
  readonly durable: boolean;
  /** The 32-byte seed of this peer's libp2p identity, made at the first call. It signs no transaction and no vote. */
  identitySeed(): Promise<Uint8Array>;
  /** 24 words that hold the account's key. @throws {Refusal} `key-missing`. */
  accountWords(publicKey: Uint8Array): Promise<string>;
  /** Takes an account from its words, as the newest, and gives its public key. @throws {Refusal} `export-invalid`. */
  restoreAccount(words: string): Promise<Uint8Array>;
  /** The account's key in a file that the password locks. @throws {Refusal} `key-missing`. */
  exportAccount(publicKey: Uint8Array, password: string): Promise<Uint8Array>;
  /** Takes an account from such a file, as the newest, and gives its public key. @throws {Refusal} `export-invalid`, `wrong-password`. */
  importAccount(bytes: Uint8Array, password: string): Promise<Uint8Array>;
  close(): void;
  /** Removes all keys for ever. */
  destroyAll(): Promise<void>;
}

export type SeedKind = KeyKind | "identity";

/** Where seeds are kept. A name is unique; `put` and `remove` resolve when they are durable. */
export interface SeedStore {
  readonly durable: boolean;
  /** A name that is there already becomes the last. */
  put(kind: SeedKind, name: string, seed: Uint8Array): Promise<void>;
  get(kind: SeedKind, name: string): Promise<Uint8Array | undefined>;
  /** In the order in which they were put. */
  names(kind: SeedKind): Promise<readonly string[]>;
  remove(kind: SeedKind, name: string): Promise<void>;
  close(): void;
  clear(): Promise<void>;
}

function randomBytes(length: number): Uint8Array {
  return globalThis.crypto.getRandomValues(new Uint8Array(length));
}

const IDENTITY = "libp2p";

interface Known {
  readonly kind: KeyKind;
  /** Under which its seed is kept: its public key, for a seat taken in a BoT with the BoT's digest before it. */
  readonly name: string;
  readonly publicKey: Uint8Array;
  readonly signer: Signer;
}

async function identityOf(store: SeedStore): Promise<Uint8Array> {
  const kept = await store.get("identity", IDENTITY);
  if (kept) return kept;
  const seed = randomBytes(32);
  await store.put("identity", IDENTITY, seed);
  return seed;
}

/** Keys over a store of seeds. Reads it once; one tab owns a store (see `host/slot`). Only tests give seeds of their own. */
export async function createKeys(store: SeedStore, newSeed: () => Uint8Array = () => randomBytes(32)): Promise<PeerKeys> {
  const makeSigner = await chooseSignerMaker();
  const known = new Map<string, Known>();

  const learn = async (kind: KeyKind, name: string, seed: Uint8Array): Promise<void> => {
    const signer = await makeSigner(seed);
    known.set(bytesToHex(signer.publicKey), { kind, name, publicKey: signer.publicKey, signer });
  };
  for (const kind of ["account", "voting"] as const) {
    for (const name of await store.names(kind)) {
      const seed = await store.get(kind, name);
      if (seed) await learn(kind, name, seed);
    }
  }

  const add = async (kind: KeyKind, seed: Uint8Array, place = ""): Promise<Uint8Array> => {
    const { publicKey } = await makeSigner(seed);
    const name = place + bytesToHex(publicKey);
    // Also one that is there already: it is the newest again, as whoever brings back an account expects.
    await store.put(kind, name, seed);
    known.delete(bytesToHex(publicKey));
    await learn(kind, name, seed);
    seed.fill(0);
    return publicKey.slice();
  };
  const accountSeed = async (publicKey: Uint8Array): Promise<Uint8Array> => {
    const seed = await store.get("account", bytesToHex(publicKey));
    if (!seed) throw new Refusal("key-missing");
    return seed;
  };

  /** The keys of which this is true; voting keys made here are kept under that place. */
  const view = (place: string, isMeant: (entry: Known) => boolean): Keys => ({
    create: (kind) => add(kind, newSeed(), kind === "voting" ? place : ""),
    async list(kind) {
      return [...known.values()].filter((entry) => entry.kind === kind && isMeant(entry)).map(({ publicKey }) => publicKey.slice());
    },
    async sign(publicKey, bytes) {
      const entry = known.get(bytesToHex(publicKey));
      if (!entry) throw new Refusal("key-missing");
      return entry.signer.sign(bytes);
    },
    async destroy(publicKey) {
      const publicHex = bytesToHex(publicKey);
      const entry = known.get(publicHex);
      if (entry?.kind !== "voting") throw new Refusal("key-missing");
      known.delete(publicHex);
      await store.remove("voting", entry.name);
    },
  });

  return {
    durable: store.durable,
    ...view("", () => true),
    forChain(chain, foundingSeat) {
      const place = `${bytesToHex(chain)}.`;
      return view(
        place,
        ({ kind, name, publicKey }) => kind === "account" || name.startsWith(place) || equalBytes(publicKey, foundingSeat),
      );
    },
    identitySeed: () => identityOf(store),
    accountWords: async (publicKey) => seedToWords(await accountSeed(publicKey)),
    restoreAccount: async (words) => add("account", await wordsToSeed(words)),
    exportAccount: async (publicKey, password) =>
      sealAccount(await accountSeed(publicKey), password, { salt: randomBytes(16), iv: randomBytes(12) }),
    importAccount: async (bytes, password) => add("account", await openAccount(bytes, password)),
    close() {
      known.clear();
      store.close();
    },
    async destroyAll() {
      known.clear();
      await store.clear();
    },
  };
}
