/** What another version of the protocol made is told apart from what is malformed: its reader should update. */
import { expect, it } from "vitest";
import { createLedgerState, snapshotChunks, stateOfChunks } from "./index.ts";
import { BLOCK_VERSION, decodeHeader } from "../protocol/block.ts";
import { decode, encode, type Value } from "../protocol/codec.ts";
import { DEFAULT_PARAMETERS, decodeGenesis, encodeGenesis } from "../protocol/genesis.ts";
import { asAccountId, asHash, asVotingKey } from "../protocol/identifiers.ts";
import { createTransaction, encodeTransactionBody } from "../protocol/transaction.ts";

const BYTES = new Uint8Array(32).fill(7);

const genesis = encodeGenesis({
  version: 1,
  kind: "public",
  name: "a",
  token: "coal",
  createdMs: 1,
  founder: asAccountId(BYTES),
  foundingSeat: asVotingKey(BYTES),
  parameters: DEFAULT_PARAMETERS,
  salt: new Uint8Array(16),
});
const body = encodeTransactionBody({
  version: 1,
  chain: asHash(BYTES),
  sender: asAccountId(BYTES),
  nonce: [0, 0],
  validUntilMs: 1,
  fee: 0,
  calls: [["account.transfer", null]],
});

type Map = Readonly<Record<string, Value>>;
const readers: readonly (readonly [name: string, read: (version: number) => unknown])[] = [
  ["a genesis", (version) => decodeGenesis(encode({ ...(decode(genesis, 4096) as Map), version }))],
  ["a transaction", (version) => createTransaction(encode({ ...(decode(body, 4096) as Map), version }), [[BYTES, new Uint8Array(64)]])],
  [
    "a snapshot of the state",
    (version) => {
      const [chunk] = snapshotChunks(createLedgerState(genesis));
      return stateOfChunks([encode([version, ...(decode(chunk!, 65536) as readonly Value[]).slice(1)])]);
    },
  ],
];

it.each(readers)("%s of another version has its own code", (_name, read) => {
  expect(() => read(1)).not.toThrow();
  expect(() => read(2)).toThrow("unknown-version");
});

it("a block's header of another version has its own code, before anything else in it is read", () => {
  const header = (version: number): Uint8Array => encode([version, ...Array.from({ length: 16 }, () => null)]);
  expect(() => decodeHeader(header(BLOCK_VERSION))).toThrow("schema-invalid");
  expect(() => decodeHeader(header(BLOCK_VERSION + 1))).toThrow("unknown-version");
});
