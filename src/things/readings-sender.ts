/** Sends one device's readings to its stream: in packs, one under way at a time, holding back while the peer refuses. */
import type { Clock } from "../kit/clock.ts";
import { encode } from "../protocol/codec.ts";
import type { RejectCode } from "../protocol/codes.ts";
import { LIMITS } from "../protocol/limits.ts";
import { Refusal } from "../protocol/refusal.ts";
import type { DeviceStatus, DigestText, OperationCall, RoadProgress, SendResult, TransactionInfo } from "../sdk/api.ts";
import { buildPack, packToValue, type PlainReading } from "./senml.ts";

/** The part of the sdk's client that a gateway needs. */
export interface GatewayClient {
  send(calls: readonly OperationCall[], options?: { readonly onProgress: (progress: RoadProgress) => void }): Promise<SendResult>;
  query(name: "transaction", parameters: { readonly id: DigestText }): Promise<Pick<TransactionInfo, "state" | "results">>;
  query(name: "stream", parameters: { readonly stream: DigestText }): Promise<{ readonly packs: number }>;
}

export interface BatchLimits {
  /** A pack goes when it has this many readings, */
  readonly readingsMax: number;
  /** or this many bytes, */
  readonly bytesMax: number;
  /** or when its first reading has waited so long. Every pack costs a fee. */
  readonly periodMs: number;
  /** An event, or what follows a command, waits only so long: a person is looking. */
  readonly urgentMs: number;
  /** Readings kept while nothing can be sent; the oldest of more are dropped, and counted. */
  readonly bufferMax: number;
  /** How long the ledger takes the device for online without hearing of it; renewed at half of it. */
  readonly leaseMs: number;
}

export const DEFAULT_BATCH_LIMITS: BatchLimits = {
  readingsMax: Math.min(100, LIMITS.packRecordsMax),
  bytesMax: Math.min(6 * 1024, LIMITS.packBytesMax),
  periodMs: 30_000,
  urgentMs: 500,
  bufferMax: 2000,
  leaseMs: 600_000,
};

export interface SenderState {
  readonly state: "running" | "waiting" | "failed" | "stopped";
  /** Why it waits or failed. */
  readonly code: RejectCode | null;
  readonly buffered: number;
  readonly sent: number;
  readonly dropped: number;
}

export interface ReadingsSender {
  add(readings: readonly PlainReading[], options?: { urgent?: boolean }): void;
  state(): SenderState;
  /** Sends what is left, with the status offline; resolves also if that is refused. */
  stop(): Promise<void>;
}

export interface SenderOptions {
  readonly client: GatewayClient;
  readonly clock: Clock;
  readonly device: DigestText;
  readonly stream: DigestText;
  readonly limits: BatchLimits;
  readonly onChange: () => void;
}

/** The device or stream is not ours or no more: nothing later will be accepted. */
const FINAL_CODES: ReadonlySet<RejectCode> = new Set<RejectCode>([
  "unknown-stream",
  "unknown-device",
  "not-owner",
  "not-authorized",
  "wrong-status",
]);
/** The pack itself is wrong: sending it again would stop the stream for ever. */
const PACK_CODES: ReadonlySet<RejectCode> = new Set<RejectCode>(["schema-invalid", "encoding-invalid", "too-large", "limit-exceeded"]);
const RETRY_MS_MIN = 1000;
const RETRY_MS_MAX = 60_000;

function codeOf(error: unknown): RejectCode {
  return error instanceof Refusal ? error.code : "internal";
}

class Sender implements ReadingsSender {
  readonly #options: SenderOptions;
  #buffer: PlainReading[] = [];
  /** The number of the next pack; asked of the ledger before the first, and after an outcome that is not known. */
  #sequence: number | null = null;
  /** The pack whose fate is not known, under its number: if the stream went on by it, it is there. */
  #unsure: { readonly sequence: number; readonly count: number } | null = null;
  #underWay: Promise<void> | null = null;
  /** Somebody waits for what is buffered and not under way yet. */
  #isUrgent = false;
  #cancelTimer: (() => void) | null = null;
  #dueMs = Infinity;
  #statusDueMs: number;
  #retryMs = RETRY_MS_MIN;
  #state: SenderState["state"] = "running";
  #code: RejectCode | null = null;
  #sent = 0;
  #dropped = 0;

  constructor(options: SenderOptions) {
    this.#options = options;
    this.#statusDueMs = options.clock.nowMs();
    this.#wakeAt(this.#statusDueMs + options.limits.urgentMs);
  }

  state(): SenderState {
    return { state: this.#state, code: this.#code, buffered: this.#buffer.length, sent: this.#sent, dropped: this.#dropped };
  }

  add(readings: readonly PlainReading[], { urgent = false } = {}): void {
    if (this.#state === "failed" || this.#state === "stopped") return;
    this.#buffer.push(...readings);
    this.#trim();
    this.#isUrgent ||= urgent;
    if (this.#state !== "waiting" && this.#underWay === null) this.#schedule();
    this.#options.onChange();
  }

  async stop(): Promise<void> {
    if (this.#state === "stopped") return;
    const failed = this.#state === "failed";
    this.#state = "stopped";
    this.#cancelTimer?.();
    await this.#underWay;
    if (!failed) await this.#sendRest();
    this.#options.onChange();
  }

  async #sendRest(): Promise<void> {
    let left: number;
    do {
      left = this.#buffer.length;
      await this.#sendOnce("offline");
    } while (this.#buffer.length > 0 && this.#buffer.length < left);
  }

  #trim(): void {
    // While a pack's fate is open its readings stand at the front and must stay.
    const excess = this.#buffer.length - this.#options.limits.bufferMax;
    if (excess <= 0) return;
    this.#dropped += this.#buffer.splice(this.#unsure?.count ?? 0, excess).length;
  }

  #wakeAt(atMs: number): void {
    if (atMs >= this.#dueMs) return;
    this.#cancelTimer?.();
    this.#dueMs = atMs;
    this.#cancelTimer = this.#options.clock.setTimer(atMs - this.#options.clock.nowMs(), () => {
      this.#dueMs = Infinity;
      this.#cancelTimer = null;
      this.#flush();
    });
  }

  #schedule(): void {
    const { limits, clock } = this.#options;
    const nowMs = clock.nowMs();
    this.#wakeAt(Math.max(nowMs, this.#statusDueMs));
    if (this.#buffer.length === 0) return;
    const full = this.#buffer.length >= limits.readingsMax || this.#packBytes(this.#buffer.length) >= limits.bytesMax;
    this.#wakeAt(nowMs + (full ? 0 : this.#isUrgent ? limits.urgentMs : limits.periodMs));
  }

  #packBytes(count: number): number {
    return encode(packToValue(buildPack(this.#buffer.slice(0, count)))).length;
  }

  /** How many readings the next pack takes: as many as fit. */
  #nextCount(): number {
    const { readingsMax, bytesMax } = this.#options.limits;
    let count = Math.min(this.#buffer.length, readingsMax);
    while (count > 1 && this.#packBytes(count) > bytesMax) count = Math.ceil(count / 2);
    return count;
  }

  #flush(): void {
    if (this.#underWay !== null || this.#state === "failed" || this.#state === "stopped") return;
    this.#isUrgent = false;
    this.#underWay = this.#sendOnce("active").then((outcome) => {
      this.#underWay = null;
      if (this.#state === "stopped" || this.#state === "failed") return;
      if (outcome === "later") {
        this.#state = "waiting";
        this.#wakeAt(this.#options.clock.nowMs() + this.#retryMs);
        this.#retryMs = Math.min(RETRY_MS_MAX, 2 * this.#retryMs);
      } else {
        this.#state = "running";
        this.#code = null;
        this.#retryMs = RETRY_MS_MIN;
        this.#schedule();
      }
      this.#options.onChange();
    });
  }

  /** Learns the stream's next number; a pack whose fate was open is then known to be there or not. */
  async #learnSequence(): Promise<number> {
    const { packs } = await this.#options.client.query("stream", { stream: this.#options.stream });
    if (this.#unsure && packs > this.#unsure.sequence) this.#countSent(this.#unsure.count);
    this.#unsure = null;
    this.#sequence = packs;
    return packs;
  }

  #countSent(count: number): void {
    this.#buffer.splice(0, count);
    this.#sent += count;
  }

  async #sendOnce(status: DeviceStatus): Promise<"done" | "later"> {
    const { client, clock, device, stream, limits } = this.#options;
    let count = 0;
    try {
      const sequence = this.#sequence ?? (await this.#learnSequence());
      count = this.#nextCount();
      const calls: OperationCall[] = [];
      if (count > 0) {
        const pack = packToValue(buildPack(this.#buffer.slice(0, count)));
        calls.push({ operation: "stream.append", arguments: { stream, sequence, pack } });
      }
      const statusNow = status !== "active" || clock.nowMs() >= this.#statusDueMs;
      if (statusNow) calls.push({ operation: "device.setStatus", arguments: { device, status, leaseMs: limits.leaseMs } });
      if (calls.length === 0) return "done";
      this.#unsure = count > 0 ? { sequence, count } : null;
      await client.send(calls);
      this.#unsure = null;
      this.#countSent(count);
      if (count > 0) this.#sequence = sequence + 1;
      if (statusNow) this.#statusDueMs = clock.nowMs() + limits.leaseMs / 2;
      return "done";
    } catch (error) {
      return this.#refused(codeOf(error), count);
    }
  }

  #refused(code: RejectCode, count: number): "done" | "later" {
    this.#code = code;
    if (FINAL_CODES.has(code)) {
      this.#unsure = null;
      if (this.#state !== "stopped") this.#state = "failed";
      this.#options.onChange();
      return "done";
    }
    if (PACK_CODES.has(code) && count > 0) {
      this.#unsure = null;
      this.#buffer.splice(0, count);
      this.#dropped += count;
      return "done";
    }
    this.#sequence = null;
    return "later";
  }
}

export function createReadingsSender(options: SenderOptions): ReadingsSender {
  return new Sender(options);
}
