/** What a scenario's script works with: a cluster, chance of its own, and what must come true in the end. */
import type { Random } from "../src/kit/random.ts";
import type { Checkers } from "./checkers.ts";
import type { Cluster } from "./cluster.ts";

export class Run {
  readonly cluster: Cluster;
  readonly random: Random;
  readonly checkers: Checkers;
  readonly times: Record<string, number> = {};
  /** Whether nodes are whole peers, which are given snapshots. */
  isOfPeers = false;

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
