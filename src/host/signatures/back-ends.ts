/** The verifiers a platform may have, all behind the pre-check, and the choice of one that answers as the rule says. */
import { bytesToHex, hexToBytes } from "../../kit/bytes.ts";
import { BoundedMap } from "../../kit/bounded-map.ts";
import type { SignatureCheck } from "../../peer/ports.ts";
import { precheck, verifyStrict } from "../../protocol/signature.ts";
import { SELF_TEST_CASES } from "./self-test-cases.ts";

export const BACK_END_NAMES = ["webcrypto", "libsodium", "noble"] as const;
export type BackEndName = (typeof BACK_END_NAMES)[number];

export interface BackEnd {
  readonly name: BackEndName;
  /** One verdict a check, in order. Never rejects. */
  verify(checks: readonly SignatureCheck[]): Promise<boolean[]>;
}

/** Enough calls in flight to keep Node's and Firefox's thread pools busy; Chromium is as fast with one. */
const IN_FLIGHT_MAX = 64;

/** Imported keys kept: senders of a block repeat, and an import costs about as much as a check. */
const IMPORTED_KEYS_MAX = 1024;

async function verifyInFlight(
  checks: readonly SignatureCheck[],
  verifyOne: (check: SignatureCheck) => Promise<boolean>,
): Promise<boolean[]> {
  const verdicts = checks.map(() => false);
  let next = 0;
  const lane = async (): Promise<void> => {
    while (next < checks.length) {
      const index = next++;
      const check = checks[index]!;
      if (precheck(check.publicKey, check.signature)) verdicts[index] = await verifyOne(check);
    }
  };
  await Promise.all(Array.from({ length: Math.min(IN_FLIGHT_MAX, checks.length) }, lane));
  return verdicts;
}

/** WebCrypto's Ed25519. `undefined` where there is none (an insecure origin has no `crypto.subtle`). */
export function createWebCryptoBackEnd(subtle: SubtleCrypto | undefined = globalThis.crypto?.subtle): BackEnd | undefined {
  if (!subtle) return undefined;
  const imported = new BoundedMap<string, Promise<CryptoKey | undefined>>(IMPORTED_KEYS_MAX);
  const importKey = (publicKey: Uint8Array): Promise<CryptoKey | undefined> => {
    const id = bytesToHex(publicKey);
    const known = imported.get(id);
    if (known) return known;
    // Some engines refuse at import what others refuse at the check: a key that is on no point.
    const made = subtle.importKey("raw", publicKey as Uint8Array<ArrayBuffer>, "Ed25519", false, ["verify"]).catch(() => undefined);
    imported.set(id, made);
    return made;
  };
  const verifyOne = async ({ publicKey, signature, message }: SignatureCheck): Promise<boolean> => {
    const key = await importKey(publicKey);
    if (!key) return false;
    return subtle.verify("Ed25519", key, signature as Uint8Array<ArrayBuffer>, message as Uint8Array<ArrayBuffer>).catch(() => false);
  };
  return { name: "webcrypto", verify: (checks) => verifyInFlight(checks, verifyOne) };
}

/** libsodium's WASM, loaded when it is asked for. `undefined` where it cannot be loaded. */
export async function createLibsodiumBackEnd(): Promise<BackEnd | undefined> {
  try {
    const { default: sodium } = await import("libsodium-wrappers");
    await sodium.ready;
    const verifyOne = ({ publicKey, signature, message }: SignatureCheck): boolean =>
      precheck(publicKey, signature) && sodium.crypto_sign_verify_detached(signature, message, publicKey);
    return { name: "libsodium", verify: (checks) => Promise.resolve(checks.map(verifyOne)) };
  } catch {
    return undefined;
  }
}

/** The rule itself, in JavaScript. */
export function createNobleBackEnd(): BackEnd {
  return {
    name: "noble",
    verify: (checks) => Promise.resolve(checks.map(({ publicKey, message, signature }) => verifyStrict(publicKey, message, signature))),
  };
}

interface SelfTestCase extends SignatureCheck {
  readonly valid: boolean;
}

function readSelfTest(): readonly SelfTestCase[] {
  return SELF_TEST_CASES.trimEnd()
    .split("\n")
    .map((line) => {
      const [verdict, publicKey = "", signature = "", message = ""] = line.split(" ");
      const bytes = (text: string): Uint8Array => hexToBytes(text)!;
      return { valid: verdict === "valid", publicKey: bytes(publicKey), signature: bytes(signature), message: bytes(message) };
    });
}

/**
 * Whether a back end gives the rule's verdict on every committed edge case. One case at a time, and no more after a wrong one: WebKitGTK's
 * WebCrypto is wrong where a point has a part of small order, and a key of tiny y on no point, further down the list, ends its process.
 */
export async function passesSelfTest(backEnd: BackEnd): Promise<boolean> {
  for (const one of readSelfTest()) {
    const [verdict] = await backEnd.verify([one]);
    if (verdict !== one.valid) return false;
  }
  return true;
}

export interface BackEndMakers {
  readonly webcrypto: () => BackEnd | undefined;
  readonly libsodium: () => Promise<BackEnd | undefined>;
}

/** The fastest back end of this platform that is right: WebCrypto, else libsodium, else noble. */
export async function chooseBackEnd(
  makers: BackEndMakers = { webcrypto: () => createWebCryptoBackEnd(), libsodium: createLibsodiumBackEnd },
): Promise<BackEnd> {
  for (const make of [makers.webcrypto, makers.libsodium]) {
    const backEnd = await make();
    if (backEnd && (await passesSelfTest(backEnd))) return backEnd;
  }
  return createNobleBackEnd();
}
