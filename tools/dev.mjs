/** `npm run dev [-- options of the relay]`: the app with hot reload on PORT (8080), and a relay on the port above it. */
import { exitCode, forwardSignals, installIfStale, requireNode, scriptOf, start } from "./launch.mjs";

requireNode();
const port = Number(process.env.PORT ?? 8080);
if (!Number.isInteger(port) || port < 1 || port > 65_534) {
  console.error("PORT is a number from 1 to 65534; the relay takes the one above it.");
  process.exit(1);
}
await installIfStale();
const relayPort = port + 1;
const relay = start(process.execPath, [
  "tools/run.mjs",
  "relay/main.ts",
  "--port",
  String(relayPort),
  "--host",
  "localhost",
  ...process.argv.slice(2),
]);
const vite = start(process.execPath, [scriptOf("vite"), "--port", String(port), "--strictPort"], {
  env: { BOTHY_RELAY: `http://localhost:${relayPort}` },
});
const children = [relay, vite];
forwardSignals(children);
const codes = children.map(exitCode);
// One without the other is of no use.
const first = await Promise.race(codes);
for (const child of children) if (child.exitCode === null) child.kill("SIGTERM");
await Promise.all(codes);
process.exit(first);
