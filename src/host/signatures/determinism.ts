/** The signature rule as a suite to be run inside each engine: equal digests mean equal verdicts. */
import { bytesToHex, utf8 } from "../../kit/bytes.ts";
import { createRandom } from "../../kit/random.ts";
import { digest } from "../../protocol/identifiers.ts";
import type { SignatureCheck } from "../../peer/ports.ts";
import { chooseBackEnd, createLibsodiumBackEnd, createNobleBackEnd, type BackEnd } from "./back-ends.ts";
import { ed25519 } from "@noble/curves/ed25519.js";
import { hexToBytes } from "../../kit/bytes.ts";
import edgeCases from "../../../spec/vectors/ed25519-edge.json" with { type: "json" };

export interface SuiteResult {
  readonly name: string;
  /** SHA-256 of all verdicts, hexadecimal. */
  readonly digest: string;
  readonly cases: number;
}

const MUTATED_SIGNERS = 24;
const MUTATIONS_EACH = 12;

/** Seeded signatures with bytes changed or replaced, alike in every engine. */
function mutatedChecks(): SignatureCheck[] {
  const random = createRandom(25519);
  const checks: SignatureCheck[] = [];
  for (let signer = 0; signer < MUTATED_SIGNERS; signer++) {
    const secret = digest(utf8(`signature suite ${signer}`));
    const message = Uint8Array.from({ length: random.below(200) }, () => random.below(256));
    const honest = { publicKey: ed25519.getPublicKey(secret), message, signature: ed25519.sign(message, secret) };
    checks.push(honest);
    for (let mutation = 0; mutation < MUTATIONS_EACH; mutation++) {
      const changed = { publicKey: honest.publicKey.slice(), message: honest.message.slice(), signature: honest.signature.slice() };
      const target = mutation % 3 === 0 ? changed.publicKey : changed.signature;
      for (let changes = random.below(3); changes >= 0; changes--) target[random.below(target.length)] = random.below(256);
      checks.push(changed);
    }
  }
  return checks;
}

/**
 * Runs the committed edge cases and seeded changes on every back end this engine would use.
 * @throws {Error} naming the case if a chosen back end contradicts a committed verdict.
 */
export async function runSignatureSuite(): Promise<SuiteResult> {
  const edge = edgeCases.cases.map((row) => ({
    publicKey: hexToBytes(row.publicKey)!,
    message: hexToBytes(row.message)!,
    signature: hexToBytes(row.signature)!,
  }));
  const checks = [...edge, ...mutatedChecks()];
  const backEnds: (BackEnd | undefined)[] = [await chooseBackEnd(), await createLibsodiumBackEnd(), createNobleBackEnd()];
  const verdicts: number[] = [];
  for (const backEnd of backEnds) {
    if (!backEnd) throw new Error("libsodium cannot be loaded");
    const answers = await backEnd.verify(checks);
    edgeCases.cases.forEach(({ name, valid }, index) => {
      if (answers[index] !== valid) throw new Error(`${backEnd.name} contradicts the rule: ${name}`);
    });
    verdicts.push(...answers.map(Number));
  }
  return { name: "signatures", digest: bytesToHex(digest(Uint8Array.from(verdicts))), cases: verdicts.length };
}
