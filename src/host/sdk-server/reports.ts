/** Follows what the peer reports: the roads of this peer's own transactions to those who sent them, and final blocks to subscribers. */
import { BoundedMap } from "../../kit/bounded-map.ts";
import type { Clock } from "../../kit/clock.ts";
import { readStream } from "../../ledger/modules/stream.ts";
import type { CommittedBlock, PeerEffect, RoadReport, Submission, Ticket } from "../../peer/effects.ts";
import type { PeerView } from "../../peer/view.ts";
import { toHex, type HashHex } from "../../protocol/identifiers.ts";
import { LIMITS } from "../../protocol/limits.ts";
import type { RefusalShape } from "../../protocol/refusal.ts";
import { idKeyOf, type Transaction } from "../../protocol/transaction.ts";
import type { ConsensusInfo, OperationCall, RoadStage, SendOptions } from "../../sdk/api.ts";
import type { PeerMessage } from "../../sdk/messages.ts";
import type { Explorer } from "../explorer/explorer.ts";
import type { ReportedEffect } from "../peer-runner.ts";
import { Proposers, appendedReadings, blockSummary, eventInfo, knownEventsOf, transactionInfo, type Road } from "./blocks.ts";
import { feeMaxOf, resultsToTexts, toLedgerCalls, type CallDeps } from "./operations.ts";
import type { HistoryDeps } from "./queries-history.ts";
import { Finality, Rounds } from "./status.ts";
import type { Feeds } from "./topics.ts";

/** Own transactions whose road, or refusal, is remembered. */
const ROADS_MAX = LIMITS.ownPendingMax;
const REFUSED_MAX = 256;

interface Send {
  readonly id: number;
  readonly post: (message: PeerMessage) => void;
  /** Whether the sender wants to hear of its road. */
  readonly progress: boolean;
  readonly submission: Submission;
  /** Where in the receipt each call's result is. */
  readonly resultAt: readonly number[];
  /** By the clock that never goes back. */
  readonly sentAtMs: number;
}

type FinalReport = Extract<RoadReport, { stage: "final" }>;

export interface ReportsDeps {
  readonly view: () => PeerView | null;
  readonly clock: Clock;
  readonly feeds: Feeds;
}

export class Reports {
  readonly finality = new Finality();
  readonly #deps: ReportsDeps;
  readonly #rounds = new Rounds();
  readonly #proposers = new Proposers();
  readonly #roads = new BoundedMap<HashHex, Road>(ROADS_MAX);
  readonly #refused = new BoundedMap<HashHex, { readonly transaction: Transaction; readonly refusal: RefusalShape }>(REFUSED_MAX);
  readonly #sends = new Map<Ticket, Send>();
  /** Final, and told to the sender once written: who hears "final" finds it also after a crash. */
  #unwritten: (readonly [send: Send | undefined, report: FinalReport])[] = [];
  #lastTicket: Ticket = 0;

  constructor(deps: ReportsDeps) {
    this.#deps = deps;
  }

  historyDeps(view: PeerView, explorer: Explorer): HistoryDeps {
    return { view, explorer, proposers: this.#proposers, roads: this.#roads, refused: this.#refused };
  }

  consensus(view: PeerView): ConsensusInfo {
    this.#rounds.onStep(view, this.#deps.clock.wallMs());
    return this.#rounds.info(view);
  }

  // ------------------------------------------------------------ sends

  /** What to hand to the peer for a client's calls. @throws {Refusal} as `toLedgerCalls`. */
  async submission(
    given: readonly OperationCall[],
    options: SendOptions,
    deps: CallDeps & { readonly nowMs: number; readonly validForMs: number },
  ): Promise<Pick<Send, "submission" | "resultAt">> {
    const { calls, resultAt } = await toLedgerCalls(given, deps);
    const fee = options.feeMax ?? feeMaxOf(deps.view, calls, deps.nowMs);
    return { submission: { calls, fee, validForMs: options.validForMs ?? deps.validForMs }, resultAt };
  }

  /** Remembers who waits for a submission. */
  open(send: Send): Ticket {
    const ticket = ++this.#lastTicket;
    this.#sends.set(ticket, send);
    return ticket;
  }

  onEffect(effect: ReportedEffect, explorer: Explorer | null): void {
    switch (effect.kind) {
      case "road":
        return this.#onRoad(effect.ticket, effect.report);
      case "committed":
        this.#releaseFinal();
        return this.#onCommitted(effect, explorer);
      case "reopen":
        // Nobody will report on them any more: what was signed goes on, and stands among what waits.
        return this.#onHalted({ code: "stopped", data: {} });
      case "halted":
        return this.#onHalted(effect.refusal);
      case "history":
      case "log":
        return;
    }
  }

  #stamp(transaction: Transaction, stage: RoadStage): number {
    const id = idKeyOf(transaction);
    const atMs = this.#deps.clock.wallMs();
    this.#roads.set(id, { ...this.#roads.get(id), [stage]: atMs });
    return atMs;
  }

  #onRoad(ticket: Ticket, report: RoadReport): void {
    const send = this.#sends.get(ticket);
    if (report.stage === "refused") {
      this.#sends.delete(ticket);
      if (report.transaction !== null) this.#refused.set(toHex(report.transaction.id), { ...report, transaction: report.transaction });
      send?.post({ kind: "refused", id: send.id, ...report.refusal });
      if (report.transaction !== null) this.#tellOwn(report.transaction, report.refusal);
    } else if (report.stage === "final") {
      this.#sends.delete(ticket);
      this.#unwritten.push([send, report]);
    } else {
      const { stage, height, transaction } = report;
      const atMs = this.#stamp(transaction, stage);
      if (send?.progress)
        send.post({ kind: "progress", id: send.id, progress: { transaction: idKeyOf(transaction), stage, atMs, height } });
      this.#tellOwn(transaction);
    }
  }

  #releaseFinal(): void {
    for (const [send, { transaction, receipt, height }] of this.#unwritten.splice(0)) {
      const atMs = this.#stamp(transaction, "final");
      if (send === undefined) continue;
      this.finality.onOwnFinal(this.#deps.clock.nowMs() - send.sentAtMs);
      if (receipt.refusal !== null) {
        send.post({ kind: "refused", id: send.id, ...receipt.refusal });
        continue;
      }
      const id = idKeyOf(transaction);
      if (send.progress) send.post({ kind: "progress", id: send.id, progress: { transaction: id, stage: "final", atMs, height } });
      const results = resultsToTexts(transaction.body.calls, receipt.results);
      const value = { transaction: id, height, results: send.resultAt.map((index) => results[index] ?? null) };
      send.post({ kind: "result", id: send.id, value });
    }
  }

  /** A peer that halted brings nothing to its end any more; what was shared the others may still include. */
  #onHalted({ code }: RefusalShape): void {
    const waiting = [...this.#sends.values(), ...this.#unwritten.splice(0).map(([send]) => send)];
    this.#sends.clear();
    for (const send of waiting) send?.post({ kind: "refused", id: send.id, code: "stopped", data: { reason: code } });
  }

  // ------------------------------------------------------------ feeds

  #tellOwn(transaction: Transaction, refusal: RefusalShape | null = null): void {
    const { feeds } = this.#deps;
    const view = this.#deps.view();
    if (view === null || !feeds.has("transaction")) return;
    const deps = { view, roads: this.#roads };
    feeds.tell("transaction", () => transactionInfo(deps, transaction, this.#tentativePlace(view, transaction), refusal), refusal !== null);
  }

  #tentativePlace(view: PeerView, transaction: Transaction): { readonly block: CommittedBlock; readonly index: number } | null {
    const id = idKeyOf(transaction);
    if (this.#roads.get(id)?.["in-block"] === undefined) return null;
    for (const block of view.tentativeBlocks) {
      const index = block.block?.transactions.findIndex((other) => idKeyOf(other) === id) ?? -1;
      if (index >= 0) return { block, index };
    }
    return null;
  }

  #onCommitted({ blocks }: Extract<PeerEffect, { kind: "committed" }>, explorer: Explorer | null): void {
    const view = this.#deps.view();
    const wallMs = this.#deps.clock.wallMs();
    for (const block of blocks) this.finality.onCommitted(block, view?.state ?? null, wallMs);
    if (view === null || explorer === null) return;
    for (const block of blocks) this.#rounds.onCommitted(block, view.state, wallMs);
    this.#rounds.onStep(view, wallMs);
    for (const block of blocks) this.#tellBlock(this.historyDeps(view, explorer), block);
  }

  #tellBlock(deps: HistoryDeps, block: CommittedBlock): void {
    const { feeds } = this.#deps;
    const { view } = deps;
    if (feeds.has("block")) {
      blockSummary(deps, block).then(
        (summary) => feeds.tell("block", () => summary),
        // Only storage can refuse here; the next query of the page says so.
        () => undefined,
      );
    }
    const transactions = block.block?.transactions ?? [];
    if (feeds.has("transaction")) {
      for (const [index, transaction] of transactions.entries()) {
        const isOwn = this.#roads.has(idKeyOf(transaction));
        feeds.tell("transaction", () => transactionInfo(deps, transaction, { block, index }), isOwn);
      }
    }
    if (feeds.has("event")) for (const event of knownEventsOf(block)) feeds.tell("event", () => eventInfo(view.state, event));
    if (!feeds.has("reading")) return;
    for (const index of transactions.keys()) {
      for (const { stream, readings } of appendedReadings({ block, index }, true)) {
        const device = readStream(view.state, stream)?.device;
        if (device !== undefined) feeds.tell("reading", () => ({ stream: toHex(stream), device: toHex(device), readings }));
      }
    }
  }
}
