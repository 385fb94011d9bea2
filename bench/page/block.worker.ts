/** Processes blocks of signed transfers with a signature worker beside it and IndexedDB below it, as the peer worker of a tab does. */
import { createSignatures } from "../../src/host/signatures/signatures.ts";
import { deleteDexieStorage, openDexieStorage } from "../../src/host/storage/dexie-storage.ts";
import { prepareBlocks, processBlocks } from "../harness/transfer-blocks.ts";

export interface BlockTimes {
  /** For each block. */
  readonly durationsMs: readonly number[];
}

const scope = self as unknown as DedicatedWorkerGlobalScope;
const DATABASE = "bench-blocks";

scope.onmessage = async ({ data }: MessageEvent<{ readonly blocks: number; readonly transactionsPerBlock: number }>) => {
  const signatures = createSignatures({
    createWorker: () => new Worker(new URL("../../src/signature.worker.ts", import.meta.url), { type: "module" }),
  });
  const prepared = await prepareBlocks(data.blocks, data.transactionsPerBlock);
  // Once before the measurement, so that all has been compiled.
  await processBlocks(prepared, signatures, null);
  await deleteDexieStorage(DATABASE);
  const storage = await openDexieStorage(DATABASE);
  const durationsMs = await processBlocks(prepared, signatures, storage);
  await storage.destroy();
  signatures.close();
  scope.postMessage({ durationsMs });
};
