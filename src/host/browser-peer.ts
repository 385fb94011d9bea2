/**
 * One peer over the browser's own storage as a worker's script, for a page that is killed again and again: it founds, or opens what is there, and makes
 * blocks final without pause. Bundled by e2e/storage.spec.ts.
 */
import { bytesToHex } from "../kit/bytes.ts";
import { machineOf } from "../ledger/scenario.suite.ts";
import type { Storage, StorageBatch } from "../peer/ports.ts";
import { openKeys } from "./keys/indexeddb-seeds.ts";
import { foundWorld, openWorld } from "./sdk-server/world.suite.ts";
import { openDexieStorage } from "./storage/dexie-storage.ts";

/** Sends under way at once, so that a kill always hits some. */
const IN_FLIGHT = 4;
/** So much that the state is written as a snapshot several times. */
const DESCRIPTION = JSON.stringify({ title: "x".repeat(16_000) });

interface Told {
  readonly height: number;
  readonly digest: string;
}

async function genesisOf(storage: Storage, keys: Awaited<ReturnType<typeof openKeys>>): Promise<Uint8Array> {
  const kept = await storage.read("meta", "test/genesis");
  if (kept !== undefined) return kept;
  const genesis = await foundWorld(keys, { feePerKilobyte: 0 });
  await storage.write({ puts: [["meta", "test/genesis", genesis]], deletes: [], strict: true });
  return genesis;
}

/** `heights` are of blocks that were told as final before: what is there of them is told first. */
async function run(name: string, heights: readonly number[], tell: (message: unknown) => void): Promise<void> {
  const [keys, storage, kept] = await Promise.all([openKeys(`${name}-keys`), openDexieStorage(name), openDexieStorage(`${name}-genesis`)]);
  const genesis = await genesisOf(kept, keys);
  let writes = 0;
  const told: Storage = Object.assign(Object.create(storage) as Storage, {
    write(batch: StorageBatch): Promise<void> {
      const written = storage.write(batch);
      tell({ writes: ++writes });
      return written;
    },
  });
  const world = await openWorld(machineOf({}), { keys, storage: told, genesis });
  const { peer } = world;
  const client = world.connect();
  const blocks: Told[] = [];
  for (const height of heights) blocks.push({ height, digest: (await client.query("block", { height })).digest });
  const punished = await client.query("events", { source: "seat", topic: "punished" });
  tell({ opened: { height: peer.final.height, digest: bytesToHex(peer.final.id), blocks, punished: punished.items.length } });
  client.subscribe("block", ({ height, digest, final }) => {
    if (final) tell({ final: { height, digest } satisfies Told });
  });
  const lane = async (): Promise<never> => {
    for (;;) await client.send([{ operation: "device.register", arguments: { description: DESCRIPTION, leaseMs: 60_000 } }]);
  };
  await Promise.all(Array.from({ length: IN_FLIGHT }, lane));
}

const scope = self as unknown as DedicatedWorkerGlobalScope;
scope.onmessage = ({ data: { name, heights } }: MessageEvent<{ readonly name: string; readonly heights: readonly number[] }>) => {
  void run(name, heights, (message) => scope.postMessage(message)).catch((error: unknown) => {
    scope.postMessage({ failure: error instanceof Error ? `${error.name}: ${error.message}` : String(error) });
  });
};
