/**
 * What goes wrong around this peer, as it sees it itself: kept with the ledger, so that it is known after a reload, too, and shown on Network.
 * Y.4464, 8.5 (operation: abnormal events).
 */
import type { Clock } from "../../kit/clock.ts";
import { equalBytes } from "../../kit/bytes.ts";
import type { CommittedBlock } from "../../peer/effects.ts";
import type { Storage } from "../../peer/ports.ts";
import type { PeerView } from "../../peer/view.ts";
import { decode, encode, type Value } from "../../protocol/codec.ts";
import { isRejectCode, type RejectCode } from "../../protocol/codes.ts";
import { LIMITS } from "../../protocol/limits.ts";
import { readBoolean, readInteger, readList, readOneOf, readText } from "../../protocol/schema.ts";
import { INCIDENT_KINDS, type AccountText, type IncidentInfo, type IncidentKind } from "../../sdk/api.ts";
import type { ReportedEffect } from "../peer-runner.ts";
import { knownEventsOf } from "./blocks.ts";
import { seatOwner } from "./status.ts";
import { accountText } from "./texts.ts";

const ROW = "incidents";
/** The oldest of more are forgotten. */
const KEPT_MAX = 200;
/** Of one incident. */
const WHO_MAX = 8;
const TEXT_UNITS_MAX = 128;
const LOOK_PACE_MS = 1_000;
/** What is over sooner is ordinary: a tab reloads, a message is late. */
const PATIENCE_MS = 5_000;
/** PROTOCOL bears clocks that are this far apart ("The simulator decides"). */
const CLOCK_OFF_MS = 5_000;
/** Of the quota. */
const NEARLY_FULL = 0.9;
const STORAGE_PACE_MS = 60_000;
/** The same once more within this time is one incident that goes on. */
const SAME_MS = 600_000;
/** A newcomer reads what happened long ago in the ledger; it did not happen to this peer. */
const OLD_MS = 3_600_000;

/** What lasts, and is over when it is no longer seen. */
type Lasting = "stalled" | "behind" | "split" | "storage";
type Facts = Partial<Pick<IncidentInfo, "height" | "who" | "offMs" | "code">>;

interface Open {
  /** Of the clock on the wall, to be told; and of the steady one, which patience goes by. */
  readonly sinceMs: number;
  readonly seenMs: number;
  /** Where it is in the list once it has lasted long enough. */
  incident: IncidentInfo | null;
}

export interface IncidentsDeps {
  readonly view: () => PeerView | null;
  readonly clock: Clock;
}

export class Incidents {
  readonly #deps: IncidentsDeps;
  readonly #open = new Map<Lasting, Open>();
  #kept: IncidentInfo[] = [];
  #storage: Storage | null = null;
  #written: Promise<unknown> = Promise.resolve();
  #isNearlyFull = false;
  #wasCaughtUp = false;
  #storageAskedMs = -STORAGE_PACE_MS;
  #stopTimer: () => void = () => undefined;

  constructor(deps: IncidentsDeps) {
    this.#deps = deps;
  }

  /** Newest first. */
  list(): readonly IncidentInfo[] {
    return this.#kept.toReversed();
  }

  /** From now on it looks by itself, until `stop`. */
  opened(storage: Storage): void {
    this.#storage = storage;
    this.#written = this.#read(storage);
    const turn = (): void => {
      this.#stopTimer = this.#deps.clock.setTimer(LOOK_PACE_MS, turn);
      this.look();
    };
    turn();
  }

  stop(): void {
    this.#stopTimer();
  }

  onEffect(effect: ReportedEffect): void {
    if (effect.kind === "halted") return this.#add("halted", { code: effect.refusal.code });
    const view = this.#deps.view();
    if (effect.kind !== "committed" || view === null) return;
    if (effect.undoneAbove !== null) this.#add("reorganization", { height: effect.undoneAbove + 1 });
    for (const block of effect.blocks) this.#onBlock(view, block);
  }

  #onBlock(view: PeerView, block: CommittedBlock): void {
    const { height, timeMs } = block;
    const aheadMs = timeMs - this.#deps.clock.wallMs();
    if (-aheadMs > OLD_MS) return;
    if (block.block === null) this.#add("recovery", { height });
    else {
      const { proposer } = block.block.header;
      const { seat } = view.consensus;
      const isOwn = seat !== null && equalBytes(seat, proposer);
      if (aheadMs > CLOCK_OFF_MS && !isOwn) this.#add("clock", { height, who: [seatOwner(view.state, proposer)], offMs: aheadMs });
    }
    for (const { event } of knownEventsOf(block)) {
      const { account } = event.data;
      if (event.name !== "seat.punished" || !(account instanceof Uint8Array)) continue;
      this.#add("equivocation", { height, who: [accountText(view.state, account)] });
    }
  }

  /** What can only be seen by looking, again and again. */
  look(): void {
    const view = this.#deps.view();
    if (view === null) return;
    this.#askStorage();
    this.#wasCaughtUp ||= view.caughtUp;
    const missing = view.waitingFor.slice(0, WHO_MAX).map((votingKey) => seatOwner(view.state, votingKey));
    this.#see("stalled", missing.length === 0 ? null : { who: missing, height: view.final.height + 1 });
    this.#see("behind", view.caughtUp || !this.#wasCaughtUp ? null : { height: view.final.height });
    this.#see("split", view.split === null ? null : { height: view.split.sinceHeight });
    this.#see("storage", this.#isNearlyFull ? {} : null);
  }

  #askStorage(): void {
    const nowMs = this.#deps.clock.nowMs();
    if (this.#storage === null || nowMs - this.#storageAskedMs < STORAGE_PACE_MS) return;
    this.#storageAskedMs = nowMs;
    this.#storage.estimate().then(
      (room) => (this.#isNearlyFull = room !== undefined && room.quotaBytes > 0 && room.usedBytes >= NEARLY_FULL * room.quotaBytes),
      () => undefined,
    );
  }

  #see(kind: Lasting, facts: Facts | null): void {
    const { clock } = this.#deps;
    const [wallMs, nowMs] = [clock.wallMs(), clock.nowMs()];
    const open = this.#open.get(kind);
    if (facts === null) {
      this.#open.delete(kind);
      if (open?.incident) this.#replace(open.incident, { isOver: true });
    } else if (open === undefined) this.#open.set(kind, { sinceMs: wallMs, seenMs: nowMs, incident: null });
    // Who is missing may be more with time; where it began stays.
    else if (open.incident !== null) open.incident = this.#replace(open.incident, { untilMs: wallMs, who: facts.who ?? [] });
    else if (nowMs - open.seenMs >= PATIENCE_MS)
      open.incident = this.#keep({ ...made(kind, open.sinceMs, facts), untilMs: wallMs, isOver: false });
  }

  /** What happened in a moment. */
  #add(kind: Exclude<IncidentKind, Lasting>, facts: Facts): void {
    const nowMs = this.#deps.clock.wallMs();
    const next = made(kind, nowMs, facts);
    const last = this.#kept.findLast((one) => one.kind === kind && one.who.join() === next.who.join());
    if (kind === "clock" && last !== undefined && nowMs - last.untilMs < SAME_MS) this.#replace(last, { ...facts, untilMs: nowMs });
    else this.#keep(next);
  }

  #keep(incident: IncidentInfo): IncidentInfo {
    this.#kept.push(incident);
    if (this.#kept.length > KEPT_MAX) this.#kept.shift();
    this.#write();
    return incident;
  }

  #replace(before: IncidentInfo, change: Partial<IncidentInfo>): IncidentInfo {
    const after = { ...before, ...change };
    const at = this.#kept.indexOf(before);
    if (at >= 0) this.#kept[at] = after;
    // How long it lasts is written when it is over: a write a second would be one for nothing.
    if (change.isOver) this.#write();
    return after;
  }

  // ------------------------------------------------------------ storage

  /** Those of before; what was going on then is not known to go on. A row that cannot be read is none: nothing rests on it. */
  async #read(storage: Storage): Promise<void> {
    try {
      const row = await storage.read("meta", ROW);
      if (row === undefined) return;
      const before = readList(decode(row, LIMITS.rowBytesMax), "incidents").map(valueToIncident);
      this.#kept = [...before.map((one) => ({ ...one, isOver: true })), ...this.#kept].slice(-KEPT_MAX);
    } catch {
      // Nothing to show is better than a peer that does not start.
    }
  }

  #write(): void {
    const storage = this.#storage;
    if (storage === null) return;
    this.#written = this.#written
      .then(() => storage.write({ puts: [["meta", ROW, encode(this.#kept.map(incidentToValue))]], deletes: [], strict: false }))
      // A disk that is full says so elsewhere.
      .catch(() => undefined);
  }
}

function made(kind: IncidentKind, sinceMs: number, facts: Facts): IncidentInfo {
  return { kind, sinceMs, untilMs: sinceMs, isOver: true, height: null, who: [], offMs: null, code: null, ...facts };
}

function incidentToValue({ kind, sinceMs, untilMs, isOver, height, who, offMs, code }: IncidentInfo): Value {
  return [kind, sinceMs, untilMs, isOver, height, who, offMs, code];
}

/** @throws {Refusal} when the row is not what this peer wrote. */
function valueToIncident(value: Value): IncidentInfo {
  const [kind, sinceMs, untilMs, isOver, height, who, offMs, code] = readList(value, "incident", 8);
  return {
    kind: readOneOf(kind, "kind", INCIDENT_KINDS),
    sinceMs: readInteger(sinceMs, "sinceMs"),
    untilMs: readInteger(untilMs, "untilMs"),
    isOver: readBoolean(isOver, "isOver"),
    height: height === null ? null : readInteger(height, "height"),
    who: readList(who, "who").map((one): AccountText => readText(one, "who", TEXT_UNITS_MAX)),
    offMs: offMs === null ? null : readInteger(offMs, "offMs"),
    code: code === null ? null : readCode(readText(code, "code", TEXT_UNITS_MAX)),
  };
}

function readCode(text: string): RejectCode {
  return isRejectCode(text) ? text : "internal";
}
