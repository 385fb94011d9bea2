import "fake-indexeddb/auto";
import { ed25519 } from "@noble/curves/ed25519.js";
import Dexie from "dexie";
import { describe, expect, it } from "vitest";
import { bytesToHex, hexToBytes, utf8 } from "../../kit/bytes.ts";
import { seedToWords, wordsToSeed } from "./account-export.ts";
import { openKeys } from "./indexeddb-seeds.ts";
import { createKeys } from "./keys.ts";
import { keysOfBotsSuite, keysSuite } from "./keys.suite.ts";
import { createMemorySeeds } from "./memory-seeds.ts";
import { chooseSignerMaker, createNobleSigner, createWebCryptoSigner } from "./signer.ts";

describe("keys in memory", () => {
  const open = () => createKeys(createMemorySeeds());
  keysSuite(open);
  keysOfBotsSuite(open);
});
describe("keys in IndexedDB", () => {
  const open = (name: string) => openKeys(`keys ${name}`);
  keysSuite(open);
  keysOfBotsSuite(open);
});

describe("seeds at rest", () => {
  it("are encrypted under a key that cannot be taken out, and bound to their place", async () => {
    const keys = await openKeys("at rest");
    const account = await keys.create("account");
    const words = await keys.accountWords(account);
    const seed = await wordsToSeed(words);
    keys.close();
    const database = await new Dexie("at rest").open();
    const wrapping: CryptoKey = await database.table("wrapping").get("wrapping");
    expect(wrapping.extractable).toBe(false);
    const [row] = await database.table("seeds").toArray();
    expect(bytesToHex(row.sealed)).not.toContain(bytesToHex(seed));
    expect(row.sealed).toHaveLength(48);
    await database.table("seeds").put({ ...row, kind: "voting" }, `voting/${row.name}`);
    database.close();
    await expect(openKeys("at rest")).rejects.toMatchObject({ code: "storage-broken" });
  });

  it("are in memory only, and say so, where there is no crypto.subtle", async () => {
    const { crypto } = globalThis;
    const insecure = { getRandomValues: crypto.getRandomValues.bind(crypto) };
    Object.defineProperty(globalThis, "crypto", { value: insecure, configurable: true });
    try {
      const keys = await openKeys("insecure");
      const account = await keys.create("account");
      expect(keys.durable).toBe(false);
      expect(await keys.sign(account, utf8("x"))).toHaveLength(64);
      expect(await (await openKeys("insecure")).list("account")).toEqual([]);
    } finally {
      Object.defineProperty(globalThis, "crypto", { value: crypto, configurable: true });
    }
  });
});

describe("signing", () => {
  // RFC 8032, section 7.1, TEST 3.
  const seed = hexToBytes("c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7")!;
  const signature =
    "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a";

  it("gives the RFC's signature on either path", async () => {
    for (const signer of [await createNobleSigner(seed), await createWebCryptoSigner(crypto.subtle, seed)]) {
      expect(bytesToHex(signer.publicKey)).toBe("fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025");
      expect(bytesToHex(await signer.sign(Uint8Array.of(0xaf, 0x82)))).toBe(signature);
    }
  });

  it("is left to noble where WebCrypto draws random nonces, has no Ed25519, or is missing", async () => {
    const randomized = {
      importKey: async () => ({}),
      sign: async () => ed25519.sign(crypto.getRandomValues(new Uint8Array(8)), seed).buffer,
    } as unknown as SubtleCrypto;
    const none = { importKey: () => Promise.reject(new DOMException("", "NotSupportedError")) } as unknown as SubtleCrypto;
    expect(await chooseSignerMaker(randomized)).toBe(createNobleSigner);
    expect(await chooseSignerMaker(none)).toBe(createNobleSigner);
    expect(await chooseSignerMaker()).not.toBe(createNobleSigner);
  });
});

it("words are the BIP 39 form of the seed itself", async () => {
  // BIP 39, test vectors, 256 bits.
  expect(await seedToWords(new Uint8Array(32))).toBe(`${"abandon ".repeat(23)}art`);
  expect(await wordsToSeed(`${"zoo ".repeat(23)}vote`)).toEqual(new Uint8Array(32).fill(255));
});
