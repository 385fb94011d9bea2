import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { LIMITS, Refusal, TOPICS } from "./api.ts";
import { COMMAND_SCHEMAS, OPERATION_SCHEMAS, QUERY_SCHEMAS, decodeRequest, requestIdOf } from "./schemas.ts";

const DIGEST = "ab".repeat(32);
const ACCOUNT = "did:key:z6MkhaXgBZDvotDkL5257faiztiGiC2QtKLGpbnnEGta2doK";

/** Rows of the table under a heading of docs/sdk.md: first cell's name, second cell's arguments. */
function documented(heading: string): Record<string, string[]> {
  const text = readFileSync(new URL("../../docs/sdk.md", import.meta.url), "utf8");
  const section = text.split(`\n## ${heading}\n`)[1]!.split("\n## ")[0]!;
  const rows = [...section.matchAll(/^\|\s*`([^`]+)`\s*\|([^|]*)\|/gm)];
  return Object.fromEntries(rows.map(([, name, cell]) => [name!, [...cell!.matchAll(/`([^`]+)`/g)].map((match) => match[1]!)]));
}

function argumentsOf(schemas: Readonly<Record<string, { entries: Readonly<Record<string, { type: string }>> }>>): Record<string, string[]> {
  return Object.fromEntries(
    Object.entries(schemas).map(([name, { entries }]) => [
      name,
      Object.entries(entries).map(([key, entry]) => (entry.type === "exact_optional" ? `${key}?` : key)),
    ]),
  );
}

function refusalOf(message: unknown): unknown {
  try {
    decodeRequest(message);
    return "accepted";
  } catch (error) {
    return error instanceof Refusal ? { code: error.code, data: error.data } : error;
  }
}

function codeOf(message: unknown): unknown {
  const refusal = refusalOf(message);
  return refusal instanceof Object && "code" in refusal ? refusal.code : refusal;
}

describe("docs/sdk.md", () => {
  it("[C10] names every operation with its arguments, and the one that peers send by themselves", () => {
    const { "seat.evidence": evidence, ...offered } = documented("Operations");
    expect(offered).toEqual(argumentsOf(OPERATION_SCHEMAS));
    expect(evidence).toEqual(["first", "second"]);
  });
  it("names every query with its arguments", () => expect(documented("Queries")).toEqual(argumentsOf(QUERY_SCHEMAS)));
  it("names every command with its arguments", () => expect(documented("Commands")).toEqual(argumentsOf(COMMAND_SCHEMAS)));
  it("names every topic", () => expect(Object.keys(documented("Topics"))).toEqual(TOPICS));
});

describe("decodeRequest", () => {
  const transfer = { operation: "account.transfer", arguments: { to: ACCOUNT, amount: 5 } };

  it("takes well-formed messages of every kind", () => {
    expect(decodeRequest({ kind: "send", id: 1, calls: [transfer], options: {} })).toMatchObject({ calls: [transfer] });
    expect(decodeRequest({ kind: "query", id: 2, name: "block", parameters: { height: 7 } })).toMatchObject({ parameters: { height: 7 } });
    const fromTheFirst = { kind: "query", id: 2, name: "readings", parameters: { stream: DIGEST, after: -1 } };
    expect(codeOf(fromTheFirst)).toBe("accepted");
    expect(codeOf({ kind: "command", id: 3, name: "reset", parameters: { keys: true } })).toBe("accepted");
    expect(codeOf({ kind: "subscribe", id: 4, topic: "block" })).toBe("accepted");
    expect(codeOf({ kind: "unsubscribe", id: 4 })).toBe("accepted");
  });

  it.each([
    ["no object", "hello"],
    ["id that is no number", { kind: "subscribe", id: "1", topic: "block" }],
    ["no kind", { id: 1 }],
    ["kind that is no text", { kind: 7, id: 1 }],
    ["query without a name", { kind: "query", id: 1, parameters: {} }],
    ["query with a surplus parameter", { kind: "query", id: 1, name: "status", parameters: { secret: 1 } }],
    ["query without its parameter", { kind: "query", id: 1, name: "device", parameters: {} }],
    ["digest in capitals", { kind: "query", id: 1, name: "device", parameters: { device: DIGEST.toUpperCase() } }],
    ["page that is too long", { kind: "query", id: 1, name: "accounts", parameters: { limit: 100_000 } }],
    ["no calls", { kind: "send", id: 1, calls: [], options: {} }],
    ["call without an operation", { kind: "send", id: 1, calls: [{ arguments: {} }], options: {} }],
    ["operation that is no text", { kind: "send", id: 1, calls: [{ operation: ["account.transfer"], arguments: {} }], options: {} }],
    ["negative amount", { kind: "send", id: 1, calls: [{ ...transfer, arguments: { to: ACCOUNT, amount: -1 } }], options: {} }],
    ["amount above 2^53", { kind: "send", id: 1, calls: [{ ...transfer, arguments: { to: ACCOUNT, amount: 2 ** 53 } }], options: {} }],
    ["fractional amount", { kind: "send", id: 1, calls: [{ ...transfer, arguments: { to: ACCOUNT, amount: 0.5 } }], options: {} }],
    [
      "account of another method",
      { kind: "send", id: 1, calls: [{ ...transfer, arguments: { to: "did:web:x", amount: 1 } }], options: {} },
    ],
    ["value outside the data model", { kind: "query", id: 1, name: "view", parameters: { contract: DIGEST, method: "m", arguments: 1n } }],
  ])("refuses: %s", (_, message) => expect(codeOf(message)).toBe("schema-invalid"));

  it.each([
    ["kind", { kind: "eval", id: 1 }, { kind: "message", name: "eval" }],
    ["topic", { kind: "subscribe", id: 1, topic: "votes" }, { kind: "subscribe", name: "votes" }],
    ["query", { kind: "query", id: 1, name: "keys", parameters: {} }, { kind: "query", name: "keys" }],
    ["inherited name as a query", { kind: "query", id: 1, name: "toString", parameters: {} }, { kind: "query", name: "toString" }],
    ["command", { kind: "command", id: 1, name: "x".repeat(1000), parameters: {} }, { kind: "command", name: "x".repeat(64) }],
  ])("does not know: %s", (_, message, data) => expect(refusalOf(message)).toEqual({ code: "unknown-request", data }));

  it.each([
    ["of a send", { kind: "send", id: 1, calls: [transfer, { operation: "token.mint", arguments: {} }], options: {} }],
    ["of an estimate", { kind: "query", id: 1, name: "estimate", parameters: { calls: [transfer, { operation: "token.mint" }] } }],
  ])("does not know the operation %s", (_, message) =>
    expect(refusalOf(message)).toEqual({ code: "unknown-operation", data: { operation: "token.mint", field: "calls.1.operation" } }),
  );

  it.each([
    [
      "calls",
      { kind: "send", id: 1, calls: Array.from({ length: 17 }, () => transfer), options: {} },
      { field: "calls", length: 17, lengthMax: LIMITS.callsMax },
    ],
    [
      "a search",
      { kind: "query", id: 1, name: "search", parameters: { text: "x".repeat(257) } },
      { field: "text", length: 257, lengthMax: 256 },
    ],
    [
      "a name, in bytes",
      { kind: "send", id: 1, calls: [{ operation: "account.setProfile", arguments: { name: "\u00e4".repeat(33) } }], options: {} },
      { field: "calls.0.arguments.name", bytesMax: LIMITS.nameBytesMax },
    ],
    [
      "a description",
      {
        kind: "send",
        id: 1,
        calls: [{ operation: "device.register", arguments: { description: "x".repeat(200_000), leaseMs: 1 } }],
        options: {},
      },
      { field: "calls.0.arguments.description", bytesMax: LIMITS.descriptionBytesMax },
    ],
    [
      "a source",
      { kind: "query", id: 1, name: "inspect", parameters: { source: "x".repeat(200_000) } },
      { field: "source", bytesMax: LIMITS.contractSourceBytesMax },
    ],
    [
      "a pack",
      {
        kind: "send",
        id: 1,
        calls: [{ operation: "stream.append", arguments: { stream: DIGEST, sequence: 0, pack: Array.from({ length: 257 }, () => null) } }],
        options: {},
      },
      { field: "calls.0.arguments.pack", length: 257, lengthMax: LIMITS.packRecordsMax },
    ],
  ])("takes no more than fits: %s", (_, message, data) => expect(refusalOf(message)).toEqual({ code: "too-large", data }));

  it("says where the fault is", () => {
    const message = { kind: "query", id: 1, name: "device", parameters: { device: "x" } };
    expect(() => decodeRequest(message)).toThrow(expect.objectContaining({ data: expect.objectContaining({ field: "device" }) }));
  });

  it("finds the id of a message that is wrong elsewhere", () => {
    expect(requestIdOf({ kind: "eval", id: 9 })).toBe(9);
    expect(requestIdOf("hello")).toBe(-1);
  });
});
