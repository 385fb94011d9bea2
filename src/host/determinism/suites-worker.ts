/** One determinism suite in a browser's worker, where the peer runs too: native stacks are smaller there than on the window. */
import { assert } from "../../kit/assert.ts";
import { DETERMINISM_SUITES } from "./suites.ts";

interface Order {
  readonly suite: string;
  /** Where the metered binary is. */
  readonly wasm: string;
}

async function main({ suite, wasm }: Order): Promise<string> {
  const run = DETERMINISM_SUITES[suite];
  assert(run, `a suite is called ${suite}`);
  return JSON.stringify({ rows: await run(new Uint8Array(await (await fetch(wasm)).arrayBuffer())) });
}

self.addEventListener("message", (event: MessageEvent<Order>) => {
  main(event.data).then(
    (text) => self.postMessage(text),
    (error: unknown) => self.postMessage(JSON.stringify({ error: error instanceof Error ? error.message : String(error) })),
  );
});
