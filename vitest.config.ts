import { availableParallelism } from "node:os";
import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    name: "node",
    environment: "node",
    include: ["{src,sim,relay,tools,bench}/**/*.test.ts"],
    globalSetup: ["tools/relay-is-built.mjs"],
    setupFiles: ["tools/vitest-setup.ts"],
    // Seeds, engines and hashes share two cores with each other; a unit test that hangs is still found.
    testTimeout: 60_000,
    hookTimeout: 60_000,
    // One of two cores would be left to itself by default, which saves it for a person at work beside the tests.
    maxWorkers: availableParallelism(),
    retry: 0,
    passWithNoTests: false,
  },
});
