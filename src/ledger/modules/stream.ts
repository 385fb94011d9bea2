/** `stream`: a device's readings. They stay in blocks; state keeps count, last time, a running digest and the last value of each property. */
import { bytesToHex, concatBytes, equalBytes } from "../../kit/bytes.ts";
import type { ValueMap } from "../../protocol/codec.ts";
import { asHash, digest, type AccountId, type Hash } from "../../protocol/identifiers.ts";
import { LIMITS } from "../../protocol/limits.ts";
import { requireThat } from "../../protocol/refusal.ts";
import { readBytes, readInteger, readMap } from "../../protocol/schema.ts";
import { createdId, operation, type CheckContext } from "../operation.ts";
import { readPack, type Reading } from "../senml.ts";
import { compareKeys } from "../key-order.ts";
import { mapAt } from "../state.ts";
import { readShortText } from "../texts.ts";
import type { StateView } from "../types.ts";
import { activeDevice, deviceKey, deviceToValue, readDevice, speaksFor } from "./device.ts";

export const STREAM_PREFIX = "stream/";

/** `[property, value, timeMs, unit]`, ordered by property. */
export type LastReading = readonly [name: string, value: Reading["value"], timeMs: number, unit: string | null];

export interface Stream {
  readonly device: Hash;
  readonly opener: AccountId;
  readonly name: string;
  readonly open: boolean;
  /** Number of packs so far, which is the next one's sequence number. */
  readonly packs: number;
  readonly readings: number;
  /** Of the newest reading; the stream's opening before the first. */
  readonly lastMs: number;
  /** SHA-256(previous digest | SHA-256(pack)), from 32 zero bytes. */
  readonly digest: Hash;
  readonly last: readonly LastReading[];
  readonly height: number;
}

export function streamKey(stream: Uint8Array): string {
  return STREAM_PREFIX + bytesToHex(stream);
}

export function readStream(state: StateView, stream: Uint8Array): Stream | undefined {
  return mapAt(state, streamKey(stream)) as unknown as Stream | undefined;
}

function streamToValue(stream: Stream): ValueMap {
  return stream as unknown as ValueMap;
}

/** An open stream whose device the sender speaks for. @throws {Refusal} `unknown-stream`, `wrong-status`, `not-authorized`. */
function ownStream({ state, sender }: CheckContext, id: Hash): Stream {
  const stream = readStream(state, id);
  requireThat(stream !== undefined, "unknown-stream");
  requireThat(stream.open, "wrong-status", { status: "closed" });
  const device = readDevice(state, stream.device);
  requireThat(device !== undefined && speaksFor(device, sender), "not-authorized");
  return stream;
}

interface Opening {
  readonly device: Hash;
  readonly name: string;
}

const open = operation<Opening>({
  read(value) {
    const map = readMap(value, "stream", ["device", "name"]);
    return { device: asHash(map["device"]), name: readShortText(map["name"], "name", LIMITS.nameBytesMax) };
  },
  check({ state, sender }, { device: id }) {
    const device = activeDevice(state, id);
    requireThat(speaksFor(device, sender), "not-authorized");
    requireThat(device.streams.length < LIMITS.deviceStreamsMax, "limit-exceeded", { streamsMax: LIMITS.deviceStreamsMax });
  },
  apply(context, { device: deviceId, name }) {
    const { state, sender, timeMs, height, emit } = context;
    const id = createdId(context);
    const device = activeDevice(state, deviceId);
    const stream: Stream = {
      device: deviceId,
      opener: sender,
      name,
      open: true,
      packs: 0,
      readings: 0,
      lastMs: timeMs,
      digest: asHash(new Uint8Array(32)),
      last: [],
      height,
    };
    state.set(streamKey(id), streamToValue(stream));
    state.set(deviceKey(deviceId), deviceToValue({ ...device, streams: [...device.streams, id] }));
    emit("stream.opened", { stream: id, device: deviceId, name });
    return id;
  },
});

interface Append {
  readonly stream: Hash;
  readonly sequence: number;
  readonly pack: Uint8Array;
}

/** @throws {Refusal} `limit-exceeded` when there would be too many properties. */
function withLast(last: readonly LastReading[], readings: readonly Reading[]): readonly LastReading[] {
  const byName = new Map(last.map((item) => [item[0], item]));
  for (const { name, value, timeMs, unit } of readings) {
    const before = byName.get(name);
    if (before === undefined || before[2] <= timeMs) byName.set(name, [name, value, timeMs, unit]);
  }
  requireThat(byName.size <= LIMITS.streamPropertiesMax, "limit-exceeded", { propertiesMax: LIMITS.streamPropertiesMax });
  return [...byName.values()].sort((a, b) => compareKeys(a[0], b[0]));
}

const append = operation<Append>({
  read(value) {
    const map = readMap(value, "append", ["stream", "sequence", "pack"]);
    return {
      stream: asHash(map["stream"]),
      sequence: readInteger(map["sequence"], "sequence"),
      pack: readBytes(map["pack"], "pack", LIMITS.packBytesMax, 1),
    };
  },
  check(context, { stream: id, sequence, pack }) {
    const stream = ownStream(context, id);
    activeDevice(context.state, stream.device);
    requireThat(sequence === stream.packs, "sequence-wrong", { next: stream.packs });
    readPack(pack, context.timeMs);
  },
  apply({ state, timeMs, emit }, { stream: id, pack }) {
    const stream = readStream(state, id)!;
    const readings = readPack(pack, timeMs);
    const appended: Stream = {
      ...stream,
      packs: stream.packs + 1,
      readings: stream.readings + readings.length,
      lastMs: readings.reduce((latest, reading) => Math.max(latest, reading.timeMs), stream.lastMs),
      digest: digest(concatBytes(stream.digest, digest(pack))),
      last: withLast(stream.last, readings),
    };
    state.set(streamKey(id), streamToValue(appended));
    emit("stream.appended", { stream: id, device: stream.device, sequence: stream.packs, readings: readings.length });
    return null;
  },
});

const close = operation<{ readonly stream: Hash }>({
  read: (value) => ({ stream: asHash(readMap(value, "stream", ["stream"])["stream"]) }),
  check(context, { stream }) {
    ownStream(context, stream);
  },
  apply({ state, emit }, { stream: id }) {
    const stream = readStream(state, id)!;
    state.set(streamKey(id), streamToValue({ ...stream, open: false }));
    const device = readDevice(state, stream.device)!;
    const streams = device.streams.filter((other) => !equalBytes(other, id));
    state.set(deviceKey(stream.device), deviceToValue({ ...device, streams }));
    emit("stream.closed", { stream: id, device: stream.device });
    return null;
  },
});

export const streamOperations = { "stream.open": open, "stream.append": append, "stream.close": close };
