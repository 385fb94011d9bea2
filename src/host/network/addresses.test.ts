import { describe, expect, it } from "vitest";
import { isIceServer, readIceServer } from "./ice-server.ts";
import { readRelayAddress } from "./relay-address.ts";

const PEER = "12D3KooWGC6TvWhfapngX6wvJHMYvKpDMXPb3ZnCZ6dMoaMtimQ5";

describe("the address of a relay", () => {
  it("names the relay's peer", () => {
    expect(readRelayAddress(`/dns4/relay.example/tcp/443/tls/ws/p2p/${PEER}`).peer).toBe(PEER);
    expect(readRelayAddress(`/ip6/::1/tcp/8080/ws/p2p/${PEER}`).peer).toBe(PEER);
  });

  it.each(["relay.example", "/", "/relay.example", "/dns4/relay.example/tcp/443/wss", `/ip4/300.1.1.1/tcp/1/ws/p2p/${PEER}`])(
    "%s is none, and is said back",
    (address) =>
      expect(() => readRelayAddress(address)).toThrow(
        expect.objectContaining({ code: "address-invalid", data: expect.objectContaining({ message: address }) }),
      ),
  );
});

describe("a server for direct links", () => {
  // Each was tried with Chromium's RTCPeerConnection, as were those below.
  it.each([
    ["stun:stun.example.org", { urls: "stun:stun.example.org" }],
    ["stuns:stun.example.org:5349", { urls: "stuns:stun.example.org:5349" }],
    ["stun:[::1]:3478", { urls: "stun:[::1]:3478" }],
    ["turn:turn.example.org ann secret", { urls: "turn:turn.example.org", username: "ann", credential: "secret" }],
    ["turns:t.example:443?transport=tcp  ann  s:e/c", { urls: "turns:t.example:443?transport=tcp", username: "ann", credential: "s:e/c" }],
  ])("%s", (line, server) => expect(readIceServer(line)).toEqual(server));

  it.each([
    "turn:turn.example.org",
    "turn:turn.example.org ann",
    "turn:turn.example.org ann secret more",
    "turn:turn.example.org?transport=sctp ann secret",
    `turn:turn.example.org ${"u".repeat(600)} secret`,
    "stun:stun.example.org ann secret",
    "stun:stun.example.org?transport=udp",
    "stun:",
    "stun://stun.example.org",
    "stun:stun.example.org:0",
    "stun:stun.example.org:65536",
    "stun:stun.example.org/x",
    "https://stun.example.org",
    "",
  ])("not %s", (line) => expect(isIceServer(line)).toBe(false));

  it("keeps a password to itself when it refuses", () => {
    expect(() => readIceServer("turn:turn.example.org:0 ann secret")).toThrow(
      expect.objectContaining({ code: "address-invalid", data: { message: "turn:turn.example.org:0" } }),
    );
  });
});
