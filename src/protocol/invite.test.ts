import { base64url } from "multiformats/bases/base64";
import { describe, expect, it } from "vitest";
import { concatBytes } from "../kit/bytes.ts";
import { encode, type Value } from "./codec.ts";
import { DEFAULT_PARAMETERS, encodeGenesis } from "./genesis.ts";
import { asAccountId, asHash, asVotingKey, digest } from "./identifiers.ts";
import { decodeInvite, encodeInvite, type Invite } from "./invite.ts";
import { LIMITS } from "./limits.ts";
import { Refusal } from "./refusal.ts";

const founder = asAccountId(new Uint8Array(32).fill(1));
const genesis = encodeGenesis({
  version: 1,
  kind: "private",
  name: "Home",
  token: null,
  createdMs: 1,
  founder,
  foundingSeat: asVotingKey(new Uint8Array(32).fill(2)),
  parameters: { ...DEFAULT_PARAMETERS, grant: 0, bond: 0, feePerKilobyte: 0, feePerMillionGas: 0 },
  salt: new Uint8Array(16),
  owner: founder,
  members: [],
});
const INVITE: Invite = {
  genesis,
  checkpoint: { height: 7, id: asHash(new Uint8Array(32).fill(3)) },
  relays: ["/dns4/relay.example/tcp/443/wss"],
};

function codeOf(text: string): string {
  try {
    decodeInvite(text);
    return "taken";
  } catch (error) {
    return error instanceof Refusal ? error.code : "thrown";
  }
}

/** With its check, so that what it holds is looked at. */
function textOf(value: Value): string {
  const body = encode(value);
  return base64url.encode(concatBytes(body, digest(body).subarray(0, 4)));
}

describe("an invite", () => {
  it("comes back as it was, with and without a block", () => {
    expect(decodeInvite(encodeInvite(INVITE))).toEqual(INVITE);
    expect(decodeInvite(encodeInvite({ ...INVITE, checkpoint: null, relays: [] }))).toEqual({ ...INVITE, checkpoint: null, relays: [] });
  });

  it("needs no character that an address would have to escape, and fits a QR code", () => {
    const text = encodeInvite(INVITE);
    expect(text).toMatch(/^[\w-]+$/);
    // Version 40 with the lowest correction takes 2953 bytes; phones read half of that well.
    expect(text.length).toBeLessThan(1000);
  });

  it("says no more relays than are read", () => {
    const relays = Array.from({ length: 20 }, (_, index) => `/dns4/${index}.example/tcp/1/ws`);
    expect(decodeInvite(encodeInvite({ ...INVITE, relays })).relays).toEqual(relays.slice(0, 8));
  });

  it.each<readonly [string, string]>([
    ["nothing", ""],
    ["another text", "hello"],
    ["one that was cut", encodeInvite(INVITE).slice(0, -5)],
    ["one with a changed letter", encodeInvite(INVITE).replace(/.$/, (last) => (last === "A" ? "B" : "A"))],
    ["one without a genesis", textOf([1, new Uint8Array(3), null, []])],
    ["one with a block that has no height", textOf([1, genesis, [0, new Uint8Array(32)], []])],
    ["one with relays that are no texts", textOf([1, genesis, null, [1]])],
    ["one that is too long", "u".repeat(2 * LIMITS.inviteBytesMax + 1)],
  ])("is refused as %s", (_, text) => expect(codeOf(text)).toBe("invite-invalid"));

  it("of a later version says so", () => expect(codeOf(textOf([2, genesis, null, []]))).toBe("unknown-version"));
});
