import { describe, expect, it } from "vitest";
import { createVirtualClock, type VirtualClock } from "../../kit/clock.ts";
import type { CommittedBlock } from "../../peer/effects.ts";
import type { Storage } from "../../peer/ports.ts";
import type { PeerView } from "../../peer/view.ts";
import { encode } from "../../protocol/codec.ts";
import { DEFAULT_PARAMETERS, encodeGenesis } from "../../protocol/genesis.ts";
import { accountToDid, asAccountId, type VotingKey } from "../../protocol/identifiers.ts";
import { createLedgerState } from "../../ledger/index.ts";
import { machineOf } from "../../ledger/scenario.suite.ts";
import { createMemoryStorage } from "../storage/memory-storage.ts";
import { Incidents } from "./incidents.ts";
import { openWorld } from "./world.suite.ts";

const START_MS = 1_750_000_000_000;
const seat = (number: number): VotingKey => new Uint8Array(32).fill(number) as VotingKey;

const GENESIS = encodeGenesis({
  version: 1,
  kind: "public",
  name: "Test",
  token: "coal",
  createdMs: START_MS,
  founder: asAccountId(seat(9)),
  foundingSeat: seat(9),
  parameters: DEFAULT_PARAMETERS,
  salt: new Uint8Array(16),
});

type Seen = Pick<PeerView, "waitingFor" | "caughtUp" | "split">;

interface Rig {
  readonly clock: VirtualClock;
  readonly incidents: Incidents;
  readonly storage: Storage;
  /** What there is to see from now on. */
  readonly see: (seen: Partial<Seen>) => void;
  readonly commit: (blocks: readonly Partial<CommittedBlock>[], undoneAbove?: number | null) => void;
  readonly kinds: () => readonly string[];
}

/** A peer at block 7, with a seat, of which only what incidents look at is there. */
function createRig(storage: Storage = createMemoryStorage(), clock = createVirtualClock(START_MS), caughtUp = true): Rig {
  let seen: Seen = { waitingFor: [], caughtUp, split: null };
  const fixed = { final: { height: 7 }, consensus: { seat: seat(9) }, state: createLedgerState(GENESIS) };
  const incidents = new Incidents({ clock, view: () => ({ ...fixed, ...seen }) as unknown as PeerView });
  incidents.opened(storage);
  return {
    clock,
    incidents,
    storage,
    see: (next) => void (seen = { ...seen, ...next }),
    commit: (blocks, undoneAbove = null) => {
      const whole = blocks.map((block) => ({ height: 8, timeMs: clock.wallMs(), block: null, receipts: [], events: [], ...block }));
      incidents.onEffect({ kind: "committed", blocks: whole as unknown as readonly CommittedBlock[], undoneAbove });
    },
    kinds: () => incidents.list().map(({ kind }) => kind),
  };
}

const blockOf = (proposer: VotingKey): CommittedBlock["block"] => ({ header: { proposer } }) as unknown as CommittedBlock["block"];

/** Until what was begun on storage in memory has ended, which takes no timer. */
const settled = (): Promise<void> => new Promise((resolve) => void setImmediate(resolve));

describe("[M5a] what goes wrong around a peer", () => {
  it("is none while all is well", () => {
    const { clock, incidents } = createRig();
    clock.advance(120_000);
    expect(incidents.list()).toEqual([]);
  });

  it("is a standstill once seats have been missing for five seconds, as long as they are", () => {
    const { clock, incidents, see } = createRig();
    see({ waitingFor: [seat(1), seat(2)] });
    clock.advance(4_000);
    see({ waitingFor: [] });
    clock.advance(2_000);
    expect(incidents.list()).toEqual([]);
    see({ waitingFor: [seat(1), seat(2)] });
    clock.advance(8_000);
    const who = [accountToDid(seat(1)), accountToDid(seat(2))];
    const begun = { kind: "stalled", sinceMs: START_MS + 7_000, who, height: 8, offMs: null, code: null };
    expect(incidents.list()).toEqual([{ ...begun, untilMs: START_MS + 14_000, isOver: false }]);
    see({ waitingFor: [] });
    clock.advance(60_000);
    expect(incidents.list()).toEqual([{ ...begun, untilMs: START_MS + 14_000, isOver: true }]);
  });

  it("names those who went missing later, too, and is not put off by a clock that is set back", () => {
    const steady = createVirtualClock(START_MS);
    let errorMs = 0;
    const clock = {
      ...steady,
      get timers() {
        return steady.timers;
      },
      wallMs: () => steady.nowMs() + errorMs,
    };
    const { incidents, see } = createRig(createMemoryStorage(), clock);
    see({ waitingFor: [seat(1)] });
    clock.advance(2_000);
    errorMs = -3_600_000;
    clock.advance(5_000);
    expect(incidents.list()).toMatchObject([{ kind: "stalled", who: [accountToDid(seat(1))] }]);
    see({ waitingFor: [seat(1), seat(2)] });
    clock.advance(2_000);
    expect(incidents.list()).toMatchObject([{ who: [accountToDid(seat(1)), accountToDid(seat(2))], isOver: false }]);
  });

  it("is to be behind, but not before it has caught up for the first time", () => {
    const { clock, see, incidents, kinds } = createRig(createMemoryStorage(), createVirtualClock(START_MS), false);
    clock.advance(60_000);
    expect(kinds()).toEqual([]);
    see({ caughtUp: true });
    clock.advance(1_000);
    see({ caughtUp: false });
    clock.advance(10_000);
    expect(incidents.list()).toMatchObject([{ kind: "behind", height: 7, isOver: false }]);
  });

  it("is a split, and little room on the disk, as it was asked a minute ago at most", async () => {
    const memory = createMemoryStorage();
    let usedBytes = 1;
    const { clock, see, kinds } = createRig({ ...memory, estimate: async () => ({ usedBytes, quotaBytes: 100, persistent: true }) });
    see({ split: { epochId: seat(1), recovery: seat(2), sinceHeight: 5 } as unknown as PeerView["split"] });
    clock.advance(10_000);
    expect(kinds()).toEqual(["split"]);
    usedBytes = 90;
    clock.advance(60_000);
    await settled();
    clock.advance(10_000);
    expect(kinds()).toEqual(["storage", "split"]);
  });

  it("is a recovery, and a better branch; of an hour ago they are the ledger's business alone", () => {
    const { commit, incidents } = createRig();
    commit([{ height: 8, timeMs: START_MS - 3_600_001 }]);
    expect(incidents.list()).toEqual([]);
    commit([{ height: 9 }], 6);
    expect(incidents.list()).toMatchObject([
      { kind: "recovery", height: 9, isOver: true },
      { kind: "reorganization", height: 7, isOver: true },
    ]);
  });

  it("is a seat that was punished for contradicting votes", () => {
    const { commit, incidents } = createRig();
    const receipt = { transaction: seat(3), events: [{ name: "seat.punished", data: { account: seat(4), seat: seat(5), burnt: 1 } }] };
    commit([{ block: blockOf(seat(1)), receipts: [receipt] as unknown as CommittedBlock["receipts"] }]);
    expect(incidents.list()).toMatchObject([{ kind: "equivocation", height: 8, who: [accountToDid(seat(4))] }]);
  });

  it("is a block from over five seconds ahead of this clock, however many of them one incident", () => {
    const { clock, commit, incidents } = createRig();
    commit([{ block: blockOf(seat(1)), timeMs: START_MS + 5_000 }]);
    commit([{ block: blockOf(seat(9)), timeMs: START_MS + 60_000 }]);
    expect(incidents.list(), "within what is borne, and its own").toEqual([]);
    for (const height of [8, 9]) {
      commit([{ block: blockOf(seat(1)), height, timeMs: clock.wallMs() + 6_000 }]);
      clock.advance(1_000);
    }
    const who = [accountToDid(seat(1))];
    expect(incidents.list()).toMatchObject([{ kind: "clock", height: 9, offMs: 6_000, who, sinceMs: START_MS, untilMs: START_MS + 1_000 }]);
    commit([{ block: blockOf(seat(2)), timeMs: clock.wallMs() + 6_000 }]);
    clock.advance(3_600_000);
    commit([{ block: blockOf(seat(1)), timeMs: clock.wallMs() + 6_000 }]);
    expect(incidents.list()).toHaveLength(3);
  });

  it("is that the peer has halted, and why", () => {
    const { incidents } = createRig();
    incidents.onEffect({ kind: "halted", refusal: { code: "storage-full", data: {} } });
    expect(incidents.list()).toMatchObject([{ kind: "halted", code: "storage-full" }]);
  });

  it("is known to the next peer over the same storage, as over; of more than 200 the newest", async () => {
    const { clock, commit, see, storage, incidents } = createRig();
    for (let height = 1; height <= 205; height++) commit([{ height }]);
    see({ waitingFor: [seat(1)] });
    clock.advance(8_000);
    expect(incidents.list()[0]).toMatchObject({ kind: "stalled", isOver: false });
    await settled();
    incidents.stop();
    expect(clock.timers).toBe(0);
    const after = createRig(storage, clock);
    await settled();
    expect(after.incidents.list()).toHaveLength(200);
    expect(after.incidents.list()[0]).toMatchObject({ kind: "stalled", isOver: true });
    expect(after.incidents.list().at(-1)).toMatchObject({ kind: "recovery", height: 7 });
  });

  it.each([
    ["garbage", Uint8Array.of(0xff)],
    ["something else", encode(["stalled"])],
    ["an unknown kind", encode([["flood", 1, 1, true, null, [], null, null]])],
  ])("is forgotten where its row is %s, and nothing else is hurt", async (_, row) => {
    const storage = createMemoryStorage();
    await storage.write({ puts: [["meta", "incidents", row]], deletes: [], strict: true });
    const { commit, kinds } = createRig(storage);
    await settled();
    commit([{ height: 9 }]);
    expect(kinds()).toEqual(["recovery"]);
  });

  it("is asked for as any client asks, and in the report", async () => {
    const world = await openWorld(machineOf({}));
    try {
      world.server.onEffect({ kind: "halted", refusal: { code: "storage-broken", data: {} } });
      const incidents = await world.connect().query("incidents");
      expect(incidents).toMatchObject([{ kind: "halted", code: "storage-broken" }]);
      expect((await world.server.report())["incidents"]).toEqual(incidents);
    } finally {
      world.close();
    }
  });
});
