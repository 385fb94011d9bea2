/** Starts the suite that the address names in a worker and leaves their result where a driver finds it: in the document's `data-result`, percent-encoded. */
const worker = new Worker(new URL("../../../src/host/determinism/suites-worker.ts", import.meta.url), { type: "module" });

function finish(text: string): void {
  document.documentElement.dataset["result"] = encodeURIComponent(text);
}

worker.addEventListener("message", (event: MessageEvent<string>) => finish(event.data));
worker.addEventListener("error", (event) => finish(JSON.stringify({ error: `worker: ${event.message}` })));
worker.postMessage({ suite: location.hash.slice(1), wasm: new URL("quickjs-metered.wasm", location.href).href });

export {};
