import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { mendWebRtcRace } from "./vite-webrtc-race.ts";

const installed = readFileSync("node_modules/@libp2p/webrtc/dist/src/private-to-private/initiate-connection.js", "utf8");

describe("the mended race of @libp2p/webrtc", () => {
  it("applies to the installed version", () => {
    const mended = mendWebRtcRace(installed);
    expect(mended).toContain("if (channel.readyState === 'connecting') {");
    expect(mended).toContain("await pEvent(channel, ['open', 'close'], { signal });");
    expect(mended).toContain("if (channel.readyState !== 'closed') { await pEvent(channel, 'close', { signal }); }");
  });

  it("fails the build when the package has changed", () => {
    expect(() => mendWebRtcRace(installed.replaceAll("pEvent(channel, 'open'", "untilOpen(channel"))).toThrow(/vite-webrtc-race/);
    expect(() => mendWebRtcRace(mendWebRtcRace(installed))).toThrow(/vite-webrtc-race/);
  });
});
