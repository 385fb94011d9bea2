import { ed25519 } from "@noble/curves/ed25519.js";
import { existsSync, readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import edge from "../../../spec/vectors/ed25519-edge.json" with { type: "json" };
import { hexToBytes } from "../../kit/bytes.ts";
import type { SignatureCheck } from "../../peer/ports.ts";
import {
  chooseBackEnd,
  createLibsodiumBackEnd,
  createNobleBackEnd,
  createWebCryptoBackEnd,
  passesSelfTest,
  type BackEnd,
} from "./back-ends.ts";
import { runSignatureSuite } from "./determinism.ts";
import { packChecks, unpackChecks, type VerifyRequest, type VerifyResponse } from "./packing.ts";
import { createSignatures, createVerifyServer, signatureWorkersFor, type SignatureWorker } from "./signatures.ts";

const bytes = (text: string): Uint8Array => hexToBytes(text)!;
const checks: readonly SignatureCheck[] = edge.cases.map((row) => ({
  publicKey: bytes(row.publicKey),
  message: bytes(row.message),
  signature: bytes(row.signature),
}));
const verdicts = edge.cases.map(({ valid }) => valid);
const backEnds: readonly (readonly [string, () => Promise<BackEnd | undefined>])[] = [
  ["webcrypto", async () => createWebCryptoBackEnd()],
  ["libsodium", createLibsodiumBackEnd],
  ["noble", async () => createNobleBackEnd()],
];

describe.each(backEnds)("back end %s", (name, create) => {
  it("gives the committed verdicts and passes the self-test", async () => {
    const backEnd = (await create())!;
    expect(backEnd.name).toBe(name);
    expect(await backEnd.verify(checks)).toEqual(verdicts);
    expect(await passesSelfTest(backEnd)).toBe(true);
  });

  const folder = process.env["BOTHY_VECTORS"];
  it.runIf(folder && existsSync(folder))("accepts 1 and 43 of the public vectors", async () => {
    const load = (file: string): Record<string, string>[] => JSON.parse(readFileSync(`${folder}/ed25519/${file}`, "utf8"));
    const speccheck = load("speccheck.json").map((row) => ({
      publicKey: bytes(row["pub_key"]!),
      message: bytes(row["message"]!),
      signature: bytes(row["signature"]!),
    }));
    const cctv = load("cctv.json").map((row) => ({
      publicKey: bytes(row["key"]!),
      message: new TextEncoder().encode(row["msg"]),
      signature: bytes(row["sig"]!),
    }));
    const backEnd = (await create())!;
    expect((await backEnd.verify(speccheck)).filter(Boolean)).toHaveLength(1);
    expect((await backEnd.verify(cctv)).filter(Boolean)).toHaveLength(43);
  });
});

describe("the choice of a back end", () => {
  const wrong = (name: BackEnd["name"], verdict: boolean): BackEnd => ({ name, verify: async (all) => all.map(() => verdict) });

  it("takes WebCrypto where it is right", async () => {
    expect((await chooseBackEnd()).name).toBe("webcrypto");
  });

  it("takes libsodium where WebCrypto is missing or wrong, and noble where both are", async () => {
    expect((await chooseBackEnd({ webcrypto: () => undefined, libsodium: createLibsodiumBackEnd })).name).toBe("libsodium");
    for (const verdict of [true, false]) {
      const webcrypto = (): BackEnd => wrong("webcrypto", verdict);
      expect((await chooseBackEnd({ webcrypto, libsodium: createLibsodiumBackEnd })).name).toBe("libsodium");
      expect((await chooseBackEnd({ webcrypto, libsodium: async () => wrong("libsodium", verdict) })).name).toBe("noble");
      expect((await chooseBackEnd({ webcrypto, libsodium: async () => undefined })).name).toBe("noble");
    }
  });

  it("never shows the keys that end WebKitGTK's process to a back end that is wrong on points of mixed order", async () => {
    // Those with a y of one byte that are on no point.
    const isDeadly = ({ publicKey }: SignatureCheck): boolean => publicKey.subarray(1).every((byte) => byte === 0);
    const asked: SignatureCheck[] = [];
    const cofactored: BackEnd = {
      name: "webcrypto",
      verify: async (all) => {
        asked.push(...all);
        return all.map(({ publicKey, message, signature }) => ed25519.verify(signature, message, publicKey, { zip215: true }));
      },
    };
    expect(await passesSelfTest(cofactored)).toBe(false);
    expect(asked.length).toBeGreaterThan(10);
    expect(asked.filter(isDeadly)).toEqual([]);
    expect(checks.filter(isDeadly).length).toBeGreaterThan(10);
  });

  it("has no WebCrypto back end on an insecure origin", () => {
    const { crypto } = globalThis;
    Object.defineProperty(globalThis, "crypto", { value: {}, configurable: true });
    try {
      expect(createWebCryptoBackEnd()).toBeUndefined();
    } finally {
      Object.defineProperty(globalThis, "crypto", { value: crypto, configurable: true });
    }
  });
});

/** A worker in this thread: messages go by the event loop, as they would between threads. */
function createWorkerPair(seen: number[], crashAt = Infinity): SignatureWorker {
  const answer = createVerifyServer(async () => createNobleBackEnd());
  let messages = 0;
  const worker: SignatureWorker = {
    onmessage: null,
    onerror: null,
    postMessage(request: VerifyRequest, transfer: ArrayBuffer[]) {
      const cloned = structuredClone(request, { transfer });
      seen.push(unpackChecks(cloned.packed).length);
      if (++messages >= crashAt) return queueMicrotask(() => worker.onerror?.({} as ErrorEvent));
      void answer(cloned).then((data) => worker.onmessage?.({ data } as MessageEvent<VerifyResponse>));
    },
    terminate() {
      worker.onmessage = null;
    },
  };
  return worker;
}

describe("the Signatures port", () => {
  it("answers in the order of the checks, in this thread", async () => {
    expect(await createSignatures().verify(checks)).toEqual(verdicts);
    expect(await createSignatures().verify([])).toEqual([]);
  });

  it("splits a batch over the workers and screens before it sends", async () => {
    const seen: number[] = [];
    const signatures = createSignatures({ workers: 3, createWorker: () => createWorkerPair(seen) });
    expect(await signatures.verify(checks)).toEqual(verdicts);
    expect(seen).toHaveLength(3);
    expect(seen.reduce((a, b) => a + b)).toBe(edge.cases.filter(({ screened }) => !screened).length);
    signatures.close();
  });

  it("loses no check when a worker crashes or is closed", async () => {
    const seen: number[] = [];
    const crashing = createSignatures({ workers: 2, createWorker: () => createWorkerPair(seen, 1) });
    expect(await crashing.verify(checks)).toEqual(verdicts);
    expect(await crashing.verify(checks)).toEqual(verdicts);
    expect(seen).toHaveLength(2);
    const closing = createSignatures({ workers: 2, createWorker: () => createWorkerPair([]) });
    const underWay = closing.verify(checks);
    closing.close();
    expect(await underWay).toEqual(verdicts);
  });

  it("packs and unpacks checks", () => {
    const whole = checks.filter(({ publicKey, signature }) => publicKey.length === 32 && signature.length === 64);
    expect(unpackChecks(packChecks(whole))).toEqual(whole);
    expect(signatureWorkersFor(1)).toBe(1);
    expect(signatureWorkersFor(4)).toBe(2);
  });
});

it("the determinism suite answers alike twice", async () => {
  const first = await runSignatureSuite();
  expect(first.cases).toBeGreaterThan(1000);
  expect(await runSignatureSuite()).toEqual(first);
});
