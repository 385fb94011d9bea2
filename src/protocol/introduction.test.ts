import { describe, expect, it } from "vitest";
import { encode } from "./codec.ts";
import { decodeIntroduction, encodeIntroduction } from "./introduction.ts";
import { LIMITS } from "./limits.ts";

const PEER = "12D3KooWHNz4HkVbqJ9YePXyGr1GAGpBFWifsTQMwTjyqAi7L3nM";
const chain = "ab".repeat(32);

describe("introductions", () => {
  it("are read as they were written, and never longer than their limit", () => {
    const introduction = { chain, peers: [PEER], hears: [PEER], left: [PEER] };
    expect(decodeIntroduction(encodeIntroduction(introduction))).toEqual(introduction);
    const all = Array<string>(500).fill(PEER);
    const many = encodeIntroduction({ chain, peers: all, hears: all, left: all });
    expect(many.length).toBeLessThanOrEqual(LIMITS.introductionBytesMax);
    expect(decodeIntroduction(many).peers).toHaveLength(LIMITS.introducedPeersMax);
  });

  it.each([
    ["a chain that is none", { chain: "xyz", peers: [], hears: [], left: [] }],
    ["a chain in capitals", { chain: "AB".repeat(32), peers: [], hears: [], left: [] }],
    ["a peer that is none", { chain, peers: ["12D3KooWshort"], hears: [], left: [] }],
    ["a peer that would be an address", { chain, peers: [`${PEER.slice(0, -4)}/dns`], hears: [], left: [] }],
    ["too many peers", { chain, peers: Array<string>(LIMITS.introducedPeersMax + 1).fill(PEER), hears: [], left: [] }],
    ["a further key", { chain, peers: [], hears: [], left: [], more: 1 }],
  ])("with %s are refused", (_, value) => {
    expect(() => decodeIntroduction(encode(value))).toThrow(expect.objectContaining({ code: "schema-invalid" }));
  });
});
