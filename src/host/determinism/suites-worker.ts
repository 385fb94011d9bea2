/** The determinism suites in a browser's worker, where the peer runs too: native stacks are smaller there than on the window. */
import { runDeterminismSuites } from "./suites.ts";

async function main(address: string): Promise<string> {
  const wasm = new Uint8Array(await (await fetch(address)).arrayBuffer());
  return JSON.stringify({ suites: await runDeterminismSuites(wasm) });
}

self.addEventListener("message", (event: MessageEvent<string>) => {
  main(event.data).then(
    (text) => self.postMessage(text),
    (error: unknown) =>
      self.postMessage(JSON.stringify({ error: error instanceof Error ? `${error.message}\n${error.stack ?? ""}` : String(error) })),
  );
});
