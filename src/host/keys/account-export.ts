/** An account's seed outside this browser: 24 words for paper, or a file that a password locks. */
import { gcm } from "@noble/ciphers/aes.js";
import { ed25519 } from "@noble/curves/ed25519.js";
import { scryptAsync } from "@noble/hashes/scrypt.js";
import { equalBytes } from "../../kit/bytes.ts";
import { decode, encode } from "../../protocol/codec.ts";
import { Refusal } from "../../protocol/refusal.ts";
import { readBytes, readMap } from "../../protocol/schema.ts";

const FORMAT = "bothy-account-1";
/** scrypt (RFC 7914) with OWASP's parameters for 32 MiB, which a phone has: about a second. Part of the format, so that a file cannot ask for more. */
const SCRYPT = { N: 2 ** 15, r: 8, p: 3, dkLen: 32 } as const;
const EXPORT_BYTES_MAX = 1024;

/** NFKC, so that a password typed on another keyboard is the same one (RFC 8265 does likewise). */
function passwordKey(password: string, salt: Uint8Array): Promise<Uint8Array> {
  return scryptAsync(password.normalize("NFKC"), salt, SCRYPT);
}

/** The seed, encrypted with AES-256-GCM under the password. `salt` has 16 random bytes, `iv` 12. */
export async function sealAccount(seed: Uint8Array, password: string, random: { salt: Uint8Array; iv: Uint8Array }): Promise<Uint8Array> {
  const publicKey = ed25519.getPublicKey(seed);
  const sealed = gcm(await passwordKey(password, random.salt), random.iv, publicKey).encrypt(seed);
  return encode({ format: FORMAT, publicKey, salt: random.salt, iv: random.iv, sealed });
}

/** @throws {Refusal} `export-invalid` if the bytes are no export, `wrong-password` if the password does not open it. */
export async function openAccount(bytes: Uint8Array, password: string): Promise<Uint8Array> {
  const { publicKey, salt, iv, sealed } = readExport(bytes);
  let seed: Uint8Array;
  try {
    seed = gcm(await passwordKey(password, salt), iv, publicKey).decrypt(sealed);
  } catch {
    throw new Refusal("wrong-password");
  }
  if (!equalBytes(ed25519.getPublicKey(seed), publicKey)) throw new Refusal("export-invalid");
  return seed;
}

function readExport(bytes: Uint8Array): Record<"publicKey" | "salt" | "iv" | "sealed", Uint8Array> {
  try {
    const map = readMap(decode(bytes, EXPORT_BYTES_MAX), "export", ["format", "publicKey", "salt", "iv", "sealed"]);
    if (map["format"] !== FORMAT) throw new Refusal("unknown-version");
    return {
      publicKey: readBytes(map["publicKey"], "publicKey", 32, 32),
      salt: readBytes(map["salt"], "salt", 16, 16),
      iv: readBytes(map["iv"], "iv", 12, 12),
      sealed: readBytes(map["sealed"], "sealed", 48, 48),
    };
  } catch {
    throw new Refusal("export-invalid");
  }
}

/** 24 English words of BIP 39: the seed itself with its checksum, no derivation. The word list is loaded when it is asked for. */
export async function seedToWords(seed: Uint8Array): Promise<string> {
  const [{ entropyToMnemonic }, { wordlist }] = await Promise.all([import("@scure/bip39"), import("@scure/bip39/wordlists/english.js")]);
  return entropyToMnemonic(seed, wordlist);
}

/** The seed of 24 words, however spaced and capitalised. @throws {Refusal} `export-invalid` for another count, an unknown word, or a wrong checksum. */
export async function wordsToSeed(words: string): Promise<Uint8Array> {
  const [{ mnemonicToEntropy }, { wordlist }] = await Promise.all([import("@scure/bip39"), import("@scure/bip39/wordlists/english.js")]);
  const list = words.trim().toLowerCase().split(/\s+/);
  if (list.length !== 24) throw new Refusal("export-invalid", { words: list.length });
  try {
    return mnemonicToEntropy(list.join(" "), wordlist);
  } catch {
    throw new Refusal("export-invalid", { unknown: list.findIndex((word) => !wordlist.includes(word)) + 1 });
  }
}
