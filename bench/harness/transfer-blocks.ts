/** Blocks of signed transfers as bytes, and a peer's way with them: decode, verify, execute, commit, and persist where there is a storage. */
import type { BlockInfo } from "../../src/consensus/engine.ts";
import { chooseSignerMaker } from "../../src/host/keys/signer.ts";
import { assert } from "../../src/kit/assert.ts";
import { createLedgerState, createMempool, createOverlay, signatureChecksOf, type LedgerState } from "../../src/ledger/index.ts";
import { accountKey, credit } from "../../src/ledger/accounts.ts";
import { FinalBlocks } from "../../src/peer/final-blocks.ts";
import { SNAPSHOT_PACE } from "../../src/peer/snapshot-pace.ts";
import { LateMachine } from "../../src/peer/late-machine.ts";
import { LedgerChain } from "../../src/peer/ledger-chain.ts";
import { Outbox } from "../../src/peer/outbox.ts";
import type { Signatures, Storage } from "../../src/peer/ports.ts";
import { Transactions } from "../../src/peer/transactions.ts";
import { decodeBlock, encodeBlock } from "../../src/protocol/block.ts";
import { DEFAULT_PARAMETERS, chainOf, encodeGenesis } from "../../src/protocol/genesis.ts";
import { asAccountId, asVotingKey, type Hash } from "../../src/protocol/identifiers.ts";
import { TRANSACTION_VERSION, createTransaction, encodeTransactionBody, type Transaction } from "../../src/protocol/transaction.ts";

export interface PreparedBlocks {
  readonly genesis: Uint8Array;
  readonly senders: readonly Uint8Array[];
  readonly blocks: readonly Uint8Array[];
  readonly transactionsPerBlock: number;
}

const CREATED_MS = 1_790_000_000_000;
const BLOCK_MS = 100;

function genesisFor(founder: Uint8Array): Uint8Array {
  return encodeGenesis({
    version: 1,
    kind: "public",
    name: "Benchmark",
    token: "coal",
    createdMs: CREATED_MS,
    founder: asAccountId(founder),
    foundingSeat: asVotingKey(founder),
    parameters: DEFAULT_PARAMETERS,
    salt: new Uint8Array(16),
  });
}

/** A chain whose senders have something to give. */
function chainFor(genesis: Uint8Array, senders: readonly Uint8Array[]) {
  const state: LedgerState = createLedgerState(genesis);
  const overlay = createOverlay(state);
  for (const sender of senders) credit(overlay, accountKey(sender), 1_000_000);
  state.finalize(overlay);
  const id = chainOf(genesis);
  const root: BlockInfo = {
    id,
    parent: null,
    epochId: id,
    round: 0,
    height: 0,
    heightedId: id,
    timeMs: CREATED_MS,
    seats: [asVotingKey(senders[0])],
    sleeping: [],
    endsEpoch: true,
    recovery: null,
    lastRecovery: null,
  };
  const mempool = createMempool();
  const unused = (): never => assert(false, "no transaction is refused") as never;
  const machine = new LateMachine(null);
  return {
    id,
    state,
    root,
    mempool,
    machine,
    chain: new LedgerChain({ chain: id, state, deps: { machine }, mempool, onExecuted: () => {}, onRefused: unused }, root),
  };
}

/** One transfer of each sender in each block, to the next sender. Signed as a peer signs; outside of what is measured. */
export async function prepareBlocks(blockCount: number, transactionsPerBlock: number): Promise<PreparedBlocks> {
  const makeSigner = await chooseSignerMaker();
  const seeds = Array.from({ length: transactionsPerBlock }, (_, index) => {
    const seed = new Uint8Array(32);
    new DataView(seed.buffer).setUint32(0, index + 1);
    return seed;
  });
  const signers = await Promise.all(seeds.map(makeSigner));
  const senders = signers.map(({ publicKey }) => publicKey);
  const genesis = genesisFor(senders[0]!);
  const { chain, id, state, mempool } = chainFor(genesis, senders);
  const blocks: Uint8Array[] = [];
  let parent: Hash = id;
  for (let height = 1; height <= blockCount; height++) {
    const timeMs = CREATED_MS + height * BLOCK_MS;
    const transactions = await Promise.all(
      signers.map(async (signer, index): Promise<Transaction> => {
        const body = encodeTransactionBody({
          version: TRANSACTION_VERSION,
          chain: id,
          sender: asAccountId(signer.publicKey),
          nonce: [0, height - 1],
          validUntilMs: timeMs + 60_000,
          fee: 1,
          calls: [["account.transfer", { to: senders[(index + 1) % senders.length]!, amount: 1 }]],
        });
        return createTransaction(body, [[signer.publicKey, await signer.sign(body)]]);
      }),
    );
    for (const transaction of transactions) mempool.add(transaction, state, timeMs);
    const carried = { certificate: null, lateVotes: [], alives: [], empty: false, mayBeBare: false };
    const block = chain.propose({ ...carried, parent, epochId: id, round: height, timeMs, proposer: asVotingKey(senders[0]) });
    assert(block?.transactions.length === transactionsPerBlock, "a block takes all that wait");
    chain.finalize(block.id);
    mempool.onFinal(block.transactions, state);
    blocks.push(encodeBlock(block));
    parent = block.id;
  }
  return { genesis, senders, blocks, transactionsPerBlock };
}

/** Milliseconds for each block, from its bytes to the committed (and, with a storage, written) ledger. */
export async function processBlocks(prepared: PreparedBlocks, signatures: Signatures, storage: Storage | null): Promise<number[]> {
  const { chain, id, state, mempool, machine } = chainFor(prepared.genesis, prepared.senders);
  const outbox = new Outbox();
  const ignore = (): void => undefined;
  const transactions = new Transactions({
    chain: id,
    account: asAccountId(prepared.senders[0]),
    lane: 0,
    mempool,
    outbox,
    machine,
    state: () => state,
    presentMs: () => CREATED_MS,
    isLinked: () => false,
    onChanged: ignore,
    onVerified: ignore,
  });
  const onHalt = (refusal: Error): never => {
    throw refusal;
  };
  const restored = { snapshots: [], replayCost: 0, statesFrom: 1, blocksBytes: 0, rowKeys: new Map() };
  const finalBlocks = new FinalBlocks({ chain, outbox, transactions, onHalt, restored, snapshotCostMin: SNAPSHOT_PACE.costMin });
  const durationsMs: number[] = [];
  for (const bytes of prepared.blocks) {
    const start = performance.now();
    const block = decodeBlock(bytes);
    const verdicts = await signatures.verify(block.transactions.flatMap(signatureChecksOf));
    assert(verdicts.length === prepared.transactionsPerBlock && verdicts.every(Boolean), "every signature holds");
    chain.execute(block);
    if (storage === null) chain.finalize(block.id);
    else {
      const proof = { certificates: [], recoveries: [], puts: [], deletes: [], restored: false };
      finalBlocks.finalize({ kind: "finalized", blocks: [block.id], head: block.id, root: id, ...proof });
      for (const effect of outbox.drain()) if (effect.kind === "store") await storage.write(effect.batch);
    }
    durationsMs.push(performance.now() - start);
  }
  return durationsMs;
}
