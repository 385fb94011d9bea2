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

  it("stands still: equal links give equal places, all within the picture, oneself in the middle", () => {
    const { places, height } = layOut(graphOf(NETWORK), 400, 300);
    expect({ places, height }).toEqual(layOut(graphOf(NETWORK), 400, 300));
    expect(height).toBeLessThanOrEqual(300);
    for (const { x, y } of places.values()) {
      expect(x).toBeGreaterThanOrEqual(36);
      expect(x).toBeLessThanOrEqual(364);
      expect(y).toBeGreaterThanOrEqual(35);
      expect(y).toBeLessThanOrEqual(height - 35);
    }
    expect(places.get("me")!.x).toBe(200);
  });

  it("of few is small: nobody in a corner, and no higher than it has to be", () => {
    const { places, height } = layOut(graphOf({ ...NETWORK, links: [link("a", true, ["me"])] }), 640, 400);
    const me = places.get("me")!;
    expect([...places.keys()]).toEqual(["a", "me", RELAY]);
    for (const { x, y } of places.values()) expect(Math.hypot(x - me.x, y - me.y)).toBeLessThan(250);
    expect(height).toBeLessThan(300);
    const alone = layOut(graphOf({ ...NETWORK, links: [], relays: [] }), 640, 400);
    expect(alone).toEqual({ height: 160, places: new Map([["me", { x: 320, y: 80 }]]) });
  });
});
