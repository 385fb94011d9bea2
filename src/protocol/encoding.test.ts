/** Holds `spec/vectors/encoding.json` to the code: the exact bytes and digests of what is signed and stored. `vitest -u` writes it anew. */
import { expect, it } from "vitest";
import { ed25519 } from "@noble/curves/ed25519.js";
import { BLOCK_VERSION, createBlock, encodeBlock, transactionsRootOf } from "./block.ts";
import { bytesToHex } from "../kit/bytes.ts";
import { DEFAULT_PARAMETERS, chainOf, encodeGenesis } from "./genesis.ts";
import { accountToDid, asAccountId, asHash, asVotingKey, digest, type Hash } from "./identifiers.ts";
import { TRANSACTION_VERSION, createTransaction, encodeTransactionBody } from "./transaction.ts";
import { aliveBytes, recoverBytes, recoveryBytes, statementBytes } from "./vote.ts";

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
function makeEncodingVectors(): string {
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

it("the published encoding vectors are what this code makes", async () => {
  await expect(makeEncodingVectors()).toMatchFileSnapshot("../../spec/vectors/encoding.json");
});
