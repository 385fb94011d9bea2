/** Blocks of signed transfers in Node, without persistence, against `@ethereumjs/vm` `runBlock` of as many, in alternation. */
import { createBlock } from "@ethereumjs/block";
import { Common, Hardfork, Mainnet } from "@ethereumjs/common";
import { createLegacyTx, type LegacyTx } from "@ethereumjs/tx";
import { Account, Address, privateToAddress } from "@ethereumjs/util";
import { createVM, runBlock } from "@ethereumjs/vm";
import { createSignatures } from "../src/host/signatures/signatures.ts";
import { assert } from "../src/kit/assert.ts";
import type { BenchCase } from "./case.ts";
import { prepareBlocks, processBlocks, type PreparedBlocks } from "./harness/transfer-blocks.ts";

const TRANSACTIONS = 1000;
const BLOCKS = 6;

function privateKeyOf(index: number): Uint8Array {
  const key = new Uint8Array(32);
  new DataView(key.buffer).setUint32(0, index + 1);
  return key;
}

interface TheirWork {
  readonly common: Common;
  readonly senders: readonly Address[];
  /** Serialized, so that both sides begin with bytes. */
  readonly transactions: readonly LegacyTx[];
}

function prepareTheirs(): TheirWork {
  const common = new Common({ chain: Mainnet, hardfork: Hardfork.Shanghai });
  const keys = Array.from({ length: TRANSACTIONS }, (_, index) => privateKeyOf(index));
  const senders = keys.map((key) => new Address(privateToAddress(key)));
  const transactions = keys.map((key, index) => {
    const to = senders[(index + 1) % senders.length]!;
    return createLegacyTx({ nonce: 0n, gasLimit: 21_000n, gasPrice: 10n, to, value: 1n }, { common }).sign(key);
  });
  return { common, senders, transactions };
}

/** Seconds for one block of transfers. Their state begins anew each time, in memory, as ours does. */
async function runTheirs({ common, senders, transactions }: TheirWork): Promise<number> {
  const vm = await createVM({ common });
  await vm.stateManager.checkpoint();
  for (const sender of senders) await vm.stateManager.putAccount(sender, new Account(0n, 10n ** 18n));
  await vm.stateManager.commit();
  // Signatures that were checked once are remembered in the object.
  const fresh = transactions.map((transaction) => createLegacyTx(transaction, { common }));
  const header = { number: 1n, gasLimit: 30_000_000n, timestamp: 1n, baseFeePerGas: 7n };
  const block = createBlock({ header, transactions: fresh }, { common, skipConsensusFormatValidation: true });
  const start = performance.now();
  const { results } = await runBlock(vm, { block, generate: true, skipBlockValidation: true, skipHeaderValidation: true });
  const seconds = (performance.now() - start) / 1000;
  assert(results.length === TRANSACTIONS && results.every(({ execResult }) => !execResult.exceptionError), "every transfer succeeds");
  return seconds;
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[values.length >> 1]!;
}

let prepared: Promise<readonly [ours: PreparedBlocks, theirs: TheirWork]> | undefined;

async function run(): Promise<Record<string, number>> {
  prepared ??= prepareBlocks(BLOCKS, TRANSACTIONS).then((ours) => [ours, prepareTheirs()] as const);
  const [ours, theirs] = await prepared;
  const signatures = createSignatures();
  // Once before the measurement, so that both have been compiled.
  await processBlocks(ours, signatures, null);
  await runTheirs(theirs);
  const cpuBefore = process.cpuUsage();
  const durationsMs = await processBlocks(ours, signatures, null);
  const used = process.cpuUsage(cpuBefore);
  const theirSeconds = await runTheirs(theirs);
  signatures.close();
  const perSecond = TRANSACTIONS / (median(durationsMs) / 1000);
  const theirsPerSecond = TRANSACTIONS / theirSeconds;
  return { ours: perSecond, theirs: theirsPerSecond, ratio: perSecond / theirsPerSecond, cpu: (used.user + used.system) / 1000 / BLOCKS };
}

export const vmCase: BenchCase = {
  name: "vm",
  what: "verify, execute and commit blocks of 1000 signed transfers in Node, against @ethereumjs/vm runBlock of as many",
  runs: 3,
  figures: {
    ours: { unit: "tx/s" },
    theirs: { unit: "tx/s" },
    ratio: { unit: "times", goal: { atLeast: 10 } },
    cpu: { unit: "ms CPU per 1000 tx" },
  },
  run,
};
