/** Wrong messages one by one, each with the code that it costs whoever says it, or none. */
import { LIMITS } from "../../src/protocol/limits.ts";
import { asHash } from "../../src/protocol/identifiers.ts";
import { encode } from "../../src/protocol/codec.ts";
import { createTransaction } from "../../src/protocol/transaction.ts";
import { encodeTransactionBatch } from "../../src/protocol/wire.ts";
import type { RejectCode } from "../../src/protocol/codes.ts";
import { WAYS, type Insider, type Way, type Wrong } from "./messages.ts";

export interface Case extends Wrong {
  readonly name: string;
}

const ELSEWHERE = asHash(new Uint8Array(32).fill(9));

/** What no honest peer ever sends. */
export async function objectiveCases(insider: Insider): Promise<readonly (Case & { readonly code: RejectCode })[]> {
  const { bodyBytes } = await insider.transaction({ nonce: [6, 0] });
  const forged = createTransaction(bodyBytes, [[insider.account, new Uint8Array(64).fill(1)]]).bytes;
  const tooMany = (max: number, bytes: number): Uint8Array[] => Array.from({ length: max + 1 }, () => new Uint8Array(bytes));
  const { vote } = insider.newest("vote");
  const flipped = vote.signature.map((byte, at) => (at === 5 ? byte ^ 1 : byte));
  const one = (name: string, way: Way, bytes: Uint8Array, code: RejectCode) => ({ name, way, bytes, code });
  return [
    ...WAYS.map((way, index) => one(`malformed on ${way}`, way, Uint8Array.of(0xff, index), "encoding-invalid")),
    one("not the canonical form", "consensus", Uint8Array.of(...insider.samples("vote").at(-1)!, 0), "encoding-invalid"),
    one("nested too deep", "sync", new Uint8Array(5000).fill(0x81).fill(0x80, 4999), "encoding-invalid"),
    one("an unknown kind", "consensus", encode(["gossip", 1]), "schema-invalid"),
    one("transactions on the topic of consensus", "consensus", insider.samples("transactions").at(-1)!, "schema-invalid"),
    one("a vote on the topic of transactions", "transactions", insider.samples("vote").at(-1)!, "schema-invalid"),
    one("more transactions than a batch has", "transactions", encode(tooMany(LIMITS.transactionBatchMax, 1)), "too-large"),
    one("more wanted than a block has", "fetch", encode(["wanted", 1, tooMany(LIMITS.blockTransactionsMax, 32)]), "too-large"),
    one("a vote with a wrong signature", "consensus", insider.vote({ signature: flipped }), "signature-invalid"),
    one("a vote changed after it was signed", "sync", insider.vote({ round: vote.round + 1 }), "signature-invalid"),
    one("a transaction with a wrong signature", "transactions", encodeTransactionBatch([forged]), "signature-invalid"),
    one(
      "a certificate without a quorum",
      "consensus",
      insider.certificate(({ signers, signatures }) => ({ signers: signers.slice(0, 1), signatures: signatures.slice(0, 1) })),
      "certificate-invalid",
    ),
    one(
      "a certificate for something else",
      "sync",
      insider.certificate(({ round }) => ({ round: round + 1 })),
      "signature-invalid",
    ),
    one("a candidate with another list of transactions", "consensus", insider.candidateWith([new Uint8Array(32)]), "encoding-invalid"),
  ];
}

/** What depends on where each peer stands, or is right and old: it changes nothing, and nobody is blamed for it. */
export async function subjectiveCases(insider: Insider, other: Uint8Array): Promise<readonly Case[]> {
  const one = (name: string, way: Way, bytes: Uint8Array) => ({ name, way, bytes });
  const transfer = (amount: number) => [["account.transfer", { to: insider.account, amount }]] as const;
  return [
    one("a vote of another chain", "consensus", insider.vote({ chain: ELSEWHERE })),
    one("a vote of an unknown epoch", "sync", insider.vote({ epochId: ELSEWHERE })),
    one("a stale vote", "consensus", insider.samples("vote")[0]!),
    one("a stale certificate", "sync", insider.samples("certificate")[0]!),
    one("a replayed candidate", "consensus", insider.samples("candidate")[0]!),
    one("replayed transactions", "transactions", insider.samples("transactions")[0]!),
    one("an old greeting", "hello", insider.samples("hello")[0]!),
    one("a certificate on the stream of greetings", "hello", insider.samples("certificate")[0]!),
    one("bodies that nobody asked for", "fetch", encode(["bodies", 77, [new Uint8Array(3)]])),
    one("a transaction of another chain", "transactions", await insider.batch({ chain: ELSEWHERE })),
    one("an expired transaction", "transactions", await insider.batch({ validUntilMs: 1 })),
    one("a transaction valid for too long", "transactions", await insider.batch({ validUntilMs: 2 ** 52 })),
    one("a number far ahead", "transactions", await insider.batch({ nonce: [5, 1_000_000] })),
    one("a fee that its sender cannot pay", "transactions", await insider.batch({ fee: 2 ** 40 })),
    one(
      "a transfer from an account that is not the signer's",
      "transactions",
      await insider.batch({ sender: other as never, calls: transfer(500) }),
    ),
    one("an operation that does not exist", "transactions", await insider.batch({ calls: [["nothing.at-all", null]] })),
  ];
}
