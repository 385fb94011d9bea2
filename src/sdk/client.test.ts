import { afterEach, describe, expect, it } from "vitest";
import { Refusal, type RejectCode, type Settings, type Status } from "./api.ts";
import { createClient, type Client } from "./client.ts";
import type { ClientMessage, PeerMessage } from "./messages.ts";
import { decodeRequest, requestIdOf } from "./schemas.ts";
import { createWindowBothy, installWindowBothy } from "./window-bothy.ts";

const channels: MessageChannel[] = [];
afterEach(() => {
  for (const channel of channels.splice(0)) channel.port1.close();
});

/** A client whose messages really cross a port, and are checked there as a peer does. */
function connect(answer: (message: ClientMessage, post: (message: PeerMessage) => void) => void): Client {
  const channel = new MessageChannel();
  channels.push(channel);
  const post = (message: PeerMessage): void => channel.port2.postMessage(message);
  channel.port2.addEventListener("message", (event) => {
    try {
      answer(decodeRequest(event.data), post);
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
      post({ kind: "refused", id: requestIdOf(event.data), code: error.code, data: error.data });
    }
  });
  channel.port2.start();
  return createClient(channel.port1);
}

const TO = "did:key:z6MkhaXgBZDvotDkL5257faiztiGiC2QtKLGpbnnEGta2doK";
const transfer = (amount: number) => ({ operation: "account.transfer", arguments: { to: TO, amount } }) as const;

describe("createClient", () => {
  it("[C10] brings each answer to its question, whatever the order", async () => {
    const held: (() => void)[] = [];
    const client = connect((message, post) => {
      held.push(() => post({ kind: "result", id: message.id, value: message }));
      if (held.length === 2) for (const release of held.toReversed()) release();
    });
    const answers = await Promise.all([client.query("block", { height: 1 }), client.query("block", { height: 2 })]);
    expect(answers).toMatchObject([{ parameters: { height: 1 } }, { parameters: { height: 2 } }]);
  });

  it("tells the road, then the result", async () => {
    const client = connect((message, post) => {
      const progress = { transaction: "aa", atMs: 1, height: null };
      post({ kind: "progress", id: message.id, progress: { ...progress, stage: "signed" } });
      post({ kind: "progress", id: message.id, progress: { ...progress, stage: "shared" } });
      post({ kind: "result", id: message.id, value: { transaction: "aa", height: 3, results: [null] } });
    });
    const stages: string[] = [];
    const result = await client.send([transfer(5)], { onProgress: ({ stage }) => stages.push(stage) });
    expect(stages).toEqual(["signed", "shared"]);
    expect(result).toEqual({ transaction: "aa", height: 3, results: [null] });
  });

  it("rejects with code and data", async () => {
    const client = connect((message, post) => post({ kind: "refused", id: message.id, code: "balance-too-low", data: { balance: 1 } }));
    const refusal: unknown = await client.send([transfer(5)]).catch((error: unknown) => error);
    expect(refusal).toBeInstanceOf(Refusal);
    expect(refusal).toMatchObject({ code: "balance-too-low", data: { balance: 1 } });
  });

  it("ends a subscription, once", async () => {
    const ended: number[] = [];
    const client = connect((message, post) => {
      if (message.kind === "subscribe") post({ kind: "update", id: message.id, value: { height: 1 } as Status });
      else if (message.kind === "unsubscribe") ended.push(message.id);
      else post({ kind: "result", id: message.id, value: null });
    });
    let stop = (): void => undefined;
    const first = await new Promise<Status>((resolve) => {
      stop = client.subscribe("status", resolve);
    });
    expect(first).toEqual({ height: 1 });
    stop();
    stop();
    await client.status(); // ports keep their order, so both would have arrived before this is answered
    expect(ended).toEqual([1]);
  });
});

describe("window.bothy", () => {
  function limited(windowLimit: number, refused: RejectCode | null = null): { client: Client; sent: ClientMessage[] } {
    const sent: ClientMessage[] = [];
    const client = connect((message, post) => {
      const reply = (value: unknown) => post({ kind: "result", id: message.id, value });
      if (message.kind === "query" && message.name === "settings") return reply({ windowLimit } as Settings);
      if (message.kind === "query" && message.name === "parameters") return reply({ bond: 500 });
      if (message.kind === "query" && message.name === "estimate") return reply({ fee: 1, gasUsed: 0 });
      sent.push(message);
      if (refused !== null) return post({ kind: "refused", id: message.id, code: refused, data: {} });
      return reply({ transaction: "aa", height: 1, results: [null] });
    });
    return { client, sent };
  }

  it("spends within the limit, fees and pairs included, and no further", async () => {
    const { client, sent } = limited(100);
    const bothy = createWindowBothy(client);
    await bothy.send([["account.transfer", { to: TO, amount: 60 }]]);
    await expect(bothy.send([transfer(39)])).rejects.toMatchObject({ code: "limit-exceeded", data: { limit: 100, spent: 61, cost: 40 } });
    await bothy.send([transfer(38)]);
    expect(sent).toHaveLength(2);
    expect(sent[0]).toMatchObject({ calls: [transfer(60)], options: { feeMax: 1 } });
  });

  it("does not let two sends at once share what is left", async () => {
    const { client, sent } = limited(100);
    const bothy = createWindowBothy(client);
    const outcomes = await Promise.allSettled([bothy.send([transfer(80)]), bothy.send([transfer(80)])]);
    expect(outcomes.map(({ status }) => status)).toEqual(["fulfilled", "rejected"]);
    expect(sent).toHaveLength(1);
  });

  it.each(["expired", "nonce-used", "replaced", "balance-too-low"] as const)(
    "gives back the amount of what moved nothing: %s",
    async (code) => {
      const { client, sent } = limited(100, code);
      const bothy = createWindowBothy(client);
      for (let count = 0; count < 3; count++) await expect(bothy.send([transfer(90)])).rejects.toMatchObject({ code });
      expect(sent).toHaveLength(3);
    },
  );

  it("gives nothing back where the peer stopped before it knew", async () => {
    const { client, sent } = limited(100, "stopped");
    const bothy = createWindowBothy(client);
    await expect(bothy.send([transfer(90)])).rejects.toMatchObject({ code: "stopped" });
    await expect(bothy.send([transfer(90)])).rejects.toMatchObject({ code: "limit-exceeded", data: { limit: 100, spent: 91, cost: 91 } });
    expect(sent).toHaveLength(1);
  });

  it("counts a bond, and refuses an amount that is no number", async () => {
    const bothy = createWindowBothy(limited(100).client);
    await expect(bothy.send([["seat.take", {}]])).rejects.toMatchObject({ code: "limit-exceeded" });
    const nan = [["account.transfer", { to: TO, amount: Number.NaN }]] as const;
    await expect(bothy.send(nan)).rejects.toMatchObject({ code: "schema-invalid" });
    await expect(bothy.send(nan, { feeMax: 1 })).rejects.toMatchObject({ code: "schema-invalid" });
  });

  it("cannot hand the account itself to others", async () => {
    const bothy = createWindowBothy(limited(100).client);
    for (const operation of ["account.setPolicy", "account.authorize", "account.deauthorize"])
      await expect(bothy.send([[operation, {}]])).rejects.toMatchObject({ code: "not-authorized", data: { operation } });
  });

  it("gives each thing that it cannot use its code, whatever a script hands over", async () => {
    const bothy = createWindowBothy(limited(100).client);
    const loose = bothy as unknown as {
      send: (calls: unknown, options?: unknown) => Promise<unknown>;
      query: (name: string) => Promise<unknown>;
    };
    for (const options of [undefined, { feeMax: 1 }]) {
      for (const [code, calls] of [
        ["schema-invalid", null],
        ["schema-invalid", "transfer"],
        ["schema-invalid", [null]],
        ["schema-invalid", [["account.transfer", null]]],
        ["schema-invalid", [["account.transfer"]]],
        ["schema-invalid", [() => undefined]],
        ["unknown-operation", [["account.mint", { amount: 5 }]]],
        ["too-large", Array.from({ length: 17 }, () => transfer(1))],
      ] as const)
        await expect(loose.send(calls, options)).rejects.toMatchObject({ code });
    }
    await expect(loose.send([transfer(1)], { feeMax: "1" })).rejects.toMatchObject({ code: "schema-invalid" });
    await expect(loose.query("secrets")).rejects.toMatchObject({ code: "unknown-request", data: { kind: "query", name: "secrets" } });
    expect(() => bothy.subscribe("votes" as "block", () => undefined)).toThrow(expect.objectContaining({ code: "unknown-request" }));
  });

  it("makes no room by amounts below zero, and pays what it counted though a getter says otherwise later", async () => {
    const { client, sent } = limited(100);
    const bothy = createWindowBothy(client);
    const outcomes = await Promise.allSettled([bothy.send([transfer(-1000)], { feeMax: 1 }), bothy.send([transfer(500)], { feeMax: 1 })]);
    expect(outcomes.map((outcome) => (outcome as PromiseRejectedResult).reason.code)).toEqual(["schema-invalid", "limit-exceeded"]);
    let reads = 0;
    const shifty = {
      to: TO,
      get amount() {
        return ++reads === 1 ? 5 : 5000;
      },
    };
    await bothy.send([["account.transfer", shifty]], { feeMax: 1 });
    expect(sent).toMatchObject([{ calls: [transfer(5)] }]);
  });

  it("has no commands and cannot be replaced by assignment", () => {
    const target: { bothy?: object } = {};
    installWindowBothy(limited(0).client, target);
    expect(Object.keys(target.bothy!).toSorted()).toEqual(["query", "send", "status", "subscribe"]);
    expect(() => {
      target.bothy = {};
    }).toThrow(TypeError);
    expect(() => Object.defineProperty(target, "bothy", { value: {} })).toThrow(TypeError);
  });
});
