/** Runs with a purpose: what goes wrong, and what must be well in the end. Each is a sentence of PROTOCOL that says "never" or "goes on". */
import { createRandom } from "../src/kit/random.ts";
import { quorumOf } from "../src/protocol/vote.ts";
import type { Rule } from "../src/consensus/simplex/state.ts";
import { createTwist } from "./byzantine.ts";
import { Checkers } from "./checkers.ts";
import { Cluster } from "./cluster.ts";
import { EngineNodes } from "./engine-node.ts";
import { createSeatKey, ModelWorld } from "./model-ledger.ts";
import type { NodeFactory } from "./node.ts";
import { PeerNodes } from "./peer-node.ts";
import { Run } from "./run.ts";
import { createQuickKeys, createRealKeys } from "./sim-keys.ts";

const HEARTBEAT_MS = 60_000;
const RECOVERY_MS = 10_000;
const NEVER_MS = 1_000_000_000;
/** The latest that a BoT's parameters allow. */
const LATE_MS = 600_000;
const LOSSES = [0, 0.02, 0.1];
/** More than peers hold in memory for those who are behind. */
const NEWCOMER_BLOCKS = 220;

export interface RunOptions {
  readonly seed: number;
  readonly nodes: number;
  readonly withoutRules?: readonly Rule[];
  /** Whole peers instead of engines over a model ledger. */
  readonly real?: boolean;
  /** These in a BoT that lets in its members alone. */
  readonly closed?: boolean;
}

export interface RunResult {
  readonly failures: readonly string[];
  readonly cluster: Cluster;
  /** Milliseconds that something took, by name. */
  readonly times: Readonly<Record<string, number>>;
}

type Script = (run: Run) => Promise<void>;

async function scriptBasic(run: Run): Promise<void> {
  const { cluster } = run;
  const honest = cluster.honest().map(([id]) => id);
  await cluster.run(500);
  for (let at = 1000; at < 40_000; at += 500 + run.upTo(2500)) cluster.at(at, () => mischief(run, honest));
  await cluster.run(41_000);
  cluster.partition(null);
  cluster.awakeAll();
  for (const id of run.ids) await cluster.open(id);
  cluster.loss = Math.min(cluster.loss, 0.1);
  if ((await cluster.untilFinal(cluster.marks, 120_000)) === null)
    run.fail(`not live after healing: ${cluster.missing(cluster.marks).slice(0, 3).join("; ")}`);
  if (cluster.failures.length > 0) return;
  await run.mustFinalize("payment", honest[0]!, 60_000);
  await mustRest(run, honest);
  await mustCatchUp(run, honest);
}

/** Some trouble for one honest node or the network, for some seconds. */
function mischief(run: Run, honest: readonly string[]): void {
  const { cluster } = run;
  const kind = run.random.next();
  const id = honest[Math.floor(run.random.next() * honest.length)]!;
  const comeBack = (): void => cluster.at(cluster.nowMs + 200 + run.upTo(9000), () => cluster.open(id));
  if (kind < 0.45) cluster.pay(id);
  else if (kind < 0.6) {
    cluster.crash(id);
    comeBack();
  } else if (kind < 0.7) {
    cluster.close(id);
    comeBack();
  } else if (kind < 0.85) {
    const groups = cluster.partitionRandomly(0.4);
    cluster.at(cluster.nowMs + run.upTo(6000), () => cluster.healIf(groups));
  } else {
    cluster.fallAsleep(id);
    cluster.at(cluster.nowMs + run.upTo(8000), () => cluster.awake(id));
  }
}

/** When no work waits, there are no blocks for nothing. */
async function mustRest(run: Run, honest: readonly string[]): Promise<void> {
  const { cluster } = run;
  if (cluster.failures.length > 0 || honest.length < run.ids.length) return;
  await cluster.run(15_000);
  const { candidates, messages } = cluster;
  await cluster.run(30_000);
  const made = cluster.candidates - candidates;
  if (made > 3) run.fail(`no rest: ${made} candidates in 30 s`);
  if (made === 0 && cluster.messages > messages) run.fail(`no rest: ${cluster.messages - messages} messages for nothing`);
}

/** A node that was cut off between notarization and finality learns of it. */
async function mustCatchUp(run: Run, honest: readonly string[]): Promise<void> {
  const { cluster } = run;
  if (cluster.failures.length > 0 || run.ids.length < 4 || honest.length < run.ids.length) return;
  const away = honest.at(-1)!;
  const mark = cluster.pay(honest[0]!)!;
  await cluster.run(150 + run.upTo(250));
  cluster.partition(new Map(run.ids.map((id) => [id, id === away ? 1 : 0])));
  await cluster.run(3000);
  cluster.partition(null);
  if ((await cluster.untilFinal([mark], 75_000)) === null) run.fail(`no catching up: ${cluster.missing([mark]).join("; ")}`);
}

const scripts = {
  /** Faults of all kinds but no recovery needed for long; half of the seeds with as many liars as are tolerated. */
  basic: scriptBasic,

  /** One seat is gone for good, the rest is a quorum: every payment becomes final. */
  async oneGone(run) {
    const { cluster } = run;
    await run.warm();
    cluster.crash(cluster.pick(run.ids));
    for (let i = 0; i < 8; i++) await run.mustFinalize("payment", cluster.honest()[i % cluster.honest().length]![0], 40_000);
  },

  /** Two of four vanish one after the other; the rest goes on; they return. */
  async twoOfFour(run) {
    const { cluster } = run;
    await run.warm();
    run.load(20_000);
    await cluster.run(1000 + run.upTo(2000));
    cluster.crash("p3");
    await cluster.run(run.upTo(15_000));
    cluster.crash("p2");
    await run.mustFinalize("recovery", "p0", 200_000);
    await cluster.run(run.upTo(30_000));
    await cluster.open("p3");
    await cluster.run(run.upTo(5000));
    await cluster.open("p2");
    await run.mustSettle(4);
  },

  async oneOfTwo(run) {
    const { cluster } = run;
    await run.warm();
    run.load(3000);
    await cluster.run(run.upTo(2000));
    cluster.crash("p1");
    await run.mustFinalize("recovery", "p0", 200_000);
    await cluster.run(run.upTo(30_000));
    await cluster.open("p1");
    await run.mustSettle(2);
  },

  /** All close, all come back. */
  async allClose(run) {
    const { cluster } = run;
    await run.warm();
    run.load(4000);
    await cluster.run(run.upTo(4000));
    for (const id of run.ids) {
      cluster.close(id);
      await cluster.run(run.upTo(300));
    }
    await cluster.run(30_000);
    for (const id of run.ids) {
      await cluster.open(id);
      await cluster.run(run.upTo(4000));
    }
    await run.mustSettle(run.ids.length);
  },

  /** All close, only one comes back: it goes on too. */
  async onlyOne(run) {
    const { cluster } = run;
    await run.warm();
    run.load(2000);
    await cluster.run(run.upTo(3000));
    for (const id of run.ids) {
      cluster.close(id);
      await cluster.run(run.upTo(20_000));
    }
    await cluster.run(20_000);
    const one = cluster.pick(run.ids);
    await cluster.open(one);
    await cluster.run(200);
    await run.mustFinalize("recovery", one, 200_000);
    await cluster.run(run.upTo(60_000));
    for (const id of run.ids) {
      await cluster.open(id);
      await cluster.run(run.upTo(5000));
    }
    await run.mustSettle(run.ids.length);
  },

  /** Two halves go on apart for a while, and become one. */
  async split(run) {
    const { cluster } = run;
    const n = run.ids.length;
    const first = n === 7 ? 4 : n === 4 ? 2 : 1;
    await run.warm();
    run.load(60_000);
    await cluster.run(run.upTo(2000));
    cluster.partition(new Map(run.ids.map((id, index) => [id, index < first ? 0 : 1])));
    await cluster.run(5000 + run.upTo(90_000));
    cluster.partition(null);
    await run.mustSettle(n);
  },

  /** One seat alone cannot take over a BoT whose others only rest. */
  async restTake(run) {
    const { cluster } = run;
    const n = run.ids.length;
    const lone = run.ids[n - 1]!;
    await run.warm();
    await cluster.run(3000);
    cluster.partition(new Map(run.ids.map((id) => [id, id === lone ? 1 : 0])));
    await cluster.run(1000);
    cluster.pay(lone);
    await cluster.run(44_000 + run.upTo(4000));
    cluster.partition(null);
    await cluster.run(15_000);
    // With nothing to put into a block the others may have recovered, but by more than half of all seats.
    if (n >= 4 && cluster.honest().some(([id, node]) => id !== lone && node.status().strength === "provisional"))
      run.fail("a living quorum followed a lone recovery");
    await run.mustSettle(n);
  },

  /** A promise that only its signer remembers must not leave a mute seat behind. */
  async aliveRest(run) {
    const { cluster } = run;
    const n = run.ids.length;
    const lone = run.ids[n - 1]!;
    await run.warm();
    await cluster.run(3000);
    cluster.pay(run.ids[0]!);
    await cluster.run(40 + run.upTo(60));
    cluster.partition(new Map(run.ids.map((id) => [id, id === lone ? 1 : 0])));
    await cluster.run(14_000 + run.upTo(4000));
    cluster.partition(null);
    await cluster.run(8000);
    cluster.crash(run.ids[0]!);
    await cluster.run(300);
    await run.mustFinalize("finality without the first", run.ids[1]!, 100_000);
    await cluster.open(run.ids[0]!);
    await run.mustSettle(n);
  },

  /** Tabs and links come and go for minutes. */
  async flicker(run) {
    const { cluster } = run;
    await run.warm();
    run.load(120_000);
    for (let i = 0; i < 14; i++) {
      flickerOnce(run);
      await cluster.run(run.upTo(16_000));
    }
    cluster.partition(null);
    await cluster.run(51_000);
    cluster.partition(null);
    for (const id of run.ids) await cluster.open(id);
    cluster.awakeAll();
    await run.mustSettle(run.ids.length);
  },

  /** All crash at once; a bare majority returns; what was final stays final. */
  async restart(run) {
    const { cluster } = run;
    await run.warm();
    run.load(6000);
    await cluster.run(2000 + run.upTo(3000));
    const n = run.ids.length;
    const shuffled = run.ids.map((id) => ({ id, order: run.random.next() })).sort((a, b) => a.order - b.order);
    const gone = shuffled.slice(0, n - Math.floor(n / 2) - 1).map(({ id }) => id);
    await restartWith(
      run,
      run.ids.filter((id) => !gone.includes(id)),
    );
  },

  /** All crash in the moment after one node saw a block final; those who had not seen it return. */
  async edge(run) {
    const { cluster } = run;
    await run.warm();
    cluster.pay(cluster.pick(run.ids));
    const height = Math.max(...cluster.honest().map(([, node]) => node.finalHeight()));
    let done: string[] = [];
    for (let i = 0; i < 400 && done.length === 0; i++) {
      await cluster.run(3);
      done = cluster.honest().flatMap(([id, node]) => (node.finalHeight() > height ? [id] : []));
    }
    const rest = run.ids.filter((id) => !done.includes(id));
    await restartWith(run, [...rest, ...done].slice(0, Math.floor(run.ids.length / 2) + 1));
  },

  /** All seats vanish for good but one that had fallen asleep: it goes on by itself, and the others return to it. */
  async sleepers(run) {
    const { cluster } = run;
    const [sleeper, ...others] = [...run.ids].reverse() as [string, ...string[]];
    await run.warm();
    cluster.crash(sleeper);
    run.load(60_000);
    const isAsleep = (): boolean => cluster.honest().every(([, node]) => node.status().sleeping.length === 1);
    if ((await cluster.until(isAsleep, 240_000)) === null) return run.fail("the seat that vanished did not fall asleep");
    await cluster.untilFinal(cluster.marks, 60_000);
    // It must know that it sleeps, and not have returned yet.
    await cluster.open(sleeper);
    const knows = (): boolean => cluster.node(sleeper).status().sleeping.length === 1 || cluster.node(sleeper).status().seat !== null;
    await cluster.until(knows, 20_000);
    for (const id of others) cluster.crash(id);
    await run.mustFinalize("recovery by sleepers", sleeper, 300_000);
    for (const id of others) await cluster.open(id);
    await run.mustSettle(run.ids.length);
  },

  /** A seat that lies for long: it is accused, and everybody else goes on. */
  async liar(run) {
    const { cluster } = run;
    await run.warm();
    run.load(15_000);
    await cluster.run(20_000);
    if (cluster.accusations === 0) run.fail("nobody accuses the seat that lies");
    await run.mustFinalize("payment", cluster.honest()[0]![0], 60_000);
  },

  /** There is no room on one disk: its tab says so and says no more, the rest goes on; with room again nothing is lost. */
  async fullDisk(run) {
    const { cluster } = run;
    await run.warm();
    run.load(30_000);
    await cluster.run(run.upTo(5000));
    const full = cluster.pick(run.ids);
    const written = cluster.node(full).finalHeight();
    await cluster.run(100);
    cluster.fillDisk(full);
    if ((await cluster.until(() => cluster.haltOf(full) === "storage-full", 90_000)) === null)
      return run.fail("a peer that cannot write goes on");
    const others = run.ids.filter((id) => id !== full);
    await run.mustFinalize("payment of the others", cluster.pick(others), 60_000);
    await cluster.run(run.upTo(10_000));
    cluster.crash(full);
    await cluster.open(full);
    const reopened = cluster.node(full).finalHeight();
    if (reopened < written) run.fail(`what was written is lost: height ${reopened} after ${written}`);
    await run.mustSettle(run.ids.length);
  },

  /** A newcomer is given two hundred blocks and more, also those that peers left to their storage. */
  async newcomer(run) {
    const { cluster } = run;
    const late = run.ids.at(-1)!;
    const others = run.ids.slice(0, -1);
    await run.warm();
    cluster.wipe(late);
    while (cluster.failures.length === 0 && cluster.node(others[0]!).finalHeight() < NEWCOMER_BLOCKS) {
      cluster.pay(cluster.pick(others));
      await cluster.run(100);
    }
    await cluster.untilFinal(cluster.marks, 30_000);
    // Those who give are of another run than those who made the blocks: they hold in memory what a restart leaves.
    for (const id of others) cluster.crash(id);
    for (const id of others) await cluster.open(id);
    await cluster.open(late);
    const took = await cluster.untilFinal(cluster.marks, 60_000);
    if (took === null) return run.fail(`the newcomer does not catch up: height ${cluster.node(late).finalHeight()}`);
    run.times["catching up"] = took;
    // Peers by a snapshot and the last blocks; the checkers compare its state with the others' at each block from there on.
    // Streams lose nothing elsewhere; here a question that is lost counts as a neighbour that is silent.
    if (run.isOfPeers && cluster.loss === 0 && cluster.reopened === 0) run.fail("the newcomer was given blocks alone");
    await cluster.until(() => cluster.node(late).status().seat !== null, 60_000);
    await run.mustFinalize("payment of the newcomer", late, 60_000);
  },

  /** What was final beats the recovery of one who had not seen it, and nothing of either is lost. */
  async lateCertificate(run) {
    const { cluster } = run;
    const lone = run.ids.at(-1)!;
    const others = run.ids.slice(0, -1);
    await run.warm();
    cluster.partition(new Map(run.ids.map((id) => [id, id === lone ? 1 : 0])));
    const mark = cluster.pay(others[0]!)!;
    const isFinal = (): boolean => others.some((id) => cluster.node(id).hasFinal(mark));
    if ((await cluster.until(isFinal, 30_000)) === null) return run.fail("a quorum without the lone seat makes nothing final");
    for (const id of others) cluster.crash(id);
    cluster.partition(null);
    await cluster.run(1000);
    const own = cluster.pay(lone)!;
    if ((await cluster.untilFinal([own], 200_000)) === null) return run.fail("the lone seat does not recover");
    await cluster.run(run.upTo(20_000));
    for (const id of others) await cluster.open(id);
    if ((await cluster.untilFinal([mark, own], 120_000)) === null) run.fail(`lost: ${cluster.missing([mark, own]).join("; ")}`);
    await run.mustSettle(run.ids.length);
  },
} satisfies Record<string, Script>;

function flickerOnce(run: Run): void {
  const { cluster } = run;
  const id = cluster.pick(run.ids);
  const kind = run.random.below(4);
  if (kind < 2) {
    cluster.crash(id);
    cluster.at(cluster.nowMs + run.upTo(50_000), () => cluster.open(id));
  } else if (kind === 2) {
    const groups = cluster.partitionRandomly(0.5);
    cluster.at(cluster.nowMs + run.upTo(50_000), () => cluster.healIf(groups));
  } else {
    cluster.fallAsleep(id);
    cluster.at(cluster.nowMs + run.upTo(40_000), () => cluster.awake(id));
  }
}

async function restartWith(run: Run, back: readonly string[]): Promise<void> {
  const { cluster } = run;
  const certain = cluster.marks.filter((mark) =>
    cluster.honest().some(([, node]) => node.hasFinal(mark) && node.status().strength === "full"),
  );
  for (const id of run.ids) cluster.crash(id);
  await cluster.run(500);
  for (const id of back) await cluster.open(id);
  await cluster.run(200);
  await run.mustFinalize("recovery", back[0]!, 200_000);
  await cluster.run(6000);
  const lost = cluster.missing(certain);
  if (lost.length > 0) run.fail(`lost what was final with full strength: ${lost.slice(0, 2).join("; ")}`);
  for (const id of run.ids) await cluster.open(id);
  await run.mustSettle(run.ids.length);
}

export type ScenarioName = keyof typeof scripts;
/** Where a quorum is there in the end, agreement must come without a recovery. */
const WITHOUT_RECOVERY: readonly ScenarioName[] = ["basic", "oneGone", "liar", "newcomer"];
export const SCENARIOS = Object.keys(scripts) as ScenarioName[];

/** Numbers of nodes that a scenario is meant for. */
export function nodesOf(name: ScenarioName): readonly number[] {
  if (["twoOfFour", "oneGone", "sleepers", "liar", "newcomer", "lateCertificate", "fullDisk"].includes(name)) return [4];
  if (name === "oneOfTwo") return [2];
  return name === "basic" ? [1, 2, 3, 4, 7] : [2, 4, 7];
}

function createEngines(name: ScenarioName, ids: readonly string[], options: RunOptions): NodeFactory {
  return new EngineNodes({
    ids,
    world: new ModelWorld(
      ids.map((id) => createSeatKey(id, 0)),
      HEARTBEAT_MS,
    ),
    random: createRandom(options.seed + 5),
    recoveryMs: WITHOUT_RECOVERY.includes(name) ? NEVER_MS : RECOVERY_MS,
    withoutRules: options.withoutRules ?? [],
  });
}

/** Every eighth seed with Ed25519, every third with crashes of the whole machine, but not where what was written must be there afterwards. */
function createPeers(name: ScenarioName, ids: readonly string[], { seed, closed = false }: RunOptions): NodeFactory {
  return new PeerNodes({
    ids,
    random: createRandom(seed + 5),
    recoveryMs: WITHOUT_RECOVERY.includes(name) ? LATE_MS : RECOVERY_MS,
    heartbeatMs: HEARTBEAT_MS,
    keys: seed % 8 === 7 ? createRealKeys() : createQuickKeys(),
    closed,
    diesWithMachine: seed % 3 === 2 && name !== "fullDisk",
  });
}

/** Runs one scenario with one seed; the same seed gives the same run. */
export async function runScenario(name: ScenarioName, options: RunOptions): Promise<RunResult> {
  const { seed, nodes } = options;
  const ids = Array.from({ length: nodes }, (_, index) => `p${index}`);
  const random = createRandom(seed * 31 + nodes);
  const factory = options.real === true ? createPeers(name, ids, options) : createEngines(name, ids, options);
  const liars = name === "liar" || (name === "basic" && seed % 2 === 1) ? nodes - quorumOf(nodes) : 0;
  const byzantine = ids
    .map((id) => ({ id, order: random.next() }))
    .sort((a, b) => a.order - b.order)
    .slice(0, liars)
    .map(({ id }) => id);
  const checkers = new Checkers({ mayFork: !WITHOUT_RECOVERY.includes(name) });
  const loss = name === "basic" ? [...LOSSES, 0.25][seed % 4]! : LOSSES[seed % 3]!;
  const cluster = new Cluster({
    seed,
    factory,
    checkers,
    loss,
    byzantine,
    twist: createTwist(factory),
    drift: seed % 5 === 4 ? 0.02 : 0,
    tellsSleepers: options.closed === true,
  });
  const run = new Run(cluster, random, checkers);
  run.isOfPeers = options.real === true;
  try {
    cluster.lying = options.real !== true;
    await cluster.openAll();
    if (options.real === true) await run.mustFound();
    cluster.lying = true;
    await scripts[name](run);
  } catch (error) {
    run.fail(error instanceof Error ? (error.stack ?? error.message) : "an error without a name");
  }
  return { failures: checkers.failures, cluster, times: run.times };
}
