/** The door of the relay: reads the options, prepares what libp2p expects of Node, and starts it. */
import { help, readOptions } from "./options.ts";

/** Node 20 lacks it, and libp2p uses it as it loads: so it is set before libp2p is imported. */
function preparePlatform(): void {
  if ("withResolvers" in Promise) return;
  const withResolvers = (parts = {}): object =>
    Object.assign(parts, { promise: new Promise((resolve, reject) => Object.assign(parts, { resolve, reject })) });
  Object.assign(Promise, { withResolvers });
}

async function main(): Promise<void> {
  const options = readOptions(process.argv.slice(2), process.env);
  if (options === "help") return void process.stdout.write(help());
  preparePlatform();
  const stopRelay = await (await import("./relay.ts")).startRelay(options);
  let stoppingSinceMs: number | undefined;
  const stop = (): void => {
    // npm passes on what the terminal has already told us; only a later signal is an impatient person's.
    if (stoppingSinceMs !== undefined) return Date.now() - stoppingSinceMs > 1000 ? process.exit(1) : undefined;
    stoppingSinceMs = Date.now();
    void stopRelay().then(() => process.exit(0));
  };
  for (const signal of ["SIGINT", "SIGTERM"]) process.on(signal, stop);
}

main().catch((error: unknown) => {
  let message = error instanceof Error ? error.message : String(error);
  if (message.includes("EADDRINUSE")) message = "this port is taken; name another by --port or PORT";
  if (/EADDRNOTAVAIL|ENOTFOUND|EAI_AGAIN/.test(message)) message = "this machine has no such address; name another by --host or HOST";
  process.stderr.write(`bothy: ${message}\n`);
  process.exit(1);
});
