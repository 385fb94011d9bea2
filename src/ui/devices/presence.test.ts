import { expect, it } from "vitest";
import type { DeviceInfo } from "../../sdk/api.ts";
import { presenceOf } from "./DeviceTile.tsx";

const HEARD: Pick<DeviceInfo, "status" | "lastSeenMs" | "leaseMs"> = { status: "active", lastSeenMs: 1000, leaseMs: 500 };

it.each([
  ["live within its lease", HEARD, false, 1500, "live"],
  ["offline after it", HEARD, false, 1501, "offline"],
  ["offline where it said so", { ...HEARD, status: "offline" }, false, 1000, "offline"],
  ["being mended where its owner says so, however long", { ...HEARD, status: "maintenance" }, false, 9999, "mending"],
  ["live where this tab runs it", { ...HEARD, status: "offline" }, true, 9999, "live"],
] as const)("a device is %s", (_, device, here, nowMs, expected) => {
  expect(presenceOf(device, here, nowMs)).toBe(expected);
});
