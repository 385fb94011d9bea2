/** Makes `spec/vectors/encoding.json`: the exact bytes and digests of what is signed and stored, for other implementations to compare. */
import { writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { ed25519 } from "@noble/curves/ed25519.js";
import { BLOCK_VERSION, createBlock, encodeBlock, transactionsRootOf } from "../src/protocol/block.ts";
import { bytesToHex } from "../src/kit/bytes.ts";
import { DEFAULT_PARAMETERS, chainOf, encodeGenesis } from "../src/protocol/genesis.ts";
import { accountToDid, asAccountId, asHash, asVotingKey, digest, type Hash } from "../src/protocol/identifiers.ts";
import { TRANSACTION_VERSION, createTransaction, encodeTransactionBody } from "../src/protocol/transaction.ts";
import { aliveBytes, recoverBytes, recoveryBytes, statementBytes } from "../src/protocol/vote.ts";

export const ENCODING_VECTORS = "spec/vectors/encoding.json";

/** 32 equal bytes: a private seed, or a digest whose origin does not matter. */
const fill = (byte: number): Uint8Array => new Uint8Array(32).fill(byte);

function transactionVector(chain: Hash, seed: Uint8Array) {
  const sender = asAccountId(ed25519.getPublicKey(seed));
  const bodyBytes = encodeTransactionBody({
    version: TRANSACTION_VERSION,
    chain,
    sender,
    nonce: [3, 7],
    validUntilMs: 1_700_000_600_000,
    fee: 2,
    calls: [["account.transfer", { to: fill(9), amount: 5 }]],
  });
  const transaction = createTransaction(bodyBytes, [[sender, ed25519.sign(bodyBytes, seed)]]);
  return {
    transaction,
    vector: {
      seed: bytesToHex(seed),
      sender: accountToDid(sender),
      body: bytesToHex(bodyBytes),
      id: bytesToHex(transaction.id),
      envelope: bytesToHex(transaction.bytes),
    },
  };
}

/** The file's text. */
export function makeEncodingVectors(): string {
  const seed = fill(1);
  const votingSeed = fill(2);
  const seat = asVotingKey(ed25519.getPublicKey(votingSeed));
  const genesisBytes = encodeGenesis({
    version: 1,
    kind: "public",
    name: "Vector",
    token: "coal",
    createdMs: 1_700_000_000_000,
    founder: asAccountId(ed25519.getPublicKey(seed)),
    foundingSeat: seat,
    parameters: DEFAULT_PARAMETERS,
    salt: new Uint8Array(16).fill(3),
  });
  const chain = chainOf(genesisBytes);
  const { transaction, vector } = transactionVector(chain, seed);
  const block = createBlock(
    {
      version: BLOCK_VERSION,
      chain,
      height: 1,
      epochId: chain,
      round: 1,
      parent: chain,
      timeMs: 1_700_000_000_500,
      proposer: seat,
      transactionsRoot: transactionsRootOf([transaction]),
      receiptsRoot: asHash(fill(4)),
      stateRoot: asHash(fill(5)),
      seatsDigest: asHash(fill(6)),
      endsEpoch: false,
      lastRecovery: null,
      certificate: null,
      lateVotes: [],
      alives: [],
    },
    [transaction],
  );
  const statement = { chain, epochId: chain, round: 1, kind: "notarize", candidate: block.id } as const;
  const recovery = { chain, epochId: chain, base: block.id, seats: [seat], sleepers: false };
  const vectors = {
    genesis: { bytes: bytesToHex(genesisBytes), chain: bytesToHex(chain) },
    transaction: vector,
    block: { header: bytesToHex(block.headerBytes), id: bytesToHex(block.id), bytes: bytesToHex(encodeBlock(block)) },
    vote: {
      seed: bytesToHex(votingSeed),
      signed: bytesToHex(statementBytes(statement)),
      signature: bytesToHex(ed25519.sign(statementBytes(statement), votingSeed)),
    },
    alive: { signed: bytesToHex(aliveBytes({ chain, epochId: chain, lastFinal: chain, highest: null })) },
    recovery: {
      bytes: bytesToHex(recoveryBytes(recovery)),
      digest: bytesToHex(digest(recoveryBytes(recovery))),
      signed: bytesToHex(recoverBytes(digest(recoveryBytes(recovery)))),
    },
  };
  return `${JSON.stringify(vectors, null, 2)}\n`;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  writeFileSync(new URL(`../${ENCODING_VECTORS}`, import.meta.url), makeEncodingVectors());
}
