/** A whole cluster on a virtual clock: a network and disks that fail, tabs that vanish, sleep and return, and checkers after every event. */
import { createRandom, type Random } from "../src/kit/random.ts";
import type { Checkers } from "./checkers.ts";
import type { NodeFactory, NodeInput, NodeOutput, SimNode } from "./node.ts";
import { EventQueue, type Action } from "./queue.ts";
import type { Twist } from "./byzantine.ts";

const TICK_MS = 100;
const DELAY_MIN_MS = 5;
const DELAY_SPREAD_MS = 95;
const WRITE_MAX_MS = 4;
const FAILURES_MAX = 5;

export interface ClusterOptions {
  readonly seed: number;
  readonly factory: NodeFactory;
  readonly checkers: Checkers;
  /** Share of messages lost. */
  readonly loss?: number;
  readonly duplicates?: number;
  /** Nodes that lie. */
  readonly byzantine?: readonly string[];
  /** Whether a tab that sleeps learns afterwards of links that came and went; otherwise it has only what the others say to it. */
  readonly tellsSleepers?: boolean;
  readonly twist?: Twist;
  /** Clock drift of each node at most, as a share of time. */
  readonly drift?: number;
}

interface Tab {
  readonly node: SimNode;
  /** Writes under way, in order. A crash loses a part of them from some point on. */
  pending: { readonly id: number; readonly apply: () => void }[];
  /** Outcomes that came while it slept. */
  deferred: NodeInput[];
  readonly clockRate: number;
  wakeAtMs: number;
  alive: boolean;
  /** Whether every write is refused, and nothing of it kept. */
  isFull: boolean;
  /** Why it takes no further part. */
  halted: string | null;
}

export class Cluster {
  readonly random: Random;
  readonly ids: readonly string[];
  readonly #options: ClusterOptions;
  readonly #queue = new EventQueue();
  readonly #tabs = new Map<string, Tab>();
  readonly #asleep = new Set<string>();
  readonly #byzantine: ReadonlySet<string>;
  #groups: ReadonlyMap<string, number> | null = null;
  loss: number;
  nowMs = 0;
  /** Marks of payments that were sent, in order. */
  readonly marks: number[] = [];
  /** Candidates sent so far. */
  candidates = 0;
  messages = 0;
  /** How often an honest node accused a seat that lies. */
  accusations = 0;
  /** Times that a proven ledger took the place of a node's own. */
  reopened = 0;
  /** Whether those that lie have begun to. */
  lying = true;
  #paid = 0;

  constructor(options: ClusterOptions) {
    this.#options = options;
    this.random = createRandom(options.seed + 17);
    this.ids = options.factory.ids;
    this.loss = options.loss ?? 0.02;
    this.#byzantine = new Set(options.byzantine ?? []);
  }

  /** Opens every tab. */
  async openAll(): Promise<void> {
    for (const id of this.ids) await this.open(id);
  }

  get failures(): readonly string[] {
    return this.#options.checkers.failures;
  }

  // ------------------------------------------------------------ tabs

  /** The clock stands until the tab has read its disk. */
  open(id: string): void | Promise<void> {
    if (this.#tabs.has(id)) return undefined;
    const node = this.#options.factory.open(id, this.nowMs);
    return node instanceof Promise ? node.then((opened) => this.#opened(id, opened)) : this.#opened(id, node);
  }

  #opened(id: string, node: SimNode): void {
    const drift = this.#options.drift ?? 0;
    const tab: Tab = {
      node,
      pending: [],
      deferred: [],
      clockRate: 1 + drift * (2 * this.random.next() - 1),
      wakeAtMs: Infinity,
      alive: true,
      isFull: false,
      halted: null,
    };
    this.#tabs.set(id, tab);
    this.#say("opens", id);
    const tick = (): void => {
      if (!tab.alive) return;
      if (!this.#asleep.has(id)) this.#step(id, { kind: "tick" });
      this.at(this.nowMs + TICK_MS, tick);
    };
    this.at(this.nowMs + this.random.below(TICK_MS), tick);
    for (const other of this.#tabs.keys()) if (other !== id) this.#link(id, other);
  }

  #link(a: string, b: string): void {
    if (!this.#areLinked(a, b)) return;
    this.at(this.nowMs + 50, () => {
      if (!this.#areLinked(a, b)) return;
      this.#step(a, { kind: "linked", peer: b });
      this.#step(b, { kind: "linked", peer: a });
    });
  }

  /** The tab is gone, in the middle of what it wrote. */
  crash(id: string): void {
    const tab = this.#tabs.get(id);
    if (tab === undefined) return;
    tab.alive = false;
    const written = this.random.below(tab.pending.length + 1);
    if (!tab.isFull) for (const write of tab.pending.slice(0, written)) write.apply();
    this.#options.factory.crashed(id);
    this.#tabs.delete(id);
    this.#say("crashes", id);
    for (const other of this.ids) this.#step(other, { kind: "unlinked", peer: id });
  }

  /** Nothing is left of the tab: it comes back as a newcomer. */
  wipe(id: string): void {
    this.crash(id);
    this.#options.factory.wipe(id);
  }

  /** The tab says goodbye first. */
  close(id: string): void {
    this.#step(id, { kind: "closing" });
    this.crash(id);
  }

  /** Until the tab is opened again there is no room for what it writes. */
  fillDisk(id: string): void {
    this.#say("disk full", id);
    this.#tabs.get(id)!.isFull = true;
  }

  /** Why a tab takes no further part; null while it does. */
  haltOf(id: string): string | null {
    return this.#tabs.get(id)?.halted ?? null;
  }

  fallAsleep(id: string): void {
    this.#asleep.add(id);
  }

  awake(id: string): void {
    this.#asleep.delete(id);
    const tab = this.#tabs.get(id);
    for (const input of tab?.deferred.splice(0) ?? []) this.#step(id, input);
  }

  awakeAll(): void {
    for (const id of this.#asleep) this.awake(id);
  }

  has(id: string): boolean {
    return this.#tabs.has(id);
  }

  node(id: string): SimNode {
    return this.#tabs.get(id)!.node;
  }

  /** Running, awake, well and honest. */
  honest(): readonly [string, SimNode][] {
    const nodes: [string, SimNode][] = [];
    for (const [id, tab] of this.#tabs) {
      if (!this.#byzantine.has(id) && !this.#asleep.has(id) && tab.halted === null) nodes.push([id, tab.node]);
    }
    return nodes;
  }

  // ------------------------------------------------------------ network

  /** Cuts the network: only nodes of one group hear each other. Null heals it; then every pair that was cut is linked anew. */
  partition(groups: ReadonlyMap<string, number> | null): void {
    const before = this.#groups;
    this.#groups = groups;
    this.#say("network", groups === null ? "whole" : this.ids.map((id) => groups.get(id)).join(""));
    if (before === null) return;
    for (const a of this.ids) {
      for (const b of this.ids) if (a < b && before.get(a) !== before.get(b)) this.#link(a, b);
    }
  }

  partitionRandomly(share: number): ReadonlyMap<string, number> {
    const groups = new Map(this.ids.map((id) => [id, this.random.next() < share ? 1 : 0]));
    this.partition(groups);
    return groups;
  }

  healIf(groups: ReadonlyMap<string, number>): void {
    if (this.#groups === groups) this.partition(null);
  }

  #areLinked(a: string, b: string): boolean {
    return this.#groups === null || this.#groups.get(a) === this.#groups.get(b);
  }

  #transmit(from: string, to: string, payload: unknown): void {
    this.messages++;
    if (!this.#areLinked(from, to) || this.random.next() < this.loss) return;
    const copies = this.random.next() < (this.#options.duplicates ?? 0.02) ? 2 : 1;
    for (let copy = 0; copy < copies; copy++) {
      this.at(this.nowMs + DELAY_MIN_MS + this.random.below(DELAY_SPREAD_MS), () => {
        if (this.#areLinked(from, to)) this.#step(to, { kind: "message", from, payload });
      });
    }
  }

  #receivers(from: string, to: string): readonly string[] {
    const others = this.ids.filter((id) => id !== from);
    if (to === "*") return others;
    if (to === "?") return [others[this.random.below(others.length)]!].filter((id) => id !== undefined);
    return to === from ? [] : [to];
  }

  // ------------------------------------------------------------ stepping

  at(atMs: number, run: Action): void {
    this.#queue.push(atMs, run);
  }

  #step(id: string, input: NodeInput): void {
    const tab = this.#tabs.get(id);
    if (tab === undefined) return;
    if (this.#asleep.has(id)) {
      const isOfLink = input.kind === "linked" || input.kind === "unlinked";
      if (input.kind === "own" || input.kind === "stored" || (isOfLink && this.#options.tellsSleepers)) tab.deferred.push(input);
      return;
    }
    const outputs = tab.node.step(Math.floor(this.nowMs * tab.clockRate), input);
    this.#perform(id, tab, this.#lies(id) ? this.#options.twist!(this, id, input, outputs) : outputs);
  }

  /** Whether a node lies now. */
  #lies(id: string): boolean {
    return this.lying && this.#byzantine.has(id);
  }

  #send(id: string, to: string, payload: unknown): void {
    const { checkers, factory } = this.#options;
    const message = factory.inspect(payload);
    if (message?.kind === "candidate") this.candidates++;
    if (message !== null && !this.#byzantine.has(id)) checkers.onSaid(this.nowMs, id, message);
    for (const receiver of this.#receivers(id, to)) this.#transmit(id, receiver, payload);
  }

  #perform(id: string, tab: Tab, outputs: readonly NodeOutput[]): void {
    for (const output of outputs) {
      switch (output.kind) {
        case "send":
          this.#send(id, output.to, output.payload);
          break;
        case "store": {
          const write = { id: output.id, apply: output.apply };
          tab.pending.push(write);
          this.at(this.nowMs + this.random.below(WRITE_MAX_MS), () => this.#written(id, tab));
          break;
        }
        case "own":
          this.at(this.nowMs + output.afterMs, () => {
            if (tab.alive) this.#step(id, { kind: "own", payload: output.payload });
          });
          break;
        case "wake":
          this.#wake(id, tab, Math.max(this.nowMs + 1, Math.ceil(output.atMs / tab.clockRate)));
          break;
        case "sent":
          this.marks.push(output.mark);
          break;
        case "refused":
          this.#refused(output.mark);
          break;
        case "reopen":
          this.at(this.nowMs + 1, () => {
            if (!tab.alive) return undefined;
            this.reopened++;
            this.crash(id);
            return this.open(id);
          });
          break;
        case "halted":
          tab.halted = output.code;
          if (!tab.isFull || output.code !== "storage-full") this.#options.checkers.fail(this.nowMs, `${id} has halted: ${output.code}`);
          break;
        default:
          if (!this.#byzantine.has(id)) this.#judge(id, output);
      }
    }
  }

  #judge(id: string, output: Extract<NodeOutput, { kind: "final" | "accused" | "blamed" | "fault" }>): void {
    const { checkers, factory } = this.#options;
    if (output.kind === "final") return checkers.onFinal(this.nowMs, id, output.final);
    if (output.kind === "fault") return checkers.fail(this.nowMs, `${id}: ${output.sentence}`);
    if (output.kind === "blamed") {
      if (!this.#byzantine.has(output.peer)) checkers.fail(this.nowMs, `${id} blames ${output.peer}, who is honest: ${output.code}`);
      return;
    }
    const owner = factory.ownerOf(output.seat);
    if (owner === undefined || !this.#byzantine.has(owner)) checkers.fail(this.nowMs, `${id} accuses ${owner ?? "nobody"}, who is honest`);
    else this.accusations++;
  }

  #refused(mark: number): void {
    const index = this.marks.indexOf(mark);
    if (index >= 0) this.marks.splice(index, 1);
  }

  /** One timer for each tab: the earliest time it asked for. */
  #wake(id: string, tab: Tab, atMs: number): void {
    if (tab.wakeAtMs <= atMs) return;
    tab.wakeAtMs = atMs;
    this.at(atMs, () => {
      if (tab.wakeAtMs !== atMs) return;
      tab.wakeAtMs = Infinity;
      if (tab.alive) this.#step(id, { kind: "tick" });
    });
  }

  /** The oldest write is done, whichever was due: a disk writes in order. */
  #written(id: string, tab: Tab): void {
    if (!tab.alive) return;
    const write = tab.pending.shift();
    if (write === undefined) return;
    if (!tab.isFull) write.apply();
    this.#step(id, { kind: "stored", id: write.id, isRefused: tab.isFull });
  }

  async run(forMs: number): Promise<void> {
    const untilMs = this.nowMs + forMs;
    while (this.#queue.nextAtMs <= untilMs && this.failures.length < FAILURES_MAX) {
      const event = this.#queue.pop()!;
      this.nowMs = event.atMs;
      const done = event.run();
      if (done !== undefined) await done;
    }
    this.nowMs = untilMs;
  }

  // ------------------------------------------------------------ payments

  /** A payment is sent at a node; its mark, or null if the node does not run. */
  pay(id: string): number | null {
    if (!this.#tabs.has(id) || this.#asleep.has(id)) return null;
    const mark = ++this.#paid;
    this.#step(id, { kind: "pay", mark });
    return mark;
  }

  /** Honest nodes that lack one of these payments, as text. */
  missing(marks: readonly number[]): string[] {
    const lacking: string[] = [];
    for (const [id, node] of this.honest()) {
      const missing = marks.filter((mark) => !node.hasFinal(mark));
      if (missing.length > 0) lacking.push(`${id} lacks ${missing.slice(0, 4).join()}`);
    }
    return lacking;
  }

  /** Runs until all honest nodes have these payments final. Gives the time it took, or null. */
  async untilFinal(marks: readonly number[], boundMs: number): Promise<number | null> {
    const fromMs = this.nowMs;
    while (this.nowMs - fromMs < boundMs && this.failures.length === 0) {
      await this.run(250);
      if (this.missing(marks).length === 0) return this.nowMs - fromMs;
    }
    return null;
  }

  /** Runs until a condition holds, or gives null. */
  async until(condition: () => boolean, boundMs: number): Promise<number | null> {
    const fromMs = this.nowMs;
    while (!condition()) {
      if (this.nowMs - fromMs >= boundMs || this.failures.length > 0) return null;
      await this.run(250);
    }
    return this.nowMs - fromMs;
  }

  pick<Item>(items: readonly Item[]): Item {
    return items[this.random.below(items.length)]!;
  }

  // ------------------------------------------------------------ story

  readonly story: string[] = [];

  #say(what: string, about: string): void {
    this.story.push(`${this.nowMs} ${what} ${about}`);
  }

  /** Where each node stands, for a failed seed. */
  describe(): string {
    const hex = (bytes: Uint8Array): string => [...bytes.slice(0, 3)].map((byte) => byte.toString(16).padStart(2, "0")).join("");
    const lines = this.honest().map(([id, node]) => {
      const status = node.status();
      const { recovery } = status;
      return (
        `  ${id} epoch=${hex(status.epochId)} n=${status.seats.length} seat=${status.seat === null ? "-" : hex(status.seat)} round=${status.round} ` +
        `final=h${status.finalHeight}r${status.finalRound} notarized=r${status.notarizedRound} work=${status.working} ` +
        `clock=${recovery?.clockMs ?? 0} promised=${recovery?.promised ?? false} alive=${recovery?.alive.length ?? 0} sleeping=${status.sleeping.length}`
      );
    });
    return [...lines, ...this.story.slice(-20)].join("\n");
  }
}
