/** A tab as the gateway of constrained devices (Y.4464, 8.1): it runs their drivers, registers them, and sends what they report. */
import type { Clock } from "../kit/clock.ts";
import type { Value } from "../protocol/codec.ts";
import type { RejectCode } from "../protocol/codes.ts";
import { Refusal } from "../protocol/refusal.ts";
import type { DigestText, OperationCall, RoadProgress } from "../sdk/api.ts";
import type { Driver, PartState } from "./driver.ts";
import { createDriver, type DriverChoice } from "./drivers/create-driver.ts";
import {
  createReadingsSender,
  DEFAULT_BATCH_LIMITS,
  type BatchLimits,
  type GatewayClient,
  type ReadingsSender,
} from "./readings-sender.ts";
import type { PlainReading, PlainValue } from "./senml.ts";

/** Where a gateway remembers which devices it runs; one for each peer of this browser and BoT. */
export interface GatewayStore {
  get(key: string): Promise<string | null>;
  set(key: string, text: string): Promise<void>;
}

export interface GatewayOptions {
  readonly client: GatewayClient;
  readonly clock: Clock;
  readonly store: GatewayStore;
  readonly limits?: BatchLimits;
  /** Makes a device's driver; those of this app by default. */
  readonly createDriver?: (choice: DriverChoice, clock: Clock) => Driver;
}

/** What is known of a device that this gateway runs. */
export interface GatewayDevice extends DriverChoice {
  /** Within this gateway. */
  readonly key: string;
  /** On the ledger, once it is registered. */
  readonly device: DigestText | null;
  readonly stream: DigestText | null;
  readonly state: "registering" | "running" | "waiting" | "failed" | "stopped";
  /** Why it waits or failed. */
  readonly code: RejectCode | null;
  readonly buffered: number;
  readonly sent: number;
  readonly dropped: number;
  /** What each of its sensors is doing, where it has several; null for others. */
  readonly parts: Readonly<Record<string, PartState>> | null;
}

export interface Gateway {
  /** Starts every device that ran before the reload. One that fails says so in `devices`; one that was stopped stays so. */
  restore(): Promise<void>;
  /** Registers a device, opens its stream and starts it. @throws {Refusal} of the driver or the ledger; it is then kept, and `start` tries again. */
  add(choice: DriverChoice): Promise<GatewayDevice>;
  start(key: string): Promise<void>;
  /** Sends what is left, says that the device is offline, and stops it; it stays so over a reload, until `start`. */
  stop(key: string): Promise<void>;
  /** Stops it and forgets it; the ledger keeps its record. */
  remove(key: string): Promise<void>;
  /** Of every device, before the tab closes or updates. */
  stopAll(): Promise<void>;
  devices(): readonly GatewayDevice[];
  /** Calls back after any change of `devices`. Gives what ends it. */
  subscribe(listener: () => void): () => void;
  /** @throws {Refusal} `unknown-device`, or the driver's. */
  readProperty(key: string, name: string): Promise<PlainValue>;
  writeProperty(key: string, name: string, value: PlainValue): Promise<void>;
  invokeAction(key: string, name: string, input?: Value): Promise<Value>;
}

/** More would make one tab's fees and timers the room's. */
const DEVICES_MAX = 32;
const STORE_KEY = "gateway-devices";
const STREAM_NAME = "readings";
/** Between two looks at what was sent before the tab was closed. */
const OUTCOME_PACE_MS = 500;
const UNKNOWN_LOOKS = 10;

interface Kept extends DriverChoice {
  readonly key: string;
  readonly device: DigestText | null;
  readonly stream: DigestText | null;
  /** What was signed for the step under way: the tab may close before it hears what became of it. */
  readonly sent?: DigestText;
  /** The person stopped it. */
  readonly stopped?: true;
}

interface Running {
  kept: Kept;
  /** A stop that still waits for the ledger to take the rest: as long as nothing becomes final. */
  stopping?: Promise<void> | undefined;
  driver: Driver | null;
  sender: ReadingsSender | null;
  state: GatewayDevice["state"];
  code: RejectCode | null;
}

/** What was stored, or nothing where it is no list of devices. */
function readKept(text: string | null): Kept[] {
  try {
    const list: unknown = JSON.parse(text ?? "[]");
    return Array.isArray(list) ? list.filter((item): item is Kept => typeof item?.key === "string" && typeof item.kind === "string") : [];
  } catch {
    return [];
  }
}

class LocalGateway implements Gateway {
  readonly #options: GatewayOptions;
  readonly #devices = new Map<string, Running>();
  readonly #listeners = new Set<() => void>();

  constructor(options: GatewayOptions) {
    this.#options = options;
  }

  async restore(): Promise<void> {
    for (const kept of readKept(await this.#options.store.get(STORE_KEY))) {
      if (!this.#devices.has(kept.key)) this.#devices.set(kept.key, { kept, driver: null, sender: null, state: "stopped", code: null });
    }
    // Each says in `devices` what became of it.
    const wanted = [...this.#devices.values()].filter(({ kept }) => kept.stopped !== true);
    await Promise.allSettled(wanted.map(({ kept }) => this.start(kept.key)));
  }

  async add(choice: DriverChoice): Promise<GatewayDevice> {
    if (this.#devices.size >= DEVICES_MAX) throw new Refusal("limit-exceeded", { devicesMax: DEVICES_MAX });
    const numbers = [...this.#devices.keys()].map((key) => Number(key));
    const key = String(Math.max(0, ...numbers) + 1);
    const kept: Kept = { ...choice, key, device: null, stream: null };
    this.#devices.set(key, { kept, driver: null, sender: null, state: "stopped", code: null });
    await this.#save();
    await this.start(key);
    return this.#toDevice(this.#find(key));
  }

  async start(key: string): Promise<void> {
    const running = this.#find(key);
    if (running.kept.stopped === true) {
      const { stopped: _, ...kept } = running.kept;
      running.kept = kept;
      this.#changed();
      await this.#save();
    }
    await running.stopping;
    // It may have been forgotten meanwhile, or stopped again: what was asked last holds.
    this.#find(key);
    if (running.kept.stopped === true || running.state === "running" || running.state === "registering") return;
    running.state = "registering";
    running.code = null;
    this.#changed();
    try {
      const { clock, client, limits = DEFAULT_BATCH_LIMITS } = this.#options;
      const driver = (running.driver ??= (this.#options.createDriver ?? createDriver)(running.kept, clock));
      // The driver first: it may have to ask the person, which a browser allows only soon after a tap. The ledger takes longer.
      const early: PlainReading[] = [];
      const report = (readings: readonly PlainReading[], urgent: boolean): void => {
        if (running.sender) running.sender.add(readings, { urgent });
        else early.push(...readings);
      };
      running.sender = null;
      await driver.start({
        readings: (readings) => report(readings, false),
        event: (name, value) => report([{ name, value, timeMs: clock.wallMs() }], true),
      });
      const { device, stream } = await this.#register(running, driver);
      running.sender = createReadingsSender({ client, clock, device, stream, limits, onChange: () => this.#senderChanged(running) });
      running.sender.add(early, { urgent: true });
      running.state = "running";
    } catch (error) {
      running.state = "failed";
      running.code = error instanceof Refusal ? error.code : "internal";
      await running.driver?.stop();
      throw error;
    } finally {
      this.#changed();
    }
  }

  /** Each step is kept before the next, and its transaction as soon as it is signed, so that a tab closed at any of them registers nothing twice. */
  async #register(running: Running, driver: Driver): Promise<{ device: DigestText; stream: DigestText }> {
    const { limits = DEFAULT_BATCH_LIMITS } = this.#options;
    let { device, stream } = running.kept;
    if (device === null) {
      const description = JSON.stringify(driver.describe());
      device = await this.#once(running, { operation: "device.register", arguments: { description, leaseMs: limits.leaseMs } });
      await this.#keep(running, { device });
    }
    if (stream === null) {
      stream = await this.#once(running, { operation: "stream.open", arguments: { device, name: STREAM_NAME } });
      await this.#keep(running, { stream });
    }
    return { device, stream };
  }

  async #keep(running: Running, change: Partial<Kept>): Promise<void> {
    const { sent: _, ...kept } = running.kept;
    running.kept = { ...kept, ...change };
    await this.#save();
  }

  /** What the call gives, which may have been sent before the tab was closed. */
  async #once(running: Running, call: OperationCall): Promise<DigestText> {
    const made = running.kept.sent === undefined ? null : await this.#outcomeOf(running.kept.sent);
    if (made !== null) return made;
    let kept = Promise.resolve();
    const onProgress = ({ stage, transaction }: RoadProgress): void => {
      if (stage === "signed") kept = this.#keep(running, { sent: transaction });
    };
    const { results } = await this.#options.client.send([call], { onProgress });
    await kept;
    return results[0] as DigestText;
  }

  /** Null where it came to nothing: it was refused, or nobody has heard of it. */
  async #outcomeOf(id: DigestText): Promise<DigestText | null> {
    for (let looks = 0; ;) {
      const known = await this.#options.client.query("transaction", { id }).catch(() => null);
      if (known?.state === "final") return (known.results?.[0] ?? null) as DigestText | null;
      // Who comes back may have to hear first what was final meanwhile.
      if (known?.state === "refused" || (known === null && ++looks >= UNKNOWN_LOOKS)) return null;
      await new Promise<void>((resolve) => this.#options.clock.setTimer(OUTCOME_PACE_MS, resolve));
    }
  }

  async stop(key: string): Promise<void> {
    const running = this.#find(key);
    running.kept = { ...running.kept, stopped: true };
    await this.#save();
    await this.#halt(running);
  }

  #halt(running: Running): Promise<void> {
    running.stopping ??= this.#haltNow(running).finally(() => {
      running.stopping = undefined;
      this.#changed();
    });
    return running.stopping;
  }

  async #haltNow(running: Running): Promise<void> {
    await running.driver?.stop();
    await running.sender?.stop();
    running.state = "stopped";
  }

  async remove(key: string): Promise<void> {
    await this.#halt(this.#find(key));
    this.#devices.delete(key);
    await this.#save();
    this.#changed();
  }

  async stopAll(): Promise<void> {
    await Promise.all([...this.#devices.values()].map((running) => this.#halt(running)));
  }

  devices(): readonly GatewayDevice[] {
    return [...this.#devices.values()].map((running) => this.#toDevice(running));
  }

  subscribe(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  async readProperty(key: string, name: string): Promise<PlainValue> {
    return this.#driver(key).readProperty(name);
  }

  async writeProperty(key: string, name: string, value: PlainValue): Promise<void> {
    await this.#driver(key).writeProperty(name, value);
    this.#find(key).sender?.add([], { urgent: true });
  }

  async invokeAction(key: string, name: string, input?: Value): Promise<Value> {
    const output = await this.#driver(key).invokeAction(name, input);
    this.#find(key).sender?.add([], { urgent: true });
    return output;
  }

  #find(key: string): Running {
    const running = this.#devices.get(key);
    if (!running) throw new Refusal("unknown-device", { key });
    return running;
  }

  #driver(key: string): Driver {
    const { driver, state } = this.#find(key);
    if (!driver || state !== "running") throw new Refusal("device-refused", { reason: "not running" });
    return driver;
  }

  #toDevice({ kept, driver, sender, state, code, stopping }: Running): GatewayDevice {
    const sending = sender?.state();
    const { buffered = 0, sent = 0, dropped = 0 } = sending ?? {};
    // Only while the device itself runs does its sender say how it is.
    const own = state === "running" && sending ? { state: sending.state, code: sending.code } : { state, code };
    const shown = stopping !== undefined && kept.stopped !== true ? { state: "waiting" as const, code: null } : own;
    return { ...kept, ...shown, buffered, sent, dropped, parts: driver?.parts?.() ?? null };
  }

  #senderChanged(running: Running): void {
    const sending = running.sender?.state();
    if (running.state === "running" && sending?.state === "failed") {
      running.state = "failed";
      running.code = sending.code;
      void running.driver?.stop();
    }
    this.#changed();
  }

  #changed(): void {
    for (const listener of this.#listeners) listener();
  }

  async #save(): Promise<void> {
    await this.#options.store.set(STORE_KEY, JSON.stringify([...this.#devices.values()].map(({ kept }) => kept)));
  }
}

export function createGateway(options: GatewayOptions): Gateway {
  return new LocalGateway(options);
}
