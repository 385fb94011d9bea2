/** The private keys of one peer: kept encrypted, used here, never given out but for the account's own backup. */
import { bytesToHex, equalBytes } from "../../kit/bytes.ts";
import type { KeyKind, Keys } from "../../peer/ports.ts";
import type { Hash } from "../../protocol/identifiers.ts";
import { Refusal } from "../../protocol/refusal.ts";
import { openAccount, sealAccount, seedToWords, wordsToSeed } from "./account-export.ts";
import { chooseSignerMaker, type Signer } from "./signer.ts";

export interface PeerKeys extends Keys {
  /**
   * The keys as the peer of one BoT has them: the accounts, and of the voting keys those made for it and the one of the seat that its genesis names. One
   * browser may take part in several BoTs by turns, and each knows only of its own keys which of them it needs no more.
   */
  forChain(chain: Hash, foundingSeat: Uint8Array): Keys;
  /** Makes the founding seat's key, which from the first moment is one of the BoT that it founds: `found` is given the public key and gives that BoT. */
  createFounding(found: (publicKey: Uint8Array) => Promise<Hash>): Promise<void>;
  /** Reads anew which keys there are: until its worker has ended, the page that this one replaces makes and destroys some. */
  refresh(): Promise<void>;
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
  /** Opens such a file, and takes nothing from it yet. @throws {Refusal} `export-invalid`, `wrong-password`. */
  openAccount(bytes: Uint8Array, password: string): Promise<OpenedAccount>;
  close(): void;
  /** Removes all keys for ever. */
  destroyAll(): Promise<void>;
}

export interface OpenedAccount {
  /** Takes the account, as the newest, and gives its public key. Once. */
  keep(): Promise<Uint8Array>;
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

/** Before the names of the voting keys of one BoT. */
const placeOf = (chain: Hash): string => `${bytesToHex(chain)}.`;

interface Known {
  readonly kind: KeyKind;
  /** Under which its seed is kept: its public key, for a seat of a BoT with the BoT's digest before it. */
  readonly name: string;
  readonly publicKey: Uint8Array;
  readonly signer: Signer;
}

/** Destroys the voting keys of one BoT's view: without the record of what a key voted for it could contradict itself, so it must go with the record. */
export async function forgetVotingKeys(keys: Keys): Promise<void> {
  for (const key of await keys.list("voting")) await keys.destroy(key);
}

/** What the store holds, in its order; a key that is known already is not made again. */
async function readAgain(
  store: SeedStore,
  known: Map<string, Known>,
  learn: (kind: KeyKind, name: string, seed: Uint8Array) => Promise<void>,
): Promise<void> {
  const before = new Map([...known.values()].map((entry) => [`${entry.kind}/${entry.name}`, entry]));
  known.clear();
  for (const kind of ["account", "voting"] as const) {
    for (const name of await store.names(kind)) {
      const entry = before.get(`${kind}/${name}`);
      const seed = entry === undefined ? await store.get(kind, name) : undefined;
      if (entry !== undefined) known.set(bytesToHex(entry.publicKey), entry);
      else if (seed) await learn(kind, name, seed);
    }
  }
}

async function identityOf(store: SeedStore): Promise<Uint8Array> {
  const kept = await store.get("identity", IDENTITY);
  if (kept) return kept;
  const seed = randomBytes(32);
  await store.put("identity", IDENTITY, seed);
  return seed;
}

/** Keys over a store of seeds. One tab owns a store (see `host/slot`). Only tests give seeds of their own. */
export async function createKeys(store: SeedStore, newSeed: () => Uint8Array = () => randomBytes(32)): Promise<PeerKeys> {
  const makeSigner = await chooseSignerMaker();
  const known = new Map<string, Known>();

  const learn = async (kind: KeyKind, name: string, seed: Uint8Array): Promise<void> => {
    const signer = await makeSigner(seed);
    known.set(bytesToHex(signer.publicKey), { kind, name, publicKey: signer.publicKey, signer });
  };
  const refresh = (): Promise<void> => readAgain(store, known, learn);
  await refresh();

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
    forChain: (chain, foundingSeat) =>
      view(
        placeOf(chain),
        ({ kind, name, publicKey }) => kind === "account" || name.startsWith(placeOf(chain)) || equalBytes(publicKey, foundingSeat),
      ),
    async createFounding(found) {
      const seed = newSeed();
      const chain = await found((await makeSigner(seed)).publicKey.slice());
      await add("voting", seed, placeOf(chain));
    },
    refresh,
    identitySeed: () => identityOf(store),
    accountWords: async (publicKey) => seedToWords(await accountSeed(publicKey)),
    restoreAccount: async (words) => add("account", await wordsToSeed(words)),
    exportAccount: async (publicKey, password) =>
      sealAccount(await accountSeed(publicKey), password, { salt: randomBytes(16), iv: randomBytes(12) }),
    async openAccount(bytes, password) {
      const seed = await openAccount(bytes, password);
      return { keep: () => add("account", seed) };
    },
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
