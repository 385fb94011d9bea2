/** Compiles the metered binary, and refuses any other. */
import { METERED_DIGEST } from "../../contracts/machine-version.ts";
import { assert } from "../../kit/assert.ts";
import { sha256 } from "@noble/hashes/sha2.js";
import { bytesToHex } from "../../kit/bytes.ts";

/** @throws {AssertionError} if the bytes are not the pinned binary: another would compute other gas, and fork this peer off. */
export async function compileMetered(wasm: Uint8Array): Promise<WebAssembly.Module> {
  const digest = bytesToHex(sha256(wasm));
  assert(digest === METERED_DIGEST, `the contract machine is not the pinned one: ${digest}`);
  return WebAssembly.compile(wasm as Uint8Array<ArrayBuffer>);
}
