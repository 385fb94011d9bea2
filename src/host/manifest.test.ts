import { describe, expect, it } from "vitest";
import { bytesToHex } from "../kit/bytes.ts";
import { DEFAULT_PARAMETERS, encodeGenesis } from "../protocol/genesis.ts";
import { asAccountId, asVotingKey } from "../protocol/identifiers.ts";
import { Refusal } from "../protocol/refusal.ts";
import { readManifest } from "./manifest.ts";

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
