/** The page of the benchmark `block`: asks a worker, which has what the peer worker of a tab has, and gives its answer to the driver. */
import type { BlockTimes } from "./block.worker.ts";

declare global {
  interface Window {
    readonly runBlocks?: (blocks: number, transactionsPerBlock: number) => Promise<BlockTimes>;
  }
}

Object.defineProperty(globalThis, "runBlocks", {
  value: (blocks: number, transactionsPerBlock: number) =>
    new Promise<BlockTimes>((resolve, reject) => {
      const worker = new Worker(new URL("./block.worker.ts", import.meta.url), { type: "module" });
      worker.onmessage = ({ data }: MessageEvent<BlockTimes>) => {
        worker.terminate();
        resolve(data);
      };
      worker.onerror = ({ message }) => reject(new Error(message));
      worker.postMessage({ blocks, transactionsPerBlock });
    }),
});
