/** Seeds in memory: for tests, and for an insecure origin, where nothing could encrypt them at rest. */
import type { SeedStore } from "./keys.ts";

export function createMemorySeeds(): SeedStore {
  const seeds = new Map<string, Uint8Array>();
  return {
    durable: false,
    async put(kind, name, seed) {
      // A map keeps the place of a key that it has.
      seeds.delete(`${kind}/${name}`);
      seeds.set(`${kind}/${name}`, seed.slice());
    },
    async get(kind, name) {
      return seeds.get(`${kind}/${name}`)?.slice();
    },
    async names(kind) {
      return [...seeds.keys()].filter((key) => key.startsWith(`${kind}/`)).map((key) => key.slice(kind.length + 1));
    },
    async remove(kind, name) {
      seeds.delete(`${kind}/${name}`);
    },
    close() {},
    async clear() {
      seeds.clear();
    },
  };
}
