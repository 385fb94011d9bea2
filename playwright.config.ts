import { defineConfig, devices } from "@playwright/test";
import { CHROMIUM_ARGUMENTS } from "./tools/chromium-arguments.ts";

const launchOptions = {
  ...(process.env["CHROMIUM_PATH"] === undefined ? {} : { executablePath: process.env["CHROMIUM_PATH"] }),
  args: CHROMIUM_ARGUMENTS,
};

const TIMED = "relay-death.spec.ts";

export default defineConfig({
  testDir: "e2e",
  globalSetup: "./tools/app-is-built.mjs",
  // Every test runs several peers and a relay of its own; two cores carry one test at a time.
  // A test of several tabs waits half of its time for clocks and links; a second one uses that half of two cores.
  workers: 2,
  fullyParallel: false,
  retries: 0,
  forbidOnly: true,
  timeout: 180_000,
  expect: { timeout: 20_000 },
  reporter: [["line"], ["json", { outputFile: process.env["PLAYWRIGHT_JSON_OUTPUT_FILE"] ?? "test-results/results.json" }]],
  use: {
    ...devices["Desktop Chrome"],
    viewport: { width: 1280, height: 800 },
    launchOptions,
    // Pictures of every tab all the time would cost more than the peers in them, and copies of every page at each step come on top.
    trace: { mode: "retain-on-failure", screenshots: false, snapshots: false, sources: false },
    locale: "en-GB",
    // A new tab downloads all of the app for starts without a network, which is worth seconds of both cores. Tests of tabs that come back allow it.
    serviceWorkers: "block",
  },
  // What says how long a thing may take at most is measured with nothing beside it: `npm test` runs the second project after the first.
  projects: [
    { name: "tabs", testIgnore: TIMED, outputDir: "test-results/tabs" },
    { name: "timed", testMatch: TIMED, outputDir: "test-results/timed" },
  ],
});
