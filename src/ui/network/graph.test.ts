import { describe, expect, it } from "vitest";
import type { NetworkInfo } from "../../sdk/api.ts";
import { graphOf, layOut, RELAY } from "./graph.ts";

const link = (peer: string, direct: boolean, neighbours: readonly string[]): NetworkInfo["links"][number] => ({
  peer,
  direct,
  via: direct ? null : "r",
  roundTripMs: null,
  neighbours,
});

const NETWORK: NetworkInfo = {
  self: "me",
  relays: [{ address: "/dns4/localhost", state: "linked" }],
  links: [link("a", true, ["me", "b"]), link("b", true, ["a", "c"]), link("d", false, [])],
  known: 4,
  bytesIn: 0,
  bytesOut: 0,
  directSpent: false,
};

describe("the graph of a network", () => {
  it("has every peer once, own links, links of neighbours, and the relay", () => {
    const { nodes, links } = graphOf(NETWORK);
    expect(nodes.map(({ id }) => id)).toEqual(["a", "b", "c", "d", "me", RELAY]);
    expect(links.map(({ from, to, kind, mine }) => `${from}-${to} ${kind}${mine ? " mine" : ""}`)).toEqual([
      "me-a direct mine",
      "me-b direct mine",
      "relay-d relayed mine",
      "a-b direct",
      "b-c direct",
      "me-relay relayed mine",
    ]);
  });

  it("stands still: equal links give equal places, all within the picture", () => {
    const places = layOut(graphOf(NETWORK), 400, 300);
    expect(places).toEqual(layOut(graphOf(NETWORK), 400, 300));
    for (const { x, y } of places.values()) {
      expect(x).toBeGreaterThanOrEqual(36);
      expect(x).toBeLessThanOrEqual(364);
      expect(y).toBeGreaterThanOrEqual(36);
      expect(y).toBeLessThanOrEqual(264);
    }
  });
});
