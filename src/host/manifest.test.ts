import { afterEach, describe, expect, it, vi } from "vitest";
import { bytesToHex } from "../kit/bytes.ts";
import { DEFAULT_PARAMETERS, decodeGenesis, encodeGenesis } from "../protocol/genesis.ts";
import { asAccountId, asVotingKey } from "../protocol/identifiers.ts";
import { Refusal } from "../protocol/refusal.ts";
import { awaitManifest, readManifest } from "./manifest.ts";

const genesis = encodeGenesis({
  version: 1,
  kind: "public",
  name: "Test",
  token: "coal",
  createdMs: 1,
  founder: asAccountId(new Uint8Array(32)),
  foundingSeat: asVotingKey(new Uint8Array(32).fill(1)),
  parameters: DEFAULT_PARAMETERS,
  salt: new Uint8Array(16),
});

function codeOf(value: unknown): string {
  try {
    readManifest(value);
  } catch (error) {
    if (error instanceof Refusal) return error.code;
    throw error;
  }
  return "taken";
}

describe("a relay's manifest", () => {
  it("is read as it was meant", () => {
    const relays = ["/ip4/127.0.0.1/tcp/8080/ws"];
    const room = { app: "https://192.168.1.5:8080/", guide: "http://192.168.1.5:8081/certificate" };
    const value = { genesis: bytesToHex(genesis), relays, parameters: { ...DEFAULT_PARAMETERS, claimBits: 3 }, mayFound: true, room };
    expect(readManifest(value)).toEqual({ ...value, genesis });
    expect(readManifest({ genesis: null })).toEqual({
      genesis: null,
      relays: [],
      parameters: DEFAULT_PARAMETERS,
      mayFound: false,
      room: null,
    });
  });

  it.each([
    ["no object", 5],
    ["a list", []],
    ["no genesis", {}],
    ["a genesis that is no text", { genesis: 5 }],
    ["a genesis that is no hexadecimal", { genesis: "xyz" }],
  ])("with %s is schema-invalid", (_, value) => expect(codeOf(value)).toBe("schema-invalid"));

  it("with a genesis that is none is refused as any peer's would be", () => {
    expect(codeOf({ genesis: bytesToHex(genesis.slice(1)) })).toBe("encoding-invalid");
    expect(codeOf({ genesis: "80" })).toBe("schema-invalid");
  });

  it("cannot make a founder take parameters out of bounds, or a page dial without end", () => {
    const parameters = { grant: -1, baseTimeoutMs: 0, heartbeatMs: "soon", recoveryMs: 1.5, unknown: 1 };
    expect(readManifest({ genesis: null, parameters }).parameters).toEqual(DEFAULT_PARAMETERS);
    const relays = [...Array.from({ length: 100 }, (_, index) => `/dns4/r${index}/tcp/1/ws`), 5, "x".repeat(1000)];
    expect(readManifest({ genesis: null, relays: relays.reverse() }).relays).toHaveLength(16);
    expect(readManifest({ genesis: null, mayFound: "yes" }).mayFound).toBe(false);
  });

  it.each([
    ["nothing", 5],
    ["one address alone", { app: "https://a/" }],
    ["a script", { app: "https://a/", guide: "javascript:alert(1)" }],
    ["no address", { app: "here", guide: "http://a/" }],
    ["an endless one", { app: "https://a/", guide: `http://a/${"x".repeat(600)}` }],
  ])("that names %s as its room's has none", (_, room) => {
    expect(readManifest({ genesis: null, room }).room).toBeNull();
  });
});

describe("a relay that was out of reach", () => {
  afterEach(() => void vi.unstubAllGlobals());

  it("is asked until it hands out this BoT's manifest, at a pace that a static host can bear", async () => {
    const other = encodeGenesis({ ...decodeGenesis(genesis), name: "Another" });
    const answers = [
      () => Promise.reject(new TypeError("fetch failed")),
      async () => new Response("not found", { status: 404 }),
      async () => Response.json({ genesis: null, mayFound: true }),
      async () => Response.json({ genesis: bytesToHex(other), relays: ["/dns4/other/tcp/1/ws"] }),
      async () => Response.json({ genesis: "broken" }),
      async () => new Response("<html>"),
      async () => Response.json({ genesis: bytesToHex(genesis), relays: ["/dns4/ours/tcp/1/ws"] }),
    ];
    vi.stubGlobal("fetch", () => answers.shift()!());
    const pauses: number[] = [];
    const manifest = await awaitManifest("http://localhost/", genesis, async (ms) => void pauses.push(ms));
    expect(manifest.relays).toEqual(["/dns4/ours/tcp/1/ws"]);
    expect(pauses).toEqual([2_000, 4_000, 8_000, 8_000, 8_000, 8_000, 8_000]);
  });
});
