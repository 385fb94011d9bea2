/** Runs with a purpose: what goes wrong, and what must be well in the end. Each is a sentence of PROTOCOL that says "never" or "goes on". */
import { createRandom, type Random } from "../src/kit/random.ts";
import { quorumOf } from "../src/protocol/vote.ts";
import type { Rule } from "../src/consensus/simplex/state.ts";
import { createTwist } from "./byzantine.ts";
import { Checkers } from "./checkers.ts";
import { Cluster } from "./cluster.ts";
import { EngineNodes } from "./engine-node.ts";
import { createSeatKey, ModelWorld } from "./model-ledger.ts";
import type { NodeFactory } from "./node.ts";
import { PeerNodes } from "./peer-node.ts";
import { createQuickKeys, createRealKeys } from "./sim-keys.ts";

const HEARTBEAT_MS = 60_000;
const RECOVERY_MS = 10_000;
const NEVER_MS = 1_000_000_000;
/** The latest that a BoT's parameters allow. */
const LATE_MS = 600_000;
const LOSSES = [0, 0.02, 0.1];

export interface RunOptions {
  readonly seed: number;
  readonly nodes: number;
  readonly withoutRules?: readonly Rule[];
  /** Whole peers instead of engines over a model ledger. */
  readonly real?: boolean;
}

export interface RunResult {
  readonly failures: readonly string[];
  readonly cluster: Cluster;
  /** Milliseconds that something took, by name. */
  readonly times: Readonly<Record<string, number>>;
}

/** What a scenario's script works with. */
class Run {
  readonly cluster: Cluster;
  readonly random: Random;
  readonly checkers: Checkers;
  readonly times: Record<string, number> = {};

  constructor(cluster: Cluster, random: Random, checkers: Checkers) {
    this.cluster = cluster;
    this.random = random;
    this.checkers = checkers;
  }

  get ids(): readonly string[] {
    return this.cluster.ids;
  }

  fail(sentence: string): void {
    this.checkers.fail(this.cluster.nowMs, sentence);
  }

  upTo(ms: number): number {
    return Math.floor(this.random.next() * ms);
  }

  /** Some payments, so that every node is in the first epoch and blocks are final. */
  async warm(): Promise<void> {
    const { cluster } = this;
    await cluster.run(500);
    for (let i = 0; i < 3; i++) {
      cluster.pay(cluster.pick(this.ids));
      await cluster.run(700);
    }
    await cluster.run(2000);
  }

  /** Real peers begin with one seat, and take theirs one after another. */
  async mustFound(): Promise<void> {
    const { cluster } = this;
    const took = await cluster.until(() => {
      const nodes = cluster.honest();
      return nodes.every(([, node]) => node.status().seat !== null && node.status().seats.length === this.ids.length);
    }, 120_000);
    if (took === null) this.fail(`founded with ${cluster.honest()[0]![1].status().seats.length} of ${this.ids.length} seats`);
    else this.times["founding"] = took;
  }

  /** Payments at random nodes for a while, beside what else happens. */
  load(forMs: number): void {
    const { cluster } = this;
    const endMs = cluster.nowMs + forMs;
    const pay = (): void => {
      if (cluster.nowMs > endMs) return;
      const honest = cluster.honest();
      if (honest.length > 0) cluster.pay(honest[Math.floor(this.random.next() * honest.length)]![0]);
      cluster.at(cluster.nowMs + 300 + this.upTo(1500), pay);
    };
    pay();
  }

  /** A payment at this node becomes final wherever honest nodes run. */
  async mustFinalize(name: string, id: string, boundMs: number): Promise<void> {
    const mark = this.cluster.pay(id);
    const took = mark === null ? null : await this.cluster.untilFinal([mark], boundMs);
    if (took === null)
      this.fail(
        `${name}: not final in ${boundMs} ms: ${this.cluster
          .missing(mark === null ? [] : [mark])
          .slice(0, 4)
          .join("; ")}`,
      );
    else this.times[name] = took;
  }

  /** Everybody is back and the network whole: one branch, nothing lost, all seats back. */
  async mustSettle(seats: number): Promise<void> {
    const { cluster } = this;
    if (cluster.failures.length > 0) return;
    await this.mustFinalize("payment after return", cluster.honest()[0]![0], 300_000);
    const one = await cluster.until(() => new Set(cluster.honest().map(([, node]) => String(node.status().epochId))).size === 1, 120_000);
    if (one === null) this.fail("not one branch");
    if ((await cluster.untilFinal(cluster.marks, 60_000)) === null)
      this.fail(`lost or late: ${cluster.missing(cluster.marks).slice(0, 3).join("; ")}`);
    const back = await cluster.until(() => {
      return cluster.honest().every(([, node]) => node.status().seat !== null && node.status().seats.length === seats);
    }, 240_000);
    if (back === null) this.fail(`seats are not back, ${cluster.honest()[0]![1].status().seats.length} of ${seats}`);
    else this.times["seats back"] = back;
  }
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
  const before = cluster.candidates;
  await cluster.run(30_000);
  if (cluster.candidates > before + 3) run.fail(`no rest: ${cluster.candidates - before} candidates in 30 s`);
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
    if (n >= 4 && cluster.honest().some(([id, node]) => id !== lone && node.followsRecovery()))
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
const WITHOUT_RECOVERY: readonly ScenarioName[] = ["basic", "oneGone"];
export const SCENARIOS = Object.keys(scripts) as ScenarioName[];

/** Numbers of nodes that a scenario is meant for. */
export function nodesOf(name: ScenarioName): readonly number[] {
  if (name === "twoOfFour" || name === "oneGone") return [4];
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

/** Every eighth seed with Ed25519, every third with crashes of the whole machine. */
function createPeers(name: ScenarioName, ids: readonly string[], seed: number): NodeFactory {
  return new PeerNodes({
    ids,
    random: createRandom(seed + 5),
    recoveryMs: WITHOUT_RECOVERY.includes(name) ? LATE_MS : RECOVERY_MS,
    heartbeatMs: HEARTBEAT_MS,
    keys: seed % 8 === 7 ? createRealKeys() : createQuickKeys(),
    diesWithMachine: seed % 3 === 2,
  });
}

/** Runs one scenario with one seed; the same seed gives the same run. */
export async function runScenario(name: ScenarioName, options: RunOptions): Promise<RunResult> {
  const { seed, nodes } = options;
  const ids = Array.from({ length: nodes }, (_, index) => `p${index}`);
  const random = createRandom(seed * 31 + nodes);
  const factory = options.real === true ? createPeers(name, ids, seed) : createEngines(name, ids, options);
  const liars = name === "basic" && seed % 2 === 1 ? nodes - quorumOf(nodes) : 0;
  const byzantine = ids
    .map((id) => ({ id, order: random.next() }))
    .sort((a, b) => a.order - b.order)
    .slice(0, liars)
    .map(({ id }) => id);
  const checkers = new Checkers({ mayFork: !WITHOUT_RECOVERY.includes(name) });
  const loss = name === "basic" ? [...LOSSES, 0.25][seed % 4]! : LOSSES[seed % 3]!;
  const cluster = new Cluster({ seed, factory, checkers, loss, byzantine, twist: createTwist(factory), drift: seed % 5 === 4 ? 0.02 : 0 });
  const run = new Run(cluster, random, checkers);
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
