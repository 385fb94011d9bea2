import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { Refusal } from "./api.ts";
import { COMMAND_SCHEMAS, OPERATION_SCHEMAS, QUERY_SCHEMAS, TOPICS, decodeRequest, requestIdOf } from "./schemas.ts";

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

function codeOf(message: unknown): string {
  try {
    decodeRequest(message);
    return "accepted";
  } catch (error) {
    return error instanceof Refusal ? error.code : String(error);
  }
}

describe("docs/sdk.md", () => {
  it("[C10] names every operation with its arguments", () => expect(documented("Operations")).toEqual(argumentsOf(OPERATION_SCHEMAS)));
  it("names every query with its arguments", () => expect(documented("Queries")).toEqual(argumentsOf(QUERY_SCHEMAS)));
  it("names every command with its arguments", () => expect(documented("Commands")).toEqual(argumentsOf(COMMAND_SCHEMAS)));
  it("names every topic", () => expect(Object.keys(documented("Topics"))).toEqual(TOPICS));
});

describe("decodeRequest", () => {
  const transfer = { operation: "account.transfer", arguments: { to: ACCOUNT, amount: 5 } };

  it("takes well-formed messages of every kind", () => {
    expect(decodeRequest({ kind: "send", id: 1, calls: [transfer], options: {} })).toMatchObject({ calls: [transfer] });
    expect(decodeRequest({ kind: "query", id: 2, name: "block", parameters: { height: 7 } })).toMatchObject({ parameters: { height: 7 } });
    expect(codeOf({ kind: "command", id: 3, name: "reset", parameters: { keys: true } })).toBe("accepted");
    expect(codeOf({ kind: "subscribe", id: 4, topic: "block" })).toBe("accepted");
    expect(codeOf({ kind: "unsubscribe", id: 4 })).toBe("accepted");
  });

  it.each([
    ["no object", "hello"],
    ["unknown kind", { kind: "eval", id: 1 }],
    ["id that is no number", { kind: "subscribe", id: "1", topic: "block" }],
    ["unknown topic", { kind: "subscribe", id: 1, topic: "votes" }],
    ["unknown query", { kind: "query", id: 1, name: "keys", parameters: {} }],
    ["inherited name as a query", { kind: "query", id: 1, name: "toString", parameters: {} }],
    ["query with a surplus parameter", { kind: "query", id: 1, name: "status", parameters: { secret: 1 } }],
    ["query without its parameter", { kind: "query", id: 1, name: "device", parameters: {} }],
    ["digest in capitals", { kind: "query", id: 1, name: "device", parameters: { device: DIGEST.toUpperCase() } }],
    ["page that is too long", { kind: "query", id: 1, name: "accounts", parameters: { limit: 100_000 } }],
    ["no calls", { kind: "send", id: 1, calls: [], options: {} }],
    ["too many calls", { kind: "send", id: 1, calls: Array.from({ length: 17 }, () => transfer), options: {} }],
    ["unknown operation", { kind: "send", id: 1, calls: [{ operation: "token.mint", arguments: {} }], options: {} }],
    ["negative amount", { kind: "send", id: 1, calls: [{ ...transfer, arguments: { to: ACCOUNT, amount: -1 } }], options: {} }],
    ["amount above 2^53", { kind: "send", id: 1, calls: [{ ...transfer, arguments: { to: ACCOUNT, amount: 2 ** 53 } }], options: {} }],
    ["fractional amount", { kind: "send", id: 1, calls: [{ ...transfer, arguments: { to: ACCOUNT, amount: 0.5 } }], options: {} }],
    [
      "account of another method",
      { kind: "send", id: 1, calls: [{ ...transfer, arguments: { to: "did:web:x", amount: 1 } }], options: {} },
    ],
    ["value outside the data model", { kind: "query", id: 1, name: "view", parameters: { contract: DIGEST, method: "m", arguments: 1n } }],
    ["relay that is no multiaddr", { kind: "command", id: 1, name: "setSettings", parameters: { relays: ["http://x"] } }],
  ])("refuses: %s", (_, message) => expect(codeOf(message)).toBe("schema-invalid"));

  it("says where the fault is", () => {
    const message = { kind: "query", id: 1, name: "device", parameters: { device: "x" } };
    expect(() => decodeRequest(message)).toThrow(expect.objectContaining({ data: expect.objectContaining({ field: "device" }) }));
  });

  it("finds the id of a message that is wrong elsewhere", () => {
    expect(requestIdOf({ kind: "eval", id: 9 })).toBe(9);
    expect(requestIdOf("hello")).toBe(-1);
  });
});
