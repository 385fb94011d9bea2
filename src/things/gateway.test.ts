import { describe, expect, it } from "vitest";
import { createVirtualClock } from "../kit/clock.ts";
import type { RejectCode } from "../protocol/codes.ts";
import { Refusal } from "../protocol/refusal.ts";
import type { OperationCall, SendResult, TransactionInfo } from "../sdk/api.ts";
import type { DriverChoice } from "./drivers/create-driver.ts";
import { createGateway, type GatewayStore } from "./gateway.ts";
import { createReadingsSender, DEFAULT_BATCH_LIMITS, type BatchLimits, type GatewayClient } from "./readings-sender.ts";
import { readPack, resolvePack, type PlainReading, type Reading } from "./senml.ts";

/** A peer and its ledger, as far as a gateway sees them: devices, streams that count their packs, refusals on demand. */
function createLedger() {
  const readings: Reading[] = [];
  const packs: number[] = [];
  const statuses: string[] = [];
  const operations: string[] = [];
  /** What a transaction comes to that was sent as the tab closed, look by look. */
  let closing: readonly TransactionInfo["state"][] | null = null;
  const states: TransactionInfo["state"][] = [];
  const made: (string | null)[] = [];
  const refusals: { readonly code: RejectCode; readonly applied: boolean }[] = [];
  let registered = 0;
  const apply = (call: OperationCall): string | null => {
    if (call.operation === "device.register") return `device-${++registered}`;
    if (call.operation === "stream.open") return `stream-of-${call.arguments.device}`;
    if (call.operation === "device.setStatus") statuses.push(call.arguments.status);
    if (call.operation !== "stream.append") return null;
    if (call.arguments.sequence !== packs.length) throw new Refusal("sequence-wrong", { next: packs.length });
    const found = resolvePack(readPack(call.arguments.pack), 0);
    packs.push(found.length);
    readings.push(...found);
    return null;
  };
  const client: GatewayClient = {
    async send(calls, options): Promise<SendResult> {
      const refusal = refusals.shift();
      if (closing !== null) {
        // As far as the ledger knows, it was applied where it becomes final.
        options?.onProgress({ transaction: "t", stage: "signed", atMs: 0, height: null });
        states.push(...closing);
        if (closing.includes("final")) made.push(...calls.map(apply));
        return new Promise(() => undefined);
      }
      if (refusal && !refusal.applied) throw new Refusal(refusal.code);
      operations.push(...calls.map(({ operation }) => operation));
      const results = calls.map(apply);
      if (refusal) throw new Refusal(refusal.code);
      return { transaction: "t", height: 1, results };
    },
    query: (async (name: string) => {
      if (name === "stream") return { packs: packs.length };
      const state = states.length > 1 ? states.shift() : states[0];
      if (state === undefined) throw new Refusal("not-found");
      return { state, results: made };
    }) as GatewayClient["query"],
  };
  /** From now on the tab hears nothing more of what it sends. */
  const close = (comesTo: readonly TransactionInfo["state"][]): void => void (closing = comesTo);
  const reopen = (): void => void (closing = null);
  return {
    client,
    readings,
    packs,
    statuses,
    operations,
    close,
    reopen,
    refuse: (code: RejectCode, applied = false) => refusals.push({ code, applied }),
  };
}

/** Lets every promise that is ready run its course. */
const settle = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

const LIMITS_OF_TEST: BatchLimits = { readingsMax: 5, bytesMax: 400, periodMs: 10_000, urgentMs: 100, bufferMax: 20, leaseMs: 60_000 };

function createSenderWorld(limits: Partial<BatchLimits> = {}) {
  const ledger = createLedger();
  const clock = createVirtualClock(1_700_000_000_000);
  let number = 0;
  const sender = createReadingsSender({
    client: ledger.client,
    clock,
    device: "d",
    stream: "s",
    limits: { ...LIMITS_OF_TEST, ...limits },
    onChange: () => undefined,
  });
  const readings = (count: number): PlainReading[] =>
    Array.from({ length: count }, () => ({ name: "n", value: ++number, timeMs: clock.nowMs() }));
  const pass = async (ms: number): Promise<void> => {
    clock.advance(ms);
    await settle();
  };
  return { ledger, clock, sender, readings, pass };
}

/** Past the first status, which is sent soon after the start. */
async function createQuietWorld(limits: Partial<BatchLimits> = {}) {
  const world = createSenderWorld(limits);
  await world.pass(100);
  expect(world.ledger.statuses).toEqual(["active"]);
  return world;
}

describe("readings of a device are sent in packs", () => {
  it("when there are enough of them, in order, each once", async () => {
    const { ledger, sender, readings, pass } = await createQuietWorld();
    sender.add(readings(4));
    await pass(0);
    expect(ledger.packs).toEqual([]);
    sender.add(readings(1));
    await pass(0);
    expect(ledger.packs).toEqual([5]);
    sender.add(readings(12));
    for (let i = 0; i < 4; i++) await pass(0);
    expect(ledger.packs).toEqual([5, 5, 5]);
    expect(ledger.readings.map(({ value }) => value)).toEqual(Array.from({ length: 15 }, (_, i) => i + 1));
    expect(sender.state()).toMatchObject({ state: "running", buffered: 2, sent: 15, dropped: 0 });
  });

  it("when they are large enough, and never larger", async () => {
    const { ledger, sender, clock, pass } = await createQuietWorld({ readingsMax: 100 });
    const text = "x".repeat(100);
    for (let i = 0; i < 4; i++) sender.add([{ name: "text", value: text, timeMs: clock.nowMs() }]);
    for (let i = 0; i < 4; i++) await pass(0);
    expect(ledger.packs.length).toBeGreaterThan(0);
    expect(Math.max(...ledger.packs)).toBeLessThan(4);
  });

  it("after the period, or soon when a person is looking", async () => {
    const { ledger, sender, readings, pass } = await createQuietWorld();
    sender.add(readings(1));
    await pass(9999);
    expect(ledger.packs).toEqual([]);
    await pass(1);
    expect(ledger.packs).toEqual([1]);
    sender.add(readings(1));
    sender.add([], { urgent: true });
    await pass(100);
    expect(ledger.packs).toEqual([1, 1]);
  });

  it("soon also when the person looks while an earlier pack is under way", async () => {
    const { ledger, clock, sender, readings, pass } = await createQuietWorld();
    sender.add(readings(5));
    clock.advance(0);
    sender.add(readings(1), { urgent: true });
    await settle();
    expect(ledger.packs).toEqual([5]);
    await pass(100);
    expect(ledger.packs).toEqual([5, 1]);
  });

  it("and the lease is renewed at half of it, also without readings", async () => {
    const { ledger, pass } = await createQuietWorld();
    await pass(29_999);
    expect(ledger.statuses).toHaveLength(1);
    await pass(1);
    await pass(30_000);
    expect(ledger.statuses).toEqual(["active", "active", "active"]);
    expect(ledger.packs).toEqual([]);
  });
});

describe("while the peer refuses", () => {
  it.each(["not-ready", "mempool-full", "balance-too-low", "rate-limited"] as const)(
    "with %s, it waits longer and longer and loses nothing",
    async (code) => {
      const { ledger, sender, readings, pass } = await createQuietWorld();
      for (let i = 0; i < 3; i++) ledger.refuse(code);
      sender.add(readings(5));
      await pass(0);
      expect(sender.state()).toMatchObject({ state: "waiting", code, buffered: 5 });
      sender.add(readings(3));
      await pass(999);
      expect(ledger.packs).toEqual([]);
      await pass(1);
      await pass(1999);
      await pass(1);
      expect(sender.state()).toMatchObject({ state: "waiting" });
      await pass(4000);
      expect(ledger.packs).toEqual([5]);
      expect(sender.state()).toMatchObject({ state: "running", code: null, buffered: 3 });
    },
  );

  it("the oldest readings behind the pack under way are dropped when the buffer is full, and counted", async () => {
    const { ledger, sender, readings, pass } = await createQuietWorld();
    ledger.refuse("no-peers");
    sender.add(readings(5));
    await pass(0);
    sender.add(readings(30));
    expect(sender.state()).toMatchObject({ buffered: 20, dropped: 15 });
    for (let i = 0; i < 8; i++) await pass(1000);
    expect(ledger.readings.map(({ value }) => value)).toEqual([1, 2, 3, 4, 5, ...Array.from({ length: 15 }, (_, i) => i + 21)]);
  });

  it("a pack whose fate is not known is sent once, whether it was there or not", async () => {
    for (const applied of [true, false]) {
      const { ledger, sender, readings, pass } = await createQuietWorld();
      ledger.refuse("stopped", applied);
      sender.add(readings(5));
      await pass(0);
      await pass(1000);
      expect(ledger.readings.map(({ value }) => value)).toEqual([1, 2, 3, 4, 5]);
      expect(sender.state()).toMatchObject({ state: "running", sent: 5, buffered: 0 });
    }
  });

  it("learns the stream's number when another peer of the owner appended", async () => {
    const { ledger, sender, readings, pass } = await createQuietWorld();
    ledger.packs.push(0, 0, 0);
    sender.add(readings(5));
    await pass(0);
    expect(sender.state()).toMatchObject({ state: "waiting", code: "sequence-wrong" });
  });

  it("a pack that the ledger calls wrong is dropped, and the stream goes on", async () => {
    const { ledger, sender, readings, pass } = await createQuietWorld();
    ledger.refuse("schema-invalid");
    sender.add(readings(10));
    await pass(0);
    await pass(0);
    expect(ledger.readings.map(({ value }) => value)).toEqual([6, 7, 8, 9, 10]);
    expect(sender.state()).toMatchObject({ state: "running", dropped: 5, sent: 5 });
  });

  it("gives up where nothing later can be accepted", async () => {
    const { ledger, sender, readings, pass, clock } = await createQuietWorld();
    ledger.refuse("not-authorized");
    sender.add(readings(5));
    await pass(0);
    expect(sender.state()).toMatchObject({ state: "failed", code: "not-authorized" });
    sender.add(readings(5));
    await pass(600_000);
    expect([ledger.packs.length, clock.timers]).toEqual([0, 0]);
  });

  it("stopping sends the rest with the status offline, and resolves even if that is refused", async () => {
    const { ledger, sender, readings } = await createQuietWorld();
    sender.add(readings(3));
    await sender.stop();
    expect([ledger.packs, ledger.statuses.at(-1)]).toEqual([[3], "offline"]);
    const refused = await createQuietWorld();
    refused.ledger.refuse("not-ready");
    refused.sender.add(refused.readings(3));
    await refused.sender.stop();
    expect(refused.sender.state()).toMatchObject({ state: "stopped", buffered: 3 });
    expect(refused.clock.timers).toBe(0);
  });
});

function createStore(): GatewayStore & { readonly texts: Map<string, string> } {
  const texts = new Map<string, string>();
  return { texts, get: async (key) => texts.get(key) ?? null, set: async (key, text) => void texts.set(key, text) };
}

const LAMP: DriverChoice = { kind: "virtual/lamp", title: "Lamp by the door", seed: 1 };
const WASHER: DriverChoice = { kind: "virtual/washing-machine", title: "Washer", seed: 2 };

function createGatewayWorld(store = createStore(), ledger = createLedger()) {
  const clock = createVirtualClock(1_700_000_000_000);
  const gateway = createGateway({ client: ledger.client, clock, store });
  const pass = async (ms: number): Promise<void> => {
    clock.advance(ms);
    await settle();
  };
  return { ledger, clock, store, gateway, pass };
}

describe("a gateway", () => {
  it("registers a device, opens its stream, says that it is active, and sends its first readings soon", async () => {
    const { ledger, gateway, pass } = createGatewayWorld();
    const device = await gateway.add(LAMP);
    expect(device).toMatchObject({
      key: "1",
      device: "device-1",
      stream: "stream-of-device-1",
      state: "running",
      title: LAMP.title,
      parts: null,
    });
    await pass(DEFAULT_BATCH_LIMITS.urgentMs);
    expect(ledger.operations).toEqual(["device.register", "stream.open", "stream.append", "device.setStatus"]);
    expect(ledger.readings.map(({ name, value }) => [name, value])).toEqual([
      ["on", false],
      ["brightness", 80],
    ]);
  });

  it("passes commands to the driver and shows their effect soon", async () => {
    const { ledger, gateway, pass } = createGatewayWorld();
    await gateway.add(LAMP);
    await pass(1000);
    await gateway.writeProperty("1", "brightness", 40);
    expect(await gateway.invokeAction("1", "toggle")).toBe(true);
    expect(await gateway.readProperty("1", "on")).toBe(true);
    await pass(DEFAULT_BATCH_LIMITS.urgentMs);
    expect(ledger.readings.slice(2).map(({ name, value }) => [name, value])).toEqual([
      ["brightness", 40],
      ["on", true],
    ]);
    await expect(gateway.readProperty("9", "on")).rejects.toMatchObject({ code: "unknown-device" });
  });

  it("sends events as readings", async () => {
    const { ledger, gateway, pass } = createGatewayWorld();
    await gateway.add(WASHER);
    await gateway.invokeAction("1", "start", { program: "quick" });
    await pass(30_000);
    await pass(1000);
    expect(ledger.readings.filter(({ name }) => name === "finished").map(({ value }) => value)).toEqual(["quick"]);
  });

  it("runs after a reload what it ran before, without registering it again", async () => {
    const before = createGatewayWorld();
    await before.gateway.add(LAMP);
    await before.gateway.add(WASHER);
    await before.gateway.remove("1");
    await before.gateway.stopAll();
    expect(before.clock.timers).toBe(0);
    expect(before.ledger.statuses.at(-1)).toBe("offline");
    const after = createGatewayWorld(before.store);
    await after.gateway.restore();
    expect(after.gateway.devices()).toMatchObject([{ key: "2", title: "Washer", device: "device-2", state: "running" }]);
    await after.pass(1000);
    expect(after.ledger.operations).not.toContain("device.register");
    expect(await after.gateway.add(LAMP)).toMatchObject({ key: "3" });
  });

  it.each([
    ["becomes final later", ["pending", "final"], 0],
    ["is refused", ["refused"], 1],
    ["nobody has heard of", [], 1],
  ] as const)("registers nothing twice when the tab closes on the way, and anew what %s", async (_, comesTo, again) => {
    const before = createGatewayWorld();
    before.ledger.close(comesTo);
    void before.gateway.add(LAMP);
    await before.pass(0);
    const registered = (): number => before.ledger.operations.filter((operation) => operation === "device.register").length;
    const already = registered();
    before.ledger.reopen();
    const after = createGatewayWorld(before.store, before.ledger);
    void after.gateway.restore();
    for (let look = 0; look < 12; look++) await after.pass(500);
    expect(after.gateway.devices()).toMatchObject([{ device: "device-1", stream: "stream-of-device-1", state: "running" }]);
    expect(registered() - already).toBe(again);
    await after.gateway.stopAll();
  });

  it("a device that the person stopped says that it is offline, and stays stopped over a reload until it is started again", async () => {
    const before = createGatewayWorld();
    await before.gateway.add(LAMP);
    await before.gateway.add(WASHER);
    await before.pass(1000);
    await before.gateway.stop("1");
    expect(before.ledger.statuses.at(-1)).toBe("offline");
    const heard = before.ledger.statuses.length;
    await before.pass(DEFAULT_BATCH_LIMITS.leaseMs / 2);
    // Only the washing machine goes on saying that it is there.
    expect(before.ledger.statuses.slice(heard)).toEqual(["active"]);
    await before.gateway.stopAll();
    const after = createGatewayWorld(before.store);
    await after.gateway.restore();
    expect(after.gateway.devices()).toMatchObject([
      { key: "1", state: "stopped" },
      { key: "2", state: "running" },
    ]);
    await after.gateway.start("1");
    await after.gateway.stopAll();
    const again = createGatewayWorld(before.store);
    await again.gateway.restore();
    expect(again.gateway.devices().map(({ state }) => state)).toEqual(["running", "running"]);
    expect([...after.ledger.operations, ...again.ledger.operations]).not.toContain("device.register");
  });

  it("starts again once the ledger has taken the rest, where the person asks while a stop waits for it, and what was asked last holds", async () => {
    const store = createStore();
    const ledger = createLedger();
    const gates: (() => void)[] = [];
    let isStanding = false;
    const send: typeof ledger.client.send = async (...given) => {
      if (isStanding) await new Promise<void>((resolve) => gates.push(resolve));
      return ledger.client.send(...given);
    };
    const { gateway, pass } = createGatewayWorld(store, { ...ledger, client: { ...ledger.client, send } });
    await gateway.add(LAMP);
    await pass(1000);
    isStanding = true;
    const stopped = gateway.stop("1");
    await settle();
    expect(gateway.devices()).toMatchObject([{ state: "stopped" }]);
    const first = gateway.start("1");
    await settle();
    expect(gateway.devices()).toMatchObject([{ state: "waiting", code: null }]);
    // A tab that is closed now starts it when it comes back.
    expect(store.texts.get("gateway-devices")).not.toContain("stopped");
    const again = gateway.stop("1");
    const last = gateway.start("1");
    isStanding = false;
    for (const open of gates.splice(0)) open();
    await Promise.all([stopped, first, again, last]);
    expect(gateway.devices()).toMatchObject([{ state: "running" }]);
    await gateway.writeProperty("1", "on", true);
    isStanding = true;
    const removed = gateway.remove("1");
    const late = gateway.start("1").then(
      () => "started",
      (error: { code: string }) => error.code,
    );
    isStanding = false;
    await settle();
    for (const open of gates.splice(0)) open();
    await removed;
    expect(await late).toBe("unknown-device");
    expect(gateway.devices()).toEqual([]);
  });

  it("keeps which sensors the person chose", async () => {
    const { gateway, store } = createGatewayWorld();
    await gateway.add({ kind: "sensors", title: "Phone", seed: 1, sensors: ["motion"] }).catch(() => undefined);
    expect(JSON.parse(store.texts.get("gateway-devices")!)).toMatchObject([{ kind: "sensors", sensors: ["motion"] }]);
  });

  it("keeps a device that could not be registered, goes on where it stopped, and says why", async () => {
    const { ledger, gateway, clock } = createGatewayWorld();
    ledger.refuse("balance-too-low");
    await expect(gateway.add(LAMP)).rejects.toMatchObject({ code: "balance-too-low" });
    expect(gateway.devices()).toMatchObject([{ state: "failed", code: "balance-too-low", device: null }]);
    expect(clock.timers).toBe(0);
    await gateway.start("1");
    expect(gateway.devices()).toMatchObject([{ state: "running", code: null, device: "device-1" }]);
    expect(ledger.operations.filter((operation) => operation === "device.register")).toHaveLength(1);
  });

  it("stops a device that the ledger does not know as ours any more", async () => {
    const { ledger, gateway, clock, pass } = createGatewayWorld();
    await gateway.add(LAMP);
    ledger.refuse("wrong-status");
    await pass(1000);
    expect(gateway.devices()).toMatchObject([{ state: "failed", code: "wrong-status" }]);
    await expect(gateway.invokeAction("1", "toggle")).rejects.toMatchObject({ code: "device-refused" });
    expect(clock.timers).toBe(0);
  });

  it("starts with nothing from a store that holds no list of devices", async () => {
    for (const text of ["", "{", "{}", "[1]", '[{"key":1}]']) {
      const store = createStore();
      store.texts.set("gateway-devices", text);
      const { gateway } = createGatewayWorld(store);
      await gateway.restore();
      expect(gateway.devices()).toEqual([]);
    }
  });

  it("says of a device of a kind that this version does not have that it failed, and runs the others", async () => {
    const store = createStore();
    const saved = [
      { key: "1", kind: "virtual/robot", title: "Robot", seed: 1, device: "d", stream: "s" },
      { key: "2", ...LAMP, device: "d2", stream: "s2" },
    ];
    store.texts.set("gateway-devices", JSON.stringify(saved));
    const { gateway } = createGatewayWorld(store);
    await gateway.restore();
    expect(gateway.devices()).toMatchObject([
      { key: "1", state: "failed", code: "not-supported" },
      { key: "2", state: "running" },
    ]);
  });
});
