import { expect, test } from "vitest";
import type { ConsensusEffect, ConsensusInput, Engine } from "../consensus/engine.ts";
import { digest } from "../protocol/identifiers.ts";
import { Bodies } from "./bodies.ts";
import { ConsensusDriver, type ConsensusDriverOptions } from "./consensus-driver.ts";
import type { FinalBlocks } from "./final-blocks.ts";
import { Outbox } from "./outbox.ts";

const chain = digest(new Uint8Array(0));
const tick: ConsensusInput = { kind: "tick" };
const persist = (key: string): ConsensusEffect => ({ kind: "persist", puts: [[key, new Uint8Array(1)]], deletes: [], then: [] });
const switched: ConsensusEffect = { kind: "switched", undone: [], common: chain };
const finalized: ConsensusEffect = {
  kind: "finalized",
  blocks: [],
  head: chain,
  certificates: [],
  recoveries: [],
  root: chain,
  puts: [],
  deletes: [],
  restored: false,
};

/** A driver over a written-down engine, whose ledger takes as long to undo as the test says. */
function scripted(steps: readonly (readonly ConsensusEffect[])[]): { driver: ConsensusDriver; outbox: Outbox; undone: (() => void)[] } {
  const waiting = [...steps];
  const undone: (() => void)[] = [];
  const outbox = new Outbox();
  const engine: Pick<Engine, "step" | "epochId"> = { step: () => waiting.shift() ?? [], epochId: chain };
  const finalBlocks: Pick<FinalBlocks, "undo" | "finalize"> = {
    undo: (_undone, _common, then) => void undone.push(then),
    finalize: () => outbox.store({ puts: [["meta", "head", new Uint8Array(1)]], deletes: [], strict: true }, () => {}),
  };
  const options = {
    chain,
    engine,
    outbox,
    finalBlocks,
    transactions: {},
    bodies: Object.create(Bodies.prototype) as Bodies,
    machine: {},
    wallMs: () => 0,
  } as unknown as ConsensusDriverOptions;
  return { driver: new ConsensusDriver(options), outbox, undone };
}

const written = (outbox: Outbox): readonly string[] =>
  outbox.drain().flatMap((effect) => (effect.kind === "store" ? effect.batch.puts.map(([, key]) => key) : []));

test("what the engine says after a switch is written before what later inputs bring, however long the switch reads", () => {
  const { driver, outbox, undone } = scripted([[switched, finalized, persist("first")], [persist("second")], []]);
  driver.input(1, tick);
  driver.input(2, tick);
  expect(written(outbox)).toEqual([]);
  undone.shift()!();
  expect(written(outbox)).toEqual(["head", "first", "second"]);
});
