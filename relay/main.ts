/** The door of the relay: reads the options, prepares what libp2p expects of Node, and starts it. */
import { HELP, readOptions } from "./options.ts";

/** Node 20 lacks both, and libp2p uses them as it loads: so they are set before it is imported. */
async function preparePlatform(): Promise<void> {
  if (!("withResolvers" in Promise)) {
    Object.defineProperty(Promise, "withResolvers", {
      configurable: true,
      writable: true,
      value: function withResolvers<T>(this: PromiseConstructor) {
        let resolve: ((value: T) => void) | undefined;
        let reject: ((reason: unknown) => void) | undefined;
        const promise = new this<T>((onResolve, onReject) => {
          resolve = onResolve;
          reject = onReject;
        });
        return { promise, resolve, reject };
      },
    });
  }
  if (globalThis.WebSocket === undefined) {
    const { WebSocket } = await import("ws");
    Object.defineProperty(globalThis, "WebSocket", { configurable: true, writable: true, value: WebSocket });
  }
}

async function main(): Promise<void> {
  const options = readOptions(process.argv.slice(2), process.env);
  if (options === "help") {
    process.stdout.write(HELP);
    return;
  }
  await preparePlatform();
  const { startRelay } = await import("./relay.ts");
  const relay = await startRelay(options);
  let stoppingSinceMs: number | undefined;
  for (const signal of ["SIGINT", "SIGTERM"] as const) {
    process.on(signal, () => {
      // npm passes on what the terminal has already told us; only a later signal is an impatient person's: leave at once.
      if (stoppingSinceMs !== undefined) return Date.now() - stoppingSinceMs > 1000 ? process.exit(1) : undefined;
      stoppingSinceMs = Date.now();
      void relay.stop().then(() => process.exit(0));
    });
  }
}

main().catch((error: unknown) => {
  process.stderr.write(`bothy: ${error instanceof Error ? error.message : String(error)}\n`);
  process.exit(1);
});
