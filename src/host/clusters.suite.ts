/** Clusters of the tests in one file. */
import { afterEach } from "vitest";
import type { MemoryCluster } from "./memory-cluster.ts";

/** What a test adds to this list is closed when the test ends. */
export function clustersOfTests(): MemoryCluster[] {
  const clusters: MemoryCluster[] = [];
  afterEach(() => {
    for (const cluster of clusters.splice(0)) cluster.closeAll();
  });
  return clusters;
}
